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
    declaration::{
        letter::Writer as Acknowledging,
        store::{DeclarationStore, Ending},
        work::{Tools as Declaring, carry_out},
    },
    dunning::{store::EpisodeStore, work::dun},
    joining::{House, JoinStore},
    recovery::{
        debt::Collecting,
        letter::Writer,
        work::{Tools, recover},
    },
    refresh::{Refreshed, refresh, refresh_and_tell},
    renewal::{Announcing, RenewalStore},
    stored::{CachedCatalogue, PlansAt},
    stripe::Billing,
    trial::{ByMail, TrialStore},
};
use jiff::Timestamp;

use crate::joins::{self, JOIN, ONE, SERVICE};

/// The kind of an unpaid invoice's record.
const RECOVERY: &str = "RECOVERY";

/// The kind of the record of a renewal that is to be announced.
const RENEWAL: &str = "RENEWAL";

/// The kind of a consumer's declaration.
const DECLARATION: &str = "DECLARATION";

/// The kind of the record of a customer who owes something.
const EPISODE: &str = "EPISODE";

/// The dependencies of a batch.
#[derive(Debug)]
pub struct Worker<A, R, B, H, S, C> {
    /// The Access table.
    pub store: A,
    /// Its unpaid invoices and who owes them, what consumers declared, and renewals.
    pub recoveries: R,
    /// Stripe.
    pub billing: B,
    /// The members.
    pub house: H,
    /// The plans.
    pub plans: CachedCatalogue<S>,
    /// Who sells: it writes to customers.
    pub settings: CachedSettings<S>,
    /// Where pages for everybody are.
    pub public_url: String,
    /// The host of the stand-in for Stripe, where there is one.
    pub local_host: Option<String>,
    /// The clock.
    pub clock: C,
}

