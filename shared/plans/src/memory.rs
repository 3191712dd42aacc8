//! The stores and a small Stripe in memory, with the guarantees of the real ones: conditional writes hold, and any call can
//! be made to fail before or after it takes effect. For tests; no function links this.

mod episodes;
pub mod joins;
mod people;
mod recoveries;
mod requests;
mod samples;
mod stripe;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use comptoir::{
    app::AppMessage,
    mail::Mail,
    memory::{FaultPlan, locked},
    outcome::Reason,
};
use jiff::Timestamp;

pub use self::{
    samples::{catalogue, invoice, subscription},
    stripe::SmallStripe,
};
use crate::{
    dunning::store::StoredEpisode,
    person::PersonId,
    recovery::store::StoredRecovery,
    store::{StoredPerson, StoredSubscription},
    tokens::Use,
};

const WHAT: &str = "the access table";

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
    /// The record of an unpaid invoice is written though another worker has written it since.
    ClaimIgnoresVersion,
    /// Work on an unpaid invoice ends though something woke it since it was read.
    RestIgnoresWakes,
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
    told: BTreeMap<String, AppMessage>,
    episodes: BTreeMap<String, StoredEpisode>,
    seen: BTreeMap<String, String>,
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
        self.standing(&PersonId::of(email)?)
    }

    /// The same by id.
    pub fn standing(&self, id: &PersonId) -> Option<StoredPerson> {
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

impl InMemoryAccess {
    /// What the seller's app is told, by id.
    pub fn told(&self) -> BTreeMap<String, AppMessage> {
        locked(&self.rows).told.clone()
    }
}

/// Queues a message, unless it was queued before.
fn tell(rows: &mut Rows, message: Option<&AppMessage>) {
    if let Some(message) = message {
        rows.told.entry(message.id.clone()).or_insert_with(|| message.clone());
    }
}

fn wake(rows: &mut Rows, subscription: &str) {
    rows.subscriptions.entry(subscription.to_owned()).or_default().wakes += 1;
    rows.open.insert(subscription.to_owned());
}
