//! The fault plan of a seed: the size of its world, and the kinds of faults with their rates.

use fastrand::Rng;

use crate::mutant::Mutant;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A call fails and nothing happened.
    Before,
    /// A call takes effect and its answer is lost.
    After,
    /// A call is repeated by its client, which receives the second answer.
    Repeat,
    /// A call takes effect once more after its caller has gone on.
    Late,
    /// A call takes seconds.
    Slow,
    /// A function is killed.
    Kill,
    /// A batch is delivered twice concurrently.
    TwinBatch,
    /// Stripe delivers an event once more.
    Redeliver,
    /// Stripe delivers hours or days late.
    Tardy,
    /// A service is down for minutes or hours.
    Outage,
    /// The mail service is busy.
    Throttle,
    /// The mail service refuses.
    Refuse,
    /// The answer of the mail service is lost.
    Ambiguous,
    /// A template fails until it is fixed.
    Template,
    /// The template changes.
    Deploy,
    /// Records quickly exceed the maximum age of their stream.
    GiveUp,
    /// A mail bounces.
    Bounce,
    /// A mail is reported as spam.
    Complain,
    /// The mail service refuses to send a mail that it accepted.
    Reject,
    /// A mail is delayed, or its recipient is out of office.
    Hinder,
    /// A delivery event never arrives.
    Unheard,
    /// A delivery event arrives twice.
    Echo,
    /// A delivery event arrives hours late.
    Belated,
    /// Another stack's mail with the same number has events on our bus.
    Stranger,
    /// A bounced mail is replayed at once, or at any time later.
    Hasty,
    /// The clocks of functions, and of instances of one, differ by seconds.
    Skew,
    /// A store or Stripe refuses a record permanently, on each attempt, until a person fixes the cause.
    Forbid,
    /// A record of a stream is lost: its mapping was disabled.
    Lost,
}

/// Every kind, in the order of its bit.
pub const KINDS: [Kind; 28] = [
    Kind::Before,
    Kind::After,
    Kind::Repeat,
    Kind::Late,
    Kind::Slow,
    Kind::Kill,
    Kind::TwinBatch,
    Kind::Redeliver,
    Kind::Tardy,
    Kind::Outage,
    Kind::Throttle,
    Kind::Refuse,
    Kind::Ambiguous,
    Kind::Template,
    Kind::Deploy,
    Kind::GiveUp,
    Kind::Bounce,
    Kind::Complain,
    Kind::Reject,
    Kind::Hinder,
    Kind::Unheard,
    Kind::Echo,
    Kind::Belated,
    Kind::Stranger,
    Kind::Hasty,
    Kind::Skew,
    Kind::Forbid,
    Kind::Lost,
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
    /// Whether each enabled kind happens often.
    pub eager: bool,
    /// The maximum number of sales.
    pub sales: usize,
    /// The mistake, if any.
    pub mutant: Option<Mutant>,
    /// Whether to keep a log.
    pub traced: bool,
}

impl Plan {
    /// The run that a seed stands for.
    pub fn of(seed: u64, mutant: Option<Mutant>) -> Self {
        Self { seed, salt: 0, mask: u32::MAX, eager: false, sales: usize::MAX, mutant, traced: false }
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
            let picked = [0, 0, 0, 8, 40, 120, 300][rng.usize(..7)];
            // A permanent refusal removes its whole record from a run: most runs test other faults.
            let picked = if bit == Kind::Forbid as usize && rng.u8(..4) != 0 { 0 } else { picked };
            let (calm, picked) = if plan.eager { (false, 300) } else { (calm, picked) };
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
