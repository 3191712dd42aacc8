//! Several workers and doors at once, in any order of their calls, with events late and repeated and one call that fails: a
//! seeded scheduler plays them, then all that is open is done, and what was promised must hold.

use std::{
    pin::Pin,
    task::{Context, Waker},
};

use comptoir::memory::{Fault, FaultPlan, at_once};
use fastrand::Rng;

use super::*;
use crate::{
    desk::use_tokens,
    memory::{InMemoryAccess, Mistake, SmallStripe, catalogue, invoice, subscription},
    store::Wakes,
};

const EMAIL: &str = "zoe@example.org";
const SEEDS: u64 = 4_000;

fn now() -> Timestamp {
    "2026-11-27T10:00:00Z".parse().unwrap()
}

struct Town {
    store: InMemoryAccess,
    stripe: SmallStripe,
    catalogue: Catalogue,
}

type Task<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// What may happen to a subscription at Stripe after `status`.
fn after(status: &str, rng: &mut Rng) -> &'static str {
    let next: &[&str] = match status {
        "incomplete" => &["active", "incomplete_expired"],
        "active" => &["active", "past_due", "canceled"],
        "past_due" => &["active", "unpaid", "canceled"],
        "unpaid" => &["active", "canceled"],
        _ => &["canceled"],
    };
    next[rng.usize(..next.len())]
}

/// An event that the webhook takes: it is delivered again until the wake is written.
async fn delivered(town: &Town, subscription: &str) {
    while town.store.wake(subscription, now()).await.is_err() {}
}

/// The customer does something at Stripe; the events that follow.
fn happens<'a>(town: &'a Town, world: &mut Vec<(String, &'static str)>, n: usize, rng: &mut Rng) -> Vec<Task<'a>> {
    let place = rng.usize(..3);
    let id = format!("sub_{place}");
    let known = world.iter_mut().find(|(known, _)| *known == id);
    // What Comptoir cancelled is over, whatever the customer meant to do.
    let over = town.stripe.standing(&id).is_some_and(|standing| standing.status.is_final());
    let status = match known {
        Some(_) if over => return Vec::new(),
        Some((_, status)) => {
            *status = after(status, rng);
            *status
        }
        None => {
            let status = if rng.bool() { "active" } else { "incomplete" };
            world.push((id.clone(), status));
            status
        }
    };
    let mut standing = subscription(&id, &format!("cus_{place}"), EMAIL, status, "price_solo");
    standing.created += i64::try_from(place).unwrap();
    town.stripe.put(standing);
    if status == "active" && rng.bool() {
        town.stripe.paid(&id, invoice(&format!("in_{n}"), "subscription_cycle", "price_solo"));
    }
    (0..=rng.usize(..2))
        .map(|_| {
            let id = id.clone();
            let task: Task<'a> = Box::pin(async move { delivered(town, &id).await });
            task
        })
        .collect()
}

fn play(seed: u64, mistake: Option<Mistake>) -> Result<(), String> {
    let mut rng = Rng::with_seed(seed);
    let plan = |rng: &mut Rng| match rng.u8(..3) {
        0 => FaultPlan::default(),
        1 => FaultPlan::with(rng.usize(..60), Fault::Before),
        _ => FaultPlan::with(rng.usize(..60), Fault::After),
    };
    let mut store = InMemoryAccess::under(plan(&mut rng));
    store.mistake = mistake;
    let town = Town { store, stripe: SmallStripe::under(plan(&mut rng)), catalogue: catalogue() };
    let mut world = Vec::new();
    let mut running: Vec<Task<'_>> = Vec::new();
    let mut context = Context::from_waker(Waker::noop());
    for n in 0..160 {
        match rng.u8(..10) {
            0 if n < 100 => running.extend(happens(&town, &mut world, n, &mut rng)),
            1 => {
                let open = town.store.open();
                if let Some(id) = open.get(rng.usize(..open.len().max(1))).cloned() {
                    let town = &town;
                    running.push(Box::pin(async move {
                        refresh(&id, &town.store, &town.stripe, &town.catalogue, now()).await;
                    }));
                }
            }
            2 => {
                let (town, amount, id) = (&town, rng.u64(1..5), format!("u{}", rng.u8(..6)));
                running.push(Box::pin(async move {
                    use_tokens(EMAIL, amount, &id, &town.store, &catalogue(), now()).await.ok();
                }));
            }
            _ if running.is_empty() => {}
            _ => {
                let place = rng.usize(..running.len());
                if running[place].as_mut().poll(&mut context).is_ready() {
                    drop(running.swap_remove(place));
                } else if rng.u8(..40) == 0 {
                    // It dies where it is, unless it is Stripe's, which never gives up.
                    running[place] = Box::pin(std::future::ready(()));
                    let ids: Vec<String> = world.iter().map(|(id, _)| id.clone()).collect();
                    for id in ids {
                        at_once(delivered(&town, &id));
                    }
                }
            }
        }
    }
    for task in running {
        at_once(task);
    }
    for _ in 0..30 {
        for id in town.store.open() {
            at_once(refresh(&id, &town.store, &town.stripe, &town.catalogue, now()));
        }
    }
    check(&town, &world).map_err(|broken| format!("seed {seed}: {broken}"))
}

fn ensure(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.to_owned()) }
}

