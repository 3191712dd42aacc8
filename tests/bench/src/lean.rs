//! Limits on a function's dependencies and start-up instructions: one line of a manifest can increase both.
//!
//! `cargo peers` measures the deployed builds; these are unoptimised builds, so that they take seconds.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may fail loudly, and its figures are worth reading"
)]

use std::{collections::BTreeSet, process::Command};

use crate::peers::gate::instructions_until_up;
use anyhow::{Result, ensure};
use comptoir_local::{bundle::build::packages, environment, paths};

/// Crates that no function may link, and why.
const NOWHERE: [(&str, &str); 9] = [
    ("aws-config", "it prepares four services more at every start; `comptoir_aws::sdk_config` reads what Lambda sets"),
    ("aws-lc-rs", "it collects entropy for up to 131 ms at every start; TLS is on ring"),
    ("aws-lc-sys", "as aws-lc-rs"),
    ("async-stripe", "its client reads errors into every type of Stripe's: a third of the function"),
    ("clap", "a function has no command line"),
    ("native-tls", "a second TLS"),
    ("openssl-sys", "a second TLS"),
    ("regex", "half a megabyte of tables"),
    ("reqwest", "a second HTTP client"),
];

/// Large crates, and the functions that may link them.
const LARGE: [(&str, &[&str]); 5] = [
    ("typst", &["invoice-renderer"]),
    // Typst brings it too.
    ("image", &["invoice-renderer", "profile-mutation-validator"]),
    // A function that reads profiles includes the validation rules; access-worker makes blank ones, off everybody's way.
    ("rlibphonenumber", &["access-worker", "profile-mutation-validator", "profile-publisher"]),
    // The reader of CVs.
    ("lopdf", &["profile-mutation-validator"]),
    // public-pages has it with the stores of plans, and calls nothing of it.
    ("async-stripe-client-core", &["access-worker", "billing-api", "payment-webhook", "public-pages"]),
];

/// Every crate that a function links.
fn linked(function: &str) -> Result<BTreeSet<String>> {
    let mut tree = Command::new(environment::cargo());
    tree.args(["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}"]);
    let output = tree.args(["--package", function]).current_dir(paths::repository()).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let crates = String::from_utf8(output.stdout)?;
    Ok(crates.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
}

#[test]
fn no_function_links_what_its_start_would_pay_for() -> Result<()> {
    let functions = packages()?;
    ensure!(functions.len() >= 6, "{functions:?}");
    for function in &functions {
        let linked = linked(function)?;
        ensure!(linked.contains("lambda_runtime"), "{function} links {linked:?}");
        for (unwanted, why) in NOWHERE {
            // The typesetting engine and the phone number tables have regular expressions of their own.
            let brought = unwanted == "regex" && (linked.contains("typst") || linked.contains("rlibphonenumber"));
            ensure!(brought || !linked.contains(unwanted), "{function} links {unwanted}: {why}");
        }
        for (large, only) in LARGE {
            let may = only.contains(&function.as_str());
            ensure!(may || !linked.contains(large), "{function} links {large}, which is for {only:?} alone");
        }
    }
    Ok(())
}

/// Millions of instructions until each asks for work, as measured on 2026-11-21, and the limit.
const STARTS: [(&str, f64); 2] = [("payment-webhook", 36.3), ("mail-sender", 55.1)];
/// The counts vary slightly with compilers and C libraries.
const TOLERANCE: f64 = 1.3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_takes_no_more_instructions_than_it_did() -> Result<()> {
    let folder = paths::local().join("tests").join("lean");
    std::fs::create_dir_all(&folder)?;
    let packages = STARTS.map(|(package, _)| package);
    let counted = match instructions_until_up(&folder, &packages).await {
        Err(why) if why.to_string().contains("valgrind") => {
            comptoir::testing::tools::skipped(&why.to_string());
            return Ok(());
        }
        counted => counted?,
    };
    for ((package, count), (_, known)) in counted.iter().zip(STARTS) {
        eprintln!("{package}: {count:.1} million instructions until it asks for work, {known} known");
        ensure!(*count <= known * TOLERANCE, "{package} takes {count:.1} million instructions to start, not {known}");
    }
    Ok(())
}
