//! The plans that are sold: the shape of `infra/plans.toml`, which is the same as JSON in the settings store, and its checks.
//! Every mistake is reported at once, with its field, its value and the fix.

use std::collections::BTreeSet;

use comptoir::seller::{InvalidSettings, Problem};
use serde::{Deserialize, Serialize};

use crate::{
    address::Origin,
    steps::{self, DunningEntry, Step},
};

/// The plans as they are written and stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlansDocument {
    /// The seller's site.
    pub site: Site,
    /// What is sold.
    #[serde(default, rename = "plan")]
    pub plans: Vec<PlanEntry>,
    /// What unpaid invoices lead to.
    #[serde(default, skip_serializing_if = "DunningEntry::is_empty")]
    pub dunning: DunningEntry,
    /// What buyers are to the house.
    #[serde(default)]
    pub members: MembersSection,
}

/// What buyers are to the house.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MembersSection {
    /// Whether a buyer whose address no member has is invited.
    #[serde(default = "invite")]
    pub invite: bool,
}

impl Default for MembersSection {
    fn default() -> Self {
        Self { invite: invite() }
    }
}

fn invite() -> bool {
    true
}

/// The seller's site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Where Checkout and the portal may return to.
    pub origins: Vec<String>,
}

/// A plan as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanEntry {
    /// Its name in programs.
    pub key: String,
    /// Its name for people.
    pub name: String,
    /// Stripe's ids of its prices: a month, a year, another currency.
    pub prices: Vec<String>,
    /// What it gives, in the words of the seller's app.
    #[serde(default)]
    pub features: Vec<String>,
    /// Tokens that each paid period brings.
    #[serde(default)]
    pub tokens_per_period: u64,
    /// The most tokens of earlier periods that the next one keeps.
    #[serde(default)]
    pub rollover_cap: u64,
    /// The seller's app is told once fewer tokens than this are left; 0 for never.
    #[serde(default)]
    pub tokens_low: u64,
    /// Days without payment at the beginning; for who never had a subscription.
    #[serde(default)]
    pub trial_days: u32,
}

/// A plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its name in programs.
    pub key: String,
    /// Its name for people.
    pub name: String,
    /// Stripe's ids of its prices.
    pub prices: Vec<String>,
    /// What it gives.
    pub features: Vec<String>,
    /// Tokens that each paid period brings, for each unit that is bought.
    pub tokens_per_period: u64,
    /// The most tokens of earlier periods that the next one keeps.
    pub rollover_cap: u64,
    /// The seller's app is told once fewer tokens than this are left; 0 for never.
    pub tokens_low: u64,
    /// Days of trial; 0 for none.
    pub trial_days: u32,
}

/// The plans that are sold, and the site that sells them. Without a document nothing is sold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// The version of the settings document.
    pub version: u64,
    /// The plans.
    pub plans: Vec<Plan>,
    /// Where Checkout and the portal may return to.
    pub origins: Vec<Origin>,
    /// What unpaid invoices lead to, by their number.
    pub dunning: Vec<Step>,
    /// Whether buyers whose address no member has are invited.
    pub invites: bool,
}

/// Most tokens of a period, and of a balance that is kept: sums of them stay far below what a counter holds.
const MOST_TOKENS: u64 = 1_000_000_000;
/// Longest trial that Stripe takes, in days (docs.stripe.com/billing/subscriptions/trials: 730).
const LONGEST_TRIAL: u32 = 730;

impl PlansDocument {
    /// Reads the document from TOML.
    ///
    /// # Errors
    /// Where it is no TOML, or lacks or has one field too many.
    pub fn from_toml(text: &str) -> Result<Self, InvalidSettings> {
        toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| text.get(..span.start).unwrap_or_default().lines().count().max(1));
            misread(format!("line {line}"), error.message())
        })
    }

    /// Reads the document from JSON.
    ///
    /// # Errors
    /// As [`from_toml`](Self::from_toml).
    pub fn from_json(text: &str) -> Result<Self, InvalidSettings> {
        serde_json::from_str(text).map_err(|error| misread(format!("line {}", error.line()), &error.to_string()))
    }
}

