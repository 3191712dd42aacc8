//! What Comptoir takes, measured on the machine it runs on.
//!
//! `cost` counts what one sale asks of AWS and multiplies it by dated prices; `peers` runs the functions side by side with
//! the handlers people would write instead. What the functions do is tested elsewhere.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::float_arithmetic,
    reason = "a report is printed, and ratios are no money that anyone is billed"
)]

pub mod cost;
pub mod loops;
pub mod peers;
