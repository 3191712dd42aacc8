//! The state shared by all invocations of a run: the stores, the time, the random generators, and the log.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    sync::{Arc, Mutex, MutexGuard},
};

use comptoir::{
    mail::MailId,
    memory::{InMemoryArchive, InMemoryStore, at_once},
    numbering::Series,
    outcome::Reason,
    sale::SaleKey,
    seller::{Settings, SettingsDocument},
    settings::{SettingsReader, SettingsWriter, StoredSettings},
};
use fastrand::Rng;
use jiff::Timestamp;

use crate::{
    plan::{Kind, Plan, Rates},
    post::Post,
    shop::{self, Shop},
};

/// Longest log entry, in characters; longer answers are cut, since a schedule does not depend on the rest.
const LONGEST_NOTE: usize = 160;

/// Webhook, renderer, sender, mail-events.
pub const FUNCTIONS: usize = 4;
/// Instances of each function, used in turn.
pub const INSTANCES: usize = 2;

/// An effect that happens later, independent of its caller.
pub type Late = Box<dyn FnOnce(&World) + Send>;

/// A scheduled step.
pub enum Todo {
    /// Poll an invocation.
    Poll(usize),
    /// Kill an invocation, if it still runs.
    Kill(usize, &'static str),
    /// Deliver an event repeatedly; this is the attempt.
    Deliver(usize, u32),
    /// Poll a shard.
    Pump(usize),
    /// Deliver an event of the mail service repeatedly; this is the attempt.
    Tell(usize, u32),
    /// Replay a bounced mail.
    PutBack(MailId),
    /// A delayed effect.
    Land(Late),
    /// Wake what is open for too long.
    Sweep,
    /// Save the next version of the settings.
    Save,
    /// Complete an announced event repeatedly; this is the attempt.
    Complete(String, u32),
}

/// A step and its time; ties are broken randomly.
pub struct Due(pub i64, pub u32, pub Todo);

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

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
    /// How many calls failed.
    pub troubles: u32,
    /// The mail service's accepted mails and delivery events.
    pub post: Post,
    /// The first promise broken during the run.
    pub broken_promise: Option<(&'static str, String)>,
    /// Documents whose template fails until it is fixed.
    pub broken: BTreeSet<String>,
    /// What is refused permanently, until the causes are fixed.
    pub refused: BTreeSet<String>,
    /// Invocations that had a permanent refusal.
    pub was_refused: BTreeSet<usize>,
    /// Invocations that may be retried: a call failed temporarily, was slow, or lost a race.
    pub was_troubled: BTreeSet<usize>,
    /// Invocations that Stripe did not answer.
    pub cut_off: BTreeSet<usize>,
    /// A stream lost a record, or gave it up.
    pub lost: bool,
    /// Faults are switched off.
    pub calm: bool,
    /// The outage: from, to, and port.
    pub outage: Option<(i64, i64, &'static str)>,
    /// When the template changes, for each instance.
    pub deploy_at: [i64; INSTANCES],
    /// The clock skew of each function's instances, in milliseconds.
    pub skews: [[i64; INSTANCES]; FUNCTIONS],
    /// The state of the active mistake.
    pub memory: Memory,
}

impl Core {
    /// Adds a step to the agenda.
    pub fn at(&mut self, when: i64, todo: Todo) {
        let tie = self.rng.u32(..);
        self.agenda.push(Reverse(Due(when, tie, todo)));
    }

    /// The next step.
    ///
    /// # Errors
    /// The promise broken during the run.
    pub fn turn(&mut self) -> Result<Option<Todo>, (&'static str, String)> {
        if let Some(broken) = self.broken_promise.take() {
            return Err(broken);
        }
        Ok(self.agenda.pop().map(|Reverse(Due(when, _, todo))| {
            self.now = self.now.max(when);
            todo
        }))
    }

    fn hit(&mut self, rates: &Rates, kind: Kind) -> bool {
        let hit = rates.hit(kind, &mut self.rng) && !self.calm;
        self.troubles += u32::from(hit);
        hit
    }
}

/// The state that mistakes need.
#[derive(Default)]
pub struct Memory {
    /// Events marked as seen.
    pub events: BTreeSet<String>,
    /// Sales held in the memory of one of two instances.
    pub sales: BTreeSet<(SaleKey, usize)>,
    /// The newest event's time.
    pub newest: i64,
    /// Numbers allocated by a bare ADD.
    pub counters: BTreeMap<Series, u64>,
}

/// A run's world.
pub struct World {
    /// The plan.
    pub plan: Plan,
    /// The rate of each fault.
    pub rates: Rates,
    /// The sales and refunds.
    pub shop: Shop,
    /// The store.
    pub books: InMemoryStore,
    /// The archive.
    pub archive: InMemoryArchive,
    /// Every version of the settings, saved or yet to be saved.
    documents: Vec<SettingsDocument>,
    versions: Vec<Arc<Settings>>,
    core: Mutex<Core>,
}

impl World {
    /// The world of a plan, at its start.
    pub fn of(plan: Plan) -> Arc<Self> {
        let mut rng = Rng::with_seed(plan.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5151);
        let shop = Shop::of(&plan, &mut rng);
        let rates = Rates::of(&plan, &mut rng);
        let documents = shop::versions(shop.seller, shop.start, &mut rng);
        let mut rng = Rng::with_seed(rng.u64(..) ^ plan.salt.wrapping_mul(0x1234_5678_9ABC_DEF1));
        let start = shop.start;
        let outage = rates.hit(Kind::Outage, &mut rng).then(|| {
            let from = start + rng.i64(0..600_000);
            let length = [60_000, 1_200_000, 28_800_000][rng.usize(..3)];
            (
                from,
                from + length,
                ["the ledger", "the archive", "the outbox", "the payment log", "Stripe"][rng.usize(..5)],
            )
        });
        let deploy_at = if rates.has(Kind::Deploy) {
            let first = start + rng.i64(0..30_000);
            [first, first + rng.i64(0..30_000)]
        } else {
            [i64::MAX; INSTANCES]
        };
        let off = if rates.has(Kind::Skew) { 4_000 } else { 40 };
        let skews = [[(); INSTANCES]; FUNCTIONS].map(|instances| instances.map(|()| rng.i64(-off..off)));
        let core = Core {
            now: start,
            rng,
            agenda: BinaryHeap::new(),
            notes: Vec::new(),
            troubles: u32::from(outage.is_some()),
            post: Post::default(),
            broken_promise: None,
            broken: BTreeSet::new(),
            refused: BTreeSet::new(),
            was_refused: BTreeSet::new(),
            was_troubled: BTreeSet::new(),
            cut_off: BTreeSet::new(),
            lost: false,
            calm: false,
            outage,
            deploy_at,
            skews,
            memory: Memory::default(),
        };
        let (books, archive) = (InMemoryStore::default(), InMemoryArchive::default());
        let versions = documents.iter().zip(1..).map(|(document, version)| {
            let mut settings = Settings::of(document).unwrap();
            settings.version = version;
            Arc::new(settings)
        });
        let versions = versions.collect();
        let world = Self { plan, rates, shop, books, archive, documents, versions, core: Mutex::new(core) };
        world.save_settings();
        Arc::new(world)
    }

    /// The newest settings.
    pub fn settings(&self) -> Arc<Settings> {
        let newest = at_once(self.books.newest()).unwrap().unwrap();
        self.settings_of(newest.version).unwrap()
    }

    /// The settings of a version.
    pub fn settings_of(&self, version: u64) -> Option<Arc<Settings>> {
        self.versions.iter().find(|settings| settings.version == version).cloned()
    }

    /// The seller saves the settings of the next version, if there are any.
    pub fn save_settings(&self) {
        let version = at_once(self.books.newest()).unwrap().map_or(1, |newest| newest.version + 1);
        let Some(document) = self.documents.get(version as usize - 1) else { return };
        let document = serde_json::to_string(document).unwrap();
        let next = StoredSettings { version, document, saved_at: self.now(), saved_by: String::new() };
        at_once(self.books.save(&next)).unwrap();
    }

    /// The mutable state, locked.
    pub fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap()
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.core().now).unwrap()
    }

