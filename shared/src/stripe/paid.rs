//! How much of an invoice was paid through Stripe, and with which payment intent.
//!
//! Until 2025-03-31.basil an invoice named its payment intent and had `paid_out_of_band`. Since then events contain
//! neither: the payments must be read, and a `payment_record` among them moved no money at Stripe. Since
//! 2026-05-27.dahlia `amount_paid_off_stripe` says how much that was, again only where expanded.

use super::object::{InvoicePayment, Reference, StripeInvoice};
use crate::money::together;

/// Whether an invoice says how it was paid, so that Stripe need not be asked. If nothing was paid but all was credited,
/// nothing was paid through Stripe.
pub fn is_told(invoice: &StripeInvoice) -> bool {
    invoice.payments.is_some()
        || invoice.payment_intent.is_some()
        || invoice.paid_out_of_band.is_some()
        || invoice.amount_paid == Some(0)
}

/// The amount of an invoice paid through Stripe, in minor units; `None` if unknown. Old payments are not listed, so it
/// is the amount paid less what is known to have been paid elsewhere.
pub fn through_stripe(invoice: &StripeInvoice) -> Option<i64> {
    let records = invoice.payments.as_ref().map(|list| {
        let paid = list.data.iter().filter(|payment| is_paid(payment) && kind(payment) == Some("payment_record"));
        together(paid.filter_map(|payment| payment.amount_paid))
    });
    let paid = invoice.amount_paid;
    match invoice.amount_paid_off_stripe.or(records) {
        Some(elsewhere) => paid.map(|paid| paid.saturating_sub(elsewhere).max(0)),
        None if invoice.paid_out_of_band == Some(true) => Some(0),
        None => paid,
    }
}

/// The payment intent that paid an invoice, or the first one that paid a part of it.
pub fn intent(invoice: &StripeInvoice) -> Option<&str> {
    let payments = invoice.payments.iter().flat_map(|list| &list.data).filter(|payment| is_paid(payment));
    let listed = payments.filter_map(|payment| payment.payment.as_ref()?.payment_intent.as_ref());
    invoice.payment_intent.iter().chain(listed).map(Reference::id).next()
}

fn is_paid(payment: &InvoicePayment) -> bool {
    payment.status.as_deref().is_none_or(|status| status == "paid")
}

fn kind(payment: &InvoicePayment) -> Option<&str> {
    payment.payment.as_ref()?.kind.as_deref()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invoice(rest: &str) -> StripeInvoice {
        serde_json::from_str(&format!(r#"{{"id":"in_1","total":30000,"amount_paid":30000{rest}}}"#)).unwrap()
    }

    fn payment(kind: &str, amount: i64, status: &str) -> String {
        format!(
            r#"{{"invoice":"in_1","amount_paid":{amount},"status":"{status}","payment":{{"type":"{kind}","{kind}":"{kind}_{amount}"}}}}"#
        )
    }

    fn payments(list: &[String]) -> String {
        format!(r#","payments":{{"data":[{}],"has_more":false}}"#, list.join(","))
    }

    #[test]
    fn what_was_paid_elsewhere_is_not_stripes_in_any_shape() {
        let elsewhere = payments(&[payment("payment_record", 30_000, "paid")]);
        let mixed = [payment("payment_record", 10_000, "paid"), payment("payment_intent", 20_000, "paid")];
        let tried = [payment("payment_intent", 30_000, "canceled"), payment("payment_record", 30_000, "paid")];
        let charge = payments(&[payment("charge", 30_000, "paid")]);
        for (shape, through) in [
            (r#","paid_out_of_band":true"#, 0),
            (r#","paid_out_of_band":false"#, 30_000),
            (r#","amount_paid_off_stripe":30000"#, 0),
            (r#","amount_paid_off_stripe":0"#, 30_000),
            (r#","amount_paid_off_stripe":12000"#, 18_000),
            (&elsewhere, 0),
            (&payments(&mixed), 20_000),
            (&payments(&tried), 0),
            (&charge, 30_000),
            (&payments(&[]), 30_000),
            (&format!("{},\"amount_paid_off_stripe\":10000,\"paid_out_of_band\":true", payments(&mixed)), 20_000),
            ("", 30_000),
        ] {
            assert_eq!(through_stripe(&invoice(shape)), Some(through), "{shape}");
        }
        assert_eq!(intent(&invoice(&payments(&mixed))), Some("payment_intent_20000"));
        assert_eq!(intent(&invoice(&payments(&tried))), None);
    }

    #[test]
    fn stripe_is_asked_only_where_an_invoice_does_not_tell() {
        assert!(!is_told(&invoice("")));
        for told in [r#","payments":{"data":[]}"#, r#","payment_intent":"pi_1""#, r#","paid_out_of_band":false"#] {
            assert!(is_told(&invoice(told)), "{told}");
        }
        let credited: StripeInvoice = serde_json::from_str(r#"{"id":"in_1","total":100,"amount_paid":0}"#).unwrap();
        assert!(is_told(&credited));
    }
}
