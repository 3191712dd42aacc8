//! The fault plan of a seed: the size of its world, and the kinds of faults with their rates.

use fastrand::Rng;

use super::mutant::Mutant;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A call fails and nothing happened.
    Before,
    /// A call takes effect and its answer is lost.
    After,
    /// A call is repeated by its client, which receives the second answer.
    Repeat,
    /// A call takes effect after its caller has gone on, or once more.
    Late,
    /// A call takes seconds.
    Slow,
    /// A function is killed.
    Kill,
    /// Work is done twice at the same time.
    Twin,
    /// Stripe delivers an event once more.
    Redeliver,
    /// Stripe delivers hours or days late.
    Tardy,
    /// Stripe never delivers an event: it is found at night.
    Undelivered,
    /// A service is down for hours, or for more than a day.
    Outage,
    /// Stripe is busy.
    Busy,
    /// Stripe fails and keeps the failure under the key.
    Keeps,
    /// The clocks of functions differ by seconds.
    Skew,
    /// Stripe refuses what a key may do, until a person has put that right.
    Forbid,
    /// A stream loses a record.
    Lost,
    /// Work that fails is soon left to the sweep.
    GiveUp,
    /// A person has parked work done again at once.
    Hasty,
    /// The customer, the owner and others do something in the midst of the work.
    Meanwhile,
}

/// Every kind, in the order of its bit.
pub const KINDS: [Kind; 19] = [
    Kind::Before,
    Kind::After,
    Kind::Repeat,
    Kind::Late,
    Kind::Slow,
    Kind::Kill,
    Kind::Twin,
    Kind::Redeliver,
    Kind::Tardy,
    Kind::Undelivered,
    Kind::Outage,
    Kind::Busy,
    Kind::Keeps,
    Kind::Skew,
    Kind::Forbid,
    Kind::Lost,
    Kind::GiveUp,
    Kind::Hasty,
    Kind::Meanwhile,
];

/// One run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The seed of the world and its rates.
    pub seed: u64,
    /// The seed of the schedule in the same world.
    pub salt: u64,
    /// The enabled kinds, one bit each.
    pub mask: u32,
    /// The most people.
    pub people: usize,
    /// The mistake, if any.
    pub mutant: Option<Mutant>,
    /// Whether to keep a log.
    pub traced: bool,
}

impl Plan {
    /// The run that a seed stands for.
    pub fn of(seed: u64, mutant: Option<Mutant>) -> Self {
        Self { seed, salt: 0, mask: u32::MAX, people: usize::MAX, mutant, traced: false }
    }
}

/// The rate of each kind, in 1/1024.
#[derive(Debug, Clone, Copy)]
pub struct Rates([u16; KINDS.len()]);

impl Rates {
    /// Each seed picks its own mix: some kinds never, some rarely, some often.
    pub fn of(plan: &Plan, rng: &mut Rng) -> Self {
        let mut rates = [0; KINDS.len()];
        let calm = rng.u8(..8) == 0;
        for (bit, rate) in rates.iter_mut().enumerate() {
            let picked = [0, 0, 0, 8, 40, 120, 250][rng.usize(..7)];
            // A permanent refusal ends a recovery: most runs test other faults.
            let rare = bit == Kind::Forbid as usize || bit == Kind::Keeps as usize;
            let picked = if rare && rng.u8(..4) != 0 { 0 } else { picked };
            *rate = if calm || plan.mask & (1 << bit) == 0 { 0 } else { picked };
        }
        Self(rates)
    }

    /// Whether it ever happens.
    pub fn has(&self, kind: Kind) -> bool {
        self.0[kind as usize] != 0
    }

    /// Whether it happens now.
    pub fn hit(&self, kind: Kind, rng: &mut Rng) -> bool {
        let rate = self.0[kind as usize];
        rate != 0 && rng.u16(..1024) < rate
    }
}
