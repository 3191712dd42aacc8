//! One run: the agenda in order of time, invocations polled one step at a time, events that Stripe delivers until they are taken,
//! a sweep, a comparison every night; then calm, the replay by a person, and the check.

mod ends;
mod later;

use std::{
    collections::BTreeSet,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use super::{
    check,
    functions::{self, Ended},
    plan::{Kind, Plan},
    ports::Ports,
    story::{self, Act},
    stripe::DAY,
    world::{Todo, World},
};
use crate::run::Violation;

/// Most steps of a run; one that needs more does not come to rest.
const MOST_STEPS: u32 = 200_000;
/// Timeouts of webhook, worker, and doors.
const TIMEOUTS: [i64; 3] = [29_000, 120_000, 29_000];

enum Job {
    Deliver(usize, u32),
    Work(String, u32, i64),
    Twin,
    Open(usize, String, &'static str, bool, u32),
    Use(usize, String, u64, u32),
}

type Running = Pin<Box<dyn Future<Output = Ended> + Send>>;

struct Run {
    world: Arc<World>,
    invocations: Vec<Option<(Running, Job)>>,
    /// Events and records that were announced before.
    seen: (usize, usize),
    /// Events that were taken.
    taken: BTreeSet<usize>,
    /// Events from before the last night.
    compared: usize,
    sweeps: bool,
}

/// Runs a plan.
///
/// # Errors
/// The broken promise.
pub fn run(plan: Plan) -> Result<(), Violation> {
    let world = World::of(plan);
    let mut run =
        Run { world, invocations: Vec::new(), seen: (0, 0), taken: BTreeSet::new(), compared: 0, sweeps: false };
    let result = run.all();
    result.map_err(|(promise, found)| {
        let notes = std::mem::take(&mut run.world.core().notes);
        Violation { promise, found, notes }
    })
}

impl Run {
    fn all(&mut self) -> Result<(), (&'static str, String)> {
        for (at, act) in self.world.story.acts.clone() {
            self.world.at(at, Todo::Act(act));
        }
        let nights = self.world.story.length / DAY + 2;
        for night in 1..=nights {
            self.world.at(self.world.story.start + night * DAY, Todo::Night);
        }
        self.rest()?;
        self.world.core().calm = true;
        self.world.note(|| "causes are mended, what waits is put back".to_owned());
        for _ in 0..3 {
            self.night();
            self.rest()?;
            self.put_back();
            self.rest()?;
        }
        check::all(&self.world)
    }

    fn rest(&mut self) -> Result<(), (&'static str, String)> {
        for _ in 0..MOST_STEPS {
            let Some(todo) = self.world.turn()? else { return Ok(()) };
            match todo {
                Todo::Poll(who) => self.poll(who),
                Todo::Kill(who, why) => self.kill(who, why),
                Todo::Deliver(event, turn) => self.deliver(event, turn),
                Todo::Work(id, turn, since) => self.work(id, turn, since),
                Todo::Act(act) => self.act(act),
                Todo::Meanwhile => {
                    let act = story::meanwhile(&self.world.story, &mut self.world.core().rng);
                    self.act(act);
                }
                Todo::Ring(timer) => {
                    let now = self.world.millis();
                    self.world.note(|| format!("{timer:?} rings"));
                    self.world.stripe().rings(timer, now);
                }
                Todo::Sweep => self.sweep(),
                Todo::Night => self.night(),
                Todo::Replay(id) => self.replay(&id),
                Todo::Land(late) => late(&self.world),
            }
            self.follow();
        }
        Err(("comes to rest", format!("{MOST_STEPS} steps were not enough")))
    }

    /// Whatever Stripe tells is delivered, its timers are set, and what the table announces is worked on.
    fn follow(&mut self) {
        let now = self.world.millis();
        let (timers, told): (Vec<_>, Vec<_>) = {
            let mut stripe = self.world.stripe();
            let told = stripe.events.iter().skip(self.seen.0).map(|event| event.kind).collect();
            (std::mem::take(&mut stripe.timers), told)
        };
        for (at, timer) in timers {
            self.world.at(at, Todo::Ring(timer));
        }
        for kind in told {
            let event = self.seen.0;
            self.seen.0 += 1;
            self.world.note(|| format!("Stripe tells {kind} (event {event})"));
            let times = 1 + i64::from(self.world.hit(Kind::Redeliver));
            if self.world.hit(Kind::Undelivered) {
                self.world.note(|| format!("event {event} is never delivered"));
                continue;
            }
            for _ in 0..times {
                let usual = [30, 4_000][self.world.draw(0, 2) as usize];
                let longest = if self.world.hit(Kind::Tardy) { 3 * DAY } else { usual };
                let at = now + self.world.draw(0, longest);
                self.world.at(at, Todo::Deliver(event, 0));
            }
        }
        let announced: Vec<String> = {
            let core = self.world.core();
            core.announced.iter().skip(self.seen.1).cloned().collect()
        };
        for id in announced {
            self.seen.1 += 1;
            self.wants_sweep();
            if self.world.hit(Kind::Lost) {
                self.world.note(|| format!("its stream loses {id}"));
                continue;
            }
            let at = now + self.world.draw(0, 300);
            self.world.at(at, Todo::Work(id, 0, now));
        }
    }

    fn start(&mut self, job: Job, function: usize, make: impl FnOnce(Ports, i64) -> Running) {
        let who = self.invocations.len();
        let now = self.world.millis();
        let skew = self.world.skew(who);
        let deadline = now + TIMEOUTS[function];
        let future = make(Ports { world: Arc::clone(&self.world), who, skew }, deadline);
        self.invocations.push(Some((future, job)));
        self.world.at(now, Todo::Poll(who));
        self.world.at(deadline, Todo::Kill(who, "runs out of time"));
        if self.world.hit(Kind::Kill) {
            let longest = [40, 200, 10_000][self.world.draw(0, 3) as usize];
            let after = self.world.draw(0, longest);
            self.world.at(now + after, Todo::Kill(who, "is killed"));
        }
    }

    fn deliver(&mut self, event: usize, turn: u32) {
        let body: Arc<str> = Arc::from(self.world.stripe().events[event].body.as_str());
        self.start(Job::Deliver(event, turn), 0, |ports, _| {
            ports.note("webhook", || body.to_string());
            Box::pin(functions::webhook(ports, body))
        });
    }

    fn work(&mut self, id: String, turn: u32, since: i64) {
        if self.world.hit(Kind::Twin) {
            let id = id.clone();
            self.start(Job::Twin, 1, |ports, deadline| Box::pin(functions::worker(ports, id, deadline)));
        }
        self.start(Job::Work(id.clone(), turn, since), 1, |ports, deadline| {
            ports.note("works on", || id.clone());
            Box::pin(functions::worker(ports, id, deadline))
        });
    }

    fn act(&mut self, act: Act) {
        let (now, people) = (self.world.millis(), &self.world.story.people);
        self.world.note(|| format!("{act:?}"));
        match act {
            Act::Open(person, key, price, known, turn) => {
                let email = known.then(|| people[person].clone());
                let wish = (key.clone(), price, email);
                self.start(Job::Open(person, key, price, known, turn), 2, |ports, _| {
                    Box::pin(functions::checkout(ports, wish))
                });
            }
            Act::Use(person, id, amount, turn) => {
                let wish = (people[person].clone(), id.clone(), amount);
                self.start(Job::Use(person, id, amount, turn), 2, |ports, _| {
                    Box::pin(functions::use_tokens(ports, wish))
                });
            }
            act => story::act(&self.world.story, &mut self.world.stripe(), &act, now),
        }
    }

    fn poll(&mut self, who: usize) {
        let Some((future, _)) = &mut self.invocations[who] else { return };
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(ended) = future.as_mut().poll(&mut context) {
            let (_, job) = self.invocations[who].take().unwrap();
            self.world.note(|| format!("#{who} ends: {ended:?}"));
            self.ended(job, Some(ended));
        }
    }

    fn kill(&mut self, who: usize, why: &'static str) {
        if let Some((_, job)) = self.invocations[who].take() {
            self.world.note(|| format!("#{who} {why}"));
            self.ended(job, None);
        }
    }
}
