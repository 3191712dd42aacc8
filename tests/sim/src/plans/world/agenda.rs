//! The agenda: what is to happen, and when.

use super::World;
use crate::plans::{story::Act, stripe::Timer};

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
    /// Work on what is open; this is the attempt, and when it was first tried.
    Work(String, u32, i64),
    /// Somebody does something.
    Act(Act),
    /// Somebody does something, whatever is at work.
    Meanwhile,
    /// A timer of Stripe's rings.
    Ring(Timer),
    /// Open work is woken.
    Sweep,
    /// Stripe's events are compared.
    Night,
    /// A person has parked work done again.
    Replay(String),
    /// A delayed effect.
    Land(Late),
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
