//! Declarations in memory. For tests only.

use std::{collections::BTreeMap, sync::Mutex};

use comptoir::{
    mail::Mail,
    memory::{FaultPlan, locked},
    outcome::{Reason, ServiceError},
};
use jiff::Timestamp;

use super::{
    record::Declaration,
    store::{Change, DeclarationStore, Declared, MOST_A_DAY, MOST_A_DAY_EACH, StoredDeclaration, Then},
};
use crate::{person::PersonId, store::Committed};

const WHAT: &str = "the declarations in memory";

/// Declarations.
#[derive(Debug, Default)]
pub struct InMemoryDeclarations {
    rows: Mutex<Rows>,
    /// Which call fails.
    pub faults: FaultPlan,
}

#[derive(Debug, Default)]
struct Rows {
    declarations: BTreeMap<String, StoredDeclaration>,
    parked: BTreeMap<String, Reason>,
    mails: Vec<Mail>,
    days: BTreeMap<String, u64>,
}

impl InMemoryDeclarations {
    /// With a call that fails.
    pub fn under(faults: FaultPlan) -> Self {
        Self { faults, ..Self::default() }
    }

    /// One as it stands.
    pub fn standing(&self, id: &str) -> Option<StoredDeclaration> {
        locked(&self.rows).declarations.get(id).cloned()
    }

    /// Why one is parked.
    pub fn parked(&self, id: &str) -> Option<Reason> {
        locked(&self.rows).parked.get(id).cloned()
    }

    /// The mails that were queued, in order.
    pub fn mails(&self) -> Vec<Mail> {
        locked(&self.rows).mails.clone()
    }

    /// A person replays a parked one.
    pub fn replay(&self, id: &str, now: Timestamp) {
        let rows = &mut *locked(&self.rows);
        rows.parked.remove(id);
        if let Some(stored) = rows.declarations.get_mut(id) {
            stored.open_since = Some(now);
        }
    }
}

impl DeclarationStore for InMemoryDeclarations {
    async fn declare(&self, id: &str, declaration: &Declaration, now: Timestamp) -> Result<Declared, ServiceError> {
        self.faults.call(WHAT, || {
            let rows = &mut *locked(&self.rows);
            if rows.declarations.contains_key(id) {
                return Ok(Declared::Before);
            }
            let day = now.strftime("%F").to_string();
            let person = PersonId::of(&declaration.statement.email);
            let theirs = format!("{day}-{}", person.as_ref().map_or("", PersonId::as_str));
            let taken = |name: &str| rows.days.get(name).copied().unwrap_or_default();
            if taken(&day) >= MOST_A_DAY || taken(&theirs) >= MOST_A_DAY_EACH {
                return Ok(Declared::TooMany);
            }
            for name in [day, theirs] {
                *rows.days.entry(name).or_default() += 1;
            }
            let stored = StoredDeclaration { declaration: declaration.clone(), version: 1, open_since: Some(now) };
            rows.declarations.insert(id.to_owned(), stored);
            Ok(Declared::New)
        })
    }

    async fn declaration(&self, id: &str) -> Result<Option<StoredDeclaration>, ServiceError> {
        self.faults.call(WHAT, || Ok(locked(&self.rows).declarations.get(id).cloned()))
    }

    async fn change(&self, change: &Change<'_>, _now: Timestamp) -> Result<Committed, ServiceError> {
        self.faults.call(WHAT, || {
            let rows = &mut *locked(&self.rows);
            let read = |stored: &&mut StoredDeclaration| stored.version == change.version;
            let Some(stored) = rows.declarations.get_mut(change.id).filter(read) else {
                return Ok(Committed::Conflict);
            };
            stored.declaration = change.declaration.clone();
            stored.version += 1;
            stored.open_since = match &change.then {
                Then::Until(at) => Some(*at),
                Then::Rest | Then::Park(_) => None,
            };
            if let Then::Park(reason) = &change.then {
                rows.parked.insert(change.id.to_owned(), (*reason).clone());
            }
            rows.mails.extend(change.mail.cloned());
            Ok(Committed::Done)
        })
    }
}
