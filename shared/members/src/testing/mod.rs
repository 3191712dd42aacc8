//! What every store of profiles must do, whatever it is made of.

pub mod files;
pub mod profiles;
