//! The reconciliation: compares what Stripe lists with what was received, and announces what is missing.
//!
//! Stripe delivers an event for three days and keeps it for thirty. What never arrived, because the endpoint was disabled
//! or a table restored, is found in its list of events and takes the same way in. A sale that is received twice is one
//! sale, so looking once more does no harm.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    announced,
    outcome::ServiceError,
    refund::RefundKey,
    sale::SaleKey,
    stripe::{
        announced::{Missing, RefundFromEvent},
        classify,
        meaning::Meaning,
        object::Event,
    },
};

/// The kind of the record of how far a reconciliation came.
pub const KIND: &str = "RECONCILE";

/// How long Stripe lists an event, in days (docs.stripe.com/api/events).
pub const MOST_DAYS: u16 = 30;

/// How far the daily reconciliation looks back at every event, in days: each is looked at twice.
pub const DAILY_DAYS: u16 = 2;

/// One look at Stripe's list of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// The oldest events that are listed, in seconds.
    pub since: i64,
    /// The newest, in seconds.
    pub until: i64,
    /// Whether only those are listed whose delivery failed.
    pub undelivered: bool,
}

/// A reconciliation, and how far it came; once it is done, what the next one has to know of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciliation {
    /// The looks that are not done; the last is under way.
    looks: Vec<Look>,
    /// The event after which it goes on.
    after: Option<String>,
    /// Events that were listed.
    pub listed: u64,
    /// Events among them that were missing.
    pub missing: u64,
    /// Since when every event is to be received here, in seconds: what was sold earlier was invoiced elsewhere.
    ours_since: i64,
    /// What is left of the look at the subscriptions themselves, once the events are done.
    #[serde(default)]
    walk: Option<Walk>,
    /// Subscriptions that were not as Stripe has them, and are looked at again.
    #[serde(default)]
    pub mended: u64,
    /// How often it was remembered, the ones before it included: two runs at once see that there are two.
    #[serde(default)]
    turn: u64,
}

/// A walk through Stripe's list of subscriptions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Walk {
    /// The subscription after which it goes on.
    after: Option<String>,
}

impl Reconciliation {
    /// The daily reconciliation: first of what Stripe could not deliver, as long as it lists it, then of everything of the
    /// last [`DAILY_DAYS`]; after the `last`, if there was one. The first one looks at nothing from before the books were `begun`,
    /// with the first sale that arrived here.
    pub fn daily(now: Timestamp, last: Option<&Self>, begun: Option<Timestamp>) -> Self {
        let ours_since = last.map_or(begun.unwrap_or(now).as_second(), |last| last.ours_since);
        Self::looking(now, MOST_DAYS, DAILY_DAYS, ours_since).after(last)
    }

    /// The reconciliation of the last `days` that a person asks for, who knows that all of them are to be received here.
    pub fn of_days(now: Timestamp, days: u16, last: Option<&Self>) -> Self {
        let since = ago(now, days);
        Self::looking(now, days, days, last.map_or(since, |last| last.ours_since.min(since))).after(last)
    }

    fn after(mut self, last: Option<&Self>) -> Self {
        self.turn = last.map_or(0, |last| last.turn);
        self
    }

    /// How often it was remembered.
    pub fn turn(&self) -> u64 {
        self.turn
    }

    /// What is remembered next: the same, a turn later.
    #[must_use]
    pub fn turned(&self) -> Self {
        Self { turn: self.turn.saturating_add(1), ..self.clone() }
    }

    fn looking(now: Timestamp, undelivered: u16, all: u16, ours_since: i64) -> Self {
        let until = now.as_second();
        let look = |days, undelivered| Look { since: ago(now, days).max(ours_since), until, undelivered };
        let looks = vec![look(all, false), look(undelivered, true)];
        let walk = Some(Walk::default());
        Self { looks, after: None, listed: 0, missing: 0, ours_since, walk, mended: 0, turn: 0 }
    }

