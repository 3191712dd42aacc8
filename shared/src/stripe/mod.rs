//! Reads Stripe's events tolerantly: the signature first, then only the fields we need.
//!
//! It uses its own small structures instead of a typed client, because a valid event must not be lost when Stripe's API
//! version changes. The webhook function calls Stripe, not this module.

pub mod announced;
pub mod budget;
mod buyer;
mod capture;
pub mod classify;
pub mod complete;
pub(crate) mod credit_note;
mod decimal;
mod invoice;
mod lines;
pub mod listed;
pub mod meaning;
pub mod object;
mod paid;
pub mod partner;
mod purchase_order;
pub mod reader;
pub mod refunds;
pub mod session;
pub mod signature;
pub mod wanted;
pub mod whose;

pub use decimal::decimal;