fn check(town: &Town, world: &[(String, &'static str)]) -> Result<(), String> {
    ensure(town.store.open().is_empty(), "work stays open")?;
    ensure(town.stripe.cancelled_alone().is_empty(), "one was cancelled though no other one lived")?;
    let standing: Vec<Subscription> = world.iter().filter_map(|(id, _)| town.stripe.standing(id)).collect();
    let paying = |one: &&Subscription| !one.status.is_final() && one.status != Status::Incomplete;
    ensure(standing.iter().filter(paying).count() <= 1, "two are paid for")?;
    for id in town.stripe.cancelled() {
        let told = town.store.parked(&id).is_some_and(|reason| reason.code == "second_subscription");
        ensure(told, "nobody was told that one was cancelled")?;
    }
    let ((invoices, grants), (ids, spent)) = (town.store.granted(), town.store.used());
    ensure(invoices == grants, "an invoice brought its tokens twice")?;
    ensure(ids == spent.len(), "a use was counted twice")?;
    let (granted, used) = (u64::try_from(grants).unwrap() * 10, spent.iter().sum::<u64>());
    let Some(person) = town.store.somebody(EMAIL) else { return Ok(()) };
    ensure(person.tokens <= 10 && used + person.tokens <= granted, "tokens come from nowhere")?;
    let current = person.person.current.as_ref().ok_or("a person without a subscription")?;
    let stripe = town.stripe.standing(&current.subscription).ok_or("a subscription from nowhere")?;
    ensure(Some(person.person.access) == access::given(&stripe, &town.catalogue), "access is not what Stripe says")?;
    if let Some(lives) = standing.iter().find(paying) {
        ensure(current.subscription == lives.id, "another one lives")?;
    }
    ensure(!current.over || person.tokens == 0, "tokens outlive access")
}

#[test]
fn any_order_of_events_workers_and_failures_keeps_what_was_promised() {
    for seed in 0..SEEDS {
        assert_eq!(play(seed, None), Ok(()));
    }
}

#[test]
fn each_forgotten_condition_is_noticed() {
    for mistake in [
        Mistake::CloseIgnoresWakes,
        Mistake::AdoptIgnoresVersion,
        Mistake::EndKeepsTokens,
        Mistake::GrantRepeats,
        Mistake::GrantIgnoresVersion,
        Mistake::BalanceIgnored,
        Mistake::UseRepeats,
    ] {
        let noticed = (0..SEEDS).any(|seed| play(seed, Some(mistake)).is_err());
        assert!(noticed, "{mistake:?} was noticed in none of {SEEDS} runs");
    }
}
