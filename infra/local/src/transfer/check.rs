//! `cargo export --check`: compares every file of an export with its manifest.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, ensure};
use sha2::{Digest, Sha256};

use super::format::{BUCKETS, FORMAT, IMPORTED, ItemLine, MANIFEST, Manifest, ObjectLine, TABLES};

/// Findings that are named one by one; of more, only the number is said.
const NAMED: usize = 50;

/// What is wrong with the files of an export.
#[derive(Debug, Default)]
pub struct Findings {
    /// The first ones, each a sentence that names its file.
    pub named: Vec<String>,
    /// All.
    pub count: usize,
}

impl Findings {
    fn add(&mut self, finding: String) {
        self.count += 1;
        if self.named.len() < NAMED {
            self.named.push(finding);
        }
    }
}

/// Reads the manifest of an export.
///
/// # Errors
/// When there is none, or it is of another version.
pub fn manifest(folder: &Path) -> anyhow::Result<Manifest> {
    let path = folder.join(MANIFEST);
    let text = fs::read_to_string(&path)
        .with_context(|| format!("{} cannot be read: name the folder of an export that ended", path.display()))?;
    Manifest::read(&text)
}

/// Compares every file with the manifest.
///
/// # Errors
/// When the manifest or a folder cannot be read.
pub fn check(folder: &Path) -> anyhow::Result<(Manifest, Findings)> {
    let manifest = manifest(folder)?;
    let mut findings = Findings::default();
    let mut known: BTreeSet<String> = [MANIFEST, IMPORTED].map(str::to_owned).into();
    let expected: BTreeSet<String> =
        TABLES.map(table_file).into_iter().chain(BUCKETS.map(|(name, _)| bucket_file(name))).collect();
    for name in manifest.files.keys().filter(|name| !expected.contains(*name)) {
        findings.add(format!("{name} is in {MANIFEST} and no file of format {FORMAT}"));
    }
    for name in expected {
        match manifest.files.get(&name) {
            Some(facts) => compare(folder, &name, &facts.sha256, facts.size, &mut findings)?,
            None => findings.add(format!("{name} is not in {MANIFEST}")),
        }
        known.insert(name);
    }
    for table in TABLES {
        items(folder, &table_file(table), &mut findings)?;
    }
    for (bucket, _) in BUCKETS {
        objects(folder, bucket, &mut known, &mut findings)?;
    }
    strangers(folder, folder, &known, &mut findings)?;
    Ok((manifest, findings))
}

/// The file of a table's items.
pub fn table_file(table: &str) -> String {
    format!("tables/{table}.jsonl")
}

/// The file of a bucket's objects.
pub fn bucket_file(bucket: &str) -> String {
    format!("{bucket}.jsonl")
}

/// The lines of a file; none if it is missing, which is found elsewhere.
///
/// # Errors
/// When it cannot be read.
pub fn lines(path: &Path) -> anyhow::Result<impl Iterator<Item = anyhow::Result<String>> + use<>> {
    let file = match File::open(path) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
    };
    let name = path.display().to_string();
    let lines = file.into_iter().flat_map(|file| BufReader::new(file).lines());
    Ok(lines.map(move |line| line.with_context(|| format!("{name} is no text"))))
}

fn compare(folder: &Path, name: &str, sha256: &str, size: u64, findings: &mut Findings) -> anyhow::Result<()> {
    let path = folder.join(name);
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            findings.add(format!("{name} is missing"));
            return Ok(());
        }
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
    };
    let (mut hash, mut read, mut part) = (Sha256::new(), 0, vec![0; 64 * 1024]);
    loop {
        let length = file.read(&mut part).with_context(|| format!("{} cannot be read", path.display()))?;
        let Some(bytes) = part.get(..length).filter(|bytes| !bytes.is_empty()) else { break };
        hash.update(bytes);
        read += length as u64;
    }
    if read != size {
        findings.add(format!("{name} has {read} bytes, and must have {size}"));
    } else if hex::encode(hash.finalize()) != sha256 {
        findings.add(format!("{name} has other bytes than were exported"));
    }
    Ok(())
}

fn items(folder: &Path, name: &str, findings: &mut Findings) -> anyhow::Result<()> {
    let mut last = None;
    for (at, line) in lines(&folder.join(name))?.enumerate() {
        match line.and_then(|line| ItemLine::read(&line)) {
            Ok(item) if last.as_ref().is_some_and(|last| *last >= item.key) => {
                findings.add(format!("{name}, line {}: {:?} is not in order", at + 1, item.key));
                return Ok(());
            }
            Ok(item) => last = Some(item.key),
            Err(error) => {
                findings.add(format!("{name}, line {}: {error:#}", at + 1));
                return Ok(());
            }
        }
    }
    Ok(())
}

fn objects(folder: &Path, bucket: &str, known: &mut BTreeSet<String>, findings: &mut Findings) -> anyhow::Result<()> {
    let name = bucket_file(bucket);
    for (at, line) in lines(&folder.join(&name))?.enumerate() {
        match line.and_then(|line| ObjectLine::read(&line)) {
            Ok(object) => {
                let path = format!("{bucket}/{}", object.key);
                compare(folder, &path, &object.sha256, object.size, findings)?;
                if !known.insert(path) {
                    findings.add(format!("{name}, line {}: {} is there twice", at + 1, object.key));
                }
            }
            Err(error) => findings.add(format!("{name}, line {}: {error:#}", at + 1)),
        }
    }
    Ok(())
}

fn strangers(root: &Path, folder: &Path, known: &BTreeSet<String>, findings: &mut Findings) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            strangers(root, &entry.path(), known, findings)?;
            continue;
        }
        let path = entry.path();
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        if !known.contains(&name) {
            findings.add(format!("{name} is no file of this export; remove it"));
        }
    }
    Ok(())
}

/// Checks an export before anything is done with it.
///
/// # Errors
/// With what is wrong.
pub fn whole(folder: &Path) -> anyhow::Result<Manifest> {
    let (manifest, findings) = check(folder)?;
    let more = findings.count - findings.named.len();
    let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
    ensure!(
        findings.count == 0,
        "{} is not the export that was taken:\n  {}{more}",
        folder.display(),
        findings.named.join("\n  ")
    );
    Ok(manifest)
}
