//! Plans, access and tokens: what customers may buy, what a subscription gives them, and what of it is left.
//!
//! Stripe keeps the truth about a subscription. Its events only wake work ([`refresh`]): the subscription is fetched, what
//! it gives is decided ([`access`]), and the decision is written under the version that was read. So events may come twice,
//! late and in any order, and end in the same state.

pub mod access;
pub mod address;
pub mod catalogue;
pub mod checkout;
pub mod compare;
pub mod declaration;
pub mod desk;
pub mod dunning;
pub mod joining;
pub mod person;
pub mod recovery;
pub mod refresh;
pub mod renewal;
pub mod steps;
pub mod store;
pub mod stored;
pub mod stripe;
pub mod tokens;
pub mod told;
pub mod trial;
pub mod wake;

#[cfg(any(test, feature = "testing"))]
pub mod memory;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
