//! The whole bundle on one machine, without Docker, an AWS account or a Stripe account.
//!
//! The functions run as deployed: compiled, speaking the Lambda Runtime API, with the real AWS SDK clients and
//! the resources of `template.yaml`. Only AWS itself is stood in for (by ministack, and by [`stream`], [`lambda`] and
//! [`ses`] where it falls short), and api.stripe.com (by [`stripe_fake`]).
//!
//! Tests start as many bundles as they like:
//!
//! ```no_run
//! # async fn test() -> anyhow::Result<()> {
//! use comptoir_local::{Bundle, Options};
//! let bundle = Bundle::start(Options::new("target/local/tests/example")).await?;
//! println!("{}", bundle.endpoints.stripe_webhook_url);
//! bundle.stop().await;
//! # Ok(()) }
//! ```

mod advance;
pub mod app_fake;
pub mod aws;
pub mod bundle;
pub mod checkout;
pub mod cli;
pub mod client;
pub mod clock;
mod demo;
pub mod endpoints;
pub mod environment;
pub mod event_bus;
pub mod explain;
pub mod faults;
pub mod follow;
pub mod forget;
pub mod front;
pub mod graphql;
pub mod lambda;
mod ledger;
pub mod lock;
pub mod mail;
pub mod minute;
pub mod paths;
mod pay;
mod preview;
mod private;
pub mod process;
pub mod progress;
mod rebuild;
mod reconcile;
mod refund;
pub mod replay;
mod request_filter;
pub mod runtime;
pub mod sam_local;
pub mod schedule;
mod secrets;
pub mod ses;
mod ses_events;
pub mod settings;
pub mod sign_in_mails;
pub mod slack_fake;
pub mod stream;
pub mod stripe_fake;
mod subscribe;
mod term;
mod told;
pub mod transfer;
mod verify;
pub mod whole;
pub mod wire;

pub use bundle::{Bundle, Functions, Options};
pub use endpoints::Endpoints;

/// Prints a line of the command's result.
#[expect(clippy::print_stdout, reason = "the runner is a command: what it prints is its answer")]
pub(crate) fn print(line: impl AsRef<str>) {
    println!("{}", line.as_ref());
}

/// Prints a line of progress or error, apart from the result.
#[expect(clippy::print_stderr, reason = "the runner is a command: this is where people look when it does not work")]
pub(crate) fn print_aside(line: impl AsRef<str>) {
    eprintln!("{}", line.as_ref());
}
