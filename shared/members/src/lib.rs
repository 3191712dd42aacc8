//! Member profiles: what members write of themselves, who may read and change it, and what becomes of it when they leave.
//!
//! `profile` holds the rules; stores come in through its small traits. For tests there are such stores in `memory`, and what
//! every one of them must do in `testing`.

pub mod profile;

#[cfg(any(test, feature = "testing"))]
pub mod memory;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
