//! From a sale to its invoice, from a refund to its credit note.
//!
//! How an invoice is built from a sale lives in `draft` (its `buyer`, its `lines` and their `price`, whether it is a
//! `distance` sale, its legal texts in `mentions`), from a refund in `credit`; why neither may be possible in `unfit`. The
//! road from a recorded payment to a queued mail is in `issue`, from a recorded refund in `take_back`; both allocate numbers
//! from a `ledger`.

mod buyer;
pub mod credit;
mod distance;
pub mod draft;
pub mod issue;
pub mod ledger;
mod lines;
pub mod mentions;
mod price;
mod take_back;
pub mod unfit;

#[cfg(test)]
mod tests;
