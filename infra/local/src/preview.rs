//! `cargo preview`: builds the preview of the invoice renderer like everything else here, and runs it.

use std::ffi::OsString;

use anyhow::{Context, bail};
use tokio::process::Command;

use crate::bundle::build;
use crate::process;
use crate::progress::Progress;

/// The example of `invoice-renderer` that does the work.
const EXAMPLE: &str = "preview";

/// Runs the preview until it ends.
///
/// # Errors
/// It does not build, does not start, or could not show anything; it has then printed the reason.
pub async fn run(arguments: &[OsString]) -> anyhow::Result<()> {
    let built = build::build(Progress::Print).await?;
    let program =
        built.get(EXAMPLE).context("cargo built no preview; is functions/invoice-renderer/examples there?")?;
    let child = process::spawn(Command::new(program).args(arguments))
        .with_context(|| format!("{} does not start; run the command again", program.display()))?;
    match child.wait().await.as_str() {
        "exit status: 0" => Ok(()),
        how => bail!("nothing was shown ({how}); mend what is said above and run the command again"),
    }
}
