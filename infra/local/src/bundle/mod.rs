//! The whole bundle on one machine: started in phases, each in its own module, and stopped without leaving anything
//! behind.
//!
//! Several bundles run side by side in one process, each on its own ports and in its own directory.

pub mod build;
mod deploy;
mod graphql;
mod ministack;
mod options;
pub mod prepare;
pub mod resources;
mod start;
pub mod template;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Mutex, watch};

use crate::app_fake::AppFake;
use crate::aws::Aws;
use crate::endpoints::Endpoints;
use crate::event_bus::Bus;
use crate::faults::Faults;
use crate::front::Front;
use crate::front::books::Books;
use crate::graphql::programs::Programs;
use crate::lambda::pool::Function;
use crate::lock::Lock;
use crate::mail::Mailbox;
use crate::runtime::{self, AbortOnDrop};
use crate::secrets;
use crate::slack_fake::SlackFake;
use crate::stream::Flow;
use crate::stripe_fake::StripeFake;
use crate::wire::Wire;
use ministack::Ministack;
pub use options::{Functions, Options};

/// A running bundle. Dropping it ends everything it started.
#[derive(Debug)]
pub struct Bundle {
    /// Its addresses.
    pub endpoints: Endpoints,
    /// Its directory: logs, mails, state.
    pub dir: PathBuf,
    functions: BTreeMap<String, Arc<Function>>,
    front: Arc<Front>,
    aws: Aws,
    wire: Option<Wire>,
    ministack: Arc<Mutex<Ministack>>,
    flow: watch::Sender<Flow>,
    secrets_prefix: String,
    event_source: String,
    announced: PathBuf,
    keep: bool,
    tasks: Vec<AbortOnDrop<()>>,
    _lock: Lock,
}

impl Bundle {
    /// Prepares, builds, deploys and starts everything; returns when it can accept the first payment.
    ///
    /// # Errors
    /// One sentence that says what to do; nothing is left running.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        runtime::run(start::start(options)).await
    }

    /// Ends everything; saves the state if the bundle keeps it.
    pub async fn stop(mut self) {
        fs::remove_file(&self.announced).ok();
        self.tasks.clear();
        self.front.ses.bus.stop();
        for function in self.functions.values() {
            function.kill();
        }
        if self.keep {
            self.ministack.lock().await.stop().await;
        }
    }

    /// The store: what the functions have written.
    pub fn books(&self) -> &Books {
        &self.front.books
    }

    /// The stand-in for AWS, for a test's own calls.
    pub fn aws(&self) -> &Aws {
        &self.aws
    }

    /// The wire between the functions and AWS, if the options asked for one.
    pub fn wire(&self) -> Option<&Wire> {
        self.wire.as_ref()
    }

    /// The captured mails.
    pub fn mailbox(&self) -> &Mailbox {
        &self.front.ses.mailbox
    }

    /// What Cognito mailed: invitations and codes.
    pub fn sign_in_mails(&self) -> Vec<crate::sign_in_mails::SignInMail> {
        self.front.sign_in_mails.all()
    }

    /// The fault plan for SES.
    pub fn ses_faults(&self) -> &Faults {
        &self.front.ses.faults
    }

    /// The fault plan for requests that programs sign.
    pub fn api_faults(&self) -> &Faults {
        &self.front.graphql.faults
    }

    /// The programs that sign requests to the GraphQL API, and their keys.
    pub fn programs(&self) -> &Programs {
        &self.front.graphql.programs
    }

    /// The delivery events of mails that SES accepted.
    pub fn ses_events(&self) -> &Bus {
        &self.front.ses.bus
    }

    /// Sends an event as Stripe does to the event source that the options name; returns how many rules it matched.
    pub fn send_to_event_source(&self, event: &serde_json::Value) -> usize {
        self.front.ses.bus.put_of_stripe(&self.event_source, event)
    }

    /// Makes SES take this many mails in all.
    pub fn limit_mails(&self, daily: usize) {
        self.front.ses.daily.store(daily, std::sync::atomic::Ordering::Relaxed);
    }

    /// The stand-in for Stripe, with its fault plan.
    pub fn stripe(&self) -> &StripeFake {
        &self.front.stripe
    }

    /// The stand-in for Slack, with its fault plan.
    pub fn slack(&self) -> &SlackFake {
        &self.front.slack
    }

    /// The stand-in for the seller's app.
    pub fn app(&self) -> &AppFake {
        &self.front.app
    }

    /// Stores other secrets for what the seller's app is told: one or several, separated by spaces.
    ///
    /// # Errors
    /// When the stand-in does not answer.
    pub async fn set_app_secrets(&self, secrets: &str) -> anyhow::Result<()> {
        secrets::put(&self.aws, &format!("{}/app-webhook-secrets", self.secrets_prefix), secrets).await
    }

    /// A function by its package name.
    pub fn function(&self, package: &str) -> Option<&Arc<Function>> {
        self.functions.get(package)
    }

    /// Pauses the streams, so that records pile up.
    pub fn pause_streams(&self) {
        self.flow.send_modify(|flow| flow.running = false);
    }

    /// Resumes the streams.
    pub fn resume_streams(&self) {
        self.flow.send_modify(|flow| flow.running = true);
    }

    /// Resumes the streams at `LATEST`: the records that piled up are lost.
    pub fn lose_streams(&self) {
        self.flow.send_modify(|flow| {
            flow.running = true;
            flow.losses += 1;
        });
    }

    /// Replaces the webhook secrets that the functions read: one or several, separated by spaces.
    ///
    /// # Errors
    /// When the stand-in does not answer.
    pub async fn set_webhook_secrets(&self, secrets: &str) -> anyhow::Result<()> {
        secrets::put(&self.aws, &format!("{}/stripe-webhook-secrets", self.secrets_prefix), secrets).await
    }

    /// Takes AWS down: DynamoDB, S3 and SSM no longer answer. Their state is saved.
    pub async fn stop_aws(&self) {
        self.ministack.lock().await.stop().await;
    }

    /// Starts AWS again with the state it had.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn resume_aws(&self) -> anyhow::Result<()> {
        let ministack = self.ministack.clone();
        runtime::run(async move { ministack.lock().await.resume().await }).await?;
        self.flow.send_modify(|flow| flow.restarts += 1);
        Ok(())
    }
}
