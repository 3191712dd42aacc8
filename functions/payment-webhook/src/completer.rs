//! Completes announced events, outside of a request: every minute, the oldest first, with lists where they save reads.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use comptoir::{
    announced::{self, AnnouncedEvent, AnnouncedEvents},
    clock::Clock,
    outcome::ServiceError,
    payment::{PaymentLog, Received},
    receive,
    reconcile::{self, ReconciliationLog},
    settings::SettingsReader,
    stripe::{classify, listed::WantedSessions},
    sweep::{Open, OpenWork, PATIENT_WAKES},
    timing::{
        ANSWER_SECONDS, COMPLETING_RESERVE_SECONDS, COMPLETING_REST_SECONDS, OPERATION_SECONDS, STRIPE_PATIENT_SECONDS,
    },
};
use comptoir_edge::telemetry::count;
use comptoir_plans::store::{KnownSubscriptions, Wakes};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, timeout_at};

use crate::{
    gate::Gate,
    handler::{SERVICE, Webhook, report},
    http::{Completed, Reconciled},
    stripe_api::{Stripe, StripeApi},
};

/// Events that are loaded together, and for whose sessions a list is asked.
const TOGETHER: usize = 500;

/// The open work of this function.
const OURS: [&str; 2] = [announced::KIND, reconcile::KIND];

/// Events that are worked on at a time.
const STRANDS: usize = 8;

/// One run.
pub struct Run<'a> {
    /// Its request id.
    pub request_id: &'a str,
    /// When nothing more is begun.
    pub stop: Instant,
    completed: AtomicU64,
    waiting: AtomicU64,
}

impl<
    P: PaymentLog + AnnouncedEvents + ReconciliationLog,
    W: OpenWork,
    S: SettingsReader,
    A: Wakes + KnownSubscriptions,
    C: Clock,
