//! Functions at the edge of the system: logs and metrics (`telemetry`), requests over HTTPS to services other than AWS
//! (`https`), and randomness (`random`).

pub mod https;
pub mod random;
pub mod telemetry;
