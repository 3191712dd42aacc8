//! Recovery: an invoice of a plan that was not paid is tried once with each other method of its customer, and its customer
//! gets one mail if none of them pays.
//!
//! Events only wake the work ([`work`]): the invoice is fetched, [`decide`] says what is next, and what is done is written
//! into the invoice's one record ([`record`]) under the version that was read. An attempt is claimed there before Stripe is
//! called, so that one is in hand at most, whatever else is at work.

pub mod debt;
pub mod decide;
pub mod decline;
pub mod letter;
pub mod record;
pub mod store;
mod told;
pub mod work;

#[cfg(test)]
mod tests;
