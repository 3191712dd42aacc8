//! Functions at the edge of the system: logs and metrics (`telemetry`), requests over HTTPS to services other than AWS
//! (`https`, and where they may go in `egress`), randomness (`random`), and doors for other programs (`door`).

pub mod door;
pub mod egress;
pub mod https;
pub mod random;
pub mod telemetry;
