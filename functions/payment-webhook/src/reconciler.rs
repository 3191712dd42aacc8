//! Goes on with a reconciliation: lists Stripe's events, a page at a time, and announces those that never arrived.

use comptoir::{
    announced::AnnouncedEvents,
    clock::Clock,
    outcome::ServiceError,
    payment::PaymentLog,
    reconcile::{self, Reconciliation, ReconciliationLog},
    settings::SettingsReader,
    stripe::{
        classify,
        wanted::{self, API_VERSION},
    },
    sweep::OpenWork,
};
use comptoir_edge::telemetry::count;
use comptoir_plans::{
    catalogue::Catalogue,
    compare::{Compared, compare},
    store::{KnownSubscriptions, Wakes},
    stripe::Subscription,
    wake::{ABOUT_RECOVERY, ABOUT_SUBSCRIPTIONS},
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use tokio::time::Instant;

use crate::{
    completer::Run,
    handler::{SERVICE, Webhook},
    http::{Completed, Reconciled},
    stripe_api::StripeApi,
};

/// What is read of an event in a list.
#[derive(Deserialize)]
struct Listed {
    id: String,
    api_version: Option<String>,
}

/// What is read of any object in a list.
#[derive(Deserialize)]
struct Named {
    id: String,
}

impl<
    P: PaymentLog + AnnouncedEvents + ReconciliationLog,
    W: OpenWork,
    S: SettingsReader,
    A: Wakes + KnownSubscriptions,
    C: Clock,
> Webhook<P, W, S, A, C>
{
    /// Begins a reconciliation of the last `days`, or goes on with the one that is under way, and completes what it finds.
    ///
    /// # Errors
    /// When a store fails; the next run goes on.
    pub async fn reconcile(
        &self,
        days: Option<u16>,
        request_id: &str,
        deadline: Timestamp,
    ) -> Result<Completed, ServiceError> {
        for _ in 0..ATTEMPTS {
            let (now, last) = (self.clock.now(), self.payments.last().await?);
            let begins = match (days, &last) {
                (Some(days), last) => Some(Reconciliation::of_days(now, days, last.as_ref())),
                // The daily one leaves another its place.
                (None, Some(last)) if !last.is_done() => None,
                (None, None) => Some(Reconciliation::daily(now, None, self.payments.begun().await?)),
                (None, last) => Some(Reconciliation::daily(now, last.as_ref(), None)),
            };
            // One that is under way may be remembered in between; what a person asks for begins all the same.
            match begins {
                Some(begins) if self.payments.remember(&begins, now).await?.is_none() => {}
                _ => return self.work(true, request_id, deadline).await,
            }
        }
        Err(ServiceError::transient("the payment log", "other runs keep comparing; ask again in a minute"))
    }

    /// Lists pages until time is up; returns how far it came, if there is one under way.
    pub(crate) async fn go_on(
        &self,
        stripe: &StripeApi<'_>,
        run: &Run<'_>,
    ) -> Result<Option<Reconciled>, ServiceError> {
        let Some(mut under_way) = self.payments.last().await? else { return Ok(None) };
        let wanted = wanted::listed(self.access.sells(self.clock.now()).await?);
        while let Some((look, after)) = under_way.next() {
            if Instant::now() >= run.stop || stripe.is_shut() {
                return Ok(Some(told(&under_way, false)));
            }
            let page = match stripe.events(look, after, &wanted).await {
                Ok(Some(page)) => page,
                Err(error) if !error.is_permanent() => {
                    tracing::warn!(request_id = run.request_id, "the reconciliation waits: {error}");
                    return Ok(Some(told(&under_way, false)));
                }
                refused => {
                    match refused {
                        Err(error) => {
                            count(SERVICE, "Parked", 1);
                            tracing::error!(request_id = run.request_id, "Stripe's events cannot be compared: {error}");
                        }
                        Ok(_) => tracing::warn!(request_id = run.request_id, "no API key: nothing is compared"),
                    }
                    under_way.give_up();
                    // One that began meanwhile is another's to end.
                    drop(self.payments.remember(&under_way, self.clock.now()).await?);
                    return Ok(Some(told(&under_way, false)));
                }
            };
            let mut missing = 0;
            for some in page.data.chunks(STRANDS) {
                let at = |place: usize| async move {
                    match some.get(place) {
                        Some(event) => Box::pin(self.compare(event, stripe, run)).await,
                        None => Ok(false),
                    }
                };
                let found = tokio::try_join!(at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7));
                let (a, b, c, d, e, f, g, h) = match found {
                    // Stripe went away over an object: this page is compared anew.
                    Err(_) if stripe.is_shut() => return Ok(Some(told(&under_way, false))),
                    found => found?,
                };
                missing += [a, b, c, d, e, f, g, h].into_iter().filter(|missing| *missing).count();
            }
            let last = page.data.last().and_then(|event| serde_json::from_str::<Listed>(event.get()).ok());
            under_way.listed(page.data.len(), missing, last.map(|last| last.id), page.has_more);
            under_way = match self.payments.remember(&under_way, self.clock.now()).await? {
                Some(stands) => stands,
                None => match self.join(missing, 0).await? {
                    Some(stands) => stands,
                    None => return Ok(Some(told(&under_way, false))),
                },
            };
        }
        if !self.walk(&mut under_way, stripe, run).await? {
            return Ok(Some(told(&under_way, false)));
        }
        let Reconciliation { listed, missing, mended, .. } = under_way;
        tracing::info!(request_id = run.request_id, listed, missing, mended, "reconciled with Stripe");
        Ok(Some(told(&under_way, true)))
    }

    /// Walks through the subscriptions that Stripe lists, a page at a time; whether it came to the end.
    async fn walk(
        &self,
        under_way: &mut Reconciliation,
        stripe: &StripeApi<'_>,
        run: &Run<'_>,
    ) -> Result<bool, ServiceError> {
        while let Some(after) = under_way.walk() {
            if Instant::now() >= run.stop || stripe.is_shut() {
                return Ok(false);
            }
            let now = self.clock.now();
            let catalogue = self.access.plans.newest(now).await?;
            let mut mended = 0;
            let page = if catalogue.plans.is_empty() { Ok(None) } else { stripe.subscriptions(after).await };
            match page {
                Ok(Some(page)) => {
                    for listed in &page.data {
                        mended += self.compare_subscription(listed, &catalogue, run).await?;
                    }
                    let last = page.data.last().and_then(|listed| serde_json::from_str::<Named>(listed.get()).ok());
                    under_way.walked(mended, last.map(|last| last.id), page.has_more);
                }
                Err(error) if !error.is_permanent() => {
                    tracing::warn!(request_id = run.request_id, "the comparison of subscriptions waits: {error}");
                    return Ok(false);
                }
                Err(error) => {
                    count(SERVICE, "Parked", 1);
                    tracing::error!(request_id = run.request_id, "subscriptions cannot be compared: {error}");
                    under_way.give_up_walk();
                }
                Ok(None) => under_way.give_up_walk(),
            }
            match self.payments.remember(under_way, now).await? {
                Some(stands) => *under_way = stands,
                None => match self.join(0, mended).await? {
                    Some(stands) => *under_way = stands,
                    None => return Ok(false),
                },
            }
        }
        Ok(true)
    }

    /// Wakes the work on a listed subscription that is not as it was seen; how many were to be mended.
    async fn compare_subscription(
        &self,
        listed: &RawValue,
        catalogue: &Catalogue,
        run: &Run<'_>,
    ) -> Result<u64, ServiceError> {
        let Ok(listed) = serde_json::from_str::<Subscription>(listed.get()) else {
            tracing::warn!(request_id = run.request_id, "a subscription in Stripe's list cannot be read");
            return Ok(0);
        };
        match compare(&listed, &self.access.wakes, catalogue, self.clock.now()).await? {
            Compared::Mended => {
                count(SERVICE, "SubscriptionsMended", 1);
                let subscription = listed.id;
                tracing::warn!(
                    request_id = run.request_id,
                    subscription,
                    "not as Stripe has it: it is looked at again"
                );
                Ok(1)
            }
            Compared::TrialEnds | Compared::Same => Ok(0),
        }
    }

    /// Goes on with what another run remembered meanwhile, and tells it how many this one found `missing` and `mended`. `None` where
    /// others keep being faster: they go on.
    async fn join(&self, missing: usize, mended: u64) -> Result<Option<Reconciliation>, ServiceError> {
        for _ in 0..ATTEMPTS {
            let Some(mut stands) = self.payments.last().await? else { return Ok(None) };
            stands.also_missing(missing, mended);
            if let Some(stands) = self.payments.remember(&stands, self.clock.now()).await? {
                return Ok(Some(stands));
            }
        }
        Ok(None)
    }

    /// Announces an event if it is missing; returns whether it was.
    async fn compare(&self, listed: &RawValue, stripe: &StripeApi<'_>, run: &Run<'_>) -> Result<bool, ServiceError> {
        let event = match classify::read(listed.get().as_bytes()) {
            Ok(event) => event,
            Err(reason) => {
                tracing::warn!(request_id = run.request_id, reason = reason.code, "not compared: {}", reason.message);
                return Ok(false);
            }
        };
        // Such an event leaves no record of its own. Waking what it is about once more is one look at Stripe.
        if ABOUT_SUBSCRIPTIONS.iter().chain(&ABOUT_RECOVERY).any(|kind| *kind == event.kind) {
            self.access.wake(&event, self.livemode, self.clock.now()).await?;
            return Ok(false);
        }
        if !reconcile::is_missing(&event, self.livemode, &self.payments).await? {
            return Ok(false);
        }
        let body = in_our_version(listed, &event.kind, stripe).await?;
        self.payments.announce(&event.id, body.as_deref().unwrap_or(listed.get()), self.clock.now()).await?;
        tracing::warn!(request_id = run.request_id, event = event.id, "it left no record, and is announced now");
        Ok(true)
    }
}

