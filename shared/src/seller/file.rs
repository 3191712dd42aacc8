//! The shape of the settings: sections and keys of `infra/seller.toml`, and the same as JSON in the settings store.
//! Values are validated in `check`.

use std::{collections::BTreeSet, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{
        MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};

use super::problem::{InvalidSettings, Problem};

/// The settings as they are written and stored. Facts that change on a day are lists, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsDocument {
    /// The version of this shape: 1.
    #[serde(default = "first_format")]
    pub format: u32,
    /// Who sells, by the day of issue.
    #[serde(deserialize_with = "one_or_more")]
    pub(super) seller: Vec<Identity>,
    /// The address of a seller with one entry, apart from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<PostalAddress>,
    /// The VAT regime, by the day on which tax falls due.
    #[serde(deserialize_with = "one_or_more")]
    pub(super) vat: Vec<Vat>,
    /// Documents.
    pub(super) invoice: Invoices,
    /// Patterns of numbers of later years.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_more")]
    pub(super) numbering: Vec<Numbering>,
    /// Mail.
    pub(super) mail: Mail,
    /// Look.
    #[serde(default)]
    pub(super) look: Look,
    /// Accounts and journals.
    #[serde(default)]
    pub(super) accounting: Accounting,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    pub name: String,
    pub legal_form: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capital: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub siren: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub siret: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line1: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line2: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    pub email: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PostalAddress {
    pub line1: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line2: Option<String>,
    pub postal_code: String,
    pub city: String,
    pub country: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Vat {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    pub regime: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    #[serde(default = "default_prices")]
    pub prices: String,
    #[serde(default)]
    pub on_debits: bool,
    #[serde(default)]
    pub oss: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exemption: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_place: Option<String>,
    /// What is sold from this day on, if it changes with the regime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supply: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Invoices {
    #[serde(default = "default_series")]
    pub series: String,
    #[serde(default = "default_credit_series")]
    pub credit_series: String,
    #[serde(default = "default_supply")]
    pub supply: String,
    #[serde(default = "default_language")]
    pub language: String,
    #[serde(default = "default_time_zone")]
    pub time_zone: String,
    #[serde(default = "default_label")]
    pub default_label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unnamed_customer: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Numbering {
    pub from: String,
    pub series: String,
    pub credit_series: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mail {
    pub from: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Look {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accent: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Accounting {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customers: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goods: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vat: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oss_vat: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign_tax: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sales_journal: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank_journal: Option<String>,
}

fn first_format() -> u32 {
    1
}
fn default_series() -> String {
    "{year}-{month}-{number:4}".to_owned()
}
fn default_credit_series() -> String {
    "A{year}-{month}-{number:4}".to_owned()
}
fn default_prices() -> String {
    "included".to_owned()
}
fn default_supply() -> String {
    "services".to_owned()
}
fn default_language() -> String {
    "fr".to_owned()
}
fn default_time_zone() -> String {
    "Europe/Paris".to_owned()
}
fn default_label() -> String {
    "Vente en ligne".to_owned()
}

/// A list, or one entry alone: `[vat]` as well as `[[vat]]`. Unlike an untagged enum it keeps the messages of its parts.
fn one_or_more<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct OneOrMore<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMore<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a section or a list of sections")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map)).map(|one| vec![one])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Vec<T>, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(list))
        }
    }
    deserializer.deserialize_any(OneOrMore(PhantomData))
}

impl SettingsDocument {
    /// Reads a TOML file.
    ///
    /// # Errors
    /// It is not TOML or has another shape, with the line; or keys are unknown, each named.
    pub fn from_toml(text: &str) -> Result<Self, InvalidSettings> {
        let broken = |error: &toml::de::Error| {
            let line =
                |span: std::ops::Range<usize>| text.get(..span.start).unwrap_or_default().matches('\n').count() + 1;
            let field = error.span().map_or_else(String::new, |span| format!("line {}", line(span)));
            InvalidSettings(vec![Problem { field, value: String::new(), fix: error.message().replace('\n', " ") }])
        };
        strict(toml::Deserializer::parse(text).map_err(|error| broken(&error))?, |error| broken(&error))
    }

    /// Reads a JSON document that someone wants to save.
    ///
    /// # Errors
    /// It is not JSON or has another shape; or fields are unknown, each named.
    pub fn from_json(text: &str) -> Result<Self, InvalidSettings> {
        strict(&mut serde_json::Deserializer::from_str(text), |error| unreadable(&error))
    }

    /// Reads a stored document: fields of a later version are passed over.
    ///
    /// # Errors
    /// It is not JSON or has another shape.
    pub fn stored(text: &str) -> Result<Self, InvalidSettings> {
        serde_json::from_str(text).map_err(|error| unreadable(&error))
    }

    /// The same with each entry whole: the address of a single entry is written into it.
    pub fn whole(mut self) -> Self {
        if let (Some(address), [identity]) = (self.address.take(), self.seller.as_mut_slice()) {
            let PostalAddress { line1, line2, postal_code, city, country } = address;
            identity.line1 = Some(line1);
            identity.line2 = line2;
            identity.postal_code = Some(postal_code);
            identity.city = Some(city);
            identity.country = Some(country);
        }
        self
    }
}

fn unreadable(error: &serde_json::Error) -> InvalidSettings {
    let field = format!("line {} column {}", error.line(), error.column());
    let fix = error.to_string().split(" at line ").next().unwrap_or_default().replace(char::is_control, " ");
    InvalidSettings(vec![Problem { field, value: String::new(), fix }])
}

/// Reads a document and names every field that it does not know: a misspelt one would be passed over in silence.
fn strict<'de, D: Deserializer<'de>>(
    deserializer: D,
    broken: impl FnOnce(D::Error) -> InvalidSettings,
) -> Result<SettingsDocument, InvalidSettings> {
    let mut unknown = BTreeSet::new();
    let read = serde_ignored::deserialize(deserializer, |path| {
        unknown.insert(path.to_string());
    });
    let fix = "there is no such setting; correct its name or remove it";
    let problem = |field: String| Problem {
        field: field.replace(char::is_control, " "),
        value: String::new(),
        fix: fix.to_owned(),
    };
    let mut problems: Vec<Problem> = unknown.into_iter().map(problem).collect();
    match read {
        Ok(document) if problems.is_empty() => Ok(document),
        Ok(_) => Err(InvalidSettings(problems)),
        // A misspelt key is reported with the one that is missing for it.
        Err(error) => {
            problems.extend(broken(error).0);
            Err(InvalidSettings(problems))
        }
    }
}
