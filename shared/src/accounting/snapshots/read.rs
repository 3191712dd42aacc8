//! What the bytes of a snapshot say.

use serde::Deserialize;

use crate::{
    billing::snapshot::{self, Snapshot},
    invoice::Invoice,
    record::{BUILD, VERSION},
};

/// The fields of a snapshot that say who may read it.
#[derive(Debug, Default, Deserialize)]
struct Written {
    needs: Option<u32>,
    build: Option<String>,
}

/// The document in the bytes of a snapshot.
///
/// # Errors
/// The code of the reason why it is none for this version.
pub(in crate::accounting) fn read(key: &str, bytes: Vec<u8>) -> Result<(Invoice, Snapshot), &'static str> {
    let text = String::from_utf8(bytes).map_err(|_| "snapshot_unreadable")?;
    let written: Written = serde_json::from_str(&text).unwrap_or_default();
    if written.needs.is_some_and(|needs| needs > VERSION) {
        return Err("snapshot_newer");
    }
    let Ok(invoice) = serde_json::from_str::<Invoice>(&text) else {
        let newer = written.build.is_some_and(|build| parts(&build) > parts(BUILD));
        return Err(if newer { "snapshot_newer" } else { "snapshot_unreadable" });
    };
    if snapshot::key(&invoice) == key { Ok((invoice, Snapshot(text))) } else { Err("snapshot_misplaced") }
}

/// The parts of a version, to compare two.
fn parts(version: &str) -> Vec<u64> {
    version.split('.').map(|part| part.parse().unwrap_or_default()).collect()
}
