//! Works on an unpaid invoice that an event woke: round after round, each decided on what Stripe says at that moment.
//!
//! Every step may be repeated, and every call may fail: what was claimed is asked for again with the same key, and what was
//! written is never decided twice.

use std::collections::BTreeSet;

use comptoir::{
    app::AppMessage,
    clock::Clock,
    outcome::{Outcome, Reason, ServiceError},
};
use jiff::{SignedDuration, Timestamp};

use super::{
    debt::{Charged, Collecting, Debt, Method},
    decide::{self, Step},
    letter::{self, Unwritten, Writer},
    record::{Attempt, By, Fate, Recovery, State},
    store::{Change, RecoveryStore, StoredRecovery, Then},
    told,
};
use crate::{
    access,
    catalogue::Catalogue,
    store::Committed,
    stored::{Plans, judging},
};

/// The most rounds of one invocation: one a method, one after it, and some for others who write at the same time.
const ROUNDS: u32 = 32;

/// Charges without an answer, one after the other, before the rest is left to a later invocation.
const MOST_SILENCES: u32 = 2;

/// How long until a charge that a bank is at is looked at again, if no event says anything.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_hours(24);

/// What an invoice is worked on with.
#[derive(Debug, Clone, Copy)]
pub struct Tools<'a, S, B, C, P = Catalogue> {
    /// The records.
    pub store: &'a S,
    /// Stripe.
    pub billing: &'a B,
    /// What is sold.
    pub catalogue: &'a P,
    /// Who writes to customers.
    pub writer: Writer<'a>,
    /// The clock.
    pub clock: &'a C,
    /// No charge is begun after this.
    pub until: Timestamp,
}

/// Why the rounds ended.
enum Stop {
    Settled(Outcome),
    /// It was parked already.
    Parked(Reason),
    Conflict,
}

impl From<ServiceError> for Stop {
    fn from(error: ServiceError) -> Self {
        Self::Settled(error.into())
    }
}

/// What one invocation knows beside the record.
#[derive(Default)]
struct Known {
    methods: Option<Vec<Method>>,
    /// The wakes that were known when the methods were listed.
    listed: u64,
    never: Option<BTreeSet<String>>,
    silences: u32,
}

/// Works on `id`: an invoice, or a customer with a new method, whose open invoices are woken.
pub async fn recover<S: RecoveryStore, B: Collecting, C: Clock, P: Plans>(
    id: &str,
    tools: &Tools<'_, S, B, C, P>,
) -> Outcome {
    let mut known = Known::default();
    for attempt in 0..ROUNDS {
        let round =
            if id.starts_with("cus_") { debtor(id, tools).await } else { Box::pin(round(id, tools, &mut known)).await };
        match round {
            Ok(false) => {}
            Ok(true) => return Outcome::Done,
            Err(Stop::Settled(Outcome::Reject(reason))) => return parked(id, tools, reason).await,
            Err(Stop::Parked(reason)) => return Outcome::Reject(reason),
            Err(Stop::Settled(outcome)) => return outcome,
            Err(Stop::Conflict) => tools.store.breathe(attempt).await,
        }
    }
    Outcome::Retry(Reason::new("recovery_contended", "others wrote at the same time, each time it was tried"))
}

/// Wakes the open invoices of a customer that are known here: a method came that may pay them.
async fn debtor<S: RecoveryStore, B: Collecting, C: Clock, P: Plans>(
    customer: &str,
    tools: &Tools<'_, S, B, C, P>,
) -> Result<bool, Stop> {
    let now = tools.clock.now();
    let Some(read) = tools.store.recovery(customer).await? else { return Ok(true) };
    if !read.is_due(now) {
        return Ok(true);
    }
    for invoice in tools.billing.open_debts(customer).await? {
        tools.store.wake_recovery(&invoice, true, now).await?;
    }
    match tools.store.close_debtor(customer, &read).await? {
        Committed::Done => Ok(true),
        Committed::Conflict => Err(Stop::Conflict),
    }
}