fn misread(field: String, problem: &str) -> InvalidSettings {
    InvalidSettings(vec![Problem { field, value: String::new(), fix: problem.to_owned() }])
}

impl Catalogue {
    /// Checks a document.
    ///
    /// # Errors
    /// Lists every problem at once.
    pub fn of(document: &PlansDocument) -> Result<Self, InvalidSettings> {
        let mut problems = Vec::new();
        let mut add = |field: String, value: &str, fix: &str| {
            problems.push(Problem { field, value: value.to_owned(), fix: fix.to_owned() });
        };
        let mut origins = Vec::new();
        for (n, origin) in document.site.origins.iter().enumerate() {
            match Origin::read(origin) {
                Some(origin) => origins.push(origin),
                None => add(
                    format!("site.origins[{n}]"),
                    origin,
                    "write an origin such as https://example.org, without a path",
                ),
            }
        }
        let (mut keys, mut prices) = (BTreeSet::new(), BTreeSet::new());
        for (n, plan) in document.plans.iter().enumerate() {
            let field = |name: &str| format!("plan[{n}].{name}");
            if !is_key(&plan.key) {
                add(field("key"), &plan.key, "write 1 to 64 letters, digits, - or _");
            } else if !keys.insert(plan.key.as_str()) {
                add(field("key"), &plan.key, "another plan has this key; write one of its own");
            }
            if plan.name.trim().is_empty() || plan.name.chars().count() > 100 {
                add(field("name"), &plan.name, "write 1 to 100 characters");
            }
            if plan.prices.is_empty() {
                add(field("prices"), "", "write at least one id of a price at Stripe, such as price_1AbC");
            }
            for price in &plan.prices {
                if !is_price(price) {
                    add(field("prices"), price, "write the id of a price at Stripe, such as price_1AbC");
                } else if !prices.insert(price.as_str()) {
                    add(
                        field("prices"),
                        price,
                        "another plan, or this one, has this price already; remove one of them",
                    );
                }
            }
            for feature in plan.features.iter().filter(|feature| !is_key(feature)) {
                add(field("features"), feature, "write 1 to 64 letters, digits, - or _");
            }
            if plan.tokens_per_period > MOST_TOKENS {
                add(field("tokens_per_period"), &plan.tokens_per_period.to_string(), "write 1000000000 at most");
            }
            if plan.rollover_cap > MOST_TOKENS {
                add(field("rollover_cap"), &plan.rollover_cap.to_string(), "write 1000000000 at most");
            }
            if plan.tokens_low > MOST_TOKENS {
                add(field("tokens_low"), &plan.tokens_low.to_string(), "write 1000000000 at most");
            }
            if plan.trial_days > LONGEST_TRIAL {
                add(
                    field("trial_days"),
                    &plan.trial_days.to_string(),
                    "write 730 days at most, which is Stripe's limit",
                );
            }
        }
        let dunning = steps::read(&document.dunning, &mut problems);
        if !problems.is_empty() {
            return Err(InvalidSettings(problems));
        }
        let plans = document.plans.iter().map(|plan| Plan {
            key: plan.key.clone(),
            name: plan.name.trim().to_owned(),
            prices: plan.prices.clone(),
            features: plan.features.clone(),
            tokens_per_period: plan.tokens_per_period,
            rollover_cap: plan.rollover_cap,
            tokens_low: plan.tokens_low,
            trial_days: plan.trial_days,
        });
        Ok(Self { version: 0, plans: plans.collect(), origins, dunning, invites: document.members.invite })
    }

    /// The plan that is sold at this price.
    pub fn sold_at(&self, price: &str) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.prices.iter().any(|known| known == price))
    }

    /// The plan with this key; none after the owner removed it.
    pub fn plan(&self, key: &str) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.key == key)
    }
}

