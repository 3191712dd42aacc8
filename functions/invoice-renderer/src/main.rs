//! invoice-renderer: recorded payments come in; numbered, archived invoices and queued mails come out.
//!
//! Wiring only. `handler` processes a batch, `render` makes PDFs from pages, the domain crate decides the rest.

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_s3::Client as S3;
use comptoir::{
    billing::guard::LedgerGuard, clock::SystemClock, config, settings::cache::CachedSettings, stream::StreamEvent,
};
use comptoir_aws::{archive::S3Archive, ledger::DynamoLedger, settings_store::DynamoSettings};
use comptoir_edge::{random::random_name, telemetry};
use invoice_renderer::{
    handler::InvoiceRenderer,
    proof::Proof,
    render::{Renderer, Templates},
};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use mimalloc::MiMalloc;

/// A page makes very many small allocations; this allocator saves about 7% of the time (`benches/render.rs`).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let templates = match config::optional("TEMPLATES_DIR") {
        Some(folder) => Templates::read(folder.as_ref())?,
        None => Templates::embedded(),
    };
    let words = templates.words()?;
    let press = Renderer::new(templates)?;
    let aws = comptoir_aws::sdk_config()?;
    let dynamodb = DynamoDb::new(&aws);
    let (billing, outbox) = (config::required("BILLING_TABLE")?, config::required("OUTBOX_TABLE")?);
    let renderer = InvoiceRenderer {
        settings: CachedSettings::new(DynamoSettings::new(dynamodb.clone(), billing.clone()), SignedDuration::ZERO),
        ledger: DynamoLedger::new(dynamodb, billing, outbox).telling(config::optional("APP_MESSAGES_TABLE")),
        archive: S3Archive::new(S3::new(&aws), config::required("ARCHIVE_BUCKET")?),
        renderer: press,
        clock: SystemClock,
        words,
        guard: LedgerGuard::new(random_name),
        proof: Proof::default(),
    };
    // Read and proved while init runs at full speed; if that fails, the first batch tries again and says why.
    if let Err(error) = renderer.settings().await {
        tracing::warn!("the first batch reads the settings again: {error}");
    }
    let renderer = &renderer;
    lambda_runtime::run(service_fn(|event: LambdaEvent<StreamEvent>| async move {
        let deadline = Timestamp::from_millisecond(event.context.deadline.try_into()?)?;
        // Boxed, because the combined state of all steps in one future exceeds the compiler's default limit.
        Ok::<_, Error>(Box::pin(renderer.handle(event.payload, &event.context.request_id, deadline)).await)
    }))
    .await
}
