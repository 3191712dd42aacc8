//! Why a sale or a refund cannot be billed. The text tells the owner how to fix it.

use jiff::civil::Date;

use crate::{
    einvoice::Broken,
    money::{Currency, UnknownCurrency},
    numbering::InvoiceNumber,
    outcome::Reason,
    vat::{Ground, foreign::CountryCode, treatment::VatUndetermined},
};

/// A tax number with wrong check digits. Reasons and logs never contain the number: it may identify a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongNumber {
    /// The member state of its prefix, if it has one.
    pub state: Option<&'static str>,
}

/// Why no document can be issued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotInvoice {
    /// The currency is not in ISO 4217.
    #[error(transparent)]
    Currency(#[from] UnknownCurrency),
    /// An amount has more digits than its currency allows, or overflows.
    #[error("amount {0} does not fit the currency {1}; check the payment in Stripe and invoice it by hand")]
    Amount(i64, Currency),
    /// The total is negative.
    #[error("total is {0}, a negative amount; an invoice bills money received, use a credit note for a refund")]
    Negative(i64),
    /// The lines do not add up to the total.
    #[error("lines add up to {lines} but {total} was paid; compare the sale's items with its total in Stripe")]
    Sum {
        /// Sum of the lines, in minor units.
        lines: i64,
        /// The amount paid, in minor units.
        total: i64,
    },
    /// The buyer's name is missing.
    #[error(
        "customer.name is missing; collect it on the payment page (billing address or name), or set unnamed_customer in \
         the settings and replay"
    )]
    NoName,
    /// The VAT depends on the customer's location, which is unknown.
    #[error(
        "customer.address.country is missing, and the VAT hangs on it; collect the billing address on the payment page, or \
         set unknown_place = \"FR\" in [vat] of the settings to tax such sales as in France, and replay"
    )]
    NoPlace,
    /// The country of an address is invalid; two letters may be quoted, other text may be anything.
    #[error(
        "customer.address.country is {}, which is no ISO 3166 country; correct the customer in Stripe and invoice it by hand",
        .0.map_or_else(|| "no code of two letters".to_owned(), |code| format!("`{code}`"))
    )]
    Country(Option<CountryCode>),
    /// The tax depends on an invalid tax number.
    #[error(
        "customer.tax_ids holds a VAT number{} whose check digits are wrong, and no VAT was charged because of it; ask the \
         customer for the right number, then invoice it by hand or refund the sale",
        .0.state.map_or_else(String::new, |state| format!(" of {state}"))
    )]
    TaxId(WrongNumber),
    /// The VAT of a line cannot be determined.
    #[error("lines[{line}]: {why}")]
    Vat {
        /// The line, counted from 0.
        line: usize,
        /// The reason.
        why: VatUndetermined,
    },
    /// The tax on the lines differs from the tax on the sale.
    #[error(
        "Stripe charged {stripe} of tax where the lines make {ours}, in minor units; compare the sale's items with its tax \
         in Stripe and invoice it by hand"
    )]
    Tax {
        /// What Stripe computed.
        stripe: i64,
        /// What the lines add up to.
        ours: i64,
    },
    /// VAT in a foreign currency, without an exchange rate to euros.
    #[error(
        "the sale is in {0} and carries VAT, which must stand in euros too; Stripe told no rate of exchange: store a \
         restricted API key that may read charges, and settle in euros"
    )]
    NoExchange(Currency),
    /// The refund exceeds what is left of the invoice.
    #[error(
        "{refunded} went back, in minor units, but only {left} is left of invoice {number}; compare its credit notes with \
         the refunds in Stripe"
    )]
    AboveOriginal {
        /// The refunded amount.
        refunded: i64,
        /// The amount left.
        left: i64,
        /// The invoice number.
        number: InvoiceNumber,
    },
    /// The refund's currency differs from the payment's.
    #[error("the refund is in {refunded} and the invoice in {sold}; issue the credit note by hand")]
    OtherCurrency {
        /// Of the refund.
        refunded: Currency,
        /// Of the invoice.
        sold: Currency,
    },
    /// The sale has no lines.
    #[error("the sale has no lines")]
    NoLines,
    /// The table of mentions has no text on this day for a sale without VAT on this ground.
    #[error("no legal text for a sale without VAT ({ground:?}) is known for {day}; install a newer version and replay")]
    NoExemptionText {
        /// The day of issue.
        day: Date,
        /// Why the sale bears no VAT.
        ground: Ground,
    },
    /// The rules of electronic invoicing reject it.
    #[error("the invoice would break {}", list(.0))]
    Rules(Vec<Broken>),
}

fn list(broken: &[Broken]) -> String {
    broken.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl CannotInvoice {
    /// The reason under which such a sale is parked.
    pub fn reason(&self) -> Reason {
        let word = match self {
            Self::Currency(_) => "unknown_currency",
            Self::Amount(..) => "amount_unfit",
            Self::Negative(_) => "negative_amount",
            Self::Sum { .. } => "amounts_differ",
            Self::NoName => "customer_unnamed",
            Self::NoPlace => "place_unknown",
            Self::Country(_) => "country_unknown",
            Self::TaxId(_) => "tax_id_invalid",
            Self::Vat { why: VatUndetermined::Missing(_), .. } => "tax_missing",
            Self::Vat { why: VatUndetermined::RateUnknown(_), .. } => "rate_unknown",
            Self::Vat { why: VatUndetermined::ExemptionUnknown(_), .. } => "exemption_unknown",
            Self::Vat { why: VatUndetermined::CountryUnknown(_), .. } => "tax_country_unknown",
            Self::Vat { why: VatUndetermined::OtherState(_) | VatUndetermined::OtherCountry(_), .. } => "foreign_tax",
            Self::Vat { why: VatUndetermined::Differs { .. } | VatUndetermined::SeveralCountries, .. }
            | Self::Tax { .. } => "tax_differs",
            Self::NoExchange(_) => "exchange_rate_unknown",
            Self::AboveOriginal { .. } => "refund_exceeds",
            Self::OtherCurrency { .. } => "other_currency",
            Self::NoLines => "no_lines",
            Self::NoExemptionText { .. } => "mention_unknown",
            Self::Rules(_) => "invoice_invalid",
        };
        Reason::new(word, self.to_string())
    }
}
