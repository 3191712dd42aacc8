//! People, subscriptions, grants, uses and wishes.

use comptoir::{app::AppMessage, memory::at_once, outcome::Reason};
use comptoir_plans::{
    person::{Person, PersonId},
    store::{
        AccessStore, Adopted, Begun, Committed, Grant, GrantResult, PersonVersion, RequestStore, StoredPerson,
        StoredSubscription, UseResult,
    },
    tokens::Use,
};
use jiff::Timestamp;

use super::{Answer, Ports, TABLE};
use crate::plans::{
    mutant::Mutant,
    world::{Late, World},
};

/// Writes what is known of somebody after a look, before the eyes of the witness.
fn adopt(world: &World, adopted: &Adopted<'_>, now: Timestamp) -> Answer<Committed> {
    let result = at_once(world.store.adopt(adopted, now))?;
    if result == Committed::Done {
        world.witness(|witness, stripe, at| witness.adopted(stripe, adopted, at));
        if let Some(other) = adopted.wakes_also {
            world.woken(other);
        }
        tally(world, adopted.id);
    }
    Ok(result)
}

/// Compares the balance with what it should be.
fn tally(world: &World, id: &PersonId) {
    let tokens = world.store.standing(id).map_or(0, |standing| standing.tokens);
    world.witness(|witness, _, _| witness.tally(id, tokens));
}

impl AccessStore for Ports {
    async fn person(&self, id: &PersonId) -> Answer<Option<StoredPerson>> {
        let read = || at_once(self.world.store.person(id));
        let mut found = self.call(TABLE, "person", None, read).await?;
        if self.is(Mutant::FirstForgotten)
            && let Some(found) = &mut found
        {
            found.person.current = None;
        }
        Ok(found)
    }

    async fn customer(&self, customer: &str) -> Answer<Option<PersonId>> {
        self.call(TABLE, "customer", None, || at_once(self.world.store.customer(customer))).await
    }

    async fn save_person(&self, id: &PersonId, person: &Person, version: PersonVersion) -> Answer<Committed> {
        let save = || at_once(self.world.store.save_person(id, person, version));
        self.call(TABLE, "save_person", None, save).await
    }

    async fn subscription(&self, id: &str) -> Answer<Option<StoredSubscription>> {
        self.call(TABLE, "subscription", None, || at_once(self.world.store.subscription(id))).await
    }

    async fn adopt(&self, adopted: &Adopted<'_>, now: Timestamp) -> Answer<Committed> {
        let mut person = adopted.person.clone();
        if self.is(Mutant::SeenBeforeTokens) {
            let seen = {
                let stripe = self.world.stripe();
                stripe.sub(adopted.subscription).map(|place| stripe.subscription(place))
            };
            let gives = seen.and_then(|seen| comptoir_plans::access::given(&seen, &crate::plans::sold::CATALOGUE));
            person.access = gives.unwrap_or_default();
        }
        let adopted = &Adopted { person: &person, ..adopted.clone() };
        self.call(TABLE, "adopt", None, || adopt(&self.world, adopted, now)).await
    }

    async fn close(&self, subscription: &str, wakes: u64) -> Answer<Committed> {
        let late = || -> Late {
            let subscription = subscription.to_owned();
            Box::new(move |world| drop(at_once(world.store.close(&subscription, wakes))))
        };
        let close = || {
            let result = at_once(self.world.store.close(subscription, wakes))?;
            if result == Committed::Done {
                self.world.rests(self.who, subscription);
            }
            Ok(result)
        };
        self.call(TABLE, "close", Some(&late), close).await
    }

    async fn close_as(&self, subscription: &str, wakes: u64, _seen: &str) -> Answer<Committed> {
        self.close(subscription, wakes).await
    }

    async fn mark_second(&self, subscription: &str, first: &str) -> Answer<()> {
        let mark = || at_once(self.world.store.mark_second(subscription, first));
        self.call(TABLE, "mark_second", None, mark).await
    }

    async fn park(&self, subscription: &str, reason: &Reason, now: Timestamp) -> Answer<()> {
        let untold = self.is(Mutant::SecondUntold) && reason.code == "second_subscription";
        self.call(TABLE, "park", None, || {
            if untold {
                let wakes = at_once(self.world.store.subscription(subscription))?.map_or(0, |stored| stored.wakes);
                return at_once(self.world.store.close(subscription, wakes)).map(drop);
            }
            at_once(self.world.store.park(subscription, reason, now))?;
            self.world.core().parked.insert(subscription.to_owned());
            self.world.witness(|witness, _, _| witness.parked(subscription, reason));
            Ok(())
        })
        .await
    }

    async fn grant(&self, grant: &Grant<'_>, now: Timestamp) -> Answer<GrantResult> {
        self.call(TABLE, "grant", None, || {
            let result = at_once(self.world.store.grant(grant, now))?;
            if result == GrantResult::Done {
                self.world.witness(|witness, stripe, at| witness.granted(stripe, grant, at));
                tally(&self.world, grant.id);
            }
            Ok(result)
        })
        .await
    }

    async fn use_tokens(
        &self,
        id: &PersonId,
        request: &str,
        used: Use,
        tells: Option<&AppMessage>,
        now: Timestamp,
    ) -> Answer<UseResult> {
        self.call(TABLE, "use_tokens", None, || {
            let result = at_once(self.world.store.use_tokens(id, request, used, tells, now))?;
            if result == UseResult::Done {
                self.world.witness(|witness, _, _| witness.used(id, request, used));
                tally(&self.world, id);
            }
            Ok(result)
        })
        .await
    }

    async fn recorded_use(&self, id: &PersonId, request: &str) -> Answer<Option<Use>> {
        self.call(TABLE, "recorded_use", None, || at_once(self.world.store.recorded_use(id, request))).await
    }

    async fn pause(&self, _attempt: u32) {
        self.pass().await;
    }
}

impl RequestStore for Ports {
    async fn begin(&self, key: &str, digest: &str, now: Timestamp) -> Answer<Begun> {
        self.call(TABLE, "begin", None, || at_once(self.world.store.begin(key, digest, now))).await
    }

    async fn answered(&self, key: &str, session: &str, url: &str) -> Answer<()> {
        self.call(TABLE, "answered", None, || at_once(self.world.store.answered(key, session, url))).await
    }

    async fn release(&self, key: &str) -> Answer<()> {
        self.call(TABLE, "release", None, || at_once(self.world.store.release(key))).await
    }

    async fn forget(&self, key: &str) -> Answer<()> {
        self.call(TABLE, "forget", None, || at_once(self.world.store.forget(key))).await
    }
}
