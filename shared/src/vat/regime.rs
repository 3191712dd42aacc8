//! How a seller stands to VAT, and what is sold: what the treatment of a line follows from. The seller file says it
//! (`seller::regime`).

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Ground;

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
