//! Verification of a month's books: every number has its snapshot and its document in the archive, with the bytes that the
//! ledger noted, and each snapshot holds the hash of the one before it.
//!
//! No document is read: the archive knows their hashes. A changed byte, a missing object and a hole in the chain each have
//! a finding that names the number.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Month;
use crate::{
    archive::{Archive, sha256},
    billing::{
        issue::series_of,
        ledger::{Entry, Ledger},
        snapshot,
    },
    invoice::Invoice,
    numbering::Series,
    outcome::ServiceError,
    seller::Settings,
    term::links::Gone,
};

/// What is wrong with one document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Its number, or the key of an object that names none.
    pub subject: String,
    /// A stable code: `snapshot_changed`, `document_missing`.
    pub code: &'static str,
}

impl Finding {
    /// One sentence: what is wrong and what to do.
    pub fn text(&self) -> &'static str {
        match self.code {
            "snapshot_unreadable" => "the snapshot in the archive is no document of this version or an earlier one",
            "snapshot_changed" => {
                "the snapshot in the archive is not the one that the ledger stored; restore its first version"
            }
            "snapshot_missing" => "its snapshot is not in the archive; restore its first version, which the lock kept",
            "not_in_ledger" => {
                "the archive has a document that the ledger does not know: the table is older than the archive"
            }
            "document_missing" => "its PDF is not in the archive; restore its first version, which the lock kept",
            "document_changed" => {
                "its PDF is not the one that was issued; restore its first version, which the lock kept"
            }
            "document_unfinished" => "its number is claimed and its document is not recorded; the sweep completes it",
            "chain_broken" => "it does not hold the hash of the snapshot before it: one of the two was changed",
            "number_missing" => "the number before it has no document",
            _ => "see infra/OPERATIONS.md",
        }
    }
}

/// The result of a verification.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many documents were verified.
    pub documents: usize,
    /// What is wrong, by number.
    pub findings: Vec<Finding>,
}

/// A snapshot in the archive.
struct Snapshot {
    invoice: Invoice,
    hash: String,
    /// Its position in its series, if its number is of the seller's pattern.
    n: Option<u64>,
}

/// How long a claimed document may take.
const IN_FLIGHT: SignedDuration = SignedDuration::from_hours(1);

/// Keys listed at once.
const PAGE: usize = 1000;

/// Verifies the documents issued in a month.
///
/// # Errors
/// When the ledger or the archive does not answer.
pub async fn verify(
    ledger: &impl Ledger,
    archive: &impl Archive,
    settings: &Settings,
    month: Month,
    now: Timestamp,
) -> Result<Verified, ServiceError> {
    let mut findings = Vec::new();
    let mut series: BTreeMap<Series, BTreeMap<u64, Snapshot>> = BTreeMap::new();
    let mut documents = 0;
    let gone = Gone::read(archive).await?;
    let prefix = format!("books/{}/", month.path());
    let mut after: Option<String> = None;
    loop {
        let keys = archive.list(&prefix, after.as_deref(), PAGE).await?;
        for key in &keys {
            documents += 1;
            let Some(bytes) = archive.read(key).await? else { continue };
            let Ok(invoice) = serde_json::from_slice::<Invoice>(&bytes) else {
                findings.push(Finding { subject: key.clone(), code: "snapshot_unreadable" });
                continue;
            };
            // Its number or its date was changed.
            if snapshot::key(&invoice) != *key {
                findings.push(Finding { subject: key.clone(), code: "snapshot_changed" });
                continue;
            }
            let entry = ledger.document(&invoice.number).await?;
            let wrong = compared(&bytes, entry.as_ref(), archive).await?;
            let young = invoice.allocation.claimed_at.is_some_and(|at| now.duration_since(at) < IN_FLIGHT);
            let wrong = wrong.filter(|code| *code != "document_unfinished" || !young);
            findings.extend(wrong.map(|code| Finding { subject: invoice.number.0.clone(), code }));
            let pattern = series_of(&invoice, settings);
            let n = invoice.allocation.archive_key.as_deref().and_then(|key| pattern.n_of_key(invoice.issued_on, key));
            let of_series = series.entry(pattern.series(invoice.issued_on)).or_default();
            of_series.insert(n.unwrap_or_default(), Snapshot { hash: sha256(&bytes), invoice, n });
        }
        after = keys.last().cloned();
        if keys.is_empty() {
            break;
        }
    }
    for snapshots in series.values() {
        findings.extend(missing(snapshots, ledger, settings, month).await?);
        for snapshot in snapshots.values() {
            let code = chained(snapshot, snapshots, ledger, &gone, settings).await?;
            findings.extend(code.map(|code| Finding { subject: snapshot.invoice.number.0.clone(), code }));
        }
    }
    findings.sort();
    Ok(Verified { documents, findings })
}

