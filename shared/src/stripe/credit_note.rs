//! Credit notes: what a credit note credits line by line, and which refunds pay it out.
//!
//! A credit note is paid out in parts: the refunds that it names, each announced by its own events, and the remainder,
//! which went to the customer's balance or outside Stripe and is a refund under the note's own id. If the note has
//! several parts, each part gets its share of every line, so that the parts add up to the lines to the minor unit.
//! Whichever event announces a refund first, its note is looked up, so that the lines are the same.

use super::{
    announced::{Paid, RefundFromEvent},
    meaning::{Meaning, nothing, seconds, short, unreadable},
    object::{CreditLine, CreditNote, Event, TaxAmount, is_id},
};
use crate::{
    money::together,
    outcome::Reason,
    refund::{RefundKey, RefundLine},
    sale::SaleKey,
    text::filled,
    vat::split,
};

pub(super) fn from_credit_note(event: &Event<'_>, note: CreditNote) -> Meaning {
    if !is_id(&note.id) || !is_id(note.invoice.id()) {
        return unreadable("data.object.id or its invoice is no id of Stripe: letters, digits and _, 255 at most");
    }
    let after_payment = after_payment(&note);
    if note.kind.as_deref() == Some("pre_payment") || after_payment <= 0 {
        return nothing("credited_before_payment", "the invoice is paid less, and bills less, by what it credits");
    }
    let Some(refunds) = refunds(&note) else {
        return Meaning::ForTheOwner(Reason::new(
            "credit_note_mixed",
            format!(
                "credit note {} was refunded only in part, and this version of Stripe's events does not tell how much: \
                 issue a credit note by hand for what went back otherwise",
                short(&note.id)
            ),
        ));
    };
    let (key, amount) = match refunds.as_slice() {
        [] => (note.id.as_str(), after_payment),
        // The note has more detail about the refund than the refund itself.
        [(refund, amount)] if *amount == note.total => (*refund, note.total),
        // Each refund is announced on its own; the remainder was paid out in another way.
        several => {
            let left = after_payment.saturating_sub(together(several.iter().map(|(_, amount)| *amount)));
            if left <= 0 {
                return nothing("refund_announced_apart", "refund.created announces the refunds that pay it out");
            }
            (note.id.as_str(), left)
        }
    };
    if !is_id(key) {
        return unreadable("data.object.refunds names a refund without an id");
    }
    let announced_at = seconds(event.created);
    Meaning::Refunds(vec![RefundFromEvent {
        key: RefundKey(key.to_owned()),
        announced_at,
        refunded_at: if note.created > 0 { seconds(note.created) } else { announced_at },
        currency: note.currency.clone(),
        amount,
        of: Paid::Invoice(SaleKey(note.invoice.id().to_owned())),
        moved: true,
        note: Some(Box::new(note)),
    }])
}

/// What a note credits once the invoice is paid, in minor units.
fn after_payment(note: &CreditNote) -> i64 {
    note.total.saturating_sub(note.pre_payment_amount)
}

/// The refunds that pay a note out, each with its amount; `None` where an older version does not give the amount.
fn refunds(note: &CreditNote) -> Option<Vec<(&str, i64)>> {
    match (&note.refunds, &note.refund) {
        (Some(refunds), _) => {
            Some(refunds.iter().filter_map(|part| Some((part.refund.as_ref()?.id(), part.amount_refunded))).collect())
        }
        (None, Some(_))
            if note.out_of_band_amount.unwrap_or_default() != 0 || note.customer_balance_transaction.is_some() =>
        {
            None
        }
        (None, Some(refund)) => Some(vec![(refund.id(), note.total)]),
        (None, None) => Some(Vec::new()),
    }
}

/// Whether a valid note is paid out by this refund, among others.
pub(crate) fn is_paid_by(note: &CreditNote, refund: &RefundKey) -> bool {
    let stands = note.status.as_deref().is_none_or(|status| status == "issued");
    stands && refunds(note).is_some_and(|refunds| refunds.iter().any(|(id, _)| *id == refund.0))
}

/// The part of a note's lines that a refund of `amount` gives back, by its key; empty unless they add up to the whole
/// note and each names the line that it corrects.
pub(crate) fn lines(note: &CreditNote, refund: &RefundKey, amount: i64) -> Vec<RefundLine> {
    part_of_lines(note, refund, amount).unwrap_or_default()
}

