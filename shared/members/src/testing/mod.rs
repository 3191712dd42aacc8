//! The contract of every store of profiles.

pub mod files;
pub mod profiles;
