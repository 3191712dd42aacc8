//! The stores and a small Stripe in memory, with the guarantees of the real ones: conditional writes hold, and any call can
//! be made to fail before or after it takes effect. For tests; no function links this.

pub mod joins;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use comptoir::{
    mail::Mail,
    memory::{FaultPlan, locked, pass_the_turn},
    outcome::{Reason, ServiceError},
};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    catalogue::{Catalogue, PlansDocument},
    person::{Person, PersonId},
    recovery::store::{Change, RecoveryStore, StoredRecovery, Then},
    store::{
        AccessStore, Adopted, Begun, Committed, Grant, GrantResult, IN_FLIGHT_SECONDS, PersonVersion, RequestStore,
        StoredPerson, StoredSubscription, UseResult, Wakes,
    },
    stripe::{Billing, CheckoutPage, Expired, Invoice, NewCheckout, Subscription},
    tokens::Use,
};

const WHAT: &str = "the access table";

/// Looks at Stripe that other workers may take between one worker's look and what it does then.
const MEANWHILE: u64 = 25;

/// Plans for tests: solo and studio, and essai with a trial.
pub fn catalogue() -> Catalogue {
    let text = "[site]\norigins = [\"https://example.org\"]\n\
        [[plan]]\nkey = \"solo\"\nname = \"Solo\"\nprices = [\"price_solo\"]\nfeatures = [\"courses\"]\ntokens_per_period = 10\n\
        [[plan]]\nkey = \"studio\"\nname = \"Studio\"\nprices = [\"price_studio\"]\ntokens_per_period = 100\nrollover_cap = 50\n\
        [[plan]]\nkey = \"essai\"\nname = \"Essai\"\nprices = [\"price_essai\"]\ntokens_per_period = 20\ntrial_days = 14\n";
    let document = PlansDocument::from_toml(text).and_then(|document| Catalogue::of(&document));
    document.unwrap_or_default()
}

fn read<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> T {
    #[expect(clippy::expect_used, reason = "sample data of tests")]
    serde_json::from_value(value).expect("a sample has Stripe's shape")
}

/// A subscription of one item, with its customer.
pub fn subscription(id: &str, customer: &str, email: &str, status: &str, price: &str) -> Subscription {
    read(json!({
        "id": id, "status": status, "created": 1_795_257_000,
        "customer": {"id": customer, "email": email},
        "items": {"data": [{
            "price": {"id": price}, "quantity": 1,
            "current_period_start": 1_795_257_000, "current_period_end": 1_797_849_000,
        }]},
        "trial_end": null, "ended_at": null,
    }))
}

/// A paid invoice of one line.
pub fn invoice(id: &str, reason: &str, price: &str) -> Invoice {
    read(json!({
        "id": id, "status": "paid", "billing_reason": reason,
        "lines": {"data": [{
            "quantity": 1, "period": {"start": 1_795_257_000, "end": 1_797_849_000},
            "pricing": {"price_details": {"price": price}},
        }]},
    }))
}

/// A condition that a store forgets. Tests of any order of calls must notice each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// Work is closed though something woke it since it was read.
    CloseIgnoresWakes,
    /// A person is written though somebody else has written them since.
    AdoptIgnoresVersion,
    /// Access ends, and its tokens stay.
    EndKeepsTokens,
    /// An invoice brings its tokens each time.
    GrantRepeats,
    /// Tokens are granted to access that has ended since it was read.
    GrantIgnoresVersion,
    /// Tokens are granted or used on a balance that has changed since it was read.
    BalanceIgnored,
    /// The same use is another use each time.
    UseRepeats,
}

/// The access table in memory.
#[derive(Debug, Default)]
pub struct InMemoryAccess {
    rows: Mutex<Rows>,
    /// What it forgets.
    pub mistake: Option<Mistake>,
    /// Which call fails.
    pub faults: FaultPlan,
}

