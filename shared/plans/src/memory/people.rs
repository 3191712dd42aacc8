//! People, subscriptions, grants and uses in memory.

use comptoir::{
    app::AppMessage,
    memory::{locked, pass_the_turn},
    outcome::{Reason, ServiceError},
};
use jiff::Timestamp;

use super::{InMemoryAccess, Mistake, Rows, WHAT, joins, tell, wake};
use crate::{
    person::{Person, PersonId},
    store::{
        AccessStore, Adopted, Committed, Grant, GrantResult, PersonVersion, SECOND, StoredPerson, StoredSubscription,
        UseResult,
    },
    tokens::Use,
};

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
            tell(rows, adopted.tells);
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

    async fn close_as(&self, subscription: &str, wakes: u64, seen: &str) -> Result<Committed, ServiceError> {
        let closed = self.close(subscription, wakes).await;
        if closed == Ok(Committed::Done) {
            locked(&self.rows).seen.insert(subscription.to_owned(), seen.to_owned());
        }
        closed
    }

    async fn mark_second(&self, subscription: &str, first: &str) -> Result<(), ServiceError> {
        pass_the_turn().await;
        self.faults.call(WHAT, || {
            if let Some(stored) = locked(&self.rows).subscriptions.get_mut(subscription) {
                stored.second_to = Some(first.to_owned());
                stored.wakes += 1;
            }
            Ok(())
        })
    }

    async fn park(&self, subscription: &str, reason: &Reason, _now: Timestamp) -> Result<(), ServiceError> {
        pass_the_turn().await;
        self.faults.call(WHAT, || {
            let rows = &mut *locked(&self.rows);
            if let Some(stored) = rows.subscriptions.get_mut(subscription).filter(|_| reason.code == SECOND) {
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
        tells: Option<&AppMessage>,
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
            tell(rows, tells);
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
