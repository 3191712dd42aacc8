//! The domain under a seeded scheduler: every order of events and failures that a seed generates, and the promises
//! checked at the end of each run.
//!
//! The fault plan is in `plan`, the scheduling in `run`, the faults of a call in `world` and `ports`. The functions
//! are the domain's own code behind small handlers (`functions`); only rendering a PDF is left out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "a test may fail loudly"
)]

pub mod check;
pub mod functions;
pub mod mutant;
pub mod outbox;
pub mod plan;
pub mod plans;
pub mod ports;
pub mod post;
pub mod run;
pub mod shard;
pub mod shop;
pub mod shrink;
pub mod stripe;
pub mod world;

#[cfg(test)]
mod tests;
