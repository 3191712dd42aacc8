//! The figures of `template.yaml` and those of the code agree, and whoever waits is more patient than what it waits for.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use anyhow::{Result, ensure};
use comptoir::{invoice::ledger::LARGEST_CLAIM, timing};
use comptoir_local::{bundle::template, paths};
use serde_json::Value;

fn resources() -> Result<Value> {
    let yaml = std::fs::read_to_string(paths::template())?;
    Ok(template::read(&yaml)?["Resources"].clone())
}

fn timeout(resources: &Value, function: &str) -> u64 {
    resources[function]["Properties"]["Timeout"].as_u64().unwrap()
}

#[test]
fn every_patience_is_shorter_than_whatever_waits_for_it() -> Result<()> {
    let resources = resources()?;
    let webhook = timeout(&resources, "PaymentWebhookFunction");
    let sender = timeout(&resources, "MailSenderFunction");
    ensure!(timing::CONNECT_SECONDS < timing::ATTEMPT_SECONDS && timing::ATTEMPT_SECONDS < timing::OPERATION_SECONDS);
    ensure!(2 * timing::STRIPE_SECONDS + timing::OPERATION_SECONDS < webhook && webhook < timing::GATEWAY_SECONDS);
    ensure!(timing::ONE_MAIL_SECONDS < sender, "a mail is not cut off between claim and record");
    ensure!(sender < timing::MAIL_LEASE_SECONDS, "two senders never hold one mail");
    for (name, resource) in resources.as_object().unwrap() {
        if resource["Type"] == "AWS::Serverless::Function" {
            ensure!(timing::OPERATION_SECONDS < timeout(&resources, name), "{name} outlives its calls");
        }
    }
    Ok(())
}

#[test]
fn streams_try_as_long_as_is_said_and_never_lose_a_record() -> Result<()> {
    let resources = resources()?;
    let mut streams = 0;
    for (name, resource) in resources.as_object().unwrap() {
        for (_, event) in resource["Properties"]["Events"].as_object().into_iter().flatten() {
            if event["Type"] != "DynamoDB" {
                continue;
            }
            streams += 1;
            let stream = &event["Properties"];
            ensure!(stream["MaximumRetryAttempts"] == timing::STREAM_ATTEMPTS, "{name}");
            ensure!(stream["MaximumRecordAgeInSeconds"] == timing::STREAM_RECORD_AGE_SECONDS, "{name}");
            ensure!(stream["BisectBatchOnFunctionError"] == true && stream["DestinationConfig"].is_object(), "{name}");
            ensure!(stream["FunctionResponseTypes"][0] == "ReportBatchItemFailures", "{name}");
            ensure!(stream["BatchSize"].as_u64().unwrap() <= LARGEST_CLAIM as u64, "{name}");
        }
    }
    ensure!(streams == 2);
    Ok(())
}
