//! Plans, access, tokens and the recovery of unpaid invoices, under the same kind of scheduler: months at a small Stripe that
//! holds state, workers and doors that overtake each other at every call, events that come twice, late or never.
//!
//! What happens at Stripe is in `stripe` and `story`, the scheduling in `run`, the faults of a call in `world` and `ports`. The
//! promises that are watched at every write stand in `witness`, those of the end in `check`. The functions are the domain's own
//! code behind handlers as thin as the real ones.

pub mod check;
pub mod functions;
pub mod mutant;
pub mod plan;
pub mod ports;
pub mod run;
pub mod shrink;
pub mod sold;
pub mod story;
pub mod stripe;
pub mod witness;
pub mod world;

#[cfg(test)]
mod tests;
