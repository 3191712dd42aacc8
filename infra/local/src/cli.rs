//! The commands. Each ends with everything stopped, and with one sentence if something went wrong.

use std::ffi::OsString;
use std::future::Future;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::bundle::{Bundle, Options};
use crate::client::BundleClient;
use crate::endpoints::Endpoints;
use crate::progress::Progress;
use crate::{
    advance, demo, explain, forget, ledger, paths, pay, preview, process, rebuild, reconcile, refund, replay, runtime,
    sam_local, settings, subscribe, term, told, transfer, verify,
};

/// The default port of `cargo local`.
const PORT: u16 = 4100;

#[derive(Debug, Parser)]
#[command(
    name = "comptoir-local",
    about = "Comptoir on one machine: a Stripe payment comes in, a mailed invoice goes out"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows the main job, start to finish, and stops (cargo demo)
    Demo,
    /// Runs the bundle until Ctrl-C (cargo local)
    Local(Local),
    /// Pays against the running bundle (cargo pay)
    Pay(pay::Pay),
    /// Gives money back for the newest payment of the running bundle (cargo refund)
    Refund(refund::Refund),
    /// Buys a plan at the running bundle's Checkout (cargo subscribe)
    Subscribe(subscribe::Subscribe),
    /// Makes the next renewal of a subscription fail; the clock goes there (cargo fail-payment)
    FailPayment(subscribe::FailPayment),
    /// Tells the time of the running bundle, or moves it ahead (cargo clock, cargo advance)
    Clock(advance::Advance),
    /// Puts parked records back, once their cause is mended (cargo replay)
    Replay(replay::Replay),
    /// Shows the invoice template while it is edited (cargo preview)
    #[command(disable_help_flag = true)]
    Preview {
        /// What the preview itself is told: --event FILE, --out FILE, --once
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Runs the payment webhook in Lambda's own container, where a container engine is (cargo sam-local)
    SamLocal(sam_local::SamLocal),
    /// Writes the files for the accountant, of a month of the running bundle (cargo ledger)
    Ledger(ledger::Wish),
    /// Checks that a month's documents are in the archive as they were issued (cargo verify)
    Verify(verify::Verify),
    /// Checks, saves and shows the owner's settings (cargo settings)
    Settings {
        #[command(subcommand)]
        wish: settings::Wish,
    },
    /// Tells what happened to a customer, a subscription or an invoice of a plan (cargo explain)
    Explain(explain::Explain),
    /// Says what is held about a buyer and until when, and with --write removes what may go (cargo forget)
    Forget(forget::Forget),
    /// Says which documents are over their legal term, and with --write ends them (cargo term)
    Term(term::Term),
    /// Rebuilds the Billing table from the archive; without --write it only says what it would write (cargo rebuild)
    Rebuild(rebuild::Rebuild),
    /// Shows what the seller's app was told, and what has not arrived (cargo told)
    Told(told::Told),
    /// Wakes the work that a stream lost, as a schedule does on AWS (cargo sweep)
    Sweep,
    /// Finds the events that Stripe lists and that never arrived, as a schedule does on AWS (cargo reconcile)
    Reconcile(reconcile::Reconcile),
    /// Writes all that the running bundle knows into a folder, to leave or to move (cargo export)
    Export(transfer::Export),
    /// Takes an export into the running bundle, which must be empty (cargo import)
    Import(transfer::Import),
}