#[derive(Debug, Default)]
struct Rows {
    joins: BTreeMap<String, joins::Wish>,
    people: BTreeMap<String, StoredPerson>,
    customers: BTreeMap<String, PersonId>,
    subscriptions: BTreeMap<String, StoredSubscription>,
    open: BTreeSet<String>,
    parked: BTreeMap<String, Reason>,
    grants: BTreeSet<String>,
    uses: BTreeMap<(String, String), Use>,
    spent: Vec<u64>,
    brought: usize,
    requests: BTreeMap<String, Request>,
    recoveries: BTreeMap<String, StoredRecovery>,
    never: BTreeMap<String, BTreeSet<String>>,
    mails: Vec<Mail>,
}

#[derive(Debug)]
struct Request {
    digest: String,
    since: Timestamp,
    answer: Option<(String, String)>,
}

impl InMemoryAccess {
    /// With a call that fails.
    pub fn under(faults: FaultPlan) -> Self {
        Self { faults, ..Self::default() }
    }

    /// Subscriptions whose work is open.
    pub fn open(&self) -> Vec<String> {
        locked(&self.rows).open.iter().cloned().collect()
    }

    /// Why a subscription is parked.
    pub fn parked(&self, subscription: &str) -> Option<Reason> {
        locked(&self.rows).parked.get(subscription).cloned()
    }

    /// Invoices that brought tokens, and how often any did.
    pub fn granted(&self) -> (usize, usize) {
        let rows = locked(&self.rows);
        (rows.grants.len(), rows.brought)
    }

    /// Ids under which tokens were used, and what each use took.
    pub fn used(&self) -> (usize, Vec<u64>) {
        let rows = locked(&self.rows);
        (rows.uses.len(), rows.spent.clone())
    }

    fn forgets(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    /// Somebody, without a call.
    pub fn somebody(&self, email: &str) -> Option<StoredPerson> {
        let id = PersonId::of(email)?;
        locked(&self.rows).people.get(id.as_str()).cloned()
    }
}

impl InMemoryAccess {
    /// What became of an unpaid invoice.
    pub fn recovery_of(&self, invoice: &str) -> Option<StoredRecovery> {
        locked(&self.rows).recoveries.get(invoice).cloned()
    }

    /// The unpaid invoices, and customers of such, whose work is due.
    pub fn due(&self, now: Timestamp) -> Vec<String> {
        let rows = locked(&self.rows);
        let due = rows.recoveries.iter().filter(|(_, stored)| stored.open_since.is_some() && stored.is_due(now));
        due.map(|(id, _)| id.clone()).collect()
    }

    /// The mails that were queued, each once.
    pub fn mails(&self) -> Vec<Mail> {
        locked(&self.rows).mails.clone()
    }
}

fn wake(rows: &mut Rows, subscription: &str) {
    rows.subscriptions.entry(subscription.to_owned()).or_default().wakes += 1;
    rows.open.insert(subscription.to_owned());
}

/// Whether `version` stands; then writes.
fn save(rows: &mut Rows, id: &PersonId, person: &Person, version: PersonVersion) -> bool {
    let standing = rows.people.get(id.as_str());
    if standing.map_or(0, |standing| standing.version) != version {
        return false;
    }
    let tokens = standing.map_or(0, |standing| standing.tokens);
    if let Some(customer) = &person.customer {
        rows.customers.insert(customer.clone(), id.clone());
    }
    rows.people.insert(id.as_str().to_owned(), StoredPerson { person: person.clone(), tokens, version: version + 1 });
    true
}

impl Wakes for InMemoryAccess {
    async fn wake(&self, subscription: &str, _now: Timestamp) -> Result<(), ServiceError> {
        pass_the_turn().await;
        self.faults.call(WHAT, || {
            wake(&mut locked(&self.rows), subscription);
            Ok(())
        })
    }