fn is_key(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn is_price(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../../infra/plans.toml");

    fn read(toml: &str) -> Result<Catalogue, InvalidSettings> {
        PlansDocument::from_toml(toml).and_then(|document| Catalogue::of(&document))
    }

    #[test]
    fn the_shipped_file_has_three_plans_of_which_one_has_a_trial() {
        let catalogue = read(SHIPPED).unwrap();
        assert_eq!(catalogue.plans.len(), 3);
        assert_eq!(catalogue.plans.iter().filter(|plan| plan.trial_days > 0).count(), 1);
        let tokens: BTreeSet<u64> =
            catalogue.plans.iter().filter(|plan| plan.trial_days == 0).map(|plan| plan.tokens_per_period).collect();
        assert_eq!(tokens.len(), 2, "two without a trial, with different tokens");
        let again = serde_json::to_string(&PlansDocument::from_toml(SHIPPED).unwrap()).unwrap();
        assert_eq!(Catalogue::of(&PlansDocument::from_json(&again).unwrap()).unwrap(), catalogue, "the same as JSON");
    }

    #[test]
    fn every_mistake_names_its_field_its_value_and_the_fix() {
        let document = |plan: &str| format!("[site]\norigins = [\"https://example.org/shop\", \"ftp://x\"]\n{plan}");
        let told = read(&document(
            "[[plan]]\nkey = \"a b\"\nname = \"\"\nprices = []\ntrial_days = 800\n\
             [[plan]]\nkey = \"x\"\nname = \"X\"\nprices = [\"price_1\", \"price_1\", \"price-2\"]\nfeatures = [\"é\"]\n\
             tokens_per_period = 1000000001\n[[plan]]\nkey = \"x\"\nname = \"Y\"\nprices = [\"price_3\"]",
        ));
        let fields: Vec<String> =
            told.unwrap_err().0.iter().map(|problem| format!("{} {}", problem.field, problem.value)).collect();
        assert_eq!(
            fields,
            [
                "site.origins[0] https://example.org/shop",
                "site.origins[1] ftp://x",
                "plan[0].key a b",
                "plan[0].name ",
                "plan[0].prices ",
                "plan[0].trial_days 800",
                "plan[1].prices price_1",
                "plan[1].prices price-2",
                "plan[1].features é",
                "plan[1].tokens_per_period 1000000001",
                "plan[2].key x",
            ]
        );
        let misspelt = read("[site]\norigins = []\n[[plan]]\nkey = \"x\"\nname = \"X\"\nprices = [\"p\"]\ntokens = 3")
            .unwrap_err();
        assert!(misspelt.to_string().contains("tokens") && misspelt.0[0].field.starts_with("line "), "{misspelt}");
    }

    #[test]
    fn buyers_are_invited_unless_the_owner_says_no() {
        let site = "[site]\norigins = []\n";
        let invites = |members: &str| read(&format!("{site}{members}")).map(|catalogue| catalogue.invites);
        assert_eq!(
            (invites(""), invites("[members]"), invites("[members]\ninvite = true")),
            (Ok(true), Ok(true), Ok(true))
        );
        assert_eq!(invites("[members]\ninvite = false"), Ok(false));
        assert!(invites("[members]\ninvite = \"no\"").is_err() && invites("[members]\ninvites = true").is_err());
        let stored = PlansDocument::from_json(r#"{"site":{"origins":[]},"plan":[]}"#).unwrap();
        assert!(Catalogue::of(&stored).unwrap().invites, "plans that were saved before");
        assert!(!Catalogue::default().invites, "without plans nobody buys");
    }

    #[test]
    fn a_plan_is_found_by_each_of_its_prices() {
        let catalogue =
            read("[site]\norigins = []\n[[plan]]\nkey = \"x\"\nname = \"X\"\nprices = [\"a\", \"b\"]").unwrap();
        assert_eq!(catalogue.sold_at("b").map(|plan| plan.key.as_str()), Some("x"));
        assert_eq!((catalogue.sold_at("c"), catalogue.plan("y")), (None, None));
    }
}
