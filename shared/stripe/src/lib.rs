//! How functions call Stripe: a client for its Rust bindings, and requests that read or change something.

pub mod client;
pub mod request;
