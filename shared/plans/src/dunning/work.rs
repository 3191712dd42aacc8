//! Works on a customer who owes something: counts what is unpaid, takes the step that follows, or closes the episode.

use std::collections::BTreeSet;

use comptoir::{
    calendar::Place,
    clock::Clock,
    outcome::{Outcome, Reason, ServiceError},
};
use jiff::{SignedDuration, Timestamp};

use super::{
    decide::{self, Next, Owed},
    letter::{About, letter},
    record::Episode,
    store::{EpisodeChange, EpisodeStore},
};
use crate::{
    access,
    catalogue::Catalogue,
    recovery::{
        debt::{Collecting, Debt},
        record::State,
        store::Then,
        work::{Tools, unwritable},
    },
    store::Committed,
    stored::Plans,
};

/// The most rounds of one invocation.
const ROUNDS: u32 = 12;

/// How long until what is owed is looked at again, if no event says anything: a debt may be cleared by what sends none.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_hours(24);

/// Why a round ended early.
enum Stop {
    Settled(Outcome),
    Conflict,
}

impl From<ServiceError> for Stop {
    fn from(error: ServiceError) -> Self {
        Self::Settled(error.into())
    }
}

/// Works on the customer `cus_...`.
pub async fn dun<S: EpisodeStore, B: Collecting, C: Clock, P: Plans>(
    customer: &str,
    tools: &Tools<'_, S, B, C, P>,
) -> Outcome {
    for attempt in 0..ROUNDS {
        match Box::pin(round(customer, tools)).await {
            Ok(()) => return Outcome::Done,
            Err(Stop::Settled(Outcome::Reject(reason))) => return parked(customer, tools, reason).await,
            Err(Stop::Settled(outcome)) => return outcome,
            Err(Stop::Conflict) => tools.store.breathe(attempt).await,
        }
    }
    Outcome::Retry(Reason::new("dunning_contended", "others wrote at the same time, each time it was tried"))
}

/// What a customer owes now.
#[derive(Default)]
struct Standing {
    unpaid: Vec<Debt>,
    open: u32,
    subscriptions: BTreeSet<String>,
}

async fn round<S: EpisodeStore, B: Collecting, C: Clock, P: Plans>(
    customer: &str,
    tools: &Tools<'_, S, B, C, P>,
) -> Result<(), Stop> {
    let now = tools.clock.now();
    let Some(read) = tools.store.episode(customer).await? else { return Ok(()) };
    if !read.is_due(now) {
        return Ok(());
    }
    // Rarely asked, and final where no plan sells it: the newest.
    let catalogue = tools.catalogue.newest().await?;
    let standing = standing(customer, tools, &catalogue).await?;
    let mut episode = read.episode.clone();
    let owed = Owed { unpaid: count(standing.unpaid.len()), open: standing.open };
    let seller = tools.writer.seller;
    let place = Place::of(seller);
    let steps = &catalogue.dunning;
    let next = decide::next(&episode, owed, steps, &place, now);
    let again = now.saturating_add(LOOK_AGAIN).unwrap_or(Timestamp::MAX);
    let mut mail = None;
    let then = match next {
        Next::Rest => Then::Rest,
        Next::Close => {
            episode.close();
            Then::Rest
        }
        Next::Watch => {
            opened(&mut episode, &standing, now);
            Then::Until(again)
        }
        Next::WaitUntil(at) => {
            opened(&mut episode, &standing, now);
            Then::Until(at.min(again))
        }
        Next::Take(step) => {
            opened(&mut episode, &standing, now);
            episode.take(step);
            let name = episode.name(customer);
            let about = About { episode: &name, step, steps, debts: &standing.unpaid };
            let debtor = standing.unpaid.iter().find_map(Debt::debtor).ok_or(Stop::Conflict)?;
            let written = letter(about, debtor, tools.writer, now);
            mail = Some(written.map_err(|why| Stop::Settled(Outcome::Reject(unwritable(why))))?);
            Then::Until(again)
        }
    };
    let change = EpisodeChange { customer, read: &read, episode: &episode, then, mail: mail.as_ref() };
    match tools.store.change_episode(&change, now).await? {
        Committed::Done => Ok(()),
        Committed::Conflict => Err(Stop::Conflict),
    }
}

fn opened(episode: &mut Episode, standing: &Standing, now: Timestamp) {
    episode.open(now);
    episode.subscriptions.extend(standing.subscriptions.iter().cloned());
}

/// What of the customer's open invoices counts: what the customer was told of, that nobody has settled since, for a plan of a
/// subscription that goes on.
async fn standing<S: EpisodeStore, B: Collecting, C: Clock, P: Plans>(
    customer: &str,
    tools: &Tools<'_, S, B, C, P>,
    catalogue: &Catalogue,
) -> Result<Standing, Stop> {
    let mut standing = Standing::default();
    for invoice in tools.billing.open_debts(customer).await? {
        let Some(known) = tools.store.recovery(&invoice).await? else { continue };
        if known.recovery.told_at.is_none() {
            continue;
        }
        let Some(debt) = tools.billing.debt(&invoice).await? else { continue };
        let Some(subscription) = wanted(&debt, catalogue) else { continue };
        standing.open = standing.open.saturating_add(1);
        standing.subscriptions.insert(subscription);
        let given_up = matches!(known.recovery.state, State::Exhausted | State::NeedsCustomer);
        if given_up && !debt.is_processing() {
            standing.unpaid.push(debt);
        }
    }
    Ok(standing)
}

/// The subscription of an invoice that is to be paid; none where nobody is asked for it.
fn wanted(debt: &Debt, catalogue: &Catalogue) -> Option<String> {
    let open = debt.status.as_deref() == Some("open");
    let by_us = debt.collection_method.as_deref() != Some("send_invoice");
    let known = debt.debtor().is_some_and(|debtor| !debtor.deleted);
    let subscription = debt.subscription().filter(|subscription| !subscription.status.is_final())?;
    let sold = access::is_sold(subscription, catalogue);
    (open && by_us && known && sold).then(|| subscription.id.clone())
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Parks a customer's record with its reason.
async fn parked<S: EpisodeStore, B: Collecting, C: Clock, P: Plans>(
    customer: &str,
    tools: &Tools<'_, S, B, C, P>,
    reason: Reason,
) -> Outcome {
    let result = match tools.store.episode(customer).await {
        Ok(Some(read)) => {
            let episode = &read.episode;
            let change = EpisodeChange { customer, read: &read, episode, then: Then::Park(&reason), mail: None };
            tools.store.change_episode(&change, tools.clock.now()).await
        }
        Ok(None) => return Outcome::Reject(reason),
        Err(error) => Err(error),
    };
    match result {
        Ok(Committed::Done) => Outcome::Reject(reason),
        Ok(Committed::Conflict) => {
            Outcome::Retry(Reason::new("dunning_contended", "it changed while it was to be parked"))
        }
        Err(error) => Outcome::Retry(error.reason()),
    }
}