    async fn wake_recovery(&self, id: &str, only_known: bool, now: Timestamp) -> Result<(), ServiceError> {
        self.faults.call(WHAT, || {
            let rows = &mut *locked(&self.rows);
            if !only_known || rows.recoveries.contains_key(id) {
                let stored = rows.recoveries.entry(id.to_owned()).or_default();
                stored.wakes += 1;
                stored.open_since = Some(now);
            }
            Ok(())
        })
    }
}

impl RecoveryStore for InMemoryAccess {
    async fn recovery(&self, id: &str) -> Result<Option<StoredRecovery>, ServiceError> {
        self.faults.call(WHAT, || Ok(locked(&self.rows).recoveries.get(id).cloned()))
    }

    async fn never(&self, customer: &str) -> Result<BTreeSet<String>, ServiceError> {
        self.faults.call(WHAT, || Ok(locked(&self.rows).never.get(customer).cloned().unwrap_or_default()))
    }

    async fn change(&self, change: &Change<'_>, _now: Timestamp) -> Result<Committed, ServiceError> {
        self.faults.call(WHAT, || {
            let rows = &mut *locked(&self.rows);
            let Some(stored) = rows.recoveries.get_mut(change.invoice) else { return Ok(Committed::Conflict) };
            let woken = stored.wakes != change.read.wakes;
            let stays = matches!(change.then, Then::GoOn | Then::Park(_));
            if stored.version != change.read.version || (woken && !stays) {
                return Ok(Committed::Conflict);
            }
            stored.version += 1;
            stored.recovery = change.recovery.clone();
            match &change.then {
                Then::GoOn => {}
                Then::Rest => (stored.seen, stored.open_since) = (stored.wakes, None),
                Then::Until(at) => (stored.seen, stored.open_since) = (stored.wakes, Some(*at)),
                Then::Park(reason) => {
                    stored.open_since = None;
                    rows.parked.insert(change.invoice.to_owned(), (*reason).clone());
                }
            }
            if let Some(customer) = &change.recovery.customer {
                if change.mail.is_some() || !change.never.is_empty() {
                    rows.recoveries.entry(customer.clone()).or_default();
                }
                let never = rows.never.entry(customer.clone()).or_default();
                never.extend(change.never.iter().map(|&instrument| instrument.to_owned()));
            }
            rows.mails.extend(change.mail.cloned());
            Ok(Committed::Done)
        })
    }

    async fn close_debtor(&self, customer: &str, read: &StoredRecovery) -> Result<Committed, ServiceError> {
        self.faults.call(WHAT, || {
            let rows = &mut *locked(&self.rows);
            let Some(stored) = rows.recoveries.get_mut(customer).filter(|stored| stored.wakes == read.wakes) else {
                return Ok(Committed::Conflict);
            };
            (stored.seen, stored.open_since) = (stored.wakes, None);
            Ok(Committed::Done)
        })
    }

    async fn breathe(&self, _attempt: u32) {}
}

impl AccessStore for InMemoryAccess {
    async fn person(&self, id: &PersonId) -> Result<Option<StoredPerson>, ServiceError> {
        pass_the_turn().await;
        self.faults.call(WHAT, || Ok(locked(&self.rows).people.get(id.as_str()).cloned()))
    }

    async fn customer(&self, customer: &str) -> Result<Option<PersonId>, ServiceError> {
        pass_the_turn().await;
        self.faults.call(WHAT, || Ok(locked(&self.rows).customers.get(customer).cloned()))
    }

    async fn save_person(
        &self,
        id: &PersonId,
        person: &Person,
        version: PersonVersion,
    ) -> Result<Committed, ServiceError> {
        pass_the_turn().await;
        self.faults.call(WHAT, || {
            let done = save(&mut locked(&self.rows), id, person, version);
            Ok(if done { Committed::Done } else { Committed::Conflict })
        })
    }

    async fn subscription(&self, id: &str) -> Result<Option<StoredSubscription>, ServiceError> {
        pass_the_turn().await;
        self.faults.call(WHAT, || Ok(locked(&self.rows).subscriptions.get(id).cloned()))
    }

