//! The lines of a sale: converts Stripe's two kinds of lines to ours.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::object::{InvoiceLine, ItemTax, LineItem, Session, ShippingCost, StripeInvoice, TaxAmount, TaxRate};
use crate::{
    money::together,
    sale::{BilledPeriod, ChargedTax, SaleLine},
    vat::split,
};

/// Tax rates by their ids.
pub(super) type Rates = BTreeMap<String, TaxRate>;

/// A session's items, with shipping as a line of its own.
pub(super) fn of_session(session: &Session, items: &[LineItem]) -> Vec<SaleLine> {
    let french = session.locale.as_deref().is_none_or(|locale| !locale.starts_with("en"));
    let item = |item: &LineItem| SaleLine {
        id: item.id.clone(),
        description: item.description.clone().unwrap_or_default(),
        quantity: item.quantity.unwrap_or(1).into(),
        total: item.amount_total,
        discount: item.amount_discount,
        taxes: item_taxes(item.taxes.as_deref(), item.amount_tax),
        period: None,
    };
    items.iter().map(item).chain(shipping(session.shipping_cost.as_ref(), french)).collect()
}

/// An invoice's lines and its shipping, less what credit notes took off before payment.
pub(super) fn of_invoice(invoice: &StripeInvoice, lines: &[InvoiceLine], rates: &Rates) -> Vec<SaleLine> {
    let lines = lines.iter().map(|line| of_invoice_line(line, rates));
    let lines: Vec<SaleLine> = lines.chain(shipping(invoice.shipping_cost.as_ref(), true)).collect();
    match invoice.pre_payment_credit_notes_amount {
        0 => lines,
        credited => reduced(&lines, credited).unwrap_or(lines),
    }
}

fn of_invoice_line(line: &InvoiceLine, rates: &Rates) -> SaleLine {
    let discounts = line.discount_amounts.iter().flatten().map(|discount| discount.amount);
    let credits = line.pretax_credit_amounts.iter().flatten();
    let credits = credits.filter(|credit| credit.kind.as_deref() == Some("credit_balance_transaction"));
    let discount = together(discounts.chain(credits.map(|credit| credit.amount)));
    let on_top = together(taxes_of(line).filter(|tax| !tax.is_included()).map(|tax| tax.amount));
    let charged = |tax: &TaxAmount| {
        let rate = tax.rate_id().and_then(|id| rates.get(id));
        ChargedTax {
            amount: tax.amount,
            included: tax.is_included(),
            rate: rate.and_then(TaxRate::percent),
            country: rate.and_then(|rate| rate.country.clone()),
            kind: rate.and_then(|rate| rate.tax_type.clone()),
            reason: tax.taxability_reason.clone(),
        }
    };
    SaleLine {
        id: line.id.clone(),
        description: line.description.clone().unwrap_or_default(),
        quantity: quantity(line.quantity_decimal.as_ref(), line.quantity),
        total: line.amount.saturating_sub(discount).saturating_add(on_top),
        discount,
        taxes: taxes_of(line).map(charged).collect(),
        period: line.period.and_then(|period| {
            let at = |second| Timestamp::from_second(second).ok();
            Some(BilledPeriod { from: at(period.start)?, to: at(period.end)? })
        }),
    }
}

/// The quantity: `quantity_decimal` where Stripe gives it, because `quantity` is truncated to a whole number
/// (docs.stripe.com/changelog/dahlia/2026-03-25/invoice-items-decimal-quantity).
fn quantity(decimal: Option<&serde_json::Value>, whole: Option<u64>) -> Decimal {
    let text = decimal.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let exact = text.and_then(|text| text.trim().parse::<Decimal>().or_else(|_| Decimal::from_scientific(&text)).ok());
    exact.filter(|exact| exact.is_sign_positive() && !exact.is_zero()).unwrap_or_else(|| whole.unwrap_or(1).into())
}

pub(super) fn taxes_of(line: &InvoiceLine) -> impl Iterator<Item = &TaxAmount> {
    line.taxes.as_ref().or(line.tax_amounts.as_ref()).into_iter().flatten()
}

/// The taxes of an item; without a breakdown, one tax of unknown rate.
fn item_taxes(parts: Option<&[ItemTax]>, sum: i64) -> Vec<ChargedTax> {
    let part = |tax: &ItemTax| ChargedTax {
        amount: tax.amount,
        included: tax.rate.as_ref().is_some_and(|rate| rate.inclusive),
        rate: tax.rate.as_ref().and_then(TaxRate::percent),
        country: tax.rate.as_ref().and_then(|rate| rate.country.clone()),
        kind: tax.rate.as_ref().and_then(|rate| rate.tax_type.clone()),
        reason: tax.taxability_reason.clone(),
    };
    match parts.filter(|parts| !parts.is_empty()) {
        Some(parts) => parts.iter().map(part).collect(),
        None if sum == 0 => Vec::new(),
        None => vec![ChargedTax { amount: sum, ..ChargedTax::default() }],
    }
}

fn shipping(cost: Option<&ShippingCost>, french: bool) -> Option<SaleLine> {
    let cost = cost?;
    let total = cost.amount_total.filter(|total| *total != 0)?;
    Some(SaleLine {
        description: if french { "Frais de livraison" } else { "Shipping" }.to_owned(),
        quantity: Decimal::ONE,
        total,
        taxes: item_taxes(cost.taxes.as_deref(), cost.amount_tax.unwrap_or_default()),
        ..SaleLine::default()
    })
}