/// Parks an invoice with its reason.
async fn parked<S: RecoveryStore, B: Collecting, C: Clock, P: Plans>(
    id: &str,
    tools: &Tools<'_, S, B, C, P>,
    reason: Reason,
) -> Outcome {
    let now = tools.clock.now();
    let result = match tools.store.recovery(id).await {
        Ok(Some(read)) => {
            let recovery = &read.recovery;
            let change = Change {
                invoice: id,
                read: &read,
                recovery,
                then: Then::Park(&reason),
                mail: None,
                tells: None,
                never: Vec::new(),
            };
            tools.store.change(&change, now).await
        }
        Ok(None) => return Outcome::Reject(reason),
        Err(error) => Err(error),
    };
    match result {
        Ok(Committed::Done) => Outcome::Reject(reason),
        Ok(Committed::Conflict) => {
            Outcome::Retry(Reason::new("recovery_contended", "it changed while it was to be parked"))
        }
        Err(error) => Outcome::Retry(error.reason()),
    }
}

/// One round; whether it was the last.
async fn round<S: RecoveryStore, B: Collecting, C: Clock, P: Plans>(
    invoice: &str,
    tools: &Tools<'_, S, B, C, P>,
    known: &mut Known,
) -> Result<bool, Stop> {
    let now = tools.clock.now();
    let Some(read) = tools.store.recovery(invoice).await? else { return Ok(true) };
    if !read.is_due(now) {
        return Ok(true);
    }
    let writing = Writing { invoice, read: &read, store: tools.store, now };
    let mut recovery = read.recovery.clone();
    let Some(debt) = tools.billing.debt(invoice).await? else {
        if read.version == 0 {
            recovery.state = State::Closed;
            return writing.last(&recovery, Then::Rest).await;
        }
        let text = "Stripe does not know this invoice any more; check that the API key is of the account that sells it";
        return Err(Stop::Settled(Outcome::Reject(Reason::new("invoice_unknown", text))));
    };
    // The last look before any charge: what this code was not asked to collect is left alone.
    let sold = match debt.subscription() {
        Some(subscription) => access::is_sold(subscription, &*judging(subscription, tools.catalogue).await?),
        None => false,
    };
    if !sold {
        recovery.state = State::Closed;
        return writing.last(&recovery, Then::Rest).await;
    }
    let customer = debt.debtor().map(|debtor| debtor.id.clone());
    recovery.customer.clone_from(&customer);
    let never = match (&known.never, &customer) {
        (Some(never), _) => never.clone(),
        (None, Some(customer)) => known.never.insert(tools.store.never(customer).await?).clone(),
        (None, None) => BTreeSet::new(),
    };
    let mut next = decide::next(&recovery, &debt, known.methods.as_deref(), &never, now);
    if next == Step::List && read.recovery.customer.is_none() {
        // Before the list: a method that comes after it wakes the customer's item, which is there from this write on.
        recovery.state = State::Trying;
        return writing.goes_on(&recovery).await;
    }
    // Nothing is left of a list that is older than an event, which may have been a method's.
    let old = known.methods.is_some() && known.listed != read.wakes && matches!(next, Step::Tell(_) | Step::Left(_));
    if next == Step::List || old {
        let methods = tools.billing.methods(&customer.unwrap_or_default()).await?;
        recovery.note(&debt, &methods, now);
        next = decide::next(&recovery, &debt, Some(&methods), &never, now);
        (known.methods, known.listed) = (Some(methods), read.wakes);
    }
    match next {
        Step::Over(state) => {
            recovery.settle(if state == State::Paid { Fate::Paid } else { Fate::Skipped("over".to_owned()) });
            recovery.state = state;
            let tells = recovered(&writing, &debt, &recovery);
            writing.write(&recovery, Then::Rest, None, tells.as_ref()).await.map(|()| true)
        }
        Step::Wait => {
            recovery.settle(Fate::Processing);
            recovery.state = State::Processing;
            writing.last(&recovery, Then::Until(now.saturating_add(LOOK_AGAIN).unwrap_or(Timestamp::MAX))).await
        }
        Step::Seen(fate) => {
            recovery.settle(fate);
            recovery.state = State::Trying;
            writing.goes_on(&recovery).await
        }
        Step::Again { instrument, method } => {
            charge(&writing, recovery, (&debt, &instrument, &method), tools, known).await
        }
        Step::Try(method) => {
            if now >= tools.until {
                let text = "other methods are tried by the next invocation";
                return Err(Stop::Settled(Outcome::Retry(Reason::new("recovery_goes_on", text))));
            }
            recovery.attempts.push(Attempt {
                instrument: method.instrument().to_owned(),
                method: method.id.clone(),
                by: By::Us,
                at: now,
                fate: Fate::Claimed,
            });
            recovery.state = State::Trying;
            writing.goes_on(&recovery).await?;
            let claimed =
                StoredRecovery { version: read.version.saturating_add(1), recovery: recovery.clone(), ..read.clone() };
            let writing = Writing { read: &claimed, ..writing };
            charge(&writing, recovery, (&debt, method.instrument(), &method.id), tools, known).await
        }
        Step::Lost => tell(&writing, recovery, (&debt, State::Unknown), tools, known).await,
        Step::Tell(state) => tell(&writing, recovery, (&debt, state), tools, known).await,
        Step::Left(state) => {
            recovery.state = state;
            writing.last(&recovery, Then::Rest).await
        }
        Step::Rest | Step::List => writing.last(&recovery, Then::Rest).await,
    }
}

