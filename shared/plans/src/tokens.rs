//! Tokens: what a paid invoice brings, what of it the next period keeps, and what may be used.

use jiff::Timestamp;

use crate::{
    catalogue::Catalogue,
    stripe::{Invoice, seconds},
};

/// Tokens that an invoice brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// How many.
    pub tokens: u64,
    /// The most tokens of earlier periods that stay beside them.
    pub keeps: u64,
}

/// What `invoice` brings: the first and each further period of a plan, once it is paid; an invoice of 0 too. Changes within a
/// period, sales of other things and periods that are over bring nothing.
pub fn granted(invoice: &Invoice, catalogue: &Catalogue, now: Timestamp) -> Option<Granted> {
    let of_a_period = matches!(invoice.billing_reason.as_deref(), Some("subscription_create" | "subscription_cycle"));
    if !of_a_period || invoice.status.as_deref() != Some("paid") {
        return None;
    }
    let lines = invoice.lines.data.iter().filter(|line| !line.is_proration());
    let running = lines.filter(|line| line.period.is_none_or(|period| seconds(period.end) > now));
    running.fold(None, |sum: Option<Granted>, line| {
        let Some(plan) = line.price().and_then(|price| catalogue.sold_at(price)) else { return sum };
        let tokens = plan.tokens_per_period.saturating_mul(line.quantity.unwrap_or(1));
        let Granted { tokens: others, keeps } = sum.unwrap_or(Granted { tokens: 0, keeps: 0 });
        Some(Granted { tokens: others.saturating_add(tokens), keeps: keeps.max(plan.rollover_cap) })
    })
}

/// Until when these invoices pay for a plan, in seconds; `None` where none of them names one.
pub fn paid_until(invoices: &[Invoice], catalogue: &Catalogue) -> Option<i64> {
    let paid = invoices.iter().filter(|invoice| invoice.status.as_deref() == Some("paid"));
    let lines = paid.flat_map(|invoice| &invoice.lines.data).filter(|line| !line.is_proration());
    let of_plans = lines.filter(|line| line.price().is_some_and(|price| catalogue.sold_at(price).is_some()));
    of_plans.filter_map(|line| line.period).map(|period| period.end).max()
}

impl Granted {
    /// The balance after this grant.
    pub fn added_to(self, left: u64) -> u64 {
        left.min(self.keeps).saturating_add(self.tokens)
    }
}

/// A use of tokens that was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// How many were used.
    pub amount: u64,
    /// How many were left afterwards.
    pub left: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{catalogue, invoice};

    fn now() -> Timestamp {
        seconds(1_795_257_100)
    }

    #[test]
    fn a_period_brings_its_tokens_and_keeps_what_the_plan_says() {
        let solo = granted(&invoice("in_1", "subscription_create", "price_solo"), &catalogue(), now()).unwrap();
        assert_eq!((solo, solo.added_to(0), solo.added_to(7)), (Granted { tokens: 10, keeps: 0 }, 10, 10));
        let studio = granted(&invoice("in_1", "subscription_cycle", "price_studio"), &catalogue(), now()).unwrap();
        assert_eq!((studio.added_to(30), studio.added_to(90)), (130, 150));
    }

    #[test]
    fn only_a_paid_period_brings_tokens() {
        for reason in ["subscription_update", "manual", "subscription_threshold"] {
            assert_eq!(granted(&invoice("in_1", reason, "price_solo"), &catalogue(), now()), None, "{reason}");
        }
        assert_eq!(granted(&invoice("in_1", "subscription_cycle", "price_other"), &catalogue(), now()), None);
        let mut open = invoice("in_1", "subscription_cycle", "price_solo");
        open.status = Some("open".to_owned());
        assert_eq!(granted(&open, &catalogue(), now()), None);
        let mut settled = invoice("in_1", "subscription_cycle", "price_solo");
        settled.lines.data[0].proration = true;
        assert_eq!(granted(&settled, &catalogue(), now()), None);
        for maker in ["subscription_item_details", "invoice_item_details"] {
            let mut settled = invoice("in_1", "subscription_cycle", "price_solo");
            let parent = serde_json::json!({"type": maker, maker: {"proration": true}});
            settled.lines.data[0].parent = Some(serde_json::from_value(parent).unwrap());
            assert_eq!(granted(&settled, &catalogue(), now()), None, "{maker}");
        }
        let over = seconds(1_797_849_000);
        assert_eq!(granted(&invoice("in_1", "subscription_cycle", "price_solo"), &catalogue(), over), None);
    }

    #[test]
    fn three_units_bring_three_times_the_tokens() {
        let mut seats = invoice("in_1", "subscription_create", "price_solo");
        seats.lines.data[0].quantity = Some(3);
        assert_eq!(granted(&seats, &catalogue(), now()).unwrap().tokens, 30);
    }
}
