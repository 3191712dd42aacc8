//! The domain's capabilities on AWS. The public interface uses domain types, except `item`, `conditional`, `s3_failure` and
//! the functions that queue a mail or a notice: `comptoir-members-aws` and `comptoir-plans-adapters` write with them.
//!
//! One file or folder per capability; `item` defines how items are written in DynamoDB. Table and bucket names come
//! from `config`. One feature per service, so that a function links only the clients it uses.

#[cfg(feature = "dynamodb")]
mod announced;
#[cfg(feature = "dynamodb")]
pub mod app_messages;
#[cfg(feature = "s3")]
pub mod archive;
#[cfg(feature = "dynamodb")]
pub mod conditional;
mod connect;
#[cfg(feature = "dynamodb")]
pub mod delivery;
#[cfg(feature = "dynamodb")]
pub mod item;
#[cfg(feature = "dynamodb")]
pub mod ledger;
#[cfg(feature = "ses")]
pub mod mail_quota;
#[cfg(feature = "dynamodb")]
pub mod open_work;
#[cfg(feature = "dynamodb")]
pub mod outbox;
#[cfg(feature = "dynamodb")]
mod parts;
#[cfg(feature = "dynamodb")]
pub mod payments;
#[cfg(feature = "ses")]
pub mod post_office;
#[cfg(feature = "dynamodb")]
mod rebuild;
#[cfg(feature = "dynamodb")]
mod reconcile;
#[cfg(feature = "s3")]
pub mod s3_failure;
#[cfg(feature = "ssm")]
pub mod secrets;
#[cfg(feature = "dynamodb")]
pub mod settings_store;
#[cfg(feature = "s3")]
pub mod spool;
#[cfg(feature = "dynamodb")]
pub mod team;

pub use connect::{sdk_config, settings, trusted};
