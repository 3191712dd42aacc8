//! invoice-renderer: recorded payments come in; numbered, archived invoices and queued mails come out.
//!
//! Wiring only. `handler` processes a batch, `render` makes PDFs from pages, the domain crate decides the rest.

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_s3::Client as S3;
use comptoir::{
    billing::guard::LedgerGuard,
    clock::{Clock, SystemClock},
    config, einvoice,
    invoice::print,
    seller::Seller,
    stream::StreamEvent,
};
use comptoir_aws::{archive::S3Archive, ledger::DynamoLedger};
use comptoir_edge::{random::random_name, telemetry};
use invoice_renderer::{
    handler::InvoiceRenderer,
    render::{
        Renderer, Templates,
        specimen::{self, Specimen},
    },
};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use mimalloc::MiMalloc;

/// A page makes very many small allocations; this allocator saves about 7% of the time (`benches/render.rs`).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The seller file, as of the build; `SELLER_FILE` names another.
const SELLER: &str = include_str!("../../../infra/seller.toml");

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let seller = Seller::load(SELLER, config::optional("SELLER_FILE").as_deref())?;
    let templates = match config::optional("TEMPLATES_DIR") {
        Some(folder) => Templates::read(folder.as_ref())?,
        None => Templates::embedded(),
    };
    let words = templates.words()?;
    let press = Renderer::new(templates, &seller.look)?;
    // A template that cannot render even a specimen must not use up numbers: payments wait until it is
    // fixed, and the sweep wakes those that the stream gave up. A day without a legal text parks its sales; the function
    // starts all the same.
    let today = SystemClock.now().to_zoned(seller.time_zone.clone()).date();
    let Specimen { invoice: specimen, gap } = specimen::at_start(&seller, today)?;
    if let Some(gap) = gap {
        tracing::warn!(reason = %gap.reason(), "some sales of today cannot be invoiced and will be parked");
    }
    press.render(&print::page(&specimen, &seller.look, &words), &einvoice::factur_x(&specimen)?)?;
    let aws = comptoir_aws::sdk_config()?;
    let (billing, outbox) = (config::required("BILLING_TABLE")?, config::required("OUTBOX_TABLE")?);
    let renderer = InvoiceRenderer {
        ledger: DynamoLedger::new(DynamoDb::new(&aws), billing, outbox),
        archive: S3Archive::new(S3::new(&aws), config::required("ARCHIVE_BUCKET")?),
        renderer: press,
        clock: SystemClock,
        seller,
        words,
        guard: LedgerGuard::new(random_name),
    };
    let renderer = &renderer;
    lambda_runtime::run(service_fn(|event: LambdaEvent<StreamEvent>| async move {
        let deadline = Timestamp::from_millisecond(event.context.deadline.try_into()?)?;
        Ok::<_, Error>(renderer.handle(event.payload, &event.context.request_id, deadline).await)
    }))
    .await
}
