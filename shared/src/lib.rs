//! The domain model of payments, invoices and mails, and its rules.
//!
//! Rules are pure functions from values to values; stores, clocks and services are small traits, which `comptoir-aws`
//! implements.

pub mod accounting;
pub mod announced;
pub mod app;
pub mod archive;
pub mod billing;
pub mod calendar;
pub mod clock;
pub mod config;
pub mod einvoice;
pub mod email;
pub mod invoice;
pub mod mail;
pub mod money;
pub mod numbering;
pub mod outcome;
pub mod payment;
mod quantity;
pub mod receive;
pub mod reconcile;
pub mod record;
pub mod refund;
pub mod sale;
pub mod secret;
pub mod seller;
pub mod settings;
pub mod stream;
pub mod stripe;
pub mod sweep;
pub mod team;
pub mod term;
pub mod text;
pub mod timing;
pub mod vat;

#[cfg(any(test, feature = "testing"))]
pub mod memory;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
