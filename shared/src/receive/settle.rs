//! The exchange rate at which Stripe settled a payment: the VAT in euros is stated at it.

use jiff::{SignedDuration, Timestamp};

use crate::{
    outcome::ServiceError,
    sale::{Exchange, Sale},
    stripe::{decimal, object::Event, reader::StripeReader},
};

/// How long Stripe may take to report the exchange rate of a payment.
const SETTLED_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// A sale in another currency with the exchange rate at which Stripe settled it; the VAT in euros is stated at it.
///
/// The rate may be known only minutes after the payment; the event is retried until then.
pub(super) async fn settled(
    mut sale: Sale,
    event: &Event<'_>,
    stripe: &impl StripeReader,
    now: Timestamp,
) -> Result<Sale, ServiceError> {
    if sale.currency.eq_ignore_ascii_case("eur") {
        return Ok(sale);
    }
    let Some(intent) = &sale.payment_intent else { return Ok(sale) };
    match stripe.settlement(intent).await? {
        Some(None) if now.as_second().saturating_sub(event.created) < SETTLED_WITHIN.as_secs() => {
            Err(ServiceError::transient(
                "Stripe's API",
                "the payment is not settled yet, so its rate of exchange is not known",
            ))
        }
        Some(Some(settled)) => {
            let rate = settled.exchange_rate.as_ref().and_then(decimal);
            sale.exchange = rate.map(|rate| Exchange { currency: settled.currency, rate, txn: settled.id });
            Ok(sale)
        }
        _ => Ok(sale),
    }
}
