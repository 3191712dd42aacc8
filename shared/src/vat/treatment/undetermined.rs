//! Why the VAT of a line cannot be determined, and what to do.

use rust_decimal::Decimal;

use crate::vat::foreign::CountryCode;

/// Why the VAT of a line cannot be determined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VatUndetermined {
    /// Stripe charged tax that this seller may not charge, or none where it should have.
    #[error(
        "Stripe charged {charged} of tax, in minor units, where {expected}; an invoice must show the tax that was charged: \
         correct the tax settings in Stripe, or [vat] in the settings and replay"
    )]
    Differs {
        /// What was charged.
        charged: i64,
        /// The tax that the settings implies for such a sale.
        expected: String,
    },
    /// No tax was charged on top of a price that does not include it.
    #[error(
        "{0}% of VAT is due and Stripe charged none; collect tax in Stripe (Stripe Tax or tax rates), or set \
         prices = \"included\" in [vat] of the settings and replay"
    )]
    Missing(Decimal),
    /// Stripe charged tax at an unknown rate.
    #[error(
        "Stripe charged {0} of tax, in minor units, without a rate; store a restricted Stripe API key that may read tax \
         rates, and have Stripe send the event again"
    )]
    RateUnknown(i64),
    /// Stripe charged the VAT of another member state, but the seller is not set up to declare it.
    #[error(
        "Stripe charged VAT of {0}, which no French return declares; if you are registered for the one-stop shop, set \
         oss = true in [vat] of the settings and replay; if you are registered in {0} itself, invoice it by hand under \
         your number there; else end the registration for {0} in Stripe Tax and refund the tax"
    )]
    OtherState(CountryCode),
    /// Stripe charged a foreign tax where the sale takes place in the Union.
    #[error(
        "Stripe charged tax of {0} on a sale that takes place in the Union; compare the customer's address in Stripe with \
         where it went, and invoice it by hand"
    )]
    OtherCountry(CountryCode),
    /// The tax's country is unknown, and France has no such rate.
    #[error(
        "Stripe charged tax at {0}% without saying of which country, and France has no such rate; name the country of the \
         tax rate in Stripe, and have Stripe send the event again"
    )]
    CountryUnknown(Decimal),
    /// Taxes of several countries on one sale.
    #[error("the sale bears taxes of several countries, and an invoice shows one country's; invoice it by hand")]
    SeveralCountries,
    /// Stripe exempts the product or the customer, and the settings names no exemption.
    #[error("Stripe exempts a line from VAT ({0}); name the law in [vat] exemption of the settings and replay")]
    ExemptionUnknown(String),
}

pub(super) fn differs(charged: i64, expected: &str) -> VatUndetermined {
    VatUndetermined::Differs { charged, expected: expected.to_owned() }
}
