//! Is a deployed stack ready for its first sale? Facts come in through small traits ([`facts`]), [`checks`] evaluates
//! them without network calls, and each finding says what to do. Nothing is ever changed, and no secret is ever
//! printed.
//!
//! `cargo doctor` is the first front end; a function and the console's `/setup.json` may be others, with the same keys.

pub mod aws;
pub mod checks;
pub mod credentials;
pub mod examine;
pub mod facts;
pub mod finding;
pub mod other_door;
pub mod outside;

pub use examine::{Questions, examine};
pub use finding::{Finding, State};

#[cfg(test)]
mod tests;
