//! What events say about money that went back: refunds and disputes; credit notes are read by `credit_note`.
//!
//! One refund has one key (idempotency), whichever events announce it (`refund.created`, `refund.updated`,
//! `charge.refunded`, the credit note that it pays out).

use jiff::Timestamp;

use super::{
    announced::{Paid, RefundFromEvent},
    meaning::{Meaning, nothing, seconds, short, unreadable},
    object::{Charge, Dispute, Event, Reference, StripeRefund, is_id},
};
use crate::{outcome::Reason, refund::RefundKey};

pub(super) fn from_refund(event: &Event<'_>, refund: &StripeRefund) -> Meaning {
    if !is_id(&refund.id) {
        return unreadable("data.object.id is no id of Stripe: letters, digits and _, 255 at most");
    }
    if refund.reason.as_deref() == Some("expired_uncaptured_charge") {
        return nothing("authorization_expired", "nothing was captured, so nothing goes back");
    }
    match refund.status.as_deref() {
        Some("failed") if event.kind == "refund.failed" => Meaning::ForTheOwner(Reason::new(
            "refund_failed",
            format!(
                "refund {} failed, so the customer did not get the money: pay it back in another way, or, if a credit note \
                 was issued for it, issue a new invoice by hand",
                short(&refund.id)
            ),
        )),
        Some("succeeded") | None => match announced(refund, seconds(event.created)) {
            Some(announced) => Meaning::Refunds(vec![announced]),
            None => nothing("no_payment_intent", "the refund names no payment intent"),
        },
        Some(status) => nothing(
            "refund_unsettled",
            format!("the refund is {}; refund.updated announces it when it has succeeded", short(status)),
        ),
    }
}

pub(super) fn from_charge(event: &Event<'_>, charge: &Charge) -> Meaning {
    let announced_at = seconds(event.created);
    let told = charge.refunds.iter().flat_map(|list| &list.data);
    let told: Vec<RefundFromEvent> = told.filter_map(|refund| announced(refund, announced_at)).collect();
    match () {
        () if !is_id(&charge.id) => unreadable("data.object.id is no id of Stripe: letters, digits and _, 255 at most"),
        () if told.is_empty() => Meaning::RefundsOf { charge: charge.id.clone(), announced_at },
        () => Meaning::Refunds(told),
    }
}

/// A succeeded refund of a payment that can be identified.
pub(crate) fn announced(refund: &StripeRefund, announced_at: Timestamp) -> Option<RefundFromEvent> {
    let settled = refund.status.as_deref().is_none_or(|status| status == "succeeded");
    let intent = refund.payment_intent.as_ref().map(Reference::id).filter(|id| is_id(id))?;
    (settled && is_id(&refund.id)).then(|| RefundFromEvent {
        key: RefundKey(refund.id.clone()),
        announced_at,
        refunded_at: if refund.created > 0 { seconds(refund.created) } else { announced_at },
        currency: refund.currency.clone(),
        amount: refund.amount,
        note: None,
        moved: refund.balance_transaction.is_some(),
        of: Paid::Intent(intent.to_owned()),
    })
}

pub(super) fn from_dispute(dispute: &Dispute) -> Meaning {
    if dispute.status.as_deref() != Some("lost") {
        return nothing("dispute_not_lost", "the money stays");
    }
    let payment = dispute.payment_intent.as_ref().map_or("an unknown payment", Reference::id);
    Meaning::ForTheOwner(Reason::new(
        "dispute_lost",
        format!(
            "dispute {} over payment {} was lost and the bank took the money back: decide whether the sale stands or is \
             credited, and issue a credit note by hand if it is",
            short(&dispute.id),
            short(payment)
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        sale::SaleKey,
        stripe::classify::{classify, read},
    };

    fn meaning(kind: &str, object: &str) -> Meaning {
        let body = format!(
            r#"{{"id":"evt_1","type":"{kind}","created":1795257000,"livemode":false,"data":{{"object":{object}}}}}"#
        );
        classify(&read(body.as_bytes()).unwrap(), false)
    }

    fn refunds(kind: &str, object: &str) -> Vec<(String, i64, Paid)> {
        match meaning(kind, object) {
            Meaning::Refunds(announced) => announced.into_iter().map(|one| (one.key.0, one.amount, one.of)).collect(),
            other => panic!("{other:?}"),
        }
    }

    fn word(kind: &str, object: &str) -> String {
        match meaning(kind, object) {
            Meaning::Nothing(reason) | Meaning::ForTheOwner(reason) => reason.code,
            other => panic!("{other:?}"),
        }
    }

    const REFUND: &str = r#"{"id":"re_1","object":"refund","amount":1000,"currency":"eur","status":"succeeded","payment_intent":"pi_1","created":1795256000}"#;

    #[test]
    fn one_refund_has_one_key_whichever_event_announces_it() {
        let expected = vec![("re_1".to_owned(), 1000, Paid::Intent("pi_1".into()))];
        assert_eq!(refunds("refund.created", REFUND), expected);
        assert_eq!(refunds("refund.updated", REFUND), expected);
        let charge = format!(r#"{{"id":"ch_1","balance_transaction":"txn_1","refunds":{{"data":[{REFUND}]}}}}"#);
        assert_eq!(refunds("charge.refunded", &charge), expected);
        let note = r#"{"id":"cn_1","invoice":"in_1","total":1000,"currency":"eur","type":"post_payment","refunds":[{"refund":"re_1","amount_refunded":1000}]}"#;
        assert_eq!(
            refunds("credit_note.created", note),
            [("re_1".to_owned(), 1000, Paid::Invoice(SaleKey("in_1".into())))]
        );
        let bare = r#"{"id":"ch_1","balance_transaction":"txn_1","refunds":null}"#;
        assert!(matches!(meaning("charge.refunded", bare), Meaning::RefundsOf { .. }));
    }

    #[test]
    fn money_that_has_not_gone_back_makes_no_credit_note() {
        let with = |status: &str| REFUND.replace("succeeded", status);
        assert_eq!(word("refund.created", &with("pending")), "refund_unsettled");
        assert_eq!(word("refund.updated", &with("failed")), "refund_unsettled");
        assert_eq!(word("refund.failed", &with("failed")), "refund_failed");
        assert_eq!(word("charge.dispute.closed", r#"{"id":"du_1","status":"won"}"#), "dispute_not_lost");
        assert_eq!(
            word("charge.dispute.closed", r#"{"id":"du_1","status":"lost","payment_intent":"pi_1"}"#),
            "dispute_lost"
        );
    }
}
