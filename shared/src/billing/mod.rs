//! From a sale to its invoice, from a refund to its credit note.
//!
//! Building an invoice from a sale lives in `draft` (with its texts `cleaned`, `buyer`, `lines`, `price`, the `distance` sale check, and
//! legal texts in `mentions`), a credit note from a refund in `credit`; the reasons why neither is possible in `unfit`.
//! Processing from a recorded payment to a queued mail is in `issue`, from a recorded refund in `take_back`; both
//! allocate numbers from a `ledger`, once the `guard` found that it and the archive have one `identity`. What is stored
//! of a document is its `snapshot`.

mod buyer;
mod cleaned;
pub mod credit;
mod distance;
pub mod draft;
pub mod guard;
pub mod identity;
pub mod issue;
pub mod ledger;
mod lines;
pub mod mentions;
mod price;
pub mod snapshot;
mod take_back;
mod told;
pub mod unfit;

#[cfg(test)]
mod tests;