    async fn adopt(&self, adopted: &Adopted<'_>, now: Timestamp) -> Result<Committed, ServiceError> {
        pass_the_turn().await;
        self.faults.call(WHAT, || {
            let rows = &mut *locked(&self.rows);
            let standing = rows.people.get(adopted.id.as_str()).map_or(0, |standing| standing.version);
            let version = if self.forgets(Mistake::AdoptIgnoresVersion) { standing } else { adopted.version };
            if !save(rows, adopted.id, adopted.person, version) {
                return Ok(Committed::Conflict);
            }
            if adopted.ends_tokens
                && !self.forgets(Mistake::EndKeepsTokens)
                && let Some(standing) = rows.people.get_mut(adopted.id.as_str())
            {
                standing.tokens = 0;
            }
            if let Some(stored) = rows.subscriptions.get_mut(adopted.subscription) {
                stored.person = Some(adopted.id.clone());
            }
            if adopted.joins {
                joins::wished(rows, adopted.id, now);
            }
            if let Some(other) = adopted.wakes_also {
                wake(rows, other);
            }
            Ok(Committed::Done)
        })
    }

    async fn close(&self, subscription: &str, wakes: u64) -> Result<Committed, ServiceError> {
        pass_the_turn().await;
        self.faults.call(WHAT, || {
            let rows = &mut *locked(&self.rows);
            let forgets = self.forgets(Mistake::CloseIgnoresWakes);
            let read = |stored: &&mut StoredSubscription| stored.wakes == wakes || forgets;
            let Some(stored) = rows.subscriptions.get_mut(subscription).filter(read) else {
                return Ok(Committed::Conflict);
            };
            stored.second_to = None;
            rows.open.remove(subscription);
            Ok(Committed::Done)
        })
    }

    async fn mark_second(&self, subscription: &str, first: &str) -> Result<(), ServiceError> {
        pass_the_turn().await;
        self.faults.call(WHAT, || {
            if let Some(stored) = locked(&self.rows).subscriptions.get_mut(subscription) {
                stored.second_to = Some(first.to_owned());
            }
            Ok(())
        })
    }

    async fn park(&self, subscription: &str, reason: &Reason, _now: Timestamp) -> Result<(), ServiceError> {
        pass_the_turn().await;
        self.faults.call(WHAT, || {
            let rows = &mut *locked(&self.rows);
            if let Some(stored) = rows.subscriptions.get_mut(subscription) {
                stored.second_to = None;
            }
            rows.open.remove(subscription);
            rows.parked.insert(subscription.to_owned(), reason.clone());
            Ok(())
        })
    }

    async fn grant(&self, grant: &Grant<'_>, _now: Timestamp) -> Result<GrantResult, ServiceError> {
        pass_the_turn().await;
        self.faults.call(WHAT, || {
            let rows = &mut *locked(&self.rows);
            if rows.grants.contains(grant.invoice) && !self.forgets(Mistake::GrantRepeats) {
                return Ok(GrantResult::Before);
            }
            let read = |standing: &&mut StoredPerson| {
                (standing.version == grant.version || self.forgets(Mistake::GrantIgnoresVersion))
                    && (standing.tokens == grant.before || self.forgets(Mistake::BalanceIgnored))
            };
            let Some(standing) = rows.people.get_mut(grant.id.as_str()).filter(read) else {
                return Ok(GrantResult::Conflict);
            };
            standing.tokens = grant.after;
            rows.grants.insert(grant.invoice.to_owned());
            rows.brought += 1;
            Ok(GrantResult::Done)
        })
    }

    async fn use_tokens(
        &self,
        id: &PersonId,
        request: &str,
        used: Use,
        _now: Timestamp,
    ) -> Result<UseResult, ServiceError> {
        pass_the_turn().await;
        self.faults.call(WHAT, || {
            let rows = &mut *locked(&self.rows);
            let key = (id.as_str().to_owned(), request.to_owned());
            if let Some(before) = rows.uses.get(&key).filter(|_| !self.forgets(Mistake::UseRepeats)) {
                return Ok(UseResult::Before(*before));
            }
            let Some(standing) = rows.people.get_mut(id.as_str()) else { return Ok(UseResult::Conflict) };
            if standing.tokens != used.left + used.amount && !self.forgets(Mistake::BalanceIgnored) {
                return Ok(UseResult::Conflict);
            }
            standing.tokens = used.left;
            rows.uses.insert(key, used);
            rows.spent.push(used.amount);
            Ok(UseResult::Done)
        })
    }