impl<A, R, B, H, S, C> Worker<A, R, B, H, S, C>
where
    A: JoinStore,
    R: EpisodeStore + TrialStore + DeclarationStore + RenewalStore,
    B: Billing + Collecting + Ending,
    H: House,
    S: SettingsReader,
    C: Clock,
{
    /// Works on one subscription or invoice after the other, until a service fails or too little time is left before `deadline`; the
    /// stream delivers the rest again.
    pub async fn handle(&self, event: StreamEvent, request_id: &str, deadline: Timestamp) -> BatchAnswer {
        let mut done: BTreeMap<(&str, &str), Outcome> = BTreeMap::new();
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(event.records.len());
        for record in &event.records {
            let (kind, id) = (record.kind().unwrap_or_default(), record.id().unwrap_or_default());
            let outcome = match done.get(&(kind, id)) {
                Some(outcome) => outcome.clone(),
                None => match (record.check(), stream::in_time(self.clock.now(), ONE, deadline)) {
                    (Err(newer), _) => Outcome::Retry(newer.reason()),
                    (Ok(()), Err(reason)) => Outcome::Retry(reason),
                    // Boxed, because the combined state of all steps in one future exceeds the compiler's default limit.
                    (Ok(()), Ok(())) if kind == JOIN => Outcome::Done,
                    (Ok(()), Ok(())) if [RECOVERY, EPISODE].contains(&kind) => {
                        Box::pin(self.collect(kind, id, request_id, deadline)).await
                    }
                    (Ok(()), Ok(())) if kind == DECLARATION => Box::pin(self.carry_out(id, request_id)).await,
                    (Ok(()), Ok(())) if kind == RENEWAL => Box::pin(self.announce(id, request_id)).await,
                    (Ok(()), Ok(())) => Box::pin(self.refresh(id, request_id)).await,
                },
            };
            done.insert((kind, id), outcome.clone());
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

    /// Works on an unpaid invoice, or on what a customer owes in all.
    async fn collect(&self, kind: &str, id: &str, request_id: &str, deadline: Timestamp) -> Outcome {
        let now = self.clock.now();
        let outcome = match self.settings.get(now).await {
            Ok(settings) => {
                let seller = settings.of_day(now.to_zoned(settings.newest().time_zone).date());
                let tools = Tools {
                    store: &self.recoveries,
                    billing: &self.billing,
                    catalogue: &PlansAt { kept: &self.plans, now },
                    writer: Writer { seller: &seller, local_host: self.local_host.as_deref() },
                    clock: &self.clock,
                    until: deadline.saturating_sub(ONE).unwrap_or(Timestamp::MIN),
                };
                if kind == EPISODE { Box::pin(dun(id, &tools)).await } else { Box::pin(recover(id, &tools)).await }
            }
            Err(error) => Outcome::Retry(error.reason()),
        };
        report_work(&outcome, "invoice", id, request_id);
        outcome
    }

    async fn carry_out(&self, id: &str, request_id: &str) -> Outcome {
        let now = self.clock.now();
        let outcome = match self.settings.get(now).await {
            Ok(settings) => {
                let seller = settings.of_day(settings.day_of(now));
                let tools = Declaring {
                    access: &self.store,
                    declarations: &self.recoveries,
                    billing: &self.billing,
                    writer: Acknowledging { seller: &seller, public_url: &self.public_url },
                    clock: &self.clock,
                };
                Box::pin(carry_out(id, &tools)).await
            }
            Err(error) => Outcome::Retry(error.reason()),
        };
        report_work(&outcome, "declaration", id, request_id);
        outcome
    }

    /// Tells the customer of a renewal whose day has come.
    async fn announce(&self, subscription: &str, request_id: &str) -> Outcome {
        let now = self.clock.now();
        let outcome = match (self.plans.get(now).await, self.settings.get(now).await) {
            (Ok(catalogue), Ok(settings)) => {
                let seller = settings.of_day(settings.day_of(now));
                let writer = Acknowledging { seller: &seller, public_url: &self.public_url };
                let (store, billing, catalogue) = (&self.recoveries, &self.billing, &*catalogue);
                Box::pin(Announcing { store, billing, catalogue, writer }.announce(subscription, now)).await
            }
            (Err(error), _) | (_, Err(error)) => Outcome::Retry(error.reason()),
        };
        report_work(&outcome, "renewal", subscription, request_id);
        outcome
    }

    async fn refresh(&self, subscription: &str, request_id: &str) -> Outcome {
        let now = self.clock.now();
        let plans = PlansAt { kept: &self.plans, now };
        let refreshed = match self.settings.get(now).await {
            Ok(settings) => {
                let seller = settings.of_day(now.to_zoned(settings.newest().time_zone).date());
                let writer = Writer { seller: &seller, local_host: self.local_host.as_deref() };
                let (store, billing) = (&self.recoveries, &self.billing);
                let tell = ByMail { store, billing, writer, public_url: &self.public_url };
                Box::pin(refresh_and_tell(subscription, (&self.store, billing), &plans, &tell, now)).await
            }
            // Access does not wait for who writes to customers: the next look at the subscription tells of its trial.
            Err(error) => {
                tracing::warn!(request_id, subscription, "nobody is told of a trial: {error}");
                Box::pin(refresh(subscription, &self.store, &self.billing, &plans, now)).await
            }
        };
        report(&refreshed, subscription, request_id);
        refreshed.outcome
    }
}

/// Logs and counts what became of an unpaid invoice or a declaration.
fn report_work(outcome: &Outcome, kind: &str, id: &str, request_id: &str) {
    match outcome {
        Outcome::Done | Outcome::AlreadyDone => tracing::info!(request_id, kind, id, "looked at"),
        Outcome::Reject(reason) => {
            count(SERVICE, "Parked", 1);
            tracing::error!(request_id, kind, id, reason = reason.code, "parked: {}", reason.message);
        }
        Outcome::Retry(reason) if held(SERVICE, reason) => {
            tracing::error!(request_id, kind, id, reason = reason.code, "held: {}", reason.message);
        }
        Outcome::Retry(reason) => {
            tracing::warn!(request_id, kind, id, reason = reason.code, "to be tried again: {}", reason.message);
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
