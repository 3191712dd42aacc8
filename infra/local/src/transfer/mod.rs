//! `cargo export` and `cargo import`: all that a stack knows, in files that need no stack to be read, and back into an
//! empty one.
//!
//! Both speak plain DynamoDB and S3, to whichever AWS the client knows. [`format`](self::format) says how an export looks.

pub mod check;
mod close;
mod export;
pub mod format;
mod import;
mod sorter;

use std::collections::BTreeMap;
use std::io::{BufRead, stdin};
use std::path::PathBuf;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

pub use export::export;
pub use import::{Step, Told, import};

use crate::aws::Aws;
use crate::client::BundleClient;
use format::Manifest;

/// What to export.
#[derive(Clone, Debug, clap::Args)]
pub struct Export {
    /// The new folder that it is written to
    #[arg(long, value_name = "DIR", required_unless_present = "check")]
    out: Option<PathBuf>,
    /// Close this stack first: it gives no number any more, and another one goes on from this export
    #[arg(long = "final", requires = "out")]
    is_final: bool,
    /// Compare the files of an export with its manifest instead; asks no stack
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    check: Option<PathBuf>,
}

/// What to import.
#[derive(Clone, Debug, clap::Args)]
pub struct Import {
    /// The folder of the export
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The exported stack was not closed and is gone for good; asks once more
    #[arg(long)]
    source_lost: bool,
}

/// A stack, as found.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Its AWS.
    pub aws: Aws,
    /// Its name.
    pub name: String,
    /// `dev` or `prod`.
    pub stage: String,
    resources: BTreeMap<String, String>,
}

impl Stack {
    /// The stack of a bundle.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn of(client: &BundleClient) -> anyhow::Result<Self> {
        let stage = client.endpoints.stage.clone();
        let (aws, name) = (client.aws.clone(), format!("comptoir-{stage}"));
        let resources = aws.resources(&name).await?;
        Ok(Self { aws, name, stage, resources })
    }

    /// The physical name of a table or bucket.
    ///
    /// # Errors
    /// When the stack has none.
    pub fn id(&self, logical: &str) -> anyhow::Result<&str> {
        let id = self.resources.get(logical);
        id.map(String::as_str).with_context(|| format!("stack {} has no {logical}; deploy it anew", self.name))
    }

    /// The record in the Billing table under this partition key.
    async fn record(&self, pk: &str) -> anyhow::Result<Option<Value>> {
        let key = json!({"pk": {"S": pk}, "sk": {"S": "-"}});
        let input = json!({"TableName": self.id("BillingTable")?, "Key": key, "ConsistentRead": true});
        let mut got = self.aws.dynamodb("GetItem", &input).await?;
        Ok(got.get_mut("Item").map(Value::take).filter(|item| !item.is_null()))
    }
}

/// The value that a record keeps as JSON.
fn data<T: serde::de::DeserializeOwned>(record: &Value) -> anyhow::Result<T> {
    let text = record.pointer("/data/S").and_then(Value::as_str).context("a record has no data")?;
    serde_json::from_str(text).context("a record's data cannot be read")
}

/// A random name.
fn random() -> String {
    format!("{:032x}", fastrand::u128(..))
}

/// Exports, or checks an export.
///
/// # Errors
/// One sentence, with what was found.
pub async fn run_export(wish: &Export, client: impl FnOnce() -> anyhow::Result<BundleClient>) -> anyhow::Result<()> {
    if let Some(folder) = &wish.check {
        let manifest = check::whole(folder)?;
        crate::print(format!("{} is as it was exported: {}.", folder.display(), summary(&manifest)));
        return Ok(());
    }
    let out = wish.out.as_ref().context("name a folder with --out")?;
    let stack = Stack::of(&client()?).await?;
    let manifest = export(&stack, out, wish.is_final).await?;
    crate::print(format!("{}: {}.", out.display(), summary(&manifest)));
    if wish.is_final {
        crate::print(format!(
            "{} is closed: it gives no number any more. `cargo import {}` goes on in an empty stack.",
            stack.name,
            out.display()
        ));
    }
    ensure!(
        manifest.changed == 0,
        "{} items changed while they were read, so it can be read and not imported: export again at a quieter moment, \
         or with --final",
        manifest.changed
    );
    if manifest.in_flight > 0 {
        crate::print(format!(
            "{} documents or mails were being worked on; a stack that imports this does what was left of them.",
            manifest.in_flight
        ));
    }
    Ok(())
}

/// Imports an export.
///
/// # Errors
/// One sentence that says why not.
pub async fn run_import(wish: &Import, client: &BundleClient) -> anyhow::Result<()> {
    let lost = match wish.source_lost {
        true => {
            let name = check::manifest(&wish.folder)?.stack;
            crate::print(format!(
                "If {name} still gives numbers, two documents will have the same one, and customers are mailed twice.\n\
                 Type {name} if it is gone for good:"
            ));
            let mut answer = String::new();
            stdin().lock().read_line(&mut answer).context("the answer cannot be read")?;
            ensure!(answer.trim() == name, "nothing was imported: the answer was not {name}");
            true
        }
        false => false,
    };
    let stack = Stack::of(client).await?;
    let told: Told<'_> = &mut |step| {
        crate::print_aside(step.to_string());
        Ok(())
    };
    let manifest = import(&stack, &wish.folder, lost, told).await?;
    crate::print(format!("Imported: {}. The next number is the next one.", summary(&manifest)));
    Ok(())
}

fn summary(manifest: &Manifest) -> String {
    let files = manifest.files.iter().map(|(name, facts)| {
        let name = name.trim_start_matches("tables/").trim_end_matches(".jsonl");
        format!("{name} {}", facts.count)
    });
    files.collect::<Vec<_>>().join(", ")
}