/// Charges what was claimed, and writes what became of it.
async fn charge<S: RecoveryStore, B: Collecting, C: Clock, P: Plans>(
    writing: &Writing<'_, S>,
    mut recovery: Recovery,
    (debt, instrument, method): (&Debt, &str, &str),
    tools: &Tools<'_, S, B, C, P>,
    known: &mut Known,
) -> Result<bool, Stop> {
    let fate = match tools.billing.charge(writing.invoice, instrument, method).await? {
        Charged::Paid => Fate::Paid,
        Charged::Open => Fate::Processing,
        Charged::Declined(decline) if decline.code == "invoice_payment_intent_requires_action" => Fate::ActionRequired,
        Charged::Declined(decline) => Fate::Declined(decline),
        Charged::Refused(status) => Fate::Skipped(format!("refused_{status}")),
        // The invoice was fetched a moment ago, and shows nothing.
        Charged::FailureKept => {
            let Some(debt) = tools.billing.debt(writing.invoice).await? else { return Ok(false) };
            return match decide::next(&recovery, &debt, None, &BTreeSet::new(), writing.now) {
                Step::Again { .. } => tell(writing, recovery, (&debt, State::Unknown), tools, known).await,
                _ => Ok(false),
            };
        }
        Charged::Unknown(why) => {
            known.silences += 1;
            if known.silences > MOST_SILENCES {
                return Err(Stop::Settled(Outcome::Retry(Reason::new("charge_unanswered", why))));
            }
            tools.store.breathe(known.silences).await;
            return Ok(false);
        }
    };
    known.silences = 0;
    if fate == Fate::Paid {
        recovery.settle(fate);
        recovery.state = State::Paid;
        let tells = recovered(writing, debt, &recovery);
        return writing.write(&recovery, Then::Rest, None, tells.as_ref()).await.map(|()| true);
    }
    recovery.settle(fate);
    writing.goes_on(&recovery).await
}