    async fn recorded_use(&self, id: &PersonId, request: &str) -> Result<Option<Use>, ServiceError> {
        pass_the_turn().await;
        let key = (id.as_str().to_owned(), request.to_owned());
        self.faults.call(WHAT, || Ok(locked(&self.rows).uses.get(&key).copied()))
    }

    async fn pause(&self, _attempt: u32) {}
}

impl RequestStore for InMemoryAccess {
    async fn begin(&self, key: &str, digest: &str, now: Timestamp) -> Result<Begun, ServiceError> {
        pass_the_turn().await;
        self.faults.call(WHAT, || {
            let rows = &mut *locked(&self.rows);
            let Some(request) = rows.requests.get_mut(key) else {
                rows.requests.insert(key.to_owned(), Request { digest: digest.to_owned(), since: now, answer: None });
                return Ok(Begun::Fresh);
            };
            Ok(match &request.answer {
                _ if request.digest != digest => Begun::Another,
                Some((session, url)) => Begun::Answered { session: session.clone(), url: url.clone() },
                None if now.duration_since(request.since).as_secs() < IN_FLIGHT_SECONDS => Begun::InFlight,
                None => {
                    request.since = now;
                    Begun::Fresh
                }
            })
        })
    }

    async fn answered(&self, key: &str, session: &str, url: &str) -> Result<(), ServiceError> {
        pass_the_turn().await;
        self.faults.call(WHAT, || {
            if let Some(request) = locked(&self.rows).requests.get_mut(key) {
                request.answer = Some((session.to_owned(), url.to_owned()));
            }
            Ok(())
        })
    }

    async fn release(&self, key: &str) -> Result<(), ServiceError> {
        pass_the_turn().await;
        self.faults.call(WHAT, || {
            if let Some(request) = locked(&self.rows).requests.get_mut(key) {
                request.since = Timestamp::UNIX_EPOCH;
            }
            Ok(())
        })
    }

    async fn forget(&self, key: &str) -> Result<(), ServiceError> {
        pass_the_turn().await;
        self.faults.call(WHAT, || {
            locked(&self.rows).requests.remove(key);
            Ok(())
        })
    }
}

/// What of Stripe the work on access needs, as values that a test sets.
#[derive(Debug, Default)]
pub struct SmallStripe {
    state: Mutex<StripeState>,
    /// Which call fails.
    pub faults: FaultPlan,
}

#[derive(Debug, Default)]
struct StripeState {
    subscriptions: BTreeMap<String, Subscription>,
    invoices: BTreeMap<String, Vec<Invoice>>,
    pages: BTreeMap<String, (String, CheckoutPage)>,
    expired: Vec<String>,
    paid: BTreeSet<String>,
    cancelled: Vec<String>,
    alone: Vec<String>,
    looks: u64,
    lived: BTreeMap<String, u64>,
    asked: Vec<NewCheckout>,
}

impl SmallStripe {
    /// With a call that fails.
    pub fn under(faults: FaultPlan) -> Self {
        Self { faults, ..Self::default() }
    }

    /// Sets a subscription.
    pub fn put(&self, subscription: Subscription) {
        locked(&self.state).subscriptions.insert(subscription.id.clone(), subscription);
    }

    /// Forgets a subscription, as the API key of another account would.
    pub fn forget(&self, subscription: &str) {
        locked(&self.state).subscriptions.remove(subscription);
    }

    /// Adds a paid invoice; the newest is listed first.
    pub fn paid(&self, subscription: &str, invoice: Invoice) {
        locked(&self.state).invoices.entry(subscription.to_owned()).or_default().insert(0, invoice);
    }