/// Attempts at beginning while others are at it.
const ATTEMPTS: usize = 5;

/// Events compared at a time.
const STRANDS: usize = 8;

/// An event with its object in the version that the endpoint would have sent: lists are in the one that the account had.
/// `None` where it is in that version, or its object cannot be read anew.
async fn in_our_version(listed: &RawValue, kind: &str, stripe: &StripeApi<'_>) -> Result<Option<String>, ServiceError> {
    let told = serde_json::from_str::<Listed>(listed.get()).ok();
    if told.is_none_or(|told| told.api_version.as_deref() == Some(API_VERSION)) {
        return Ok(None);
    }
    let Ok(mut event) = serde_json::from_str::<Value>(listed.get()) else { return Ok(None) };
    let id = event.pointer("/data/object/id").and_then(Value::as_str).unwrap_or_default();
    let object = match stripe.object_of(kind, id).await {
        Err(error) if error.is_permanent() => None,
        object => object?,
    };
    let Some(object) = object else { return Ok(None) };
    if let Some(place) = event.pointer_mut("/data/object") {
        *place = object;
    }
    Ok(Some(event.to_string()))
}

fn told(under_way: &Reconciliation, done: bool) -> Reconciled {
    let Reconciliation { listed, missing, mended, .. } = *under_way;
    Reconciled { listed, missing, mended, done }
}