    /// Takes note of what another run found missing on a page that this one has seen, and of what it mended.
    pub fn also_missing(&mut self, missing: usize, mended: u64) {
        self.mended = self.mended.saturating_add(mended);
        self.missing = self.missing.saturating_add(u64::try_from(missing).unwrap_or(u64::MAX));
    }

    /// Ends the look at events before it is done.
    pub fn give_up(&mut self) {
        self.looks.clear();
    }

    /// Ends the walk through the subscriptions before it is done, or where no plan is sold.
    pub fn give_up_walk(&mut self) {
        self.walk = None;
    }

    /// Whether nothing is left to be compared.
    pub fn is_done(&self) -> bool {
        self.looks.is_empty() && self.walk.is_none()
    }

    /// The subscription after which the walk goes on, once the events are done; `None` if it is over.
    pub fn walk(&self) -> Option<Option<&str>> {
        self.walk.as_ref().filter(|_| self.looks.is_empty()).map(|walk| walk.after.as_deref())
    }

    /// Takes note of a page of subscriptions: how many of them were not as Stripe has them, the last one, and whether another page
    /// follows.
    pub fn walked(&mut self, mended: u64, last: Option<String>, more: bool) {
        self.mended = self.mended.saturating_add(mended);
        self.walk = last.filter(|_| more).map(|last| Walk { after: Some(last) });
    }

    /// What to list next, and after which event; `None` if no event is left.
    pub fn next(&self) -> Option<(&Look, Option<&str>)> {
        self.looks.last().map(|look| (look, self.after.as_deref()))
    }

    /// Takes note of a page: how many events it had, how many of them were missing, its last one, and whether another page
    /// follows.
    pub fn listed(&mut self, count: usize, missing: usize, last: Option<String>, more: bool) {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        self.listed = self.listed.saturating_add(number(count));
        self.missing = self.missing.saturating_add(number(missing));
        self.after = last.filter(|_| more);
        if self.after.is_none() {
            self.looks.pop();
        }
    }
}

fn ago(now: Timestamp, days: u16) -> i64 {
    let ago = SignedDuration::from_hours(24 * i64::from(days.clamp(1, MOST_DAYS)));
    now.saturating_sub(ago).unwrap_or(Timestamp::MIN).as_second()
}

/// A record that an event leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Its kind.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
}

/// Finds records, and remembers how far a reconciliation came.
pub trait ReconciliationLog: Send + Sync {
    /// Whether this record is there.
    fn stands(&self, trace: &Trace) -> impl Future<Output = Result<bool, ServiceError>> + Send;

    /// The last reconciliation.
    fn last(&self) -> impl Future<Output = Result<Option<Reconciliation>, ServiceError>> + Send;

    /// When the books were begun, with the first document; `None` before it.
    fn begun(&self) -> impl Future<Output = Result<Option<Timestamp>, ServiceError>> + Send;