    /// Adds a step to the agenda.
    pub fn at(&self, when: i64, todo: Todo) {
        self.core().at(when, todo);
    }

    /// Records what happened, if a log is kept.
    pub fn note(&self, text: impl FnOnce() -> String) {
        if self.plan.traced {
            let now = self.now();
            let text: String = text().chars().take(LONGEST_NOTE).collect();
            self.core().notes.push(format!("{now:.3} {text}"));
        }
    }

    /// Records a promise broken during the run, unless one was before.
    pub fn broke(&self, promise: &'static str, found: impl FnOnce() -> String) {
        self.core().broken_promise.get_or_insert_with(|| (promise, found()));
    }

    /// Whether this kind of fault happens now.
    pub fn hit(&self, kind: Kind) -> bool {
        self.rates.has(kind) && self.core().hit(&self.rates, kind)
    }

    /// Polls an invocation again after about the duration of a call.
    pub fn wake_later(&self, who: usize) {
        let mut core = self.core();
        let slow = core.hit(&self.rates, Kind::Slow);
        if slow {
            core.was_troubled.insert(who);
        }
        let longest = if slow { 500..9_000 } else { 0..12 };
        let at = core.now + core.rng.i64(longest);
        core.at(at, Todo::Poll(who));
    }

    /// Whether a call to `port` fails now, without effect.
    pub fn fails_before(&self, port: &str) -> bool {
        let mut core = self.core();
        let down = core.outage.is_some_and(|(from, to, of)| of == port && (from..to).contains(&core.now)) && !core.calm;
        core.troubles += u32::from(down);
        down || core.hit(&self.rates, Kind::Before)
    }

    /// Whether `subject` is refused to `who` permanently.
    pub fn refuses(&self, who: usize, subject: &str) -> bool {
        let mut core = self.core();
        let stands = core.refused.contains(subject) && !core.calm;
        if !stands && !core.hit(&self.rates, Kind::Forbid) {
            return false;
        }
        core.refused.insert(subject.to_owned());
        core.was_refused.insert(who);
        true
    }

    /// Records that an invocation has a reason to be retried.
    pub fn troubled(&self, who: usize) {
        self.core().was_troubled.insert(who);
    }

    /// Why the template fails for a document, if it does.
    pub fn template_fails(&self, number: &str) -> Option<Reason> {
        let broken = self.core().broken.contains(number);
        let fails = broken || (self.hit(Kind::Template) && self.core().broken.insert(number.to_owned()));
        fails.then(|| Reason::new("invoice_template", "the template fails"))
    }
}
