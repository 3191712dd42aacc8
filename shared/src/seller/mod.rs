//! The seller who issues the invoices, as the owner's settings describe them.
//!
//! The shape of the settings is in `file`, validation in `check` (who sells in `party`, VAT in `taxes` and `regime`, numbers
//! in `patterns`, accounts in `accounts`; dates of entries in `entry`), error messages in `problem`. [`Settings`] holds the
//! facts of every day, [`Seller`] those of one. Values are valid by construction.

mod accounts;
mod check;
mod entry;
mod file;
mod party;
mod patterns;
mod problem;
mod regime;
mod settings;
mod taxes;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::{
    numbering::SeriesPattern,
    vat::regime::{Supply, VatRegime},
};
pub use accounts::Accounts;
pub use file::SettingsDocument;
pub use problem::{InvalidSettings, Problem};
pub use settings::Settings;

/// The seller's identity as printed and coded on every invoice; part of the invoice's snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// Company name, or the person's for a sole trader.
    pub name: String,
    /// "EI", "SAS", "Association loi 1901".
    pub legal_form: String,
    /// Share capital as printed, "10 000 €"; companies only.
    pub capital: Option<String>,
    /// 9 digits.
    pub siren: String,
    /// 14 digits, the establishment.
    pub siret: Option<String>,
    /// "RCS Montpellier", "RM 34"; not every seller has one.
    pub registration: Option<String>,
    /// "FR83404833048".
    pub vat_number: Option<String>,
    /// Street and number.
    pub line1: String,
    /// Building, floor.
    pub line2: Option<String>,
    /// Postal code.
    pub postal_code: String,
    /// Town.
    pub city: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// The contact address for customers.
    pub email: String,
    /// Printed where given.
    pub phone: Option<String>,
    /// Printed where given.
    pub website: Option<String>,
}

/// Mail settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailSettings {
    /// An address that SES has verified.
    pub from: String,
    /// The sender's display name.
    pub from_name: String,
    /// The reply address, if not `from`.
    pub reply_to: Option<String>,
    /// The address notified of members' profile changes; none if unset.
    pub team: Option<String>,
}

/// The look of documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// A file in the invoice template's folder.
    pub logo: Option<String>,
    /// `#rrggbb`.
    pub accent: String,
}

/// The seller as of one day.
#[derive(Debug, Clone)]
pub struct Seller {
    /// Identity.
    pub party: Party,
    /// VAT.
    pub vat: VatRegime,
    /// Whether a customer of unknown location is taxed as one in France. Otherwise such a sale is parked if its VAT
    /// depends on the place.
    pub unknown_is_domestic: bool,
    /// The pattern of invoice numbers.
    pub series: SeriesPattern,
    /// The pattern of credit note numbers.
    pub credit_series: SeriesPattern,
    /// What is sold.
    pub supply: Supply,
    /// The document language if the customer's is neither French nor English: `fr` or `en`.
    pub language: String,
    /// The time zone for days and months.
    pub time_zone: TimeZone,
    /// The line description for a sale whose items Stripe cannot list.
    pub default_label: String,
    /// The name on an invoice to a customer without one; without it such a sale is parked.
    pub unnamed_customer: Option<String>,
    /// Mail.
    pub mail: MailSettings,
    /// Look.
    pub look: Look,
    /// Accounts and journals of the accountant's ledger.
    pub accounts: Accounts,
}

impl Seller {
    /// Parses and checks a settings file, and returns its newest facts.
    ///
    /// # Errors
    /// As [`Settings::from_toml`].
    pub fn from_toml(text: &str) -> Result<Self, InvalidSettings> {
        Settings::from_toml(text).map(|settings| settings.newest())
    }

    /// Whether any sale may bear VAT.
    pub fn charges_vat(&self) -> bool {
        matches!(self.vat, VatRegime::Taxed(_))
    }
}
