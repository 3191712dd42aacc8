//! Upload sizes: each function in a zip, as `sam deploy` packs it, and Node's handlers bundled into one file each. Node
//! itself is part of Lambda's runtime; our zip is complete. Python needs more than one file, and is left out.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::peers::{
    Measured, NODE,
    prepare::run,
    report::{Better, Goal, Row, Spread},
};

/// Functions that have a peer, with its script.
const SCRIPTS: [(&str, &str); 2] = [("payment-webhook", "webhook"), ("profile-mutation-validator", "profile")];

/// Every function, compared with Node's bundle where there is one.
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
        let script = SCRIPTS.iter().find(|(function, _)| function == package).map(|(_, script)| *script);
        let bundle = script.and_then(|script| at.kit.node(script)?.pop());
        let theirs = match bundle {
            Some(file) => Spread::of(vec![zipped(at, Path::new(&file)).await? / 1e6]),
            None => None,
        };
        rows.push(Row::new(name, "MB", Better::Less, ours, theirs.map(|theirs| (NODE, theirs)), goal));
    }
    Ok(rows)
}

/// Its size in a zip, in bytes.
async fn zipped(at: &Measured<'_>, binary: &Path) -> Result<f64> {
    // Python is available, because the stand-in for AWS needs it; `sam` uses its zip module too.
    let script = "import sys,zipfile\nwith zipfile.ZipFile(sys.argv[2],'w',zipfile.ZIP_DEFLATED) as z: z.write(sys.argv[1],'bootstrap')";
    let archive = at.folder.join("bootstrap.zip");
    let mut zip = Command::new("python3");
    zip.args(["-c", script]).arg(binary).arg(&archive);
    run(&mut zip, at.folder).await.context("zipping")?;
    #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
    Ok(fs::metadata(&archive)?.len() as f64)
}
