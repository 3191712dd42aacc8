//! What is uploaded: each function in a zip, as `sam deploy` packs it.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::peers::{
    Measured,
    prepare::run,
    report::{Better, Goal, Row, Spread},
};

/// Every function beside the webhook that Node and Python would upload.
pub async fn rows(at: &Measured<'_>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (package, binary) in &at.kit.ours {
        let ours = Spread::of(vec![zipped(at, binary).await? / 1e6]).context("one size")?;
        let goal = match package.as_str() {
            "payment-webhook" => Some(Goal::AtMost(3.0)),
            "invoice-renderer" => Some(Goal::AtMost(12.0)),
            _ => None,
        };
        let name = format!("zip of {package}, {}", std::env::consts::ARCH);
        rows.push(Row::new(name, "MB", Better::Less, ours, None, goal));
    }
    Ok(rows)
}

/// Its size in a zip, in bytes.
async fn zipped(at: &Measured<'_>, binary: &Path) -> Result<f64> {
    // Python is there, because the stand-in for AWS needs it; its zip is what `sam` uses too.
    let script = "import sys,zipfile\nwith zipfile.ZipFile(sys.argv[2],'w',zipfile.ZIP_DEFLATED) as z: z.write(sys.argv[1],'bootstrap')";
    let archive = at.folder.join("bootstrap.zip");
    let mut zip = Command::new("python3");
    zip.args(["-c", script]).arg(binary).arg(&archive);
    run(&mut zip, at.folder).await.context("zipping")?;
    #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
    Ok(fs::metadata(&archive)?.len() as f64)
}
