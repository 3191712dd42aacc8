//! What is watched when a charge arrives at Stripe.

use comptoir_plans::recovery::record::{MOST_CHARGES, MOST_CHARGES_EVER};

use super::{GRACE, Seen, Witness, ensure};
use crate::plans::stripe::{Bill, Stripe};

impl Witness {
    /// A request to charge arrives.
    pub fn charging(&mut self, stripe: &Stripe, invoice: &str, (key, method): (&str, &str), now: i64) -> Seen {
        let Some(place) = stripe.bill(invoice) else { return Ok(()) };
        let bill = &stripe.bills[place];
        let long_ago = now - GRACE;
        let same = bill.asked.iter().find(|(known, _)| known == key);
        ensure(same.is_none_or(|(_, known)| known == method), "a key has the same parameters always", || {
            format!("{key} for {method} and {same:?}")
        })?;
        let over = bill.over_since.is_some_and(|since| since < long_ago);
        ensure(!over, "what is over is not charged", || format!("{invoice}, {method}"))?;
        let processing = bill.is_processing() && bill.intent.since < long_ago;
        ensure(!processing, "a bank is waited for", || format!("{invoice}, {method}"))?;
        let customer = &stripe.customers[stripe.subs[bill.sub].customer];
        let Some(card) = customer.cards.iter().find(|card| card.id == method) else { return Ok(()) };
        let instrument = card.instrument();
        self.keys(stripe, bill, (key, instrument))?;
        // What is asked again was allowed when it was asked first.
        if same.is_some() {
            return Ok(());
        }
        let hard = self.never.get(&(customer.id.clone(), instrument.to_owned()));
        ensure(hard.is_none_or(|at| *at >= long_ago), "a hard decline is the last", || {
            format!("{instrument} for {invoice}")
        })?;
        let first = bill.first.as_ref().filter(|(first, usual)| first == instrument && *usual == customer.usual);
        let noted = first.is_some() && bill.failed_at.is_some_and(|at| at < long_ago);
        ensure(!noted, "what Stripe tried is not tried again", || format!("{instrument} for {invoice}"))
    }

    /// One key for each instrument.
    fn keys(&self, stripe: &Stripe, bill: &Bill, (key, instrument): (&str, &str)) -> Seen {
        let cards = &stripe.customers[stripe.subs[bill.sub].customer].cards;
        let of = |method: &str| {
            cards.iter().find(|card| card.id == method).is_some_and(|card| card.instrument() == instrument)
        };
        let other = bill.asked.iter().find(|(known, method)| known != key && of(method));
        ensure(other.is_none(), "one key for each instrument", || format!("{key} and {other:?}"))
    }

    /// A request to charge was answered.
    pub fn charged(&mut self, stripe: &Stripe, invoice: &str) -> Seen {
        let Some(place) = stripe.bill(invoice) else { return Ok(()) };
        let ours: Vec<&str> = stripe.bills[place]
            .charges
            .iter()
            .filter(|charge| charge.key.is_some())
            .map(|charge| charge.instrument.as_str())
            .collect();
        let told = self.records.get(invoice).is_some_and(|record| record.told_at.is_some());
        let most = if told { MOST_CHARGES_EVER } else { MOST_CHARGES };
        ensure(ours.len() <= most, "no more is charged than was said", || format!("{ours:?} for {invoice}"))?;
        let last = ours.last().copied().unwrap_or_default();
        let times = ours.iter().filter(|instrument| **instrument == last).count();
        ensure(times <= 1, "each instrument is charged once", || format!("{ours:?} for {invoice}"))
    }
}