> Webhook<P, W, S, A, C>
{
    /// Completes what is announced, until shortly before `deadline`.
    ///
    /// # Errors
    /// When a store fails; the next run begins anew.
    pub async fn complete(&self, request_id: &str, deadline: Timestamp) -> Result<Completed, ServiceError> {
        self.work(false, request_id, deadline).await
    }

    /// The same; `compares` says whether a reconciliation began a moment ago, which the index may not show yet.
    pub(crate) async fn work(
        &self,
        compares: bool,
        request_id: &str,
        deadline: Timestamp,
    ) -> Result<Completed, ServiceError> {
        let left = Duration::try_from(deadline.duration_since(self.clock.now())).unwrap_or_default();
        let end = Instant::now() + left.saturating_sub(Duration::from_secs(ANSWER_SECONDS));
        let before = |seconds| end.checked_sub(Duration::from_secs(seconds)).unwrap_or(end);
        let (completed, waiting) = (AtomicU64::new(0), AtomicU64::new(0));
        let run = Run { request_id, stop: before(COMPLETING_RESERVE_SECONDS), completed, waiting };
        let (finished, reconciled) = match timeout_at(end, self.run(compares, &run, before(OPERATION_SECONDS))).await {
            Ok(ended) => ended?,
            Err(_) => (false, None),
        };
        let known = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (completed, waiting) = (known(&run.completed), known(&run.waiting));
        if completed + waiting > 0 {
            tracing::info!(request_id, completed, waiting, finished, "announced events");
        }
        Ok(Completed { completed, waiting, unfinished: !finished, reconciled })
    }

    /// Whether nothing was left, and how far a reconciliation came.
    async fn run(
        &self,
        begun: bool,
        run: &Run<'_>,
        ask_until: Instant,
    ) -> Result<(bool, Option<Reconciled>), ServiceError> {
        let mut open = self.open().await?;
        if open.is_empty() && !begun {
            return Ok((true, None));
        }
        let compares = begun || open.iter().any(|open| open.kind == reconcile::KIND);
        open.retain(|open| open.kind == announced::KIND);
        let api_key = self.secrets.current().await?.api_key;
        let stripe = Stripe {
            url: self.stripe_url.as_deref(),
            https: &self.https,
            until: ask_until,
            patience: Duration::from_secs(STRIPE_PATIENT_SECONDS),
        };
        let mut stripe = StripeApi::new(api_key, &self.secrets, stripe, Gate::at_a_pace(&self.asking));
        let mut finished = self.work_on(&open, &mut stripe, run).await?;
        let mut reconciled = None;
        if compares && finished {
            reconciled = self.go_on(&stripe, run).await?;
            // What it found is a minute from its own turn otherwise, and a person may wait for it.
            let mut found = self.open().await?;
            found.retain(|open| open.kind == announced::KIND);
            finished =
                self.work_on(&found, &mut stripe, run).await? && reconciled.as_ref().is_none_or(|told| told.done);
        }
        Ok((finished, reconciled))
    }

    /// Completes events; whether all of them were tried.
    async fn work_on(&self, open: &[Open], stripe: &mut StripeApi<'_>, run: &Run<'_>) -> Result<bool, ServiceError> {
        for some in open.chunks(TOGETHER) {
            if Instant::now() >= run.stop || stripe.is_shut() {
                return Ok(false);
            }
            let events = self.load(some).await?;
            let mut wanted = WantedSessions::default();
            for event in events.iter().flatten() {
                classify::read(event.body.as_bytes()).into_iter().for_each(|event| wanted.add(&event));
            }
            if let Err(error) = stripe.list_sessions(wanted).await {
                tracing::warn!(request_id = run.request_id, "no list, each is asked for alone: {error}");
            }
            let stripe = &*stripe;
            let work: Vec<_> = some.iter().zip(&events).collect();
            let strand = |first| self.strand(&work, first, stripe, run);
            tokio::try_join!(strand(0), strand(1), strand(2), strand(3), strand(4), strand(5), strand(6), strand(7))?;
        }
        Ok(!stripe.is_shut() && Instant::now() < run.stop)
    }

    /// What is due here, the oldest first: their sessions were made at about the same time.
    async fn open(&self) -> Result<Vec<Open>, ServiceError> {
        let (mut open, mut from) = (Vec::new(), None);
        loop {
            let page = self.open_work.open_since(self.clock.now(), from.as_deref()).await?;
            open.extend(page.open.into_iter().filter(|open| OURS.contains(&open.kind.as_str())));
            match page.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
        open.sort_by_key(|open| open.since);
        Ok(open)
    }

    async fn load(&self, open: &[Open]) -> Result<Vec<Option<AnnouncedEvent>>, ServiceError> {
        let mut events = Vec::with_capacity(open.len());
        for some in open.chunks(STRANDS) {
            let at = |place: usize| async move {
                match some.get(place) {
                    Some(open) => self.stored(open).await,
                    None => Ok(None),
                }
            };
            let loaded = tokio::try_join!(at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7))?;
            let (a, b, c, d, e, f, g, h) = loaded;
            events.extend([a, b, c, d, e, f, g, h].into_iter().take(some.len()));
        }
        Ok(events)
    }

    /// The event, unless it is settled, or nobody can read it: one such record must not keep the others waiting.
    async fn stored(&self, open: &Open) -> Result<Option<AnnouncedEvent>, ServiceError> {
        match self.payments.announced(&open.id).await {
            Err(error) if error.is_permanent() || error.reason().is_held() => {
                count(SERVICE, "Parked", 1);
                tracing::error!(event = open.id, "an announced event cannot be read: {error}");
                Ok(None)
            }
            stored => stored,
        }
    }

    /// Every eighth event, from the `first`.
    async fn strand(
        &self,
        work: &[(&Open, &Option<AnnouncedEvent>)],
        first: usize,
        stripe: &StripeApi<'_>,
        run: &Run<'_>,
    ) -> Result<(), ServiceError> {
        for (open, event) in work.iter().skip(first).step_by(STRANDS) {
            if Instant::now() >= run.stop {
                return Ok(());
            }
            // Another run settled it meanwhile.
            let Some(event) = event else { continue };
            // Boxed: eight of them would be one very large future.
            Box::pin(self.one(open, event, stripe, run)).await?;
        }
        Ok(())
    }

    async fn one(
        &self,
        open: &Open,
        event: &AnnouncedEvent,
        stripe: &StripeApi<'_>,
        run: &Run<'_>,
    ) -> Result<(), ServiceError> {
        let now = self.clock.now();
        if let Ok(read) = classify::read(event.body.as_bytes()) {
            self.access.wake(&read, self.livemode, now).await?;
        }
        let charges_vat = self.charges_vat(now).await;
        let failed = match receive::complete(event, self.livemode, charges_vat, &self.payments, stripe, now).await {
            Ok(received) => {
                run.completed.fetch_add(1, Ordering::Relaxed);
                report(&received, run.request_id, &event.id);
                // One that is ignored may have been delivered: it left no record then, either.
                let counts =
                    matches!(received, Received::Recorded { .. } | Received::Refunded { .. } | Received::Parked(_));
                if counts && event.came_late() {
                    count(SERVICE, "EventMissed", 1);
                    tracing::warn!(request_id = run.request_id, event = event.id, "it did not arrive in time");
                }
                return Ok(());
            }
            Err(failed) => failed,
        };
        run.waiting.fetch_add(1, Ordering::Relaxed);
        let (request_id, event) = (run.request_id, &event.id);
        tracing::info!(request_id, event, "stays announced: {failed}");
        // Not its own fault: it is tried again as soon as Stripe may be asked. The sweep tells when that takes hours.
        if stripe.is_shut() {
            return Ok(());
        }
        let later = now.saturating_add(SignedDuration::from_secs(COMPLETING_REST_SECONDS)).unwrap_or(now);
        if self.open_work.wake(open, later).await?.is_some_and(|tries| tries >= PATIENT_WAKES) {
            count(SERVICE, "Parked", 1);
            tracing::error!(request_id, event, "stays announced although it was tried for hours: {failed}");
        }
        Ok(())
    }
}
