//! Refreshes the subscriptions of a batch, each once, however often events woke it.

use std::collections::BTreeMap;

use comptoir::{
    clock::Clock,
    outcome::Outcome,
    settings::SettingsReader,
    stream::{self, BatchAnswer, StreamEvent},
    timing::ONE_SUBSCRIPTION_SECONDS,
};
use comptoir_edge::telemetry::{count, held};
use comptoir_plans::{
    refresh::{Refreshed, refresh},
    store::AccessStore,
    stored::CachedCatalogue,
    stripe::Billing,
};
use jiff::{SignedDuration, Timestamp};

const SERVICE: &str = "access-worker";

/// The longest that one subscription may take.
const ONE: SignedDuration = SignedDuration::from_secs(ONE_SUBSCRIPTION_SECONDS.cast_signed());

/// The dependencies of a batch.
#[derive(Debug)]
pub struct Worker<A, B, S, C> {
    /// The Access table.
    pub store: A,
    /// Stripe.
    pub billing: B,
    /// The plans.
    pub plans: CachedCatalogue<S>,
    /// The clock.
    pub clock: C,
}

impl<A: AccessStore, B: Billing, S: SettingsReader, C: Clock> Worker<A, B, S, C> {
    /// Refreshes one subscription after the other, until a service fails or too little time is left before `deadline`; the
    /// stream delivers the rest again.
    pub async fn handle(&self, event: StreamEvent, request_id: &str, deadline: Timestamp) -> BatchAnswer {
        let mut done: BTreeMap<&str, Outcome> = BTreeMap::new();
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(event.records.len());
        for record in &event.records {
            let id = record.id().unwrap_or_default();
            let outcome = match done.get(id) {
                Some(outcome) => outcome.clone(),
                None => match (record.check(), stream::in_time(self.clock.now(), ONE, deadline)) {
                    (Err(newer), _) => Outcome::Retry(newer.reason()),
                    (Ok(()), Err(reason)) => Outcome::Retry(reason),
                    // Boxed, because the combined state of all steps in one future exceeds the compiler's default limit.
                    (Ok(()), Ok(())) => Box::pin(self.refresh(id, request_id)).await,
                },
            };
            done.insert(id, outcome.clone());
            let stop = outcome.is_outage();
            outcomes.push(outcome);
            if stop {
                break;
            }
        }
        stream::answer(&event.records, &outcomes, self.clock.now())
    }

    async fn refresh(&self, subscription: &str, request_id: &str) -> Outcome {
        let now = self.clock.now();
        let catalogue = match self.plans.get(now).await {
            Ok(catalogue) => catalogue,
            Err(error) => {
                let reason = error.reason();
                held(SERVICE, &reason);
                return Outcome::Retry(reason);
            }
        };
        let refreshed = refresh(subscription, &self.store, &self.billing, &catalogue, now).await;
        report(&refreshed, subscription, request_id);
        refreshed.outcome
    }
}

fn report(refreshed: &Refreshed, subscription: &str, request_id: &str) {
    if refreshed.granted > 0 {
        tracing::info!(request_id, subscription, invoices = refreshed.granted, "tokens granted");
    }
    match &refreshed.outcome {
        Outcome::Done | Outcome::AlreadyDone => {
            let state = refreshed.access.as_ref().map(|access| access.state);
            tracing::info!(request_id, subscription, changed_to = ?state, "refreshed");
        }
        Outcome::Reject(reason) => {
            count(SERVICE, "Parked", 1);
            tracing::error!(request_id, subscription, reason = reason.code, "parked: {}", reason.message);
        }
        Outcome::Retry(reason) if held(SERVICE, reason) => {
            tracing::error!(request_id, subscription, reason = reason.code, "held: {}", reason.message);
        }
        Outcome::Retry(reason) => {
            tracing::warn!(request_id, subscription, reason = reason.code, "to be tried again: {}", reason.message);
        }
    }
}