    /// Pays on a page.
    pub fn pay(&self, session: &str) {
        locked(&self.state).paid.insert(session.to_owned());
    }

    /// Subscriptions that were cancelled, in order.
    pub fn cancelled(&self) -> Vec<String> {
        locked(&self.state).cancelled.clone()
    }

    /// Subscriptions that were cancelled although no other one lived when it was looked at, some looks of others before.
    pub fn cancelled_alone(&self) -> Vec<String> {
        locked(&self.state).alone.clone()
    }

    /// A subscription as it stands.
    pub fn standing(&self, subscription: &str) -> Option<Subscription> {
        locked(&self.state).subscriptions.get(subscription).cloned()
    }

    /// Pages that are open.
    pub fn open_pages(&self) -> Vec<String> {
        let state = locked(&self.state);
        let open = state.pages.values().map(|(_, page)| page.session.clone());
        open.filter(|session| !state.expired.contains(session)).collect()
    }

    /// What pages were asked for, each once.
    pub fn asked(&self) -> Vec<NewCheckout> {
        locked(&self.state).asked.clone()
    }
}

impl Billing for SmallStripe {
    async fn subscription(&self, id: &str) -> Result<Option<Subscription>, ServiceError> {
        pass_the_turn().await;
        self.faults.call("Stripe", || {
            let state = &mut *locked(&self.state);
            let known = state.subscriptions.get(id).cloned();
            state.looks += 1;
            if known.as_ref().is_some_and(|known| !known.status.is_final()) {
                state.lived.insert(id.to_owned(), state.looks);
            }
            Ok(known)
        })
    }

    async fn paid_invoices(&self, subscription: &str) -> Result<Vec<Invoice>, ServiceError> {
        pass_the_turn().await;
        self.faults.call("Stripe", || Ok(locked(&self.state).invoices.get(subscription).cloned().unwrap_or_default()))
    }

    async fn cancel(&self, subscription: &str) -> Result<(), ServiceError> {
        pass_the_turn().await;
        self.faults.call("Stripe", || {
            let state = &mut *locked(&self.state);
            let lately = |(other, look): (&String, &u64)| other != subscription && look + MEANWHILE > state.looks;
            if !state.lived.iter().any(lately) {
                state.alone.push(subscription.to_owned());
            }
            if let Some(known) = state.subscriptions.get_mut(subscription) {
                known.status = crate::stripe::Status::Canceled;
            }
            state.cancelled.push(subscription.to_owned());
            Ok(())
        })
    }

    async fn open_checkout(&self, checkout: &NewCheckout, key: &str) -> Result<CheckoutPage, ServiceError> {
        pass_the_turn().await;
        self.faults.call("Stripe", || {
            let state = &mut *locked(&self.state);
            let n = state.pages.len() + 1;
            let page = CheckoutPage {
                session: format!("cs_{n}"),
                url: format!("https://checkout.stripe.com/c/pay/cs_{n}"),
                expires_at: "2030-01-01T00:00:00Z".parse().unwrap_or(Timestamp::MAX),
            };
            if !state.pages.contains_key(key) {
                state.asked.push(checkout.clone());
            }
            Ok(state.pages.entry(key.to_owned()).or_insert((checkout.price.clone(), page)).1.clone())
        })
    }

    async fn expire_checkout(&self, session: &str) -> Result<Expired, ServiceError> {
        pass_the_turn().await;
        self.faults.call("Stripe", || {
            let state = &mut *locked(&self.state);
            if state.paid.contains(session) {
                return Ok(Expired::Paid);
            }
            state.expired.push(session.to_owned());
            Ok(Expired::Over)
        })
    }

    async fn open_portal(&self, customer: &str, _return_url: &str) -> Result<String, ServiceError> {
        pass_the_turn().await;
        self.faults.call("Stripe", || Ok(format!("https://billing.stripe.com/p/session/{customer}")))
    }
}
