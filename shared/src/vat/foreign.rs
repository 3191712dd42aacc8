//! Taxes of other countries: a rate alone does not identify a tax, so country and name are kept with it.
//!
//! VAT of another member state is VAT in the sense of EN 16931 and declared through the one-stop shop. Every other
//! country's tax (British VAT, Australian GST, American sales tax) is shown beside the price and is not part of a
//! French return: for France such a sale is out of scope, or an export.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::territory::MemberState;

/// A country code, ISO 3166-1 alpha-2, in upper case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CountryCode([u8; 2]);

/// Text that is not a country code. It is not quoted, because it may contain anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a country is written as two letters, such as GB")]
pub struct NoCountryCode;

impl CountryCode {
    /// Parses two letters in either case; `None` for anything else.
    pub fn parse(code: &str) -> Option<Self> {
        let letters: [u8; 2] = code.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_alphabetic).then(|| Self(letters.map(|letter| letter.to_ascii_uppercase())))
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The member state with this code, if it is one.
    pub fn member_state(&self) -> Option<&'static MemberState> {
        MemberState::of(self.as_str())
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for CountryCode {
    type Error = NoCountryCode;
    fn try_from(code: String) -> Result<Self, NoCountryCode> {
        Self::parse(&code).ok_or(NoCountryCode)
    }
}

impl From<CountryCode> for String {
    fn from(code: CountryCode) -> Self {
        code.as_str().to_owned()
    }
}

/// The kind of tax, in Stripe's words (docs.stripe.com/api/tax_rates, `tax_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxKind {
    /// Value added tax.
    Vat,
    /// Goods and services tax.
    Gst,
    /// Harmonised sales tax.
    Hst,
    /// India's integrated tax.
    Igst,
    /// Japanese consumption tax.
    Jct,
    /// Provincial sales tax.
    Pst,
    /// Quebec's sales tax.
    Qst,
    /// Retail sales tax.
    Rst,
    /// American sales tax.
    SalesTax,
    /// Any other, or several kinds in one.
    #[serde(other)]
    Other,
}

impl TaxKind {
    /// The kind for Stripe's word.
    pub fn of(word: Option<&str>) -> Self {
        match word {
            Some("vat") => Self::Vat,
            Some("gst") => Self::Gst,
            Some("hst") => Self::Hst,
            Some("igst") => Self::Igst,
            Some("jct") => Self::Jct,
            Some("pst") => Self::Pst,
            Some("qst") => Self::Qst,
            Some("rst") => Self::Rst,
            Some("sales_tax") => Self::SalesTax,
            _ => Self::Other,
        }
    }

    /// Its name for a French or an English reader.
    pub fn name(self, french: bool) -> &'static str {
        match (self, french) {
            (Self::Vat, true) => "TVA",
            (Self::Vat, false) => "VAT",
            (Self::Gst, _) => "GST",
            (Self::Hst, _) => "HST",
            (Self::Igst, _) => "IGST",
            (Self::Jct, _) => "JCT",
            (Self::Pst, _) => "PST",
            (Self::Qst, _) => "QST",
            (Self::Rst, _) => "RST",
            (Self::SalesTax, true) => "Taxe de vente",
            (Self::SalesTax, false) => "Sales tax",
            (Self::Other, true) => "Taxe",
            (Self::Other, false) => "Tax",
        }
    }
}

/// A foreign tax: its country and kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ForeignTax {
    /// The country that levies it.
    pub country: CountryCode,
    /// Its name there.
    pub kind: TaxKind,
}

impl ForeignTax {
    /// The VAT of a member state.
    pub fn of_state(state: &MemberState) -> Option<Self> {
        Some(Self { country: CountryCode::parse(state.country)?, kind: TaxKind::Vat })
    }

    /// Its name and country for the books: `TVA GB`, `Taxe de vente US`.
    pub fn label(&self) -> String {
        format!("{} {}", self.kind.name(true), self.country)
    }
}

/// Which country's tax Stripe charged, as far as reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Whose {
    /// Not reported.
    #[default]
    Untold,
    /// France's.
    French,
    /// Another country's.
    Foreign(ForeignTax),
    /// Of several countries at once.
    Several,
}

impl Whose {
    /// The country of the parts of one tax, each with Stripe's country and kind.
    pub fn of<'a>(parts: impl Iterator<Item = (Option<&'a str>, Option<&'a str>)>) -> Self {
        parts.fold(Self::Untold, |sum, (country, kind)| {
            let part = match country.and_then(CountryCode::parse) {
                None => Self::Untold,
                Some(country) if super::territory::is_domestic(country.as_str()) => Self::French,
                Some(country) => Self::Foreign(ForeignTax { country, kind: TaxKind::of(kind) }),
            };
            sum.and(part)
        })
    }

    /// The country of two parts combined.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Untold, whose) | (whose, Self::Untold) => whose,
            (Self::French, Self::French) => Self::French,
            (Self::Foreign(one), Self::Foreign(two)) if one.country == two.country => {
                let kind = if one.kind == two.kind { one.kind } else { TaxKind::Other };
                Self::Foreign(ForeignTax { kind, ..one })
            }
            _ => Self::Several,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_one_tax_have_one_country() {
        let whose = |parts: &[(&'static str, &'static str)]| {
            Whose::of(parts.iter().map(|(country, kind)| (Some(*country), Some(*kind))))
        };
        let tax =
            |country: &str, kind| Whose::Foreign(ForeignTax { country: CountryCode::parse(country).unwrap(), kind });
        assert_eq!(whose(&[("us", "sales_tax"), ("US", "sales_tax")]), tax("US", TaxKind::SalesTax));
        assert_eq!(whose(&[("CA", "gst"), ("CA", "qst")]), tax("CA", TaxKind::Other));
        assert_eq!(whose(&[("FR", "vat"), ("RE", "vat")]), Whose::French);
        assert_eq!(whose(&[("FR", "vat"), ("GB", "vat")]), Whose::Several);
        assert_eq!(whose(&[]), Whose::Untold);
        assert_eq!(whose(&[("United Kingdom", "vat")]), Whose::Untold);
    }

    #[test]
    fn it_is_stored_with_its_country_and_read_back() {
        let tax = ForeignTax { country: CountryCode::parse("gb").unwrap(), kind: TaxKind::Vat };
        let text = serde_json::to_string(&tax).unwrap();
        assert_eq!(text, r#"{"country":"GB","kind":"vat"}"#);
        assert_eq!(serde_json::from_str::<ForeignTax>(&text).unwrap(), tax);
        assert!(serde_json::from_str::<ForeignTax>(r#"{"country":"G1","kind":"vat"}"#).is_err());
    }
}
