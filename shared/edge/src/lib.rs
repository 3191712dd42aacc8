//! Where a function meets the world: how it logs and counts (`telemetry`), and how it asks others than AWS over HTTPS
//! (`https`).

pub mod https;
pub mod telemetry;
