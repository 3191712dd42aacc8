//! One run: the agenda in the order of its times, invocations polled one step at a time, shards that hand out batches and
//! try them again, Stripe that delivers until it hears 200; then what a person would put back, and the check.

use std::{
    cmp::Reverse,
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use comptoir::{invoice::Basis, mail::outbox::Status, memory::Announced};

use crate::{
    check,
    functions::{self, Ended},
    plan::{Kind, Plan},
    ports::Ports,
    world::{Due, Todo, World},
};

/// What went wrong in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which promise, as a stable word.
    pub promise: &'static str,
    /// What was found.
    pub found: String,
    /// What happened until then, if it was written down.
    pub notes: Vec<String>,
}

/// Most steps of a run; one that needs more never comes to rest.
const MOST_STEPS: u32 = 60_000;
/// Waits before Stripe delivers again, in milliseconds; the last one is repeated.
const BACKOFF: [i64; 6] = [60_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000];
/// Timeouts of the functions in the template: webhook, renderer, sender.
const TIMEOUTS: [i64; 3] = [29_000, 60_000, 90_000];
/// Shards of the Billing table's stream; one more is the Outbox table's.
const SHARDS: usize = 2;

enum Job {
    Deliver(usize, u32),
    Batch(usize, usize),
    Twin,
    PostAgain,
}

struct Invocation {
    future: Pin<Box<dyn Future<Output = Ended> + Send>>,
    job: Job,
}

#[derive(Default)]
struct Shard {
    queue: VecDeque<(Announced, i64)>,
    busy: bool,
    attempts: u32,
    limit: usize,
}

struct Run {
    world: Arc<World>,
    invocations: Vec<Option<Invocation>>,
    shards: Vec<Shard>,
    given_up: Vec<Announced>,
    seen: usize,
}

/// Runs a plan.
///
/// # Errors
/// What promise was broken.
pub fn run(plan: Plan) -> Result<(), Violation> {
    let world = World::of(plan);
    let shards = (0..=SHARDS).map(|_| Shard { limit: usize::MAX, ..Shard::default() }).collect();
    let mut run = Run { world, invocations: Vec::new(), shards, given_up: Vec::new(), seen: 0 };
    let result = run.all();
    result.map_err(|(promise, found)| {
        let notes = std::mem::take(&mut run.world.core().notes);
        Violation { promise, found, notes }
    })
}

impl Run {
    fn all(&mut self) -> Result<(), (&'static str, String)> {
        for n in 0..self.world.shop.events.len() {
            let late = if self.world.hit(Kind::Tardy) { self.draw(0, 200_000_000) } else { self.draw(0, 4_000) };
            self.world.at(self.world.shop.events[n].at + late, Todo::Deliver(n, 0));
            if self.world.hit(Kind::Redeliver) {
                let late = self.draw(0, 2) * self.draw(0, 9_000_000) + self.draw(0, 4_000);
                self.world.at(self.world.shop.events[n].at + late, Todo::Deliver(n, 0));
            }
        }
        self.rest()?;
        check::reasons(&self.world)?;
        {
            let mut core = self.world.core();
            core.calm = true;
            core.broken.clear();
        }
        self.world.note(|| "causes are mended, what waits is put back".to_owned());
        // A refund may wait for its sale, which waits itself: the second round finds it.
        for _ in 0..2 {
            self.put_back();
            self.rest()?;
        }
        check::all(&self.world)
    }

    fn draw(&self, from: i64, to: i64) -> i64 {
        self.world.core().rng.i64(from..to)
    }

    fn rest(&mut self) -> Result<(), (&'static str, String)> {
        for _ in 0..MOST_STEPS {
            let Some(Reverse(Due(when, _, todo))) = ({ self.world.core().agenda.pop() }) else { return Ok(()) };
            {
                let mut core = self.world.core();
                core.now = core.now.max(when);
            }
            match todo {
                Todo::Poll(who) => self.poll(who),
                Todo::Kill(who, why) => self.kill(who, why),
                Todo::Deliver(event, turn) => self.deliver(event, turn),
                Todo::Pump(shard) => self.pump(shard),
                Todo::Land(late) => late(&self.world),
            }
            self.follow();
        }
        Err(("comes to rest", format!("{MOST_STEPS} steps were not enough")))
    }

    /// Brings what the tables announce to its shard.
    fn follow(&mut self) {
        if self.world.books.announcements() == self.seen {
            return;
        }
        let now = self.world.core().now;
        for what in self.world.books.announced_after(self.seen) {
            self.seen += 1;
            let shard = match &what {
                Announced::Sale(key) => key.0.len() + usize::from(key.0.as_bytes()[key.0.len() - 1]),
                Announced::Refund(key) => usize::from(key.0.as_bytes()[key.0.len() - 1]),
                Announced::Mail(_) => 0,
            };
            let shard = if matches!(what, Announced::Mail(_)) { SHARDS } else { shard % SHARDS };
            self.shards[shard].queue.push_back((what, now));
            let delay = self.draw(0, 300);
            self.world.at(now + delay, Todo::Pump(shard));
        }
    }