/// Writes the state in which nothing more is tried, with the one mail to the customer.
async fn tell<S: RecoveryStore, B: Collecting, C: Clock, P: Plans>(
    writing: &Writing<'_, S>,
    mut recovery: Recovery,
    (debt, state): (&Debt, State),
    tools: &Tools<'_, S, B, C, P>,
    known: &mut Known,
) -> Result<bool, Stop> {
    let Some(debtor) = debt.debtor() else { return Err(Stop::Conflict) };
    let first = recovery.told_at.is_none();
    let methods = match known.methods.take() {
        Some(methods) => methods,
        None => tools.billing.methods(&debtor.id).await?,
    };
    let never = known.never.clone().unwrap_or_default();
    // Our own failures are events as well: without this, each of them would go on where the limit ended the walk.
    for method in &methods {
        if decide::is_left(&recovery, method, &never, writing.now) {
            recovery.leave_out(method, writing.now);
        }
    }
    // The customer pays or confirms on the same page; which words fit is known from the other attempts.
    let words = if recovery.asks_for_customer() { State::NeedsCustomer } else { State::Exhausted };
    let mail = letter::letter(debt, debtor, words, tools.writer, writing.now).map_err(unwritten);
    let mail = if first { Some(mail?) } else { None };
    recovery.state = state;
    recovery.told_at = recovery.told_at.or(Some(writing.now));
    let reason = Reason::new(
        "charge_unknown",
        format!(
            "nobody knows whether {} was charged for {}: look at the invoice in Stripe's dashboard, charge it there if it is \
             open and due, then replay",
            recovery.unsettled().map(|attempt| attempt.method.clone()).unwrap_or_default(),
            writing.invoice
        ),
    );
    if state != State::Unknown {
        // Once: the message has the same id each time.
        let failed = !matches!(writing.read.recovery.state, State::Exhausted | State::NeedsCustomer);
        let failed = failed.then(|| told::of_payment(false, writing.invoice, (debt, &recovery), writing.now));
        writing.write(&recovery, Then::Rest, mail.as_ref(), failed.as_ref()).await?;
        return Ok(true);
    }
    recovery.settle(Fate::Unknown);
    writing.write(&recovery, Then::Park(&reason), mail.as_ref(), None).await?;
    Err(Stop::Parked(reason))
}

/// What the seller's app is told of an invoice that is paid now, after a charge had failed.
fn recovered<S>(writing: &Writing<'_, S>, debt: &Debt, recovery: &Recovery) -> Option<AppMessage> {
    let paid_now = recovery.state == State::Paid && writing.read.recovery.state != State::Paid;
    let had_failed = recovery.told_at.is_some() || recovery.charges() > 0;
    (paid_now && had_failed).then(|| told::of_payment(true, writing.invoice, (debt, recovery), writing.now))
}

fn unwritten(why: Unwritten) -> Stop {
    Stop::Settled(Outcome::Reject(unwritable(why)))
}

/// What a person has to do about a mail that cannot be written.
pub fn unwritable(why: Unwritten) -> Reason {
    match why {
        Unwritten::Link => Reason::new(
            "invoice_link_foreign",
            "the invoice has no page at stripe.com to send its customer to; finalise it in Stripe's dashboard, then replay",
        ),
        Unwritten::Amount => Reason::new("invoice_amount", "the amount of the invoice cannot be written; see Stripe"),
    }
}

/// Writes an invoice's record on what was read.
struct Writing<'a, S> {
    invoice: &'a str,
    read: &'a StoredRecovery,
    store: &'a S,
    now: Timestamp,
}

impl<S: RecoveryStore> Writing<'_, S> {
    async fn write(
        &self,
        recovery: &Recovery,
        then: Then<'_>,
        mail: Option<&comptoir::mail::Mail>,
        tells: Option<&AppMessage>,
    ) -> Result<(), Stop> {
        let never =
            recovery.never_again().filter(|found| !self.read.recovery.never_again().any(|known| known == *found));
        let never = never.collect();
        let change = Change { invoice: self.invoice, read: self.read, recovery, then, mail, tells, never };
        match self.store.change(&change, self.now).await? {
            Committed::Done => Ok(()),
            Committed::Conflict => Err(Stop::Conflict),
        }
    }

    async fn goes_on(&self, recovery: &Recovery) -> Result<bool, Stop> {
        self.write(recovery, Then::GoOn, None, None).await.map(|()| false)
    }

    async fn last(&self, recovery: &Recovery, then: Then<'_>) -> Result<bool, Stop> {
        self.write(recovery, then, None, None).await.map(|()| true)
    }
}
