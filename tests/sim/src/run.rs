//! One run: the agenda in order of time, invocations polled one step at a time, shards that deliver batches and
//! retry them, Stripe that delivers until it receives 200; then the replay by a person, and the check.

use std::{
    collections::BTreeSet,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use comptoir::{
    announced::AnnouncedEvents,
    invoice::DocumentSource,
    mail::outbox::Status,
    memory::{StreamRecord, at_once},
    sweep::{STALE_SECONDS, sweep},
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    check,
    functions::{self, Ended},
    plan::{Kind, Plan},
    ports::{Ports, Sweeper},
    post,
    shard::Shard,
    world::{FUNCTIONS, INSTANCES, Todo, World},
};

/// The failure of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The broken promise, as a stable word.
    pub promise: &'static str,
    /// The finding.
    pub found: String,
    /// The log until then, if kept.
    pub notes: Vec<String>,
}

/// Maximum steps of a run; a run that needs more does not terminate.
const MOST_STEPS: u32 = 60_000;
/// Delays before Stripe delivers again, in milliseconds; the last one is repeated.
const BACKOFF: [i64; 6] = [60_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000];
/// Timeouts of the functions in the template: webhook, renderer, sender, events of the mail service.
const TIMEOUTS: [i64; FUNCTIONS] = [29_000, 220_000, 90_000, 40_000];
/// From one run of the completer to the next, in milliseconds.
const MINUTE: i64 = 60_000;
/// Delays before a delivery event is retried, in milliseconds; then it goes to the on-failure queue.
const HANDED_AGAIN: [i64; 2] = [60_000, 120_000];
/// Longer than any clock is ahead, in milliseconds.
const ALL: i64 = 86_400_000;
/// Shards of the Billing table's stream; the Outbox table has one more.
const SHARDS: usize = 2;

enum Job {
    Deliver(usize, u32),
    Batch(usize, usize),
    Twin,
    PostAgain,
    Tell(usize, u32),
    Complete(String, u32),
}

struct Invocation {
    future: Pin<Box<dyn Future<Output = Ended> + Send>>,
    job: Job,
}

struct Run {
    world: Arc<World>,
    invocations: Vec<Option<Invocation>>,
    shards: Vec<Shard>,
    undelivered: Vec<usize>,
    seen: usize,
    /// The announced events that a later step completes.
    announced: BTreeSet<String>,
}

