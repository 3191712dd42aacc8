//! From a recorded payment to an archived PDF and a queued mail.

pub mod handler;
pub mod preview;
pub mod proof;
pub mod render;