fn part_of_lines(note: &CreditNote, refund: &RefundKey, amount: i64) -> Option<Vec<RefundLine>> {
    let listed = note.lines.as_ref().filter(|list| !list.has_more)?;
    let lines: Vec<RefundLine> = listed.data.iter().map(line).collect::<Option<_>>()?;
    let totals: Vec<i64> = lines.iter().map(|line| line.amount).collect();
    // No refund contains what was credited before the payment.
    if note.pre_payment_amount != 0 || together(totals.iter().copied()) != note.total {
        return None;
    }
    let mut parts = refunds(note)?;
    let left = note.total.saturating_sub(together(parts.iter().map(|(_, amount)| *amount)));
    if left > 0 {
        parts.push((note.id.as_str(), left));
    }
    let place = parts.iter().position(|(id, part)| *id == refund.0 && *part == amount)?;
    let before = together(parts.iter().take(place).map(|(_, amount)| *amount));
    let until = |sum: i64| if sum == 0 { Some(vec![0; totals.len()]) } else { split::in_proportion(&totals, sum) };
    let (from, to) = (until(before)?, until(before.saturating_add(amount))?);
    let shares = from.into_iter().zip(to).map(|(from, to)| to.saturating_sub(from));
    let lines: Vec<RefundLine> =
        lines.into_iter().zip(shares).map(|(line, amount)| RefundLine { amount, ..line }).collect();
    // Shares of several parts are rounded one by one; if a sign would flip, no lines are given.
    let same_way = lines.iter().zip(&totals).all(|(line, total)| line.amount.signum() * total.signum() >= 0);
    same_way.then(|| lines.into_iter().filter(|line| line.amount != 0).collect())
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
            Meaning::Nothing(reason) | Meaning::ForTheOwner(reason) => reason.code,
            other => panic!("{other:?}"),
        }
    }

    fn told(refund: &RefundFromEvent) -> Vec<RefundLine> {
        lines(refund.note.as_ref().unwrap(), &refund.key, refund.amount)
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
                Meaning::Refunds(mut announced) => told(&announced.remove(0)),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(note(200), [RefundLine { line: "il_1".into(), description: "A".into(), amount: 1200 }]);
        assert_eq!(note(100), []);
    }

    #[test]
    fn several_refunds_of_a_note_share_its_lines_to_the_cent() {
        let note = |refunds: &str| -> CreditNote {
            serde_json::from_str(&format!(
                r#"{{"id":"cn_1","invoice":"in_1","total":1000,"currency":"eur","refunds":[{refunds}],"lines":{{"data":[
                    {{"amount":333,"description":"A","invoice_line_item":"il_1"}},
                    {{"amount":667,"description":"B","invoice_line_item":"il_2"}}]}}}}"#
            ))
            .unwrap()
        };
        let two = note(
            r#"{"refund":"re_1","amount_refunded":401},{"refund":{"id":"re_2","object":"refund"},"amount_refunded":400}"#,
        );
        let amounts = |note: &CreditNote, key: &str, amount: i64| -> Vec<i64> {
            lines(note, &RefundKey(key.to_owned()), amount).iter().map(|line| line.amount).collect()
        };
        let parts = [amounts(&two, "re_1", 401), amounts(&two, "re_2", 400), amounts(&two, "cn_1", 199)];
        assert_eq!(parts.iter().map(|part| part.iter().sum::<i64>()).collect::<Vec<_>>(), [401, 400, 199]);
        let by_line = |line: usize| parts.iter().map(|part| part[line]).sum::<i64>();
        assert_eq!([by_line(0), by_line(1)], [333, 667]);
        assert_eq!(amounts(&two, "re_1", 400), [0; 0], "the note pays another sum out by it");
        assert_eq!(amounts(&two, "re_9", 401), [0; 0], "no part of the note");
        assert!(is_paid_by(&two, &RefundKey("re_2".to_owned())) && !is_paid_by(&two, &RefundKey("re_3".to_owned())));
        let void = CreditNote { status: Some("void".to_owned()), ..two };
        assert!(!is_paid_by(&void, &RefundKey("re_2".to_owned())));
    }
}