    /// Remembers how far it came, as open work until it is done, unless another run remembered something since this one was
    /// read; returns it as it stands now, or `None` then.
    fn remember(
        &self,
        reconciliation: &Reconciliation,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Reconciliation>, ServiceError>> + Send;
}

/// Whether a listed event was never received: it should have left a record, and there is none. What is parked, or was dealt
/// with, has its record and is left alone.
///
/// # Errors
/// When the log does not answer.
pub async fn is_missing(event: &Event<'_>, livemode: bool, log: &impl ReconciliationLog) -> Result<bool, ServiceError> {
    for group in traces(event, livemode) {
        let mut stands = false;
        for trace in &group {
            stands = stands || log.stands(trace).await?;
        }
        if !stands {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The records that a received event leaves: at least one of each group. None for an event that leaves none, or of which
/// other events tell as well.
fn traces(event: &Event<'_>, livemode: bool) -> Vec<Vec<Trace>> {
    let trace = |kind, id: &str| Trace { kind, id: id.to_owned() };
    // In this order: what is announced is recorded first, and then announced no more. Looked for the other way round, an event that is
    // completed between the two looks would seem to have left nothing.
    let with = |then: Vec<Trace>| {
        let announced = trace(announced::KIND, &event.id);
        [announced].into_iter().chain(then).chain([trace("EVENT", &event.id)]).collect::<Vec<_>>()
    };
    let sale = |SaleKey(sale): &SaleKey| trace("PAYMENT", sale);
    let refund = |RefundFromEvent { key: RefundKey(key), .. }: &RefundFromEvent| {
        with(vec![trace("REFUND", key), trace("EVENT", key)])
    };
    match classify::classify(event, livemode) {
        // Its invoice is the sale, and `invoice.paid` tells of it.
        Meaning::Sale(told) if matches!(told.missing, Missing::SessionLines { may_have_invoice: true, .. }) => {
            Vec::new()
        }
        Meaning::Sale(told) => vec![with(vec![sale(&told.sale.key)])],
        Meaning::Captured(intent) => vec![with(vec![trace("INTENT", &intent.id)])],
        Meaning::Refunds(told) => told.iter().map(refund).collect(),
        Meaning::ForTheOwner(_) | Meaning::Unreadable(_) => vec![with(Vec::new())],
        // `refund.created` tells of each refund; of others' sales the owner is told once a month.
        Meaning::RefundsOf { .. } | Meaning::NotOurs(_) | Meaning::Nothing(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        announced::AnnouncedEvents,
        memory::{InMemoryStore, at_once},
        outcome::Reason,
        payment::PaymentLog,
        testing::sale,
    };

    const NOW: Timestamp = Timestamp::constant(1_795_257_600, 0);
    const DAY: i64 = 24 * 3600;

    #[test]
    fn it_looks_at_what_failed_first_and_goes_on_where_it_was() {
        let since = |reconciliation: &Reconciliation| {
            let (look, after) = reconciliation.next().unwrap();
            assert_eq!(look.until, NOW.as_second());
            ((NOW.as_second() - look.since) / DAY, look.undelivered, after.map(str::to_owned))
        };
        let began = Reconciliation::daily(NOW - SignedDuration::from_hours(24 * 90), None, None);
        let mut under_way = Reconciliation::daily(NOW, Some(&began), None);
        assert_eq!(since(&under_way), (30, true, None));
        under_way.listed(100, 3, Some("evt_100".into()), true);
        assert_eq!(since(&under_way), (30, true, Some("evt_100".into())));
        under_way.listed(7, 0, Some("evt_107".into()), false);
        assert_eq!(since(&under_way), (2, false, None));
        let stored = serde_json::to_string(&under_way).unwrap();
        assert_eq!(serde_json::from_str::<Reconciliation>(&stored).unwrap(), under_way);
        under_way.listed(0, 0, None, true);
        assert_eq!((under_way.next(), under_way.listed, under_way.missing), (None, 107, 3));
        for (days, looked) in [(0, 1), (7, 7), (400, 30)] {
            let mut asked = Reconciliation::of_days(NOW, days, None);
            assert_eq!(since(&asked), (looked, true, None), "as Stripe keeps events");
            asked.give_up();
            assert_eq!(asked.next(), None);
            assert!(!asked.is_done() && asked.walk() == Some(None), "the subscriptions follow");
            asked.walked(2, Some("sub_1".into()), true);
            assert_eq!(asked.walk(), Some(Some("sub_1")));
            asked.walked(1, None, false);
            assert!(asked.is_done() && asked.mended == 3);
        }
    }

    #[test]
    fn nothing_is_taken_for_missing_that_was_sold_before_this_system_or_a_person_says_so() {
        let oldest = |reconciliation: &Reconciliation| {
            reconciliation.looks.iter().map(|look| (NOW.as_second() - look.since) / DAY).max()
        };
        let first = Reconciliation::daily(NOW, None, None);
        assert_eq!(oldest(&first), Some(0), "the first one begins with its own day");
        let begun = |days: i64| Some(NOW - SignedDuration::from_hours(24 * days));
        assert_eq!(oldest(&Reconciliation::daily(NOW, None, begun(9))), Some(9), "or where the books were begun");
        assert_eq!(oldest(&Reconciliation::daily(NOW, None, begun(400))), Some(30));
        let yesterday = Reconciliation::daily(NOW - SignedDuration::from_hours(24), None, None);
        assert_eq!(oldest(&Reconciliation::daily(NOW, Some(&yesterday), None)), Some(1));
        let asked = Reconciliation::of_days(NOW, 9, Some(&yesterday));
        assert_eq!(oldest(&asked), Some(9));
        assert_eq!(oldest(&Reconciliation::daily(NOW, Some(&asked), None)), Some(9), "they are known to be ours");
    }

    #[test]
    fn of_two_runs_at_once_one_is_remembered() {
        let books = InMemoryStore::default();
        assert_eq!(at_once(books.begun()).unwrap(), None);
        let first = Reconciliation::daily(NOW, None, None);
        let mut one = at_once(books.remember(&first, NOW)).unwrap().unwrap();
        assert_eq!(at_once(books.remember(&first, NOW)).unwrap(), None, "somebody else began");
        let mut other = at_once(books.last()).unwrap().unwrap();
        one.listed(100, 1, Some("evt_100".into()), true);
        let one = at_once(books.remember(&one, NOW)).unwrap().unwrap();
        other.listed(100, 0, None, false);
        assert_eq!(at_once(books.remember(&other, NOW)).unwrap(), None, "it would skip what the first one does");
        assert_eq!(at_once(books.last()).unwrap(), Some(one));
    }

    #[test]
    fn only_what_should_have_left_a_record_and_has_not_is_missing() {
        let books = InMemoryStore::default();
        let missing = |kind: &str, object: &str| {
            let body = format!(r#"{{"id":"evt_1","type":"{kind}","created":1795257000,"data":{{"object":{object}}}}}"#);
            at_once(is_missing(&classify::read(body.as_bytes()).unwrap(), false, &books)).unwrap()
        };
        let sold = sale();
        let session = format!(r#"{{"id":"{}","payment_status":"paid","amount_total":4900}}"#, sold.key);
        let refund = r#"{"id":"re_1","amount":1,"currency":"eur","status":"succeeded","payment_intent":"pi_1"}"#;
        let (done, gone) = ("checkout.session.completed", "refund.created");
        for (kind, object) in [
            ("customer.created", "{}"),
            (done, r#"{"id":"cs_2","payment_status":"unpaid"}"#),
            ("charge.refunded", r#"{"id":"ch_1"}"#),
            (done, r#"{"id":"cs_3","payment_status":"paid","amount_total":1,"invoice_creation":{"enabled":true}}"#),
            (gone, r#"{"id":"re_1","amount":1,"currency":"eur","status":"pending","payment_intent":"pi_1"}"#),
        ] {
            assert!(!missing(kind, object), "{kind} {object}");
        }
        for (kind, object) in
            [(done, session.as_str()), (gone, refund), (done, "7"), ("charge.dispute.closed", r#"{"status":"lost"}"#)]
        {
            assert!(missing(kind, object), "{kind} {object}");
        }
        at_once(books.record(&sold, NOW)).unwrap();
        assert!(!missing(done, &session), "by whichever event it was recorded");
        at_once(books.park_event("re_1", "{}", &Reason::new("sale_unknown", "a stranger's"), NOW)).unwrap();
        assert!(!missing(gone, refund), "what is parked is not found anew");
        at_once(books.announce("evt_1", "{}", NOW)).unwrap();
        assert!(!missing(done, "7"), "it is on its way");
    }
}
