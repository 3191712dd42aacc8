//! What is next for an unpaid invoice: a function of what is recorded and of what Stripe says now.

use std::collections::BTreeSet;

use jiff::{Timestamp, tz::TimeZone};

use super::{
    debt::{Debt, Method},
    decline::Decline,
    record::{Fate, KEY_KEPT, MOST_CHARGES, MOST_CHARGES_EVER, Recovery, State},
};

/// What is next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It is over: paid, or closed. Nobody is told.
    Over(State),
    /// A bank is at it: look again later.
    Wait,
    /// What became of the attempt in hand can be seen.
    Seen(Fate),
    /// The attempt in hand is asked for again, with the same key.
    Again {
        /// The instrument.
        instrument: String,
        /// The method.
        method: String,
    },
    /// The attempt in hand is too old to be asked for again, and nothing is seen of it.
    Lost,
    /// The methods have to be listed.
    List,
    /// This one is tried next.
    Try(Method),
    /// No method is left: so it stands, and the customer is told, if that was not done.
    Tell(State),
    /// No method is left, and the customer was told before.
    Left(State),
    /// Nothing is to be done now.
    Rest,
}

/// What is next for `debt`; `methods` are its customer's, once they were listed, `never` the instruments that are not charged.
pub fn next(
    recovery: &Recovery,
    debt: &Debt,
    methods: Option<&[Method]>,
    never: &BTreeSet<String>,
    now: Timestamp,
) -> Step {
    match debt.status.as_deref() {
        Some("paid") => return Step::Over(State::Paid),
        Some("open") => {}
        Some("draft") => return Step::Rest,
        _ => return Step::Over(State::Closed),
    }
    let wanted = debt.subscription().is_some_and(|subscription| !subscription.status.is_final());
    let by_us = debt.collection_method.as_deref() != Some("send_invoice");
    if !wanted || !by_us || debt.debtor().is_none_or(|debtor| debtor.deleted) {
        return Step::Over(State::Closed);
    }
    if debt.is_processing() {
        return Step::Wait;
    }
    if let Some(attempt) = recovery.unsettled() {
        return match seen(debt, &attempt.instrument, &attempt.method) {
            Some(fate) => Step::Seen(fate),
            None if attempt.fate == Fate::Processing => Step::Seen(Fate::Declined(Decline::of(None, None))),
            None if now.duration_since(attempt.at) >= KEY_KEPT => Step::Lost,
            None => Step::Again { instrument: attempt.instrument.clone(), method: attempt.method.clone() },
        };
    }
    // Stripe has not begun: it charges the usual method first.
    let begun = debt.attempted || debt.to_confirm().is_some() || !recovery.attempts.is_empty();
    if !begun {
        return Step::Rest;
    }
    let Some(methods) = methods.filter(|_| recovery.noted) else { return Step::List };
    let told = recovery.told_at.is_some();
    let most = if told { MOST_CHARGES_EVER } else { MOST_CHARGES };
    if recovery.charges() < most
        && let Some(method) = methods.iter().find(|method| is_left(recovery, method, never, now))
    {
        return Step::Try(method.clone());
    }
    let state = match (recovery.is_unknown(), recovery.asks_for_customer()) {
        (true, _) => State::Unknown,
        (false, true) => State::NeedsCustomer,
        (false, false) => State::Exhausted,
    };
    if told { Step::Left(state) } else { Step::Tell(state) }
}

/// Whether a method may be tried.
pub(super) fn is_left(recovery: &Recovery, method: &Method, never: &BTreeSet<String>, now: Timestamp) -> bool {
    // A card is good to the end of its month, wherever its customer is: an early look costs a decline, no more.
    let today = now.to_zoned(TimeZone::UTC).date();
    let instrument = method.instrument();
    method.is_good_in(today.year(), today.month()) && !recovery.tried(instrument) && !never.contains(instrument)
}

/// What the invoice shows of an attempt with this instrument.
fn seen(debt: &Debt, instrument: &str, method: &str) -> Option<Fate> {
    if debt.to_confirm() == Some(method) {
        return Some(Fate::ActionRequired);
    }
    let errors = debt.intents().filter_map(|intent| intent.last_payment_error.as_ref());
    let mut of_it = errors.filter(|error| {
        error.payment_method.as_ref().is_some_and(|found| found.id == method || found.instrument() == instrument)
    });
    of_it.next().map(|error| Fate::Declined(error.decline()))
}
