//! The capabilities on AWS. AWS types stop here: what leaves this module speaks the words of the business.
//!
//! One file per capability, or one folder; `item` holds how our items are written in DynamoDB. Names of tables and buckets come in from
//! `config`.

#[cfg(feature = "s3")]
pub mod archive;
mod connect;
#[cfg(feature = "dynamodb")]
mod delivery;
#[cfg(feature = "dynamodb")]
pub mod item;
#[cfg(feature = "dynamodb")]
pub mod ledger;
#[cfg(feature = "dynamodb")]
pub mod outbox;
#[cfg(feature = "dynamodb")]
mod parts;
#[cfg(feature = "dynamodb")]
pub mod payments;
#[cfg(feature = "ses")]
pub mod post_office;
#[cfg(feature = "dynamodb")]
pub mod register;
#[cfg(feature = "s3")]
pub mod s3_failure;
#[cfg(feature = "ssm")]
pub mod secrets;
#[cfg(feature = "dynamodb")]
pub mod team;

pub use connect::{sdk_config, settings, trusted};
