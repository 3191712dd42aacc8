//! The edge of a Lambda: how a batch of stream records becomes outcomes and an answer, and how functions log and count.

pub mod stream;
#[cfg(feature = "lambda")]
pub mod telemetry;
