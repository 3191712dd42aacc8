//! The price file, `tests/bench/prices.toml`: the price per unit, its source, and whether it was verified.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// The file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The date of the prices.
    pub dated: String,
    /// The assumptions.
    pub assumed: BTreeMap<String, f64>,
    /// AWS's prices.
    pub price: Vec<Price>,
    /// Competitors' prices.
    pub peer: Vec<Peer>,
}

/// An AWS price.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Its id here.
    pub id: String,
    /// The AWS service.
    pub service: String,
    /// The billed quantity.
    pub what: String,
    /// USD for `per` units.
    pub usd: f64,
    /// How many units `usd` pays for.
    pub per: f64,
    /// Free units per account and month.
    #[serde(default)]
    pub free: f64,
    /// AWS's page for it.
    pub source: String,
    /// Where the figure was seen, and as of when.
    pub checked: Option<String>,
}

/// A competitor's price for invoices.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// The competitor.
    pub name: String,
    /// Percent of each invoice.
    #[serde(default)]
    pub percent: f64,
    /// USD for each invoice.
    #[serde(default)]
    pub each: f64,
    /// USD a month, fixed.
    #[serde(default)]
    pub month: f64,
    /// Their page for it.
    pub source: String,
    /// Where the figure was seen, and as of when.
    pub checked: Option<String>,
    /// What the figure leaves out.
    pub note: String,
}

impl Price {
    /// USD for this many units.
    pub fn of(&self, units: f64) -> f64 {
        units * self.usd / self.per
    }

    /// USD for this many units in one month, with the whole free tier available.
    pub fn beyond_free(&self, units: f64) -> f64 {
        self.of((units - self.free).max(0.0))
    }
}

impl Peer {
    /// USD for a thousand invoices of this amount each, within a month.
    pub fn thousand(&self, average: f64) -> f64 {
        1000.0 * (average * self.percent / 100.0 + self.each) + self.month
    }
}

impl Prices {
    /// The file in this package.
    ///
    /// # Errors
    /// When it cannot be read, or has a duplicate or missing entry.
    pub fn read() -> Result<Self> {
        let path = comptoir_local::paths::repository().join("tests").join("bench").join("prices.toml");
        let text = std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} is not right", path.display()))
    }

    /// The same from text.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn parse(text: &str) -> Result<Self> {
        let prices: Self = toml::from_str(text)?;
        let mut seen = std::collections::BTreeSet::new();
        for price in &prices.price {
            ensure!(seen.insert(price.id.as_str()), "the price {} is given twice", price.id);
            ensure!(price.per > 0.0 && price.usd >= 0.0 && price.free >= 0.0, "the price {} is below zero", price.id);
        }
        Ok(prices)
    }

    /// A price.
    ///
    /// # Errors
    /// When it is missing.
    pub fn price(&self, id: &str) -> Result<&Price> {
        self.price.iter().find(|price| price.id == id).with_context(|| format!("prices.toml has no price {id}"))
    }

    /// An assumption.
    ///
    /// # Errors
    /// When it is missing.
    pub fn assumed(&self, name: &str) -> Result<f64> {
        self.assumed.get(name).copied().with_context(|| format!("prices.toml has no [assumed] {name}"))
    }

    /// Prices without a verified source.
    pub fn unverified(&self) -> Vec<&str> {
        let prices = self.price.iter().filter(|price| price.checked.is_none()).map(|price| price.id.as_str());
        prices.chain(self.peer.iter().filter(|peer| peer.checked.is_none()).map(|peer| peer.name.as_str())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "dated = '2026-11-21'\npeer = []\n[assumed]\nn = 2\n[[price]]\nid = 'a'\nservice = 's'\nwhat = 'w'\n\
                         usd = 0.5\nper = 1000\nfree = 100\nsource = 'u'\n";

    #[test]
    fn a_price_is_for_so_many_units_and_some_are_free() {
        let prices = Prices::parse(SMALL).unwrap();
        let price = prices.price("a").unwrap();
        assert_eq!((price.of(3000.0), price.beyond_free(3100.0), price.beyond_free(50.0)), (1.5, 1.5, 0.0));
        assert_eq!((prices.assumed("n").unwrap(), prices.unverified()), (2.0, vec!["a"]));
        assert!(prices.price("b").is_err() && prices.assumed("m").is_err());
    }

    #[test]
    fn what_is_given_twice_or_misspelt_is_refused() {
        let entry = SMALL.split_once("[[price]]").unwrap().1;
        assert!(Prices::parse(&format!("{SMALL}[[price]]{entry}")).is_err());
        assert!(Prices::parse(&SMALL.replace("free", "fre")).is_err());
        assert!(Prices::parse(&SMALL.replace("1000", "0")).is_err());
    }

    #[test]
    fn a_peer_takes_its_part_of_each_invoice() {
        let peer = Peer {
            name: String::new(),
            percent: 0.4,
            each: 0.25,
            month: 10.0,
            source: String::new(),
            checked: None,
            note: String::new(),
        };
        assert!((peer.thousand(50.0) - (200.0 + 250.0 + 10.0)).abs() < 1e-9);
    }
}
