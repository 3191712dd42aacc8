//! Refreshes the subscriptions of a batch and works on its unpaid invoices, each once, however often events woke it.

use std::collections::BTreeMap;

use comptoir::{
    clock::Clock,
    outcome::Outcome,
    settings::{SettingsReader, cache::CachedSettings},
    stream::{self, BatchAnswer, StreamEvent},
};
use comptoir_edge::telemetry::{count, held};
use comptoir_plans::{
    joining::{House, JoinStore},
    recovery::{
        debt::Collecting,
        letter::Writer,
        store::RecoveryStore,
        work::{Tools, recover},
    },
    refresh::{Refreshed, refresh},
    stored::CachedCatalogue,
    stripe::Billing,
};
use jiff::Timestamp;

use crate::joins::{self, JOIN, ONE, SERVICE};

/// The kind of an unpaid invoice's record.
const RECOVERY: &str = "RECOVERY";

/// The dependencies of a batch.
#[derive(Debug)]
pub struct Worker<A, R, B, H, S, C> {
    /// The Access table.
    pub store: A,
    /// Its unpaid invoices.
    pub recoveries: R,
    /// Stripe.
    pub billing: B,
    /// The members.
    pub house: H,
    /// The plans.
    pub plans: CachedCatalogue<S>,
    /// Who sells: it writes to customers.
    pub settings: CachedSettings<S>,
    /// The host of the stand-in for Stripe, where there is one.
    pub local_host: Option<String>,
    /// The clock.
    pub clock: C,
}

impl<A: JoinStore, R: RecoveryStore, B: Billing + Collecting, H: House, S: SettingsReader, C: Clock>
    Worker<A, R, B, H, S, C>
{
    /// Works on one subscription or invoice after the other, until a service fails or too little time is left before `deadline`; the
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
                    (Ok(()), Ok(())) if record.kind() == Some(JOIN) => Outcome::Done,
                    (Ok(()), Ok(())) if record.kind() == Some(RECOVERY) => {
                        Box::pin(self.recover(id, request_id, deadline)).await
                    }
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
        if outcomes.len() == event.records.len() {
            let at = (request_id, deadline);
            Box::pin(joins::work(&event, (&self.store, &self.house), &self.plans, &self.clock, at)).await;
        }
        stream::answer(&event.records, &outcomes, self.clock.now())
    }

    async fn recover(&self, id: &str, request_id: &str, deadline: Timestamp) -> Outcome {
        let now = self.clock.now();
        let outcome = match (self.plans.get(now).await, self.settings.get(now).await) {
            (Ok(catalogue), Ok(settings)) => {
                let seller = settings.of_day(now.to_zoned(settings.newest().time_zone).date());
                let tools = Tools {
                    store: &self.recoveries,
                    billing: &self.billing,
                    catalogue: &catalogue,
                    writer: Writer { seller: &seller, local_host: self.local_host.as_deref() },
                    clock: &self.clock,
                    until: deadline.saturating_sub(ONE).unwrap_or(Timestamp::MIN),
                };
                Box::pin(recover(id, &tools)).await
            }
            (Err(error), _) | (_, Err(error)) => Outcome::Retry(error.reason()),
        };
        report_recovery(&outcome, id, request_id);
        outcome
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

/// Logs and counts what became of an unpaid invoice.
fn report_recovery(outcome: &Outcome, invoice: &str, request_id: &str) {
    match outcome {
        Outcome::Done | Outcome::AlreadyDone => tracing::info!(request_id, invoice, "looked at"),
        Outcome::Reject(reason) => {
            count(SERVICE, "Parked", 1);
            tracing::error!(request_id, invoice, reason = reason.code, "parked: {}", reason.message);
        }
        Outcome::Retry(reason) if held(SERVICE, reason) => {
            tracing::error!(request_id, invoice, reason = reason.code, "held: {}", reason.message);
        }
        Outcome::Retry(reason) => {
            tracing::warn!(request_id, invoice, reason = reason.code, "to be tried again: {}", reason.message);
        }
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
