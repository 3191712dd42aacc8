//! What events say about money that went back: refunds, credit notes, disputes.
//!
//! One refund has one key whichever events announce it (`refund.created`, `refund.updated`, `charge.refunded`, the credit
//! note that it pays out). A credit note that pays out otherwise is a refund of its own.

use jiff::Timestamp;

use super::{
    announced::{AnnouncedRefund, Paid},
    meaning::{Meaning, is_id, nothing, seconds, short, unreadable},
    object::{Charge, CreditLine, CreditNote, Dispute, Event, Reference, StripeRefund, TaxAmount},
};
use crate::{
    money::together,
    outcome::Reason,
    refund::{RefundKey, RefundLine},
    sale::SaleKey,
    text::filled,
};

pub(super) fn from_refund(event: &Event<'_>, refund: &StripeRefund) -> Meaning {
    if !is_id(&refund.id) {
        return unreadable("data.object.id is empty or too long");
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
    let told: Vec<AnnouncedRefund> = told.filter_map(|refund| announced(refund, announced_at)).collect();
    match () {
        () if !is_id(&charge.id) => unreadable("data.object.id is empty or too long"),
        () if told.is_empty() => Meaning::RefundsOf { charge: charge.id.clone(), announced_at },
        () => Meaning::Refunds(told),
    }
}

/// A refund that has succeeded, of a payment that can be found.
pub(crate) fn announced(refund: &StripeRefund, announced_at: Timestamp) -> Option<AnnouncedRefund> {
    let settled = refund.status.as_deref().is_none_or(|status| status == "succeeded");
    let intent = refund.payment_intent.as_ref().map(Reference::id).filter(|id| is_id(id))?;
    (settled && is_id(&refund.id)).then(|| AnnouncedRefund {
        key: RefundKey(refund.id.clone()),
        announced_at,
        refunded_at: if refund.created > 0 { seconds(refund.created) } else { announced_at },
        currency: refund.currency.clone(),
        amount: refund.amount,
        lines: Vec::new(),
        of: Paid::Intent(intent.to_owned()),
    })
}

pub(super) fn from_credit_note(event: &Event<'_>, note: &CreditNote) -> Meaning {
    if !is_id(&note.id) || !is_id(note.invoice.id()) {
        return unreadable("data.object.id or its invoice is empty or too long");
    }
    let after_payment = note.total.saturating_sub(note.pre_payment_amount);
    if note.kind.as_deref() == Some("pre_payment") || after_payment <= 0 {
        return nothing("credited_before_payment", "the invoice is paid less, and bills less, by what it credits");
    }
    let refunds: Vec<(&str, i64)> = match (&note.refunds, &note.refund) {
        (Some(refunds), _) => {
            refunds.iter().filter_map(|part| Some((part.refund.as_ref()?.id(), part.amount_refunded))).collect()
        }
        (None, Some(_))
            if note.out_of_band_amount.unwrap_or_default() != 0 || note.customer_balance_transaction.is_some() =>
        {
            return Meaning::ForTheOwner(Reason::new(
                "credit_note_mixed",
                format!(
                    "credit note {} was refunded only in part, and this version of Stripe's events does not tell how much: \
                     issue a credit note by hand for what went back otherwise",
                    short(&note.id)
                ),
            ));
        }
        (None, Some(refund)) => vec![(refund.id(), note.total)],
        (None, None) => Vec::new(),
    };
    let lines = lines(note);
    let (key, amount, lines) = match refunds.as_slice() {
        [] => (note.id.as_str(), after_payment, if after_payment == note.total { lines } else { Vec::new() }),
        // The note knows more about the refund than the refund itself.
        [(refund, amount)] if *amount == note.total => (*refund, note.total, lines),
        // Each refund is announced on its own; what is left went back in another way.
        several => {
            let left = after_payment.saturating_sub(together(several.iter().map(|(_, amount)| *amount)));
            if left <= 0 {
                return nothing("refund_announced_apart", "refund.created announces the refunds that pay it out");
            }
            (note.id.as_str(), left, Vec::new())
        }
    };
    if !is_id(key) {
        return unreadable("data.object.refunds names a refund without an id");
    }
    let announced_at = seconds(event.created);
    Meaning::Refunds(vec![AnnouncedRefund {
        key: RefundKey(key.to_owned()),
        announced_at,
        refunded_at: if note.created > 0 { seconds(note.created) } else { announced_at },
        currency: note.currency.clone(),
        amount,
        lines,
        of: Paid::Invoice(SaleKey(note.invoice.id().to_owned())),
    }])
}

/// What the note credits line by line; nothing unless the lines make the whole of it and each names what it corrects.
fn lines(note: &CreditNote) -> Vec<RefundLine> {
    let listed = note.lines.as_ref().filter(|list| !list.has_more).map(|list| list.data.as_slice()).unwrap_or_default();
    let lines: Option<Vec<RefundLine>> = listed.iter().map(line).collect();
    lines.filter(|lines| together(lines.iter().map(|line| line.amount)) == note.total).unwrap_or_default()
}

fn line(line: &CreditLine) -> Option<RefundLine> {
    let taxes: &[TaxAmount] = line.taxes.as_deref().or(line.tax_amounts.as_deref()).unwrap_or_default();
    let on_top = together(taxes.iter().filter(|tax| !tax.is_included()).map(|tax| tax.amount));
    Some(RefundLine {
        line: line.invoice_line_item.clone()?,
        description: filled(line.description.as_deref()).unwrap_or_default(),
        amount: line.amount.saturating_sub(line.discount_amount).saturating_add(on_top),
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
    use crate::stripe::classify::{classify, read};

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
            Meaning::Nothing(reason) | Meaning::ForTheOwner(reason) => reason.word,
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

    #[test]
    fn a_credit_note_is_what_no_refund_of_it_is() {
        let note = |rest: &str| format!(r#"{{"id":"cn_1","invoice":"in_1","total":1000,"currency":"eur"{rest}}}"#);
        let paid = Paid::Invoice(SaleKey("in_1".into()));
        assert_eq!(refunds("credit_note.created", &note("")), [("cn_1".to_owned(), 1000, paid.clone())]);
        let partly = note(r#","refunds":[{"refund":"re_1","amount_refunded":400}]"#);
        assert_eq!(refunds("credit_note.created", &partly), [("cn_1".to_owned(), 600, paid)]);
        let twice =
            note(r#","refunds":[{"refund":"re_1","amount_refunded":400},{"refund":"re_2","amount_refunded":600}]"#);
        assert_eq!(word("credit_note.created", &twice), "refund_announced_apart");
        let before = note(r#","type":"pre_payment","pre_payment_amount":1000"#);
        assert_eq!(word("credit_note.created", &before), "credited_before_payment");
    }

    #[test]
    fn amounts_beyond_any_sum_are_read_and_refused_later() {
        let largest = i64::MAX;
        let line = format!(
            r#"{{"amount":{largest},"invoice_line_item":"il_1","taxes":[{{"amount":{largest}}},{{"amount":{largest}}}]}}"#
        );
        let part = |n: u8| format!(r#"{{"refund":"re_{n}","amount_refunded":{largest}}}"#);
        let note = format!(
            r#"{{"id":"cn_1","invoice":"in_1","total":1000,"currency":"eur","lines":{{"data":[{line},{line}]}},"refunds":[{},{}]}}"#,
            part(1),
            part(2)
        );
        assert_eq!(word("credit_note.created", &note), "refund_announced_apart");
    }

    #[test]
    fn lines_count_if_they_make_the_whole() {
        let note = |tax: i64| {
            let object = format!(
                r#"{{"id":"cn_1","invoice":"in_1","total":1200,"currency":"eur","lines":{{"data":[{{"amount":1100,"discount_amount":100,
                    "description":"A","invoice_line_item":"il_1","taxes":[{{"amount":{tax},"tax_behavior":"exclusive"}}]}}]}}}}"#
            );
            match meaning("credit_note.created", &object) {
                Meaning::Refunds(mut announced) => announced.remove(0).lines,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(note(200), [RefundLine { line: "il_1".into(), description: "A".into(), amount: 1200 }]);
        assert_eq!(note(100), []);
    }
}
