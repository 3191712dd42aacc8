//! Wishes that people become members, in memory.

use comptoir::{
    memory::pass_the_turn,
    outcome::{Reason, ServiceError},
};
use jiff::Timestamp;

use super::{InMemoryAccess, Rows, WHAT, locked};
use crate::{
    joining::{JoinStore, Joined, StoredJoin, Then},
    person::PersonId,
    store::Committed,
};

/// A wish, and what became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// As it is read.
    pub stored: StoredJoin,
    /// How it ended.
    pub joined: Option<Joined>,
    /// Why it is parked.
    pub parked: Option<Reason>,
}

/// Wishes it, or wishes it anew.
pub(super) fn wished(rows: &mut Rows, id: &PersonId, now: Timestamp) {
    let wishes = rows.joins.get(id.as_str()).map_or(0, |wish| wish.stored.wishes) + 1;
    let stored = StoredJoin { wishes, open_since: Some(now) };
    rows.joins.insert(id.as_str().to_owned(), Wish { stored, joined: None, parked: None });
}

impl InMemoryAccess {
    /// The wish for somebody.
    pub fn wish(&self, email: &str) -> Option<Wish> {
        let id = PersonId::of(email)?;
        locked(&self.rows).joins.get(id.as_str()).cloned()
    }
}

impl JoinStore for InMemoryAccess {
    async fn join(&self, id: &PersonId) -> Result<Option<StoredJoin>, ServiceError> {
        pass_the_turn().await;
        self.faults.call(WHAT, || Ok(locked(&self.rows).joins.get(id.as_str()).map(|wish| wish.stored)))
    }

    async fn end_join(
        &self,
        id: &PersonId,
        read: StoredJoin,
        then: &Then,
        _now: Timestamp,
    ) -> Result<Committed, ServiceError> {
        pass_the_turn().await;
        self.faults.call(WHAT, || {
            let rows = &mut *locked(&self.rows);
            let Some(wish) = rows.joins.get_mut(id.as_str()).filter(|wish| wish.stored.wishes == read.wishes) else {
                return Ok(Committed::Conflict);
            };
            wish.stored.open_since = None;
            match then {
                Then::Settled(joined) => wish.joined = Some(*joined),
                Then::Until(at) => wish.stored.open_since = Some(*at),
                Then::Parked(reason) => wish.parked = Some(reason.clone()),
            }
            Ok(Committed::Done)
        })
    }
}
