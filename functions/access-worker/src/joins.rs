//! The wishes of a batch that people become members: worked on after everything else of it, and never a reason to wait for what
//! access depends on. What fails stays open, and the sweep wakes it.

use std::collections::BTreeSet;

use comptoir::{
    clock::Clock,
    settings::SettingsReader,
    stream::{self, StreamEvent},
    timing::ONE_SUBSCRIPTION_SECONDS,
};
use comptoir_edge::telemetry::count;
use comptoir_plans::{
    joining::{House, JoinStore, Then, join},
    person::PersonId,
    stored::CachedCatalogue,
};
use jiff::{SignedDuration, Timestamp};

/// The name in metrics.
pub const SERVICE: &str = "access-worker";

/// The longest that one subscription may take, one charge of an unpaid invoice with what is read and written around it, or one
/// invitation.
pub const ONE: SignedDuration = SignedDuration::from_secs(ONE_SUBSCRIPTION_SECONDS.cast_signed());

/// The kind of a wish.
pub const JOIN: &str = "JOIN";

/// Works on each wish of a batch once, until a service fails or too little time is left.
pub async fn work(
    event: &StreamEvent,
    (store, house): (&impl JoinStore, &impl House),
    plans: &CachedCatalogue<impl SettingsReader>,
    clock: &impl Clock,
    (request_id, deadline): (&str, Timestamp),
) {
    let wishes = event.records.iter().filter(|record| record.kind() == Some(JOIN) && record.check().is_ok());
    let wishes: BTreeSet<PersonId> = wishes.filter_map(|record| PersonId::stored(record.id()?)).collect();
    for person in &wishes {
        let now = clock.now();
        if stream::in_time(now, ONE, deadline).is_err() {
            return;
        }
        let invites = match plans.get(now).await {
            Ok(catalogue) => catalogue.invites,
            Err(error) => return tracing::warn!(request_id, "members are invited later: {error}"),
        };
        match join(person, store, house, invites, now).await {
            Ok(None) => {}
            Ok(Some(Then::Settled(joined))) => tracing::info!(request_id, %person, joined = joined.word(), "joined"),
            Ok(Some(Then::Until(at))) => tracing::info!(request_id, %person, %at, "somebody is confirming the address"),
            Ok(Some(Then::Parked(reason))) => {
                count(SERVICE, "Parked", 1);
                tracing::error!(request_id, %person, reason = reason.code, "parked: {}", reason.message);
            }
            // The next would wait for the same service.
            Err(error) => return tracing::warn!(request_id, %person, "invited later: {error}"),
        }
    }
}
