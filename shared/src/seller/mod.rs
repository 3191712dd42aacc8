//! The seller: who issues the invoices, as the owner wrote it in `infra/seller.toml`.
//!
//! Reading the file lives in `file`, what may be wrong with it in `check`, for VAT in `regime` and for accounts in
//! `accounts`, how that is said in `problem`. Values here are valid by construction.

mod accounts;
mod check;
mod file;
pub mod identifiers;
mod problem;
mod regime;

use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{invoice::number::SeriesPattern, vat::Ground};
pub use accounts::Accounts;
pub use problem::{InvalidSeller, Problem};

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
    /// Where customers write.
    pub email: String,
    /// Printed where given.
    pub phone: Option<String>,
    /// Printed where given.
    pub website: Option<String>,
}

/// How the seller stands to VAT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VatRegime {
    /// Small business without VAT, article 293 B of the CGI.
    Franchise,
    /// Everything sold is exempt, on this ground.
    Exempt(Ground),
    /// Charges VAT.
    Taxed(Taxed),
}

/// A seller who charges VAT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taxed {
    /// Who says at which rate.
    pub rates: Rates,
    /// The option to pay VAT on debits was taken; printing it without the option is fined.
    pub on_debits: bool,
    /// Registered for the one-stop shop: distance sales to consumers elsewhere in the Union bear their VAT.
    pub oss: bool,
    /// On what ground some of what is sold is exempt, where Stripe says that it is.
    pub exempt: Option<Ground>,
}

impl Taxed {
    /// Whether prices contain the tax, so that a sale without any told by Stripe still bears it.
    pub fn contained(&self) -> bool {
        matches!(self.rates, Rates::Fixed { prices: Prices::IncludeTax, .. })
    }
}

/// Who says at which rate a seller's prices are taxed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rates {
    /// The seller file, unless Stripe charged another.
    Fixed {
        /// Percent.
        rate: Decimal,
        /// Whether prices contain it.
        prices: Prices,
    },
    /// Stripe Tax, line by line.
    Stripe,
}

/// Whether prices in Stripe contain tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prices {
    /// They do; what was paid is split.
    IncludeTax,
    /// They do not; Stripe adds the tax.
    ExcludeTax,
}

/// What was supplied (CGI annexe II 242 nonies A, mention added by decree 2022-1299).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Supply {
    /// Livraison de biens.
    Goods,
    /// Prestation de services.
    Services,
    /// Services supplied electronically (downloads, software, recorded courses), taxed where the consumer is
    /// (Directive 2006/112/EC art. 58).
    Digital,
    /// Both at once.
    Both,
}

impl Supply {
    /// What one sale supplied: a seller of both sells goods where something is delivered, and services elsewhere.
    pub fn of_sale(self, delivered: bool) -> Self {
        match self {
            Self::Both if delivered => Self::Goods,
            Self::Both => Self::Services,
            kind => kind,
        }
    }
}

/// How mails leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailSettings {
    /// An address that SES has verified.
    pub from: String,
    /// The name before it.
    pub from_name: String,
    /// Where answers go, if not to `from`.
    pub reply_to: Option<String>,
    /// Where the team is told what members do with their profiles; nowhere if nobody is named.
    pub team: Option<String>,
}

/// How documents look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// A file beside the invoice template.
    pub logo: Option<String>,
    /// `#rrggbb`.
    pub accent: String,
}

/// Everything the owner decides.
#[derive(Debug, Clone)]
pub struct Seller {
    /// Identity.
    pub party: Party,
    /// VAT.
    pub vat: VatRegime,
    /// Whether a customer of whom nobody knows where they are is taxed as one in France. Without it such a sale is parked,
    /// if its VAT hangs on the place.
    pub unknown_is_domestic: bool,
    /// How invoice numbers are made.
    pub series: SeriesPattern,
    /// How the numbers of credit notes are made.
    pub credit_series: SeriesPattern,
    /// What is sold.
    pub supply: Supply,
    /// The language of a document whose customer's is neither French nor English: `fr` or `en`.
    pub language: String,
    /// Days and months are counted here.
    pub time_zone: TimeZone,
    /// The line of a sale whose items Stripe cannot list.
    pub default_label: String,
    /// The name on an invoice to a customer without one; without it such a sale is parked.
    pub unnamed_customer: Option<String>,
    /// Mail.
    pub mail: MailSettings,
    /// Look.
    pub look: Look,
    /// Accounts and journals of the ledger for the accountant.
    pub accounts: Accounts,
}

impl Seller {
    /// Reads and checks a seller file.
    ///
    /// # Errors
    /// Lists every problem at once, each with its field, its value and what to write instead.
    pub fn from_toml(text: &str) -> Result<Self, InvalidSeller> {
        file::parse(text).and_then(check::check)
    }

    /// The file at `path` if one is named, else the one built in.
    ///
    /// # Errors
    /// When the file cannot be read, and as [`Seller::from_toml`].
    pub fn load(built_in: &str, path: Option<&str>) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        match path {
            Some(path) => {
                Ok(Self::from_toml(&std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?)?)
            }
            None => Ok(Self::from_toml(built_in)?),
        }
    }

    /// Whether any sale may bear VAT.
    pub fn charges_vat(&self) -> bool {
        matches!(self.vat, VatRegime::Taxed(_))
    }
}
