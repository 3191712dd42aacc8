//! `cargo demo`: one sale from payment to mail, in a bundle of its own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::bundle::{Bundle, Options};
use crate::checkout::{Checkout, Purchase};
use crate::client::BundleClient;
use crate::follow::{Delivered, End, follow};
use crate::lock::cannot_write;
use crate::progress::Progress;
use crate::{paths, settings};

const PATIENCE: Duration = Duration::from_secs(60);

/// Starts a bundle, pays, shows each step, and stops it.
///
/// # Errors
/// One sentence that says what to do.
pub async fn run() -> anyhow::Result<()> {
    settings::document(&paths::seller())?;
    let begun = Instant::now();
    let mut options = Options::new(paths::local().join("demo"));
    options.progress = Progress::Print;
    let bundle = Bundle::start(options).await?;
    crate::print(format!("Ready after {:.1} s. A customer pays 49.00 EUR.", begun.elapsed().as_secs_f32()));
    let shown = pay(&bundle).await;
    bundle.stop().await;
    shown
}

async fn pay(bundle: &Bundle) -> anyhow::Result<()> {
    let client = BundleClient::new(bundle.endpoints.clone());
    let checkout = Checkout::of(&Purchase { lines: 2, ..Purchase::default() });
    client.tell_stripe(&checkout).await?;
    let event = checkout.event("checkout.session.completed").to_string();
    let started = Instant::now();
    let posted = async {
        let (status, body) = client.post_event(event.as_bytes()).await?;
        ensure!(status == 200, "the webhook refused the payment ({status} {body})");
        Ok(started.elapsed())
    };
    let done = tokio::try_join!(posted, follow(&client, &checkout.session_id, started, PATIENCE));
    let logs = bundle.dir.join("logs");
    match done.with_context(|| format!("the payment did not go through; read the logs in {}", logs.display()))? {
        (answered, End::Delivered(delivered)) => show(bundle, &client, &delivered, answered).await,
        (_, End::Parked(source, reason)) => {
            bail!("{source} parked the sale ({reason}); read the logs in {}", logs.display())
        }
    }
}

/// Prints the timeline and the two files to open.
async fn show(bundle: &Bundle, client: &BundleClient, delivered: &Delivered, answered: Duration) -> anyhow::Result<()> {
    let mut steps = delivered.steps.clone();
    steps.push(("webhook answered", answered));
    steps.sort_by_key(|(_, at)| *at);
    for (step, at) in steps {
        crate::print(format!("  {:>6} ms  {step}", at.as_millis()));
    }
    let pdf = save_document(bundle, client, delivered).await?;
    let eml = bundle.mailbox().eml(&delivered.mail.id);
    ensure!(
        eml.exists(),
        "the mail was not written to {}; free some disk space and run the command again",
        eml.display()
    );
    crate::print(format!("Invoice {}, mailed to {}", delivered.number, delivered.mail.to));
    crate::print(format!("  PDF   {}", relative(&pdf)));
    crate::print(format!("  Mail  {}", relative(&eml)));
    Ok(())
}

/// Writes the archived bytes to a file; they must equal the mail's attachment.
async fn save_document(bundle: &Bundle, client: &BundleClient, delivered: &Delivered) -> anyhow::Result<PathBuf> {
    let archived = client.document(&delivered.document).await?;
    ensure!(archived.starts_with(b"%PDF"), "{} is in the archive, but it is not a PDF", delivered.document);
    let carried = delivered
        .mail
        .attachments
        .iter()
        .filter_map(|file| STANDARD.decode(&file.base64).ok())
        .any(|bytes| bytes == archived);
    ensure!(
        carried,
        "the mail arrived without the archived PDF; read {}",
        bundle.dir.join("logs/mail-sender.log").display()
    );
    let name = delivered.document.rsplit('/').next().unwrap_or("invoice.pdf");
    let path = bundle.dir.join(name);
    std::fs::write(&path, archived).with_context(|| cannot_write(&path))?;
    Ok(path)
}

/// A short path, relative to the checkout where the command runs.
fn relative(path: &Path) -> String {
    path.strip_prefix(paths::repository()).unwrap_or(path).display().to_string()
}
