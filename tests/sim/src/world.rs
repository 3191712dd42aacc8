//! What all invocations of a run share: the stores, the time, the dice, and the notes of what happened.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    future::Future,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker},
};

use comptoir::{
    invoice::number::Series,
    mail::MailId,
    memory::{Books, Depot},
    outcome::Reason,
    sale::SaleKey,
};
use fastrand::Rng;
use jiff::Timestamp;

use crate::{
    plan::{Kind, Plan, Rates},
    shop::Shop,
};

/// Characters of a note; what an answer holds beyond is not what a schedule is about.
const LONGEST_NOTE: usize = 160;

/// An effect that happens later, whoever waits for it.
pub type Late = Box<dyn FnOnce(&World) + Send>;

/// What the scheduler has to do at some time.
pub enum Todo {
    /// Poll an invocation.
    Poll(usize),
    /// Kill an invocation, if it still runs.
    Kill(usize, &'static str),
    /// Deliver an event for the given time in a row.
    Deliver(usize, u32),
    /// Look at a shard.
    Pump(usize),
    /// A straggling effect.
    Land(Late),
}

/// Something to do and when; ties are broken by a draw.
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

/// What changes during a run.
pub struct Core {
    /// Milliseconds since 1970.
    pub now: i64,
    /// The scheduler's dice.
    pub rng: Rng,
    /// What is to be done.
    pub agenda: BinaryHeap<Reverse<Due>>,
    /// What happened, if it is written down.
    pub notes: Vec<String>,
    /// How many calls went wrong.
    pub troubles: u32,
    /// How often the mail service took each mail.
    pub letters: BTreeMap<MailId, u32>,
    /// Documents whose template fails until it is mended.
    pub broken: BTreeSet<String>,
    /// Nothing goes wrong any more.
    pub calm: bool,
    /// From when to when which port is down.
    pub outage: Option<(i64, i64, &'static str)>,
    /// When the template changes.
    pub deploy_at: i64,
    /// What mistakes remember.
    pub memory: Memory,
}

/// What mistakes remember.
#[derive(Default)]
pub struct Memory {
    /// Events marked as seen.
    pub events: BTreeSet<String>,
    /// Sales that one of two instances remembers.
    pub sales: BTreeSet<(SaleKey, usize)>,
    /// The newest event's time.
    pub newest: i64,
    /// Numbers given by a bare ADD.
    pub counters: BTreeMap<Series, u64>,
}

/// A run's world.
pub struct World {
    /// What is run.
    pub plan: Plan,
    /// How often what goes wrong.
    pub rates: Rates,
    /// What was sold and refunded.
    pub shop: Shop,
    /// What is written down.
    pub books: Books,
    /// What is archived.
    pub depot: Depot,
    core: Mutex<Core>,
}

impl World {
    /// The world of a plan, before anything happened.
    pub fn of(plan: Plan) -> Arc<Self> {
        let mut rng = Rng::with_seed(plan.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5151);
        let shop = Shop::of(&plan, &mut rng);
        let rates = Rates::of(&plan, &mut rng);
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
        let deploy_at = if rates.hit(Kind::Deploy, &mut rng) { start + rng.i64(0..30_000) } else { i64::MAX };
        let core = Core {
            now: start,
            rng,
            agenda: BinaryHeap::new(),
            notes: Vec::new(),
            troubles: u32::from(outage.is_some()),
            letters: BTreeMap::new(),
            broken: BTreeSet::new(),
            calm: false,
            outage,
            deploy_at,
            memory: Memory::default(),
        };
        let (books, depot) = (Books::default(), Depot::default());
        Arc::new(Self { plan, rates, shop, books, depot, core: Mutex::new(core) })
    }

    /// What changes, held.
    pub fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap()
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.core().now).unwrap()
    }

    /// Puts something on the agenda.
    pub fn at(&self, when: i64, todo: Todo) {
        let mut core = self.core();
        let tie = core.rng.u32(..);
        core.agenda.push(Reverse(Due(when, tie, todo)));
    }

    /// Writes down what happened, if anybody will read it.
    pub fn note(&self, text: impl FnOnce() -> String) {
        if self.plan.traced {
            let now = self.now();
            let text: String = text().chars().take(LONGEST_NOTE).collect();
            self.core().notes.push(format!("{now:.3} {text}"));
        }
    }

    /// Whether this kind of trouble happens now.
    pub fn hit(&self, kind: Kind) -> bool {
        let mut core = self.core();
        let hit = self.rates.hit(kind, &mut core.rng) && !core.calm;
        core.troubles += u32::from(hit);
        hit
    }

    /// Why the template fails for a document, if it does.
    pub fn template_fails(&self, number: &str) -> Option<Reason> {
        let broken = self.core().broken.contains(number);
        let fails = broken || (self.hit(Kind::Template) && self.core().broken.insert(number.to_owned()));
        fails.then(|| Reason::new("invoice_template", "the template fails"))
    }
}

/// The value of a future that waits for nobody.
pub fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}
