//! Dunning: what the number of a customer's unpaid invoices leads to.
//!
//! Each customer has one record ([`record`]), woken whenever recovery has told of an invoice or learned that one is owed no
//! more. The work ([`work`]) then counts what Stripe says is open and what recovery has given up, [`decide`] says what follows,
//! and the step, its mail and the wakes of the subscriptions concerned are one write. A step is taken once: the record never goes
//! back while anything is owed.

pub mod decide;
pub mod letter;
pub mod record;
pub mod store;
pub mod work;

#[cfg(test)]
mod tests;
