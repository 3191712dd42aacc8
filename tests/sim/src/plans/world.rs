//! The state shared by all invocations of a run: the store, Stripe, the time, the random generators, and the log.

mod agenda;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    sync::{Arc, Mutex, MutexGuard},
};

use comptoir_plans::{memory::InMemoryAccess, recovery::debt::Debt, stripe::Subscription};
use fastrand::Rng;
use jiff::Timestamp;

pub use self::agenda::{Due, Late, Todo};
use super::{
    plan::{Kind, Plan, Rates},
    story::Story,
    stripe::{Stripe, moment},
    witness::Witness,
};

/// Longest log entry, in characters.
const LONGEST_NOTE: usize = 260;
/// Clocks that differ.
const MACHINES: usize = 4;

/// The mutable state of a run.
pub struct Core {
    /// Milliseconds since 1970.
    pub now: i64,
    /// The scheduler's random generator.
    pub rng: Rng,
    /// The agenda.
    pub agenda: BinaryHeap<Reverse<Due>>,
    /// The log, if kept.
    pub notes: Vec<String>,
    /// The first promise broken during the run.
    pub broken_promise: Option<(&'static str, String)>,
    /// Faults are switched off.
    pub calm: bool,
    /// The outage: from, to, and port.
    pub outage: Option<(i64, i64, &'static str)>,
    /// How much more happens in the midst of the work.
    pub meanwhile: u32,
    /// What woke work, and who looked at what, in order.
    order: Order,
    /// What woke work, in order: the stream of the table.
    pub announced: Vec<String>,
    /// What is parked.
    pub parked: BTreeSet<String>,
    /// What is refused permanently, until the cause is mended.
    pub refused: BTreeSet<String>,
    /// The clock skew of each machine, in milliseconds.
    skews: [i64; MACHINES],
    /// The state of the active mistake.
    pub memory: Memory,
}

/// What came before what.
#[derive(Default)]
struct Order {
    last: u64,
    woken: BTreeMap<String, u64>,
    looked: BTreeMap<(usize, String), u64>,
}

/// The state that mistakes need.
#[derive(Default)]
pub struct Memory {
    /// Looks at invoices, and when they were taken.
    pub debts: BTreeMap<String, (i64, Debt)>,
    /// Looks at subscriptions.
    pub subscriptions: BTreeMap<String, Subscription>,
    /// Claims that were not written.
    pub unwritten: BTreeMap<String, u64>,
    /// Charges so far.
    pub charges: u64,
}

/// A run's world.
pub struct World {
    /// The plan.
    pub plan: Plan,
    /// The rate of each fault.
    pub rates: Rates,
    /// What people do.
    pub story: Story,
    /// The store.
    pub store: InMemoryAccess,
    stripe: Mutex<Stripe>,
    witness: Mutex<Witness>,
    core: Mutex<Core>,
}

impl World {
    /// The world of a plan, at its start.
    pub fn of(plan: Plan) -> Arc<Self> {
        let mut rng = Rng::with_seed(plan.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x7171);
        let (story, stripe) = Story::of(&plan, &mut rng);
        let rates = Rates::of(&plan, &mut rng);
        let mut rng = Rng::with_seed(rng.u64(..) ^ plan.salt.wrapping_mul(0x1234_5678_9ABC_DEF1));
        let outage = rates.hit(Kind::Outage, &mut rng).then(|| {
            let from = story.start + rng.i64(0..story.length);
            let length = [1_200_000, 28_800_000, 100_000_000][rng.usize(..3)];
            (from, from + length, ["the access table", "Stripe"][rng.usize(..2)])
        });
        let off = if rates.has(Kind::Skew) { 4_000 } else { 40 };
        let skews = [(); MACHINES].map(|()| rng.i64(-off..off));
        let core = Core {
            now: story.start,
            rng,
            agenda: BinaryHeap::new(),
            notes: Vec::new(),
            broken_promise: None,
            calm: false,
            outage,
            meanwhile: 6,
            order: Order::default(),
            announced: Vec::new(),
            parked: BTreeSet::new(),
            refused: BTreeSet::new(),
            skews,
            memory: Memory::default(),
        };
        let mut store = InMemoryAccess::default();
        store.mistake = plan.mutant.and_then(super::mutant::Mutant::forgets);
        Arc::new(Self {
            plan,
            rates,
            story,
            store,
            stripe: Mutex::new(stripe),
            witness: Mutex::new(Witness::default()),
            core: Mutex::new(core),
        })
    }

    /// The mutable state, locked.
    pub fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap()
    }

    /// Stripe, locked.
    pub fn stripe(&self) -> MutexGuard<'_, Stripe> {
        self.stripe.lock().unwrap()
    }

