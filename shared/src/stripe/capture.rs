//! Manual capture: the shop captures some time after the customer agreed to pay. The sale is what was captured.
//!
//! Checkout completes such a session with `payment_status: unpaid`, and no later session event reports the capture:
//! `payment_intent.succeeded` does, after the last (docs.stripe.com/payments/place-a-hold-on-a-payment-method).

use super::{
    lines::scaled_to,
    meaning::{Meaning, nothing, unreadable},
    object::{Intent, is_id},
    whose,
};
use crate::{money::Currency, sale::SaleLine};

/// What a succeeded payment intent means. Most belong to sales that their session or invoice announces.
pub(super) fn from_intent(intent: Intent) -> Meaning {
    if !is_id(&intent.id) {
        return unreadable("data.object.id is no id of Stripe: letters, digits and _, 255 at most");
    }
    if let Some(seller) = whose::of_intent(&intent) {
        return Meaning::NotOurs(seller);
    }
    if !intent.is_captured_later() {
        return nothing("announced_otherwise", "a payment is announced by its session or its invoice");
    }
    if intent.amount_received <= 0 {
        return nothing("zero_amount", "nothing was captured, so there is nothing to invoice");
    }
    Meaning::Captured(Box::new(intent))
}

/// The lines of `whole` when only `captured` was taken: each with its share, and each saying so.
pub(super) fn captured(
    lines: &[SaleLine],
    whole: i64,
    captured: i64,
    currency: &str,
    french: bool,
) -> Option<Vec<SaleLine>> {
    let note = note(whole, captured, currency, french);
    let mut lines = scaled_to(lines, captured)?;
    for line in &mut lines {
        let separator = if line.description.is_empty() { "" } else { " " };
        line.description = format!("{}{separator}({note})", line.description);
    }
    Some(lines)
}

/// A sentence that says how much of the agreed amount was captured.
fn note(whole: i64, captured: i64, currency: &str, french: bool) -> String {
    let amount = |minor: i64| {
        let known = Currency::parse(currency).ok().and_then(|currency| currency.from_stripe(minor));
        known.map_or_else(|| minor.to_string(), |money| money.decimal().to_string())
    };
    let (captured, whole, currency) = (amount(captured), amount(whole), currency.to_uppercase());
    if french {
        format!("encaissé {captured} sur {whole} {currency} autorisés").replace('.', ",")
    } else {
        format!("captured {captured} of {whole} {currency} authorized")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sale::ChargedTax;

    fn meaning(rest: &str) -> Meaning {
        from_intent(serde_json::from_str(&format!(r#"{{"id":"pi_1","status":"succeeded"{rest}}}"#)).unwrap())
    }

    #[test]
    fn only_what_is_captured_later_is_a_sale_of_its_own() {
        let word = |rest: &str| match meaning(rest) {
            Meaning::Nothing(reason) => reason.code,
            Meaning::NotOurs(seller) => seller.word().to_owned(),
            Meaning::Captured(_) => "captured".to_owned(),
            other => panic!("{other:?}"),
        };
        let paid = r#","amount":4900,"amount_received":4900"#;
        for (method, expected) in [
            ("", "announced_otherwise"),
            (r#","capture_method":"automatic""#, "announced_otherwise"),
            (r#","capture_method":"automatic_async","payment_method_options":{"card":null}"#, "announced_otherwise"),
            (r#","capture_method":"manual""#, "captured"),
            (
                r#","capture_method":"automatic","payment_method_options":{"card":{"capture_method":"manual"}}"#,
                "captured",
            ),
            (r#","capture_method":"manual","managed_payments":{"enabled":true}"#, "sold_by_link"),
        ] {
            assert_eq!(word(&format!("{paid}{method}")), expected, "{method}");
        }
        assert_eq!(word(r#","capture_method":"manual","amount":4900,"amount_received":0"#), "zero_amount");
    }

    #[test]
    fn lines_of_a_partial_capture_add_up_to_it_and_say_so() {
        let tax = ChargedTax { amount: 1000, ..ChargedTax::default() };
        let line = |total: i64, taxes: Vec<ChargedTax>| SaleLine {
            description: "Stage".to_owned(),
            quantity: 1.into(),
            total,
            taxes,
            ..SaleLine::default()
        };
        let lines = captured(&[line(6000, vec![tax]), line(4000, vec![])], 10_000, 5001, "eur", true).unwrap();
        assert_eq!(lines.iter().map(|line| line.total).sum::<i64>(), 5001);
        assert_eq!((lines[0].taxes[0].amount, lines[0].discount), (500, 0), "what was not taken is no discount");
        assert_eq!(lines[1].description, "Stage (encaissé 50,01 sur 100,00 EUR autorisés)");
        let yen = captured(&[line(100, vec![])], 100, 40, "jpy", false).unwrap();
        assert_eq!(yen[0].description, "Stage (captured 40 of 100 JPY authorized)");
    }
}
