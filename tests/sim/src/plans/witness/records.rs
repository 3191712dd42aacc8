//! What is watched when the record of an unpaid invoice is written, and a mail queued.

use comptoir::mail::{Content, Mail};
use comptoir_plans::recovery::{
    record::{Attempt, By, Fate, MOST_CHARGES, Recovery, State},
    store::Change,
};
use jiff::tz::TimeZone;

use super::{GRACE, Seen, Witness, ensure};
use crate::plans::{
    sold::CATALOGUE,
    stripe::{Bill, Card, End, Stripe, moment},
};

impl Witness {
    /// A record was written.
    pub fn changed(&mut self, stripe: &Stripe, change: &Change<'_>, now: i64) -> Seen {
        let Some(place) = stripe.bill(change.invoice) else { return Ok(()) };
        let (bill, after) = (&stripe.bills[place], change.recovery);
        let before = self.records.insert(change.invoice.to_owned(), after.clone()).unwrap_or_default();
        let told = || {
            format!(
                "{}: {:?} {:?}, then {:?} {:?}",
                bill.id, before.state, before.attempts, after.state, after.attempts
            )
        };
        let unsettled = after.attempts.iter().filter(|attempt| attempt.is_unsettled()).count();
        ensure(unsettled <= 1, "one attempt is in hand", told)?;
        let twice =
            after.attempts.iter().enumerate().any(|(n, attempt)| {
                after.attempts.iter().skip(n + 1).any(|other| other.instrument == attempt.instrument)
            });
        ensure(!twice, "each instrument is tried once", told)?;
        let kept = before.attempts.iter().all(|old| {
            let same = after.attempts.iter().find(|new| new.instrument == old.instrument);
            same.is_some_and(|new| old.is_unsettled() || new.fate == old.fate)
        });
        ensure(kept, "what was settled stays", told)?;
        let stays = match before.state {
            State::Paid => after.state == State::Paid,
            State::Closed => matches!(after.state, State::Closed | State::Paid),
            // A method that came later is tried, once; nothing else begins anew.
            State::Unknown if after.state == State::Trying => after.attempts.len() > before.attempts.len(),
            State::Unknown => matches!(after.state, State::Unknown | State::Closed | State::Paid | State::Processing),
            _ => true,
        };
        ensure(stays, "what is over stays over", told)?;
        ensure(before.told_at.is_none() || before.told_at == after.told_at, "a customer stays told", told)?;
        self.states(bill, stripe, after)?;
        for attempt in after.attempts.iter().filter(|attempt| attempt.by == By::Us) {
            let known = before.attempts.iter().find(|old| old.instrument == attempt.instrument);
            if known.is_none_or(|known| known.fate != attempt.fate) {
                fate(bill, stripe, attempt, now)?;
            }
        }
        for instrument in after.never_again() {
            let customer = stripe.customers[stripe.subs[bill.sub].customer].id.clone();
            self.never.entry((customer, instrument.to_owned())).or_insert(now);
        }
        if let Some(mail) = change.mail {
            self.mailed(change.invoice, mail)?;
            self.written(stripe, bill, (after, mail), now)?;
        }
        Ok(())
    }

    /// A mail is queued.
    pub fn mailed(&mut self, invoice: &str, mail: &Mail) -> Seen {
        let count = self.mails.entry(invoice.to_owned()).or_default();
        *count += 1;
        ensure(*count <= 1, "one mail for each unpaid invoice", || format!("{count} for {invoice}"))?;
        ensure(mail.id.0 == format!("recovery/{invoice}"), "one mail for each unpaid invoice", || mail.id.0.clone())
    }

    fn states(&self, bill: &Bill, stripe: &Stripe, after: &Recovery) -> Seen {
        let sub = &stripe.subs[bill.sub];
        let sold = CATALOGUE.sold_at(sub.price).is_some();
        let right = match after.state {
            State::Paid => bill.status == "paid",
            State::Closed => !bill.is_open() || sub.status.is_final() || !sold,
            _ => true,
        };
        ensure(right, "a state is what Stripe says", || {
            format!("{} is {:?}, and {} of a subscription that is {:?}", bill.id, after.state, bill.status, sub.status)
        })
    }

    /// The mail is about what is unpaid, says what is asked of the customer, and comes after every method.
    fn written(&self, stripe: &Stripe, bill: &Bill, (after, mail): (&Recovery, &Mail), now: i64) -> Seen {
        let long_ago = now - GRACE;
        let told = || format!("{} is {}, {:?}", bill.id, bill.status, after);
        let over = bill.over_since.is_some_and(|since| since < long_ago);
        ensure(!over, "no mail about what is over", told)?;
        let processing = bill.is_processing() && bill.intent.since < long_ago;
        ensure(!processing, "no mail while a bank is at it", told)?;
        if after.state == State::Unknown {
            return Ok(());
        }
        let confirm = matches!(&mail.content, Content::Recovery(content) if content.confirm);
        let ours = bill.charges.iter().any(|charge| charge.key.is_some() && charge.asks);
        let any = bill.charges.iter().any(|charge| charge.asks);
        ensure(!ours || confirm, "who has to confirm is asked to", told)?;
        ensure(any || !confirm, "who has nothing to confirm is asked to pay", told)?;
        let customer = &stripe.customers[stripe.subs[bill.sub].customer];
        let left =
            customer.cards.iter().find(|card| card.since < long_ago && self.may_pay(&customer.id, card, after, now));
        ensure(left.is_none() || after.charges() >= MOST_CHARGES, "every method is tried before", || {
            format!("{} was not: {}", left.map(|card| card.id.clone()).unwrap_or_default(), told())
        })
    }

    /// Whether a method may still be tried.
    pub fn may_pay(&self, customer: &str, card: &Card, record: &Recovery, now: i64) -> bool {
        let instrument = card.instrument();
        let never = self.never.contains_key(&(customer.to_owned(), instrument.to_owned()));
        let today = moment(now).to_zoned(TimeZone::UTC).date();
        let good = card.year.is_none_or(|year| (year, 11) >= (today.year(), today.month()));
        good && !never && !record.tried(instrument)
    }
}

/// What is written of an attempt is what Stripe did.
fn fate(bill: &Bill, stripe: &Stripe, attempt: &Attempt, now: i64) -> Seen {
    let of_it = || bill.charges.iter().filter(|charge| charge.instrument == attempt.instrument);
    let ends = |end: End| of_it().any(|charge| charge.end == end);
    let at_it = bill.is_processing() && bill.intent.since < now - GRACE;
    let over = !bill.is_open()
        || stripe.subs[bill.sub].status.is_final()
        || CATALOGUE.sold_at(stripe.subs[bill.sub].price).is_none();
    let right = match &attempt.fate {
        Fate::Claimed | Fate::Unknown => true,
        Fate::Paid => bill.status == "paid",
        Fate::Declined(_) => ends(End::Declined) || (ends(End::Debited) && !at_it),
        Fate::ActionRequired => ends(End::Asked),
        // A bank may be at another one by now.
        Fate::Processing => bill.charges.iter().any(|charge| charge.end == End::Debited),
        Fate::Skipped(why) if why == "over" => over,
        Fate::Skipped(_) => !of_it().any(|charge| charge.key.is_some()),
    };
    ensure(right, "an attempt is what Stripe did", || {
        format!("{attempt:?}, {:?}, {}", bill.charges, bill.intent.status)
    })
}