/// Lines less `credited`, spread over them pro rata with their taxes: the reduction shows as a discount.
fn reduced(lines: &[SaleLine], credited: i64) -> Option<Vec<SaleLine>> {
    let kept = together(lines.iter().map(|line| line.total)).checked_sub(credited)?;
    let mut reduced = scaled_to(lines, kept)?;
    let on_top = |taxes: &[ChargedTax]| together(taxes.iter().filter(|tax| !tax.included).map(|tax| tax.amount));
    let before_tax = |line: &SaleLine| line.total.saturating_sub(on_top(&line.taxes));
    for (less, line) in reduced.iter_mut().zip(lines) {
        less.discount = line.discount.saturating_add(before_tax(line).saturating_sub(before_tax(less)));
    }
    Some(reduced)
}

/// Lines scaled pro rata to add up to `total`, with their taxes and discounts.
pub(super) fn scaled_to(lines: &[SaleLine], total: i64) -> Option<Vec<SaleLine>> {
    let totals: Vec<i64> = lines.iter().map(|line| line.total).collect();
    let shares = split::in_proportion(&totals, total)?;
    let mut scaled = Vec::with_capacity(lines.len());
    for (line, total) in lines.iter().zip(shares) {
        let share = |amount: i64| split::scaled(amount, total, line.total);
        let mut taxes = line.taxes.clone();
        for tax in &mut taxes {
            tax.amount = share(tax.amount)?;
        }
        scaled.push(SaleLine { total, taxes, discount: share(line.discount)?, ..line.clone() });
    }
    Some(scaled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invoice(json: &str) -> StripeInvoice {
        serde_json::from_str(json).unwrap()
    }

    fn rate(json: &str) -> TaxRate {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn lines_of_either_shape_carry_their_taxes() {
        let rates = Rates::from([("txr_1".to_owned(), rate(r#"{"percentage":20.0,"inclusive":false}"#))]);
        let old = invoice(
            r#"{"id":"in_1","lines":{"data":[{"id":"il_1","amount":1000,"description":"A",
                "tax_amounts":[{"amount":200,"inclusive":false,"tax_rate":"txr_1","taxability_reason":"standard_rated"}]}]}}"#,
        );
        let new = invoice(
            r#"{"id":"in_1","lines":{"data":[{"id":"il_1","amount":1300,"description":"A","discount_amounts":[{"amount":300}],
                "taxes":[{"amount":200,"tax_behavior":"exclusive","tax_rate_details":{"tax_rate":"txr_1"},"taxability_reason":"standard_rated"}]}]}}"#,
        );
        for (object, discount) in [(old, 0), (new, 300)] {
            let line = of_invoice(&object, &object.lines.as_ref().unwrap().data, &rates).remove(0);
            assert_eq!((line.total, line.discount, line.id.as_deref()), (1200, discount, Some("il_1")));
            let [tax] = &line.taxes[..] else { panic!() };
            assert_eq!((tax.amount, tax.rate, tax.included), (200, Some(Decimal::from(20)), false));
            assert_eq!(tax.reason.as_deref(), Some("standard_rated"));
        }
    }

    #[test]
    fn credit_notes_before_the_payment_are_taken_off_every_line() {
        let object = invoice(
            r#"{"id":"in_1","pre_payment_credit_notes_amount":400,"lines":{"data":[
                {"amount":1000,"taxes":[{"amount":200,"tax_behavior":"exclusive"}]},{"amount":400,"taxes":[]}]}}"#,
        );
        let lines = of_invoice(&object, &object.lines.as_ref().unwrap().data, &Rates::new());
        assert_eq!(lines.iter().map(|line| line.total).collect::<Vec<_>>(), [900, 300]);
        assert_eq!((lines[0].taxes[0].amount, lines[0].discount, lines[1].discount), (150, 250, 100));
    }

    #[test]
    fn a_quantity_is_a_decimal_where_stripe_tells_it() {
        let line = |json: &str| -> InvoiceLine { serde_json::from_str(json).unwrap() };
        for (json, expected) in [
            (r#"{"amount":60000,"quantity":7,"quantity_decimal":"7.5"}"#, "7.5"),
            (r#"{"amount":4000,"quantity":0,"quantity_decimal":"0.5"}"#, "0.5"),
            (r#"{"amount":1,"quantity":3}"#, "3"),
            (r#"{"amount":1,"quantity":3,"quantity_decimal":null}"#, "3"),
            (r#"{"amount":1,"quantity":null,"quantity_decimal":"1.000000000001"}"#, "1.000000000001"),
            (r#"{"amount":1,"quantity":2,"quantity_decimal":2.25}"#, "2.25"),
            (r#"{"amount":1,"quantity":2,"quantity_decimal":"much"}"#, "2"),
            (r#"{"amount":1}"#, "1"),
        ] {
            assert_eq!(of_invoice_line(&line(json), &Rates::new()).quantity.to_string(), expected, "{json}");
        }
    }

    #[test]
    fn a_rate_is_read_as_it_is_written() {
        assert_eq!(rate(r#"{"percentage":5.5}"#).percent(), Some(Decimal::new(55, 1)));
        assert_eq!(rate(r#"{"percentage":20,"effective_percentage":8.5}"#).percent(), Some(Decimal::new(85, 1)));
        assert_eq!(rate("{}").percent(), None);
    }
}