#[derive(Debug, clap::Args)]
struct Local {
    /// The port of the home page, the webhook and everything else
    #[arg(long, default_value_t = PORT)]
    port: u16,
    /// Payments, invoices, mails and secrets survive until the next start with --keep
    #[arg(long)]
    keep: bool,
    /// dev or prod: what the template does differently
    #[arg(long, default_value = "dev", value_parser = ["dev", "prod"])]
    stage: String,
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = runtime::handle().and_then(|runtime| {
        runtime.block_on(async {
            let ended = run(cli.command).await;
            process::end_all().await;
            ended
        })
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::print_aside(format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Demo => or_stopped(demo::run()).await,
        Command::Local(local) => serve(local).await,
        Command::Pay(pay) => or_stopped(async { pay::run(&pay, &client()?).await }).await,
        Command::Refund(refund) => or_stopped(async { refund::run(&refund, &client()?).await }).await,
        Command::Subscribe(wish) => or_stopped(async { subscribe::run(&wish, &client()?).await }).await,
        Command::FailPayment(wish) => or_stopped(async { subscribe::fail(&wish, &client()?).await }).await,
        Command::Clock(wish) => or_stopped(async { advance::run(&wish, &client()?).await }).await,
        Command::Replay(wish) => or_stopped(async { replay::some(&wish, &client()?).await.map(drop) }).await,
        // The user ends a preview by Ctrl-C; that is not an error.
        Command::Preview { arguments } => tokio::select! {
            shown = preview::run(&arguments) => shown,
            stopped = stopped() => stopped,
        },
        Command::SamLocal(wish) => or_stopped(async { sam_local::run(&wish).await }).await,
        Command::Verify(wish) => or_stopped(async { verify::verify(&wish, &client()?).await }).await,
        Command::Settings { wish } => or_stopped(async { settings::run(&wish, client).await }).await,
        Command::Explain(wish) => or_stopped(async { explain::run(&wish, &client()?).await }).await,
        Command::Forget(wish) => or_stopped(async { forget::run(&wish, &client()?).await }).await,
        Command::Term(wish) => or_stopped(async { term::run(&wish, &client()?).await }).await,
        Command::Rebuild(wish) => or_stopped(async { rebuild::run(&wish, &client()?).await }).await,
        Command::Told(wish) => or_stopped(async { told::run(&wish, &client()?).await }).await,
        Command::Sweep => or_stopped(async { verify::sweep(&client()?).await }).await,
        Command::Reconcile(wish) => or_stopped(async { reconcile::run(&wish, &client()?).await }).await,
        Command::Export(wish) => or_stopped(async { transfer::run_export(&wish, client).await }).await,
        Command::Import(wish) => or_stopped(async { transfer::run_import(&wish, &client()?).await }).await,
        Command::Ledger(wish) => or_stopped(async { ledger::run(&wish, &client()?).await }).await,
    }
}

fn client() -> anyhow::Result<BundleClient> {
    Ok(BundleClient::new(Endpoints::read(&paths::endpoints())?))
}

async fn serve(local: Local) -> anyhow::Result<()> {
    settings::document(&paths::seller())?;
    let mut options = Options::new(paths::local().join("bundle"));
    options.port = Some(local.port);
    options.keep = local.keep;
    options.limits_of_stripe = true;
    options.tells_the_app = true;
    options.stage = local.stage;
    options.endpoints = Some(paths::endpoints());
    options.progress = Progress::Print;
    let mut stopped = Box::pin(stopped());
    let bundle = tokio::select! {
        bundle = Bundle::start(options) => bundle?,
        stopped = &mut stopped => return stopped,
    };
    welcome(&bundle);
    let stopped = stopped.await;
    crate::print_aside("stopping ...");
    bundle.stop().await;
    stopped
}

fn welcome(bundle: &Bundle) {
    let at = &bundle.endpoints;
    crate::print(format!("The bundle is up ({}); Ctrl-C stops it.", at.stage));
    crate::print(format!("  Home page  {}", at.home_url));
    crate::print(format!("  Webhook    {}", at.stripe_webhook_url));
    crate::print(format!("  Secret     {}", at.stripe_webhook_secret));
    crate::print(format!("  AWS        {}", at.aws_endpoint_url));
    crate::print("  Logs       target/local/bundle/logs");
    crate::print("Pay with `cargo pay` in another terminal.");
}

/// Runs until done or until the user stops it, whichever comes first.
async fn or_stopped(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::select! {
        done = work => done,
        stopped = stopped() => stopped.and_then(|()| anyhow::bail!("stopped; run the command again when you like")),
    }
}

/// Waits for Ctrl-C or a termination signal.
async fn stopped() -> anyhow::Result<()> {
    let listen = |kind| signal(kind).context("the system refuses signals; run the command again");
    let (mut interrupt, mut terminate, mut hangup) =
        (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?, listen(SignalKind::hangup())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}
