//! The snapshots of a month in the archive: listed in the order of their numbers (`listing`), judged one by one (`read`), read
//! a few at once (`together`), in the order of the books (`ordered`).
//!
//! What is kept of the listing are ranges of numbers and not keys, so a month of any size takes the same memory.

mod listing;
mod ordered;
mod read;
mod together;

pub(super) use listing::{Listed, Listing, patterns_of};
pub(super) use ordered::{Ordered, place};
pub(super) use read::read;
pub(super) use together::together;

/// Documents that are read or written at once: more than nine tenths of the time are waiting.
pub(super) const AT_ONCE: usize = 32;
