//! What the stores of wishes keep.

use comptoir::outcome::Reason;
use jiff::{SignedDuration, Timestamp};

use super::{failed, is};
use crate::{
    joining::{JoinStore, Joined, StoredJoin, Then},
    person::{Person, PersonId},
    store::{Adopted, Committed},
};

/// Wishes are written with what they come from, are settled once, and are wished anew.
pub(super) async fn joins(store: &impl JoinStore, name: &str, now: Timestamp) -> Result<(), String> {
    let email = format!("eve-{name}@example.org");
    let id = PersonId::of(&email).ok_or("an address is an address")?;
    let subscription = format!("sub_{name}eve");
    let read = async || store.join(&id).await.map_err(failed);
    let adopt = async |version| {
        let (subscription, person) = (subscription.as_str(), &Person::new(&email));
        let adopted = Adopted {
            subscription,
            id: &id,
            person,
            version,
            ends_tokens: false,
            joins: true,
            wakes_also: None,
            tells: None,
        };
        store.adopt(&adopted, now).await.map_err(failed)
    };
    let end = async |read, then: &Then| store.end_join(&id, read, then, now).await.map_err(failed);
    is("nobody wished it", read().await?, None)?;
    store.wake(&subscription, now).await.map_err(failed)?;
    is("adopted by an old person", adopt(3).await?, Committed::Conflict)?;
    is("nothing is wished then", read().await?, None)?;
    is("adopted", adopt(0).await?, Committed::Done)?;
    let since = |at: Timestamp| Timestamp::from_second(at.as_second()).ok();
    let wished = |wishes, open_since| Some(StoredJoin { wishes, open_since });
    is("wished", read().await?, wished(1, since(now)))?;
    let stored = StoredJoin { wishes: 1, open_since: since(now) };
    let later = now + SignedDuration::from_hours(25);
    is("put off", end(stored, &Then::Until(later)).await?, Committed::Done)?;
    is("it waits", read().await?, wished(1, since(later)))?;
    is("settled", end(stored, &Then::Settled(Joined::Invited)).await?, Committed::Done)?;
    is("nothing is open", read().await?, wished(1, None))?;
    is("wished anew", adopt(1).await?, Committed::Done)?;
    is("it is open", read().await?, wished(2, since(now)))?;
    is("settled by an old look", end(stored, &Then::Settled(Joined::Member)).await?, Committed::Conflict)?;
    let anew = StoredJoin { wishes: 2, ..stored };
    is("parked", end(anew, &Then::Parked(Reason::new("invitation_not_sent", "send it"))).await?, Committed::Done)?;
    is("nothing is open", read().await?, wished(2, None))?;
    is("wished after all", adopt(2).await?, Committed::Done)?;
    is("it is open again", read().await?, wished(3, since(now)))
}