    fn start(
        &mut self,
        job: Job,
        function: usize,
        make: impl FnOnce(Ports, i64) -> Pin<Box<dyn Future<Output = Ended> + Send>>,
    ) {
        let who = self.invocations.len();
        let (now, skew) = {
            let mut core = self.world.core();
            let skew = core.rng.i64(-40..40);
            (core.now, skew)
        };
        let deadline = now + TIMEOUTS[function];
        let future = make(Ports { world: Arc::clone(&self.world), who, skew }, deadline);
        self.invocations.push(Some(Invocation { future, job }));
        self.world.at(now, Todo::Poll(who));
        self.world.at(deadline, Todo::Kill(who, "runs out of time"));
        if self.world.hit(Kind::Kill) {
            let longest = [40, 120, 10_000][self.draw(0, 3) as usize];
            let after = self.draw(0, longest);
            self.world.at(now + after, Todo::Kill(who, "is killed"));
        }
    }

    fn deliver(&mut self, event: usize, turn: u32) {
        let body = self.world.shop.events[event].body.clone();
        self.world.note(|| format!("Stripe delivers {body}"));
        self.start(Job::Deliver(event, turn), 0, |ports, _| Box::pin(functions::webhook(ports, body)));
    }

    fn pump(&mut self, shard: usize) {
        let now = self.world.core().now;
        let oldest = if self.world.hit(Kind::GiveUp) { 2_000 } else { 21_600_000 };
        let calm = self.world.core().calm;
        let state = &mut self.shards[shard];
        if state.busy {
            return;
        }
        while state.attempts > 0 && !calm && state.queue.front().is_some_and(|(_, at)| now - at > oldest) {
            let (what, _) = state.queue.pop_front().unwrap();
            self.world.note(|| format!("its stream gives up {what:?}"));
            self.given_up.push(what);
        }
        if state.queue.is_empty() {
            state.attempts = 0;
            return;
        }
        let most = if shard == SHARDS { 10 } else { 49 };
        let size = state.queue.len().min(most).min(state.limit.max(1));
        let batch: Vec<Announced> = state.queue.iter().take(size).map(|(what, _)| what.clone()).collect();
        state.busy = true;
        let twin = self.world.hit(Kind::TwinBatch);
        self.world.note(|| format!("shard {shard} hands out {batch:?}{}", if twin { " twice" } else { "" }));
        if twin {
            self.invoke(shard, batch.clone(), Job::Twin);
        }
        self.invoke(shard, batch, Job::Batch(shard, size));
    }

    fn invoke(&mut self, shard: usize, batch: Vec<Announced>, job: Job) {
        if shard == SHARDS {
            self.start(job, 2, |ports, deadline| Box::pin(functions::sender(ports, batch, deadline)));
        } else {
            self.start(job, 1, |ports, _| Box::pin(functions::renderer(ports, batch)));
        }
    }

    fn poll(&mut self, who: usize) {
        let Some(invocation) = &mut self.invocations[who] else { return };
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(ended) = invocation.future.as_mut().poll(&mut context) {
            let invocation = self.invocations[who].take().unwrap();
            self.ended(invocation.job, Some(ended));
        }
    }

    fn kill(&mut self, who: usize, why: &'static str) {
        if let Some(invocation) = self.invocations[who].take() {
            self.world.core().troubles += 1;
            self.world.note(|| format!("#{who} {why}"));
            self.ended(invocation.job, None);
        }
    }

    fn ended(&mut self, job: Job, ended: Option<Ended>) {
        let now = self.world.core().now;
        match job {
            Job::Deliver(_, _) if ended == Some(Ended::Answered(true)) => {}
            Job::Deliver(event, turn) => {
                let wait = BACKOFF[(turn as usize).min(BACKOFF.len() - 1)];
                // Stripe gives up after three days; by then whoever owns the shop has mended the worst.
                if turn > 8 {
                    self.world.core().calm = true;
                }
                self.world.at(now + wait, Todo::Deliver(event, turn + 1));
            }
            Job::Batch(shard, size) => {
                let state = &mut self.shards[shard];
                state.busy = false;
                let done = match ended {
                    Some(Ended::Batch(None)) => size,
                    Some(Ended::Batch(Some(first))) => first,
                    _ => {
                        state.limit = (size / 2).max(1);
                        0
                    }
                };
                state.queue.drain(..done);
                if done == size {
                    state.limit = usize::MAX;
                }
                state.attempts = if done > 0 { 0 } else { state.attempts + 1 };
                if ended != Some(Ended::Batch(None)) {
                    state.attempts = state.attempts.max(1);
                }
                let wait = if state.attempts == 0 { 0 } else { 100_i64 << state.attempts.min(15) };
                if state.attempts > 2_000 {
                    self.world.core().calm = true;
                }
                self.world.at(now + wait, Todo::Pump(shard));
            }
            Job::Twin | Job::PostAgain => {}
        }
    }

    fn put_back(&mut self) {
        for parked in self.world.books.parked_events() {
            self.start(Job::PostAgain, 0, |ports, _| Box::pin(functions::post_again(ports, parked.id, parked.body)));
        }
        for what in std::mem::take(&mut self.given_up) {
            self.world.books.put_back(&what);
        }
        for (basis, _) in self.world.books.parked_bases() {
            self.world.books.put_back(&match basis {
                Basis::Sale(key) => Announced::Sale(key),
                Basis::Refund(key) => Announced::Refund(key),
            });
        }
        for (mail, status) in self.world.books.mails() {
            if status == Status::Parked && mail.to.is_some() {
                self.world.books.put_back(&Announced::Mail(mail.id));
            }
        }
        self.follow();
    }
}