/// What is wrong with a snapshot and its document beside the ledger, if anything.
async fn compared(
    bytes: &[u8],
    entry: Option<&Entry>,
    archive: &impl Archive,
) -> Result<Option<&'static str>, ServiceError> {
    let Some(entry) = entry else { return Ok(Some("not_in_ledger")) };
    if entry.snapshot.0.as_bytes() != bytes {
        return Ok(Some("snapshot_changed"));
    }
    let Some(noted) = &entry.document else { return Ok(Some("document_unfinished")) };
    Ok(match archive.look(&noted.key).await? {
        None => Some("document_missing"),
        Some(found) if found != *noted => Some("document_changed"),
        Some(_) => None,
    })
}

/// The documents of the month that the ledger knows and the archive has no snapshot of.
async fn missing(
    snapshots: &BTreeMap<u64, Snapshot>,
    ledger: &impl Ledger,
    settings: &Settings,
    month: Month,
) -> Result<Vec<Finding>, ServiceError> {
    let mut found = Vec::new();
    let known = snapshots.iter().filter(|(_, snapshot)| snapshot.n.is_some());
    for (n, snapshot) in known {
        let (pattern, day) = (series_of(&snapshot.invoice, settings), snapshot.invoice.issued_on);
        // The numbers right before and right after a known one, as far as they are of this month.
        for (mut next, step) in [(n.saturating_sub(1), -1), (n.saturating_add(1), 1)] {
            while next > 0 && !snapshots.contains_key(&next) {
                let number = pattern.number(day, next);
                let Some(entry) = ledger.document(&number).await? else { break };
                if !month.contains(entry.invoice.issued_on) {
                    break;
                }
                let code = if entry.document.is_some() { "snapshot_missing" } else { "document_unfinished" };
                found.push(Finding { subject: number.0, code });
                next = next.saturating_add_signed(step);
            }
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// What is wrong with the place of a snapshot in its chain, if anything.
async fn chained(
    snapshot: &Snapshot,
    snapshots: &BTreeMap<u64, Snapshot>,
    ledger: &impl Ledger,
    gone: &Gone,
    settings: &Settings,
) -> Result<Option<&'static str>, ServiceError> {
    let previous = snapshot.invoice.allocation.previous.as_ref();
    // A number of an earlier pattern of the seller: its chain is not known here.
    let Some(n) = snapshot.n else { return Ok(None) };
    let Some(before) = n.checked_sub(1).filter(|before| *before > 0) else {
        return Ok(previous.map(|_| "chain_broken"));
    };
    let hash = match snapshots.get(&before) {
        Some(before) => Some(before.hash.clone()),
        // Of an earlier month, or missing in the archive: the ledger knows it.
        None => {
            let (pattern, day) = (series_of(&snapshot.invoice, settings), snapshot.invoice.issued_on);
            match ledger.document(&pattern.number(day, before)).await? {
                Some(entry) => Some(entry.snapshot.sha256()),
                // At the end of its term it went from both.
                None => gone.hash_of(&pattern.series(day), before).map(str::to_owned),
            }
        }
    };
    Ok(match hash {
        None => Some("number_missing"),
        Some(hash) if previous != Some(&hash) => Some("chain_broken"),
        Some(_) => None,
    })
}

#[cfg(test)]
mod tests;
