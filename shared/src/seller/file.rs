//! The shape of `infra/seller.toml`: sections and keys; values are validated in `check`.

use serde::Deserialize;

use super::problem::{InvalidSeller, Problem};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SellerFile {
    pub seller: Identity,
    pub address: PostalAddress,
    pub vat: Vat,
    pub invoice: Invoices,
    pub mail: Mail,
    #[serde(default)]
    pub look: Look,
    #[serde(default)]
    pub accounting: Accounting,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Identity {
    pub name: String,
    pub legal_form: String,
    pub capital: Option<String>,
    pub siren: Option<String>,
    pub siret: Option<String>,
    pub registration: Option<String>,
    pub email: String,
    pub phone: Option<String>,
    pub website: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PostalAddress {
    pub line1: String,
    pub line2: Option<String>,
    pub postal_code: String,
    pub city: String,
    pub country: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Vat {
    pub regime: String,
    pub number: Option<String>,
    pub rate: Option<String>,
    #[serde(default = "default_prices")]
    pub prices: String,
    #[serde(default)]
    pub on_debits: bool,
    #[serde(default)]
    pub oss: bool,
    pub exemption: Option<String>,
    pub unknown_place: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
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
    pub unnamed_customer: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mail {
    pub from: String,
    pub from_name: Option<String>,
    pub reply_to: Option<String>,
    pub team: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Look {
    pub logo: Option<String>,
    pub accent: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Accounting {
    pub customers: Option<String>,
    pub services: Option<String>,
    pub goods: Option<String>,
    pub vat: Option<String>,
    pub oss_vat: Option<String>,
    pub foreign_tax: Option<String>,
    pub bank: Option<String>,
    pub sales_journal: Option<String>,
    pub bank_journal: Option<String>,
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

pub(super) fn parse(text: &str) -> Result<SellerFile, InvalidSeller> {
    toml::from_str(text).map_err(|error| {
        let place = error.span().map_or_else(String::new, |span| {
            let line = text.get(..span.start).unwrap_or_default().matches('\n').count() + 1;
            format!("line {line}")
        });
        InvalidSeller(vec![Problem { field: place, value: String::new(), fix: error.message().replace('\n', " ") }])
    })
}
