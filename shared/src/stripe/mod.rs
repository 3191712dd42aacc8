//! What Stripe says, read with tolerance: the signature first, then only the fields we need.
//!
//! Own small structures instead of a typed client, because a valid event must not be lost when Stripe's API version
//! moves. Calling Stripe is the webhook function's business, not this module's.

pub mod announced;
pub mod classify;
pub mod lines;
pub mod meaning;
pub mod object;
pub mod reader;
pub mod refunds;
pub mod signature;
