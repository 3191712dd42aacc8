//! What is watched at every write and every charge, with eyes of its own: it compares what is done with what Stripe knows, and not
//! with what the code believes.
#![allow(clippy::missing_errors_doc, reason = "each look answers the promise that is broken, and what was found")]

mod charges;
mod records;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};

use comptoir::outcome::Reason;
use comptoir_plans::{access::Access, recovery::record::Recovery};

use super::stripe::{HOUR, Stripe};

/// How long ago something must have happened for it to be wrong not to know it: longer than any invocation, in milliseconds.
pub const GRACE: i64 = 150_000;

/// The verdict of a look.
pub type Seen = Result<(), (&'static str, String)>;

/// Holds, or breaks the promise.
///
/// # Errors
/// The promise.
pub fn ensure(holds: bool, promise: &'static str, found: impl FnOnce() -> String) -> Seen {
    if holds { Ok(()) } else { Err((promise, found())) }
}

/// A balance of tokens, kept apart.
#[derive(Debug, Default, Clone, Copy)]
pub struct Balance {
    /// What is left.
    pub left: u64,
    /// What was granted.
    pub granted: u64,
    /// What was used.
    pub used: u64,
    /// What ended with its period, or with access.
    pub lapsed: u64,
}

/// The witness.
#[derive(Debug, Default)]
pub struct Witness {
    /// Balances by person.
    pub balances: BTreeMap<String, Balance>,
    /// Invoices that brought tokens.
    pub grants: BTreeSet<String>,
    /// Uses by person and id, with amount and what was left.
    pub uses: BTreeMap<(String, String), (u64, u64)>,
    /// What each person's access comes from: the subscription, and whether it is over.
    pub current: BTreeMap<String, (String, bool)>,
    /// What was known of each person's access.
    pub access: BTreeMap<String, Access>,
    /// The record of each invoice, as last written.
    pub records: BTreeMap<String, Recovery>,
    /// Instruments with a hard decline, by customer, and when that was written.
    pub never: BTreeMap<(String, String), i64>,
    /// How many mails each invoice has.
    pub mails: BTreeMap<String, u32>,
    /// Subscriptions whose owner was told of a second one.
    pub told: BTreeSet<String>,
    /// Pages that were shown, by person.
    pub shown: Vec<(usize, String)>,
}

impl Witness {
    /// The owner is told of something.
    pub fn parked(&mut self, subscription: &str, reason: &Reason) -> Seen {
        if reason.code == "second_subscription" {
            self.told.insert(subscription.to_owned());
        }
        ensure(!reason.code.is_empty() && !reason.message.is_empty(), "nothing waits without a reason", || {
            subscription.to_owned()
        })
    }

    /// A subscription is cancelled by us: another one of the same person was alive not long ago, and it is of a plan.
    pub fn cancelling(&mut self, stripe: &Stripe, subscription: &str, now: i64) -> Seen {
        let Some(place) = stripe.sub(subscription) else { return Ok(()) };
        let email = &stripe.customers[stripe.subs[place].customer].email;
        let lived = stripe.subs.iter().enumerate().any(|(other, sub)| {
            other != place && stripe.customers[sub.customer].email == *email && sub.seen_living > now - HOUR
        });
        ensure(lived, "only a second one is cancelled", || subscription.to_owned())?;
        let sold = super::sold::CATALOGUE.sold_at(stripe.subs[place].price).is_some();
        ensure(sold, "what no plan sells is left alone", || format!("{subscription} was cancelled"))
    }

    /// A page is shown to somebody who gave an address: those shown before are over.
    pub fn shows(&mut self, stripe: &Stripe, person: usize, session: &str, now: i64) -> Seen {
        let again = self.shown.iter().any(|(_, shown)| shown == session);
        self.shown.push((person, session.to_owned()));
        if again {
            return Ok(());
        }
        let open = stripe.pages.iter().filter(|page| {
            let shown = self.shown.iter().any(|(who, shown)| *who == person && *shown == page.session);
            shown && page.status == "open" && page.expires_at > now
        });
        let open: Vec<&str> = open.map(|page| page.session.as_str()).collect();
        ensure(open.len() <= 1, "one page is open", || format!("{open:?} of person {person}"))
    }
}
