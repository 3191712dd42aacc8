//! What must hold of the domain for any input: properties over arbitrary bytes, each a function that panics when a
//! promise is broken.
//!
//! `cargo fuzz` runs them through `targets/`, and `cargo test` over `seeds/` and mutations of those (`mutate`). What
//! every document must be, whatever its source, is in `papers`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a property fails by panicking"
)]

pub mod cells;
pub mod cv;
pub mod event;
pub mod mail;
pub mod mutate;
pub mod page;
mod papers;
pub mod seller;
pub mod signature;
pub mod stream;

#[cfg(test)]
mod tests;

use comptoir::outcome::Reason;

/// A property.
pub type Property = fn(&[u8]);

/// Every property by the name of its target and of its folder of seeds.
pub const PROPERTIES: [(&str, Property); 8] = [
    ("cv_file", cv::file),
    ("event_body", event::body),
    ("ledger_cells", cells::names),
    ("mail_event", mail::event),
    ("page_data", page::data),
    ("seller_file", seller::file),
    ("signature_header", signature::header),
    ("stream_record", stream::record),
];

/// A reason is a stable code and one line of text: it is used in a metric, a log line and a mail to the owner.
fn stands(reason: &Reason) {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    assert!(!reason.code.is_empty() && reason.code.chars().all(plain), "no word: {reason:?}");
    assert!(!reason.message.trim().is_empty(), "no text: {reason:?}");
    assert!(!reason.message.chars().any(char::is_control), "more than a line: {reason:?}");
}
