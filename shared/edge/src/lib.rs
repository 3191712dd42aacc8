//! Functions at the edge of the system: logs and metrics (`telemetry`), and requests over HTTPS to services other than
//! AWS (`https`).

pub mod https;
pub mod telemetry;