/// Runs a plan.
///
/// # Errors
/// The broken promise.
pub fn run(plan: Plan) -> Result<(), Violation> {
    let world = World::of(plan);
    let shards = (0..=SHARDS).map(|_| Shard::default()).collect();
    let mut run =
        Run { world, invocations: Vec::new(), shards, undelivered: Vec::new(), seen: 0, announced: BTreeSet::new() };
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
        for _ in 0..self.draw(0, 4) {
            // Most of what is retried is retried within the first hour.
            let longest = [3_600_000, 20_000_000][self.draw(0, 2) as usize];
            let at = self.world.shop.start + self.draw(0, longest);
            self.world.at(at, Todo::Sweep);
        }
        if self.draw(0, 2) == 0 {
            let at = self.world.shop.start + self.draw(0, 20_000);
            self.world.at(at, Todo::Save);
        }
        self.rest()?;
        check::reasons(&self.world)?;
        check::told(&self.world)?;
        check::streams(&self.world)?;
        {
            let mut core = self.world.core();
            core.calm = true;
            core.broken.clear();
        }
        self.world.note(|| "causes are mended, what waits is put back".to_owned());
        // A refund may wait for its sale, which is parked itself: the second round finds it.
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
            let next = self.world.core().turn()?;
            let Some(todo) = next else { return Ok(()) };
            match todo {
                Todo::Poll(who) => self.poll(who),
                Todo::Kill(who, why) => self.kill(who, why),
                Todo::Deliver(event, turn) => self.deliver(event, turn),
                Todo::Pump(shard) => self.pump(shard),
                Todo::Tell(news, turn) => self.tell(news, turn),
                Todo::PutBack(mail) => drop(post::put_back(&self.world, &mail)),
                Todo::Land(late) => late(&self.world),
                Todo::Save => self.world.save_settings(),
                Todo::Sweep => self.sweep(STALE_SECONDS.cast_signed() * 1_000),
                Todo::Complete(id, turn) => self.complete(id, turn),
            }
            self.follow();
            self.schedule();
        }
        Err(("comes to rest", format!("{MOST_STEPS} steps were not enough")))
    }

    /// Moves new records of the tables to their shards.
    fn follow(&mut self) {
        if self.world.books.announcements() == self.seen {
            return;
        }
        let now = self.world.core().now;
        for what in self.world.books.announced_after(self.seen) {
            self.seen += 1;
            let calm = self.world.core().calm;
            if !calm && self.world.hit(Kind::Lost) {
                self.world.note(|| format!("its stream loses {what:?}"));
                self.world.core().lost = true;
                continue;
            }
            let shard = match &what {
                StreamRecord::Sale(key) => key.0.len() + usize::from(key.0.as_bytes()[key.0.len() - 1]),
                StreamRecord::Refund(key) => usize::from(key.0.as_bytes()[key.0.len() - 1]),
                StreamRecord::Mail(_) => 0,
            };
            let shard = if matches!(what, StreamRecord::Mail(_)) { SHARDS } else { shard % SHARDS };
            self.shards[shard].push(what, now);
            let delay = self.draw(0, 300);
            self.world.at(now + delay, Todo::Pump(shard));
        }
    }

    /// Has each announced event completed within a minute.
    fn schedule(&mut self) {
        for event in self.world.books.announced_events() {
            if self.announced.insert(event.id.clone()) {
                let at = self.world.core().now;
                let at = at + self.draw(0, MINUTE);
                self.world.at(at, Todo::Complete(event.id, 0));
            }
        }
    }

    fn complete(&mut self, id: String, turn: u32) {
        let job = Job::Complete(id.clone(), turn);
        self.start(job, 0, |ports, _| Box::pin(functions::completer(ports, id)));
    }

    fn start(
        &mut self,
        job: Job,
        function: usize,
        make: impl FnOnce(Ports, i64) -> Pin<Box<dyn Future<Output = Ended> + Send>>,
    ) {
        let who = self.invocations.len();
        let (now, skew) = {
            let core = self.world.core();
            (core.now, core.skews[function][who % INSTANCES])
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
        let body = Arc::clone(&self.world.shop.events[event].body);
        self.world.note(|| format!("Stripe delivers {body}"));
        self.start(Job::Deliver(event, turn), 0, |ports, _| Box::pin(functions::webhook(ports, body)));
    }

    fn tell(&mut self, news: usize, turn: u32) {
        let body = {
            let mut core = self.world.core();
            core.post.news[news].tried = true;
            Arc::clone(&core.post.news[news].body)
        };
        self.world.note(|| format!("the mail service tells {body}"));
        self.start(Job::Tell(news, turn), 3, |ports, _| Box::pin(functions::mail_events(ports, body)));
    }

    /// A person handles an event, and may replay its mail without waiting for anything else.
    fn heard(&mut self, news: usize) {
        let mail = {
            let mut core = self.world.core();
            let now = core.now;
            core.post.news[news].heard = true;
            core.post.news[news].letter.map(|letter| (core.post.letters[letter].mail.clone(), now))
        };
        let Some((mail, now)) = mail else { return };
        let returned = self.world.books.standing(&mail).is_some_and(|status| status.stage().came_back());
        if returned && self.world.hit(Kind::Hasty) {
            let longest = [200, 4_000, 40_000_000][self.draw(0, 3) as usize];
            let wait = self.draw(0, longest);
            self.world.at(now + wait, Todo::PutBack(mail));
        }
    }

    fn pump(&mut self, shard: usize) {
        let now = self.world.core().now;
        let calm = self.world.core().calm;
        let oldest = match (calm, self.world.hit(Kind::GiveUp)) {
            (true, _) => i64::MAX,
            (false, true) => 2_000,
            (false, false) => 3_600_000,
        };
        let state = &mut self.shards[shard];
        if state.is_busy() {
            return;
        }
        while let Some(what) = state.give_up(oldest, now) {
            self.world.note(|| format!("its stream gives up {what:?}"));
            self.world.core().lost = true;
        }
        let Some(batch) = state.hand_out(if shard == SHARDS { 10 } else { 49 }) else { return };
        let twin = self.world.hit(Kind::TwinBatch);
        self.world.note(|| format!("shard {shard} hands out {batch:?}{}", if twin { " twice" } else { "" }));
        if twin {
            self.invoke(shard, batch.clone(), Job::Twin);
        }
        let size = batch.len();
        self.invoke(shard, batch, Job::Batch(shard, size));
    }

    fn invoke(&mut self, shard: usize, batch: Vec<StreamRecord>, job: Job) {
        if shard == SHARDS {
            self.start(job, 2, |ports, deadline| Box::pin(functions::sender(ports, batch, deadline)));
        } else {
            self.start(job, 1, |ports, deadline| Box::pin(functions::renderer(ports, batch, deadline)));
        }
    }

    fn poll(&mut self, who: usize) {
        let Some(invocation) = &mut self.invocations[who] else { return };
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(ended) = invocation.future.as_mut().poll(&mut context) {
            let invocation = self.invocations[who].take().unwrap();
            self.parked_what_was_refused(who, ended);
            self.ended(invocation.job, Some(ended));
        }
    }

    /// An invocation parks what it was refused permanently; it asks for a retry for other reasons only.
    fn parked_what_was_refused(&self, who: usize, ended: Ended) {
        let (refused, troubled) = {
            let core = self.world.core();
            (core.was_refused.contains(&who), core.was_troubled.contains(&who))
        };
        if refused && !troubled && !matches!(ended, Ended::Answered(true) | Ended::Batch(None)) {
            self.world.broke("what is refused for good is not retried", || format!("#{who} ended {ended:?}"));
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
                // Stripe gives up after three days; by then the owner has fixed the worst.
                if turn > 8 {
                    self.world.core().calm = true;
                }
                self.world.at(now + wait, Todo::Deliver(event, turn + 1));
            }
            Job::Batch(shard, size) => {
                let wait = self.shards[shard].ended(size, ended);
                if self.shards[shard].attempts > 2_000 {
                    self.world.core().calm = true;
                }
                self.world.at(now + wait, Todo::Pump(shard));
            }
            Job::Tell(news, _) if ended == Some(Ended::Answered(true)) => self.heard(news),
            Job::Tell(news, turn) => match HANDED_AGAIN.get(turn as usize) {
                Some(wait) => self.world.at(now + wait, Todo::Tell(news, turn + 1)),
                None => self.undelivered.push(news),
            },
            Job::Complete(id, turn) => {
                if at_once(self.world.books.announced(&id)) == Ok(None) {
                    self.announced.remove(&id);
                    return;
                }
                if turn > 100 {
                    self.world.core().calm = true;
                }
                self.world.at(now + MINUTE * i64::from(turn + 1).min(60), Todo::Complete(id, turn + 1));
            }
            Job::Twin | Job::PostAgain => {}
        }
    }

    /// Wakes what is open for `older` milliseconds, as the sweep does.
    fn sweep(&mut self, older: i64) {
        let sweeper = Sweeper { world: Arc::clone(&self.world) };
        let older = SignedDuration::from_millis(older);
        let swept = at_once(sweep(&sweeper, &mut u64::MAX.clone(), &sweeper, older, Timestamp::MAX)).unwrap();
        self.world.note(|| format!("the sweep wakes {}", swept.woken));
    }

    fn put_back(&mut self) {
        for parked in self.world.books.parked_events() {
            self.start(Job::PostAgain, 0, |ports, _| Box::pin(functions::post_again(ports, parked.id, parked.body)));
        }
        self.sweep(-ALL);
        for (basis, _) in self.world.books.parked_bases() {
            self.world.books.put_back(
                &match basis {
                    DocumentSource::Sale(key) => StreamRecord::Sale(key),
                    DocumentSource::Refund(key) => StreamRecord::Refund(key),
                },
                self.world.now(),
            );
        }
        for news in std::mem::take(&mut self.undelivered) {
            self.tell(news, 0);
        }
        for mail in self.world.books.mail_rows() {
            if !post::put_back(&self.world, &mail.id) && mail.status == Status::Parked && mail.to.is_some() {
                self.world.books.put_back(&StreamRecord::Mail(mail.id), self.world.now());
            }
        }
        self.follow();
    }
}
