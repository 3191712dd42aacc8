//! The seller's VAT regime and what is sold, from which the treatment of a line follows. Configured in the settings
//! (`seller::regime`).

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Ground;

/// The seller's VAT regime.
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
    /// Where the rate comes from.
    pub rates: Rates,
    /// The seller opted to pay VAT on debits; printing the mention without the option is fined.
    pub on_debits: bool,
    /// Registered for the one-stop shop: distance sales to consumers elsewhere in the Union bear their state's VAT.
    pub oss: bool,
    /// The ground of exemption for sales that Stripe reports as exempt.
    pub exempt: Option<Ground>,
}

impl Taxed {
    /// Whether prices include the tax, so that a sale without any tax reported by Stripe still bears it.
    pub fn contained(&self) -> bool {
        matches!(self.rates, Rates::Fixed { prices: Prices::IncludeTax, .. })
    }
}

/// Where the tax rate of a seller's prices comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rates {
    /// The seller file, unless Stripe charged another.
    Fixed {
        /// Percent.
        rate: Decimal,
        /// Whether prices include it.
        prices: Prices,
    },
    /// Stripe Tax, line by line.
    Stripe,
}

/// Whether prices in Stripe include tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prices {
    /// They do; the amount paid is split.
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
    /// What one sale supplied: a seller of both sells goods if something is delivered, else services.
    pub fn of_sale(self, delivered: bool) -> Self {
        match self {
            Self::Both if delivered => Self::Goods,
            Self::Both => Self::Services,
            kind => kind,
        }
    }
}
