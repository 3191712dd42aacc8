//! What a seed stands for: how large its world is, and which kinds of trouble it has at which rates.

use fastrand::Rng;

use crate::mutant::Mutant;

/// A kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A call fails and nothing happened.
    Before,
    /// A call takes effect and its answer is lost.
    After,
    /// A call is repeated by its client, which hears the second answer.
    Repeat,
    /// A call lands once more after its caller has gone on.
    Late,
    /// A call takes seconds.
    Slow,
    /// A function is killed.
    Kill,
    /// A batch is handed out twice at once.
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
    /// A template that fails until it is mended.
    Template,
    /// The template changes.
    Deploy,
    /// Records become too old for their stream quickly.
    GiveUp,
    /// A mail comes back.
    Bounce,
    /// A mail is called spam.
    Complain,
    /// The mail service will not send what it took.
    Reject,
    /// A mail is late, or its recipient away.
    Hinder,
    /// An event of the mail service never comes.
    Unheard,
    /// An event of the mail service comes twice.
    Echo,
    /// An event of the mail service comes hours late.
    Belated,
    /// Another stack's mail of the same number is told of on our bus.
    Stranger,
    /// A mail that came back is put back at once, or at any time later.
    Hasty,
    /// The clocks of functions, and of instances of one, are seconds apart.
    Skew,
    /// A store or Stripe refuses a record for good, each time that it is asked, until a person mends the cause.
    Forbid,
}

/// Every kind, in the order of their bits.
pub const KINDS: [Kind; 27] = [
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
];

/// One run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// What the world and its rates are made from.
    pub seed: u64,
    /// Another schedule of the same world.
    pub salt: u64,
    /// Which kinds may happen, a bit each.
    pub mask: u32,
    /// At most so many sales.
    pub sales: usize,
    /// The mistake, if any.
    pub mutant: Option<Mutant>,
    /// Whether to write down what happens.
    pub traced: bool,
}

impl Plan {
    /// The run that a seed stands for.
    pub fn of(seed: u64, mutant: Option<Mutant>) -> Self {
        Self { seed, salt: 0, mask: u32::MAX, sales: usize::MAX, mutant, traced: false }
    }
}

/// How often each kind happens, in 1/1024.
#[derive(Debug, Clone, Copy)]
pub struct Rates([u16; KINDS.len()]);

impl Rates {
    /// Each seed picks its own mix: some kinds not at all, some rarely, some often.
    pub fn of(plan: &Plan, rng: &mut Rng) -> Self {
        let mut rates = [0; KINDS.len()];
        let calm = rng.u8(..8) == 0;
        for (bit, rate) in rates.iter_mut().enumerate() {
            let picked = [0, 0, 0, 8, 40, 120, 300][rng.usize(..7)];
            // What is refused for good takes its whole record out of a run: most runs are about other trouble.
            let picked = if bit == Kind::Forbid as usize && rng.u8(..4) != 0 { 0 } else { picked };
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