    /// The time in milliseconds.
    pub fn millis(&self) -> i64 {
        self.core().now
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        moment(self.millis())
    }

    /// How far the clock of a machine is off.
    pub fn skew(&self, who: usize) -> i64 {
        self.core().skews[who % MACHINES]
    }

    /// Adds a step to the agenda.
    pub fn at(&self, when: i64, todo: Todo) {
        let mut core = self.core();
        let tie = core.rng.u32(..);
        core.agenda.push(Reverse(Due(when, tie, todo)));
    }

    /// The next step.
    ///
    /// # Errors
    /// The promise broken during the run.
    pub fn turn(&self) -> Result<Option<Todo>, (&'static str, String)> {
        let mut core = self.core();
        if let Some(broken) = core.broken_promise.take() {
            return Err(broken);
        }
        Ok(core.agenda.pop().map(|Reverse(Due(when, _, todo))| {
            core.now = core.now.max(when);
            todo
        }))
    }

    /// A random number.
    pub fn draw(&self, from: i64, to: i64) -> i64 {
        self.core().rng.i64(from..to)
    }

    /// Records what happened, if a log is kept.
    pub fn note(&self, text: impl FnOnce() -> String) {
        if self.plan.traced {
            let now = self.now();
            let text: String = text().chars().take(LONGEST_NOTE).collect();
            self.core().notes.push(format!("{now:.3} {text}"));
        }
    }

    /// Asks the witness, who may say that a promise is broken.
    pub fn witness(&self, look: impl FnOnce(&mut Witness, &Stripe, i64) -> Result<(), (&'static str, String)>) {
        let now = self.millis();
        let seen = look(&mut self.witness.lock().unwrap(), &self.stripe(), now);
        if let Err(broken) = seen {
            self.core().broken_promise.get_or_insert(broken);
        }
    }

    /// Whether this kind of fault happens now.
    pub fn hit(&self, kind: Kind) -> bool {
        if !self.rates.has(kind) {
            return false;
        }
        let mut core = self.core();
        self.rates.hit(kind, &mut core.rng) && !core.calm
    }

    /// Work was woken, which the stream announces.
    pub fn woken(&self, id: &str) {
        let mut core = self.core();
        core.order.last += 1;
        let last = core.order.last;
        core.order.woken.insert(id.to_owned(), last);
        core.announced.push(id.to_owned());
    }

    /// An invocation looked at Stripe.
    pub fn looked(&self, who: usize, id: &str) {
        let mut core = self.core();
        core.order.last += 1;
        let last = core.order.last;
        core.order.looked.insert((who, id.to_owned()), last);
    }

    /// An invocation leaves work alone: nothing may have woken it since it looked.
    pub fn rests(&self, who: usize, id: &str) {
        let mut core = self.core();
        let looked = core.order.looked.get(&(who, id.to_owned()));
        if looked < core.order.woken.get(id) {
            let found = format!("#{who} leaves {id} alone");
            core.broken_promise.get_or_insert(("what woke it is looked into", found));
        }
    }

    /// Something happens about now, while others are at work.
    pub fn something_happens(&self) {
        if self.core().meanwhile > 0 && self.hit(Kind::Meanwhile) {
            self.core().meanwhile -= 1;
            let at = self.millis() + self.draw(0, 8);
            self.at(at, Todo::Meanwhile);
        }
    }

    /// A service is away from now on, for a day and more.
    pub fn goes_away(&self) -> bool {
        if !self.hit(Kind::Outage) {
            return false;
        }
        let port = ["the access table", "Stripe"][self.draw(0, 2) as usize];
        let now = self.millis();
        self.core().outage = Some((now, now + 100_000_000, port));
        self.note(|| format!("{port} is away"));
        true
    }

    /// Polls an invocation again after about the duration of a call.
    pub fn wake_later(&self, who: usize) {
        let longest = if self.hit(Kind::Slow) { 500..9_000 } else { 0..12 };
        let at = {
            let mut core = self.core();
            core.now + core.rng.i64(longest)
        };
        self.at(at, Todo::Poll(who));
    }

    /// Whether a call to `port` fails now, without effect.
    pub fn fails_before(&self, port: &str) -> bool {
        let down = {
            let core = self.core();
            !core.calm && core.outage.is_some_and(|(from, to, of)| of == port && (from..to).contains(&core.now))
        };
        down || self.hit(Kind::Before)
    }

    /// Whether `subject` is refused permanently.
    pub fn refuses(&self, subject: &str) -> bool {
        let stands = {
            let core = self.core();
            core.refused.contains(subject) && !core.calm
        };
        stands || (self.hit(Kind::Forbid) && self.core().refused.insert(subject.to_owned()))
    }
}
