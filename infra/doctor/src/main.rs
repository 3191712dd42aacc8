//! `cargo doctor --stack comptoir-prod --region eu-west-3`: one line per check, and what to do; exits with 1 if
//! something must be done, with 2 if the checks could not run at all.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use comptoir::clock::SystemClock;
use comptoir::config;
use comptoir::seller::{Settings, SettingsDocument};
use comptoir_doctor::aws::AwsAccount;
use comptoir_doctor::outside::Outside;
use comptoir_doctor::{Questions, State, credentials, examine, finding};

#[derive(Debug, Parser)]
#[command(name = "comptoir-doctor", about = "Looks whether a deployed stack is ready; changes nothing")]
struct Cli {
    /// The stack, as in samconfig.toml
    #[arg(long, default_value = "comptoir-dev")]
    stack: String,
    /// Its region
    #[arg(long, default_value = "eu-west-3")]
    region: String,
    /// The settings file; infra/seller.toml if not given
    #[arg(long)]
    seller: Option<PathBuf>,
    /// Another address for every service of AWS, as AWS_ENDPOINT_URL names one
    #[arg(long, hide = true)]
    aws: Option<String>,
    /// Another address than api.stripe.com
    #[arg(long, hide = true)]
    stripe: Option<String>,
    /// Another address of the webhook than the stack prints
    #[arg(long, hide = true)]
    webhook: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            print_aside(&format!("error: {error:#}"));
            ExitCode::from(2)
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<bool> {
    let file = cli.seller.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../seller.toml")));
    let text = std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    let file = SettingsDocument::from_toml(&text)?;
    Settings::of(&file)?;
    let endpoint = cli.aws.or_else(|| config::optional("AWS_ENDPOINT_URL"));
    let account = AwsAccount::new(cli.region, credentials::find().await?, endpoint);
    let outside = Outside::new(cli.stripe.or_else(|| config::optional("STRIPE_API_URL")));
    let questions = Questions { stack: cli.stack, file, webhook: cli.webhook };
    let findings = examine(&questions, &account, &outside, &outside, &SystemClock).await;
    for finding in &findings {
        print(&finding.to_string());
    }
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    let ready = finding::ready(&findings);
    let verdict = if ready { "ready, as far as could be seen" } else { "not ready" };
    let (fine, blind) = (count(State::Ok), count(State::NotChecked));
    print(&format!("\n{verdict}: {fine} of {} ok, {blind} not checked", findings.len()));
    Ok(ready)
}

#[expect(clippy::print_stdout, reason = "what a command prints is its answer")]
fn print(line: &str) {
    println!("{line}");
}

#[expect(clippy::print_stderr, reason = "where people look when a command does not work")]
fn print_aside(line: &str) {
    eprintln!("{line}");
}
