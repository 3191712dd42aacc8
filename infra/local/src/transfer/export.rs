//! Reads a stack into a folder.
//!
//! A scan is no picture of one moment. So tables are read, then the buckets, then the tables once more: if nothing changed
//! in between, what was read is how the tables stood at one moment, and every document they name is there. If something
//! changed, the second reading counts as the first, and so on.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use comptoir::record::BUILD;
use serde::{Deserialize, Serialize};

use super::check::{bucket_file, lines, table_file};
use super::format::{
    BUCKETS, FORMAT, Facts, ItemLine, Lines, MANIFEST, Manifest, ObjectLine, TABLES, exported, fits_a_file,
    is_in_flight,
};
use super::sorter::{MEMORY, Sorter, differences};
use super::{Stack, close, data, random};
use crate::aws::s3::{Object, Stored};
use crate::clock;
use crate::private;

/// The folder of what is not finished.
const WORK: &str = ".unfinished";

/// How often tables are read until nothing changes, and the pause in between.
const ROUNDS: usize = 5;
/// The same while a closed stack ends its work: three minutes.
const LAST_ROUNDS: usize = 90;
const PAUSE: Duration = Duration::from_secs(2);
/// How often an object is asked for.
const TRIES: usize = 4;

/// The tables as they were read.
#[derive(Debug, Default)]
struct Reading {
    files: BTreeMap<String, Facts>,
    in_flight: u64,
    some: Vec<String>,
}

/// An object, and what tells whether it is still the same.
#[derive(Debug, Serialize, Deserialize)]
struct Seen {
    etag: String,
    line: ObjectLine,
}

/// Exports a stack into a new folder.
///
/// # Errors
/// When the folder holds something, the stack does not answer, or `is_final` and it does not come to rest.
pub async fn export(stack: &Stack, out: &Path, is_final: bool) -> anyhow::Result<Manifest> {
    begin(out)?;
    let (export, begun) = (random(), clock::now());
    if is_final {
        close::close(stack, &export).await?;
    }
    let work = out.join(WORK);
    let mut reading = read_tables(stack, &work.join("tables")).await?;
    let mut rounds = if is_final { LAST_ROUNDS } else { ROUNDS };
    let (mut objects, changed) = loop {
        let mut objects = BTreeMap::new();
        for (folder, logical) in BUCKETS {
            objects.insert(bucket_file(folder), read_bucket(stack.id(logical)?, stack, out, folder).await?);
        }
        let again = work.join("again");
        let second = read_tables(stack, &again).await?;
        let (changed, some) = compare(&work.join("tables"), &again)?;
        let at_rest = changed == 0 && (!is_final || reading.in_flight == 0);
        rounds -= 1;
        if at_rest || (rounds == 0 && !is_final) {
            break (objects, changed);
        }
        let waits = if changed > 0 { some } else { reading.some };
        ensure!(
            rounds > 0,
            "{} is closed and gives no number, but it is not at rest: {} and others still change or wait. Switch its \
             webhook off at Stripe, let its mails be sent or parked, then export again, into another folder",
            stack.name,
            waits.join(", ")
        );
        fs::remove_dir_all(work.join("tables"))?;
        fs::rename(&again, work.join("tables"))?;
        reading = second;
        tokio::time::sleep(PAUSE).await;
    };
    objects.append(&mut reading.files);
    let books = stack.record("LEDGER#identity").await?.map(|record| data(&record)).transpose()?;
    let manifest = Manifest {
        format: FORMAT,
        export,
        stack: stack.name.clone(),
        stage: stack.stage.clone(),
        books,
        build: BUILD.to_owned(),
        begun,
        ended: clock::now(),
        is_final,
        changed,
        in_flight: reading.in_flight,
        files: objects,
    };
    end(out, &work, &manifest)?;
    Ok(manifest)
}

fn begin(out: &Path) -> anyhow::Result<()> {
    let cannot = || format!("{} cannot be written", out.display());
    private::folder(out).with_context(cannot)?;
    if fs::read_dir(out).with_context(cannot)?.next().is_some() {
        bail!("{} is not empty: name a new folder with --out, or remove this one", out.display());
    }
    Ok(())
}

/// The manifest comes last: a folder without one is no export.
fn end(out: &Path, work: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    fs::rename(work.join("tables"), out.join("tables"))?;
    for (folder, _) in BUCKETS {
        let mut lines_of = Lines::new(BufWriter::new(File::create(out.join(bucket_file(folder)))?));
        for line in lines(&seen_file(out, folder))? {
            let seen: Seen = serde_json::from_str(&line?)?;
            lines_of.write(&serde_json::to_string(&seen.line)?)?;
        }
        lines_of.finish()?;
    }
    fs::remove_dir_all(work)?;
    let draft = out.join(format!("{MANIFEST}.draft"));
    let mut text = serde_json::to_string_pretty(manifest)?;
    text.push('\n');
    fs::write(&draft, text)?;
    fs::rename(&draft, out.join(MANIFEST)).with_context(|| format!("{} cannot be written", out.display()))
}

async fn read_tables(stack: &Stack, folder: &Path) -> anyhow::Result<Reading> {
    fs::create_dir_all(folder)?;
    let mut reading = Reading::default();
    for table in TABLES {
        let mut sorter = Sorter::new(folder.join("runs"), MEMORY)?;
        let mut from = None;
        loop {
            let (items, next) = stack.aws.scan_page(stack.id(table)?, from.as_ref()).await?;
            for item in items.into_iter().filter_map(exported) {
                let line = ItemLine::of(&item)?;
                if is_in_flight(table, &item) {
                    reading.in_flight += 1;
                    reading.some.extend((reading.some.len() < 3).then(|| line.key.0.clone()));
                }
                sorter.push(line)?;
            }
            from = next;
            if from.is_none() {
                break;
            }
        }
        let mut file = Lines::new(BufWriter::new(File::create(folder.join(format!("{table}.jsonl")))?));
        sorter.finish(|line| Ok(file.write(&line.text)?))?;
        reading.files.insert(table_file(table), file.finish()?);
    }
    Ok(reading)
}

fn compare(one: &Path, two: &Path) -> anyhow::Result<(u64, Vec<String>)> {
    let (mut count, mut some) = (0, Vec::new());
    for table in TABLES {
        let open = |folder: &Path| File::open(folder.join(format!("{table}.jsonl"))).map(BufReader::new);
        let (differ, named) = differences(open(one)?, open(two)?)?;
        count += differ;
        some.extend(named);
    }
    Ok((count, some))
}

fn seen_file(out: &Path, folder: &str) -> PathBuf {
    out.join(WORK).join(format!("{folder}.seen"))
}

/// What was read of a bucket before, in the order of the keys.
struct Before<I> {
    lines: I,
    next: Option<Seen>,
}

impl Before<()> {
    fn open(path: &Path) -> anyhow::Result<Before<impl Iterator<Item = anyhow::Result<String>> + use<>>> {
        let mut before = Before { lines: lines(path)?, next: None };
        before.step()?;
        Ok(before)
    }
}

impl<I: Iterator<Item = anyhow::Result<String>>> Before<I> {
    fn step(&mut self) -> anyhow::Result<Option<Seen>> {
        let next = self.lines.next().transpose()?.map(|line| serde_json::from_str(&line)).transpose()?;
        Ok(std::mem::replace(&mut self.next, next))
    }

    fn next_if(&mut self, wanted: impl Fn(&str) -> bool) -> anyhow::Result<Option<Seen>> {
        if self.next.as_ref().is_some_and(|seen| wanted(&seen.line.key)) { self.step() } else { Ok(None) }
    }
}

/// Reads the objects of a bucket that were not read before, or have changed since.
async fn read_bucket(bucket: &str, stack: &Stack, out: &Path, folder: &str) -> anyhow::Result<Facts> {
    let (path, next_path) = (seen_file(out, folder), out.join(WORK).join(format!("{folder}.next")));
    let mut before = Before::open(&path)?;
    let mut seen_lines = BufWriter::new(File::create(&next_path)?);
    let mut facts = Lines::new(std::io::sink());
    let mut from = None;
    loop {
        let (objects, next) = stack.aws.object_page(bucket, from.as_deref()).await?;
        for object in objects {
            while let Some(gone) = before.next_if(|key| key < object.key.as_str())? {
                fs::remove_file(out.join(folder).join(&gone.line.key))?;
            }
            let same = before.next_if(|key| key == object.key)?;
            let seen = match same.filter(|seen| seen.etag == object.etag && seen.line.size == object.size) {
                Some(seen) => Some(seen),
                None => read_object(bucket, stack, &out.join(folder), object).await?,
            };
            if let Some(seen) = seen {
                facts.write(&serde_json::to_string(&seen.line)?)?;
                writeln!(seen_lines, "{}", serde_json::to_string(&seen)?)?;
            }
        }
        from = next;
        if from.is_none() {
            break;
        }
    }
    while let Some(gone) = before.next_if(|_| true)? {
        fs::remove_file(out.join(folder).join(&gone.line.key))?;
    }
    seen_lines.flush()?;
    fs::rename(next_path, &path)?;
    Ok(facts.finish()?)
}

/// Reads an object, again if the answer breaks off: one of many thousands does.
async fn read_again(bucket: &str, stack: &Stack, key: &str) -> anyhow::Result<Option<Stored>> {
    for _ in 1..TRIES {
        if let Ok(read) = stack.aws.stored(bucket, key).await {
            return Ok(read);
        }
        tokio::time::sleep(PAUSE / 4).await;
    }
    stack.aws.stored(bucket, key).await
}

/// Writes an object beside the others; nothing if it was removed since it was listed.
async fn read_object(bucket: &str, stack: &Stack, folder: &Path, object: Object) -> anyhow::Result<Option<Seen>> {
    fits_a_file(&object.key)?;
    let Some(stored) = read_again(bucket, stack, &object.key).await? else { return Ok(None) };
    let path = folder.join(&object.key);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&path, &stored.bytes).with_context(|| format!("{} cannot be written", path.display()))?;
    let line = ObjectLine {
        key: object.key,
        content_type: stored.content_type,
        metadata: stored.metadata,
        sha256: comptoir::archive::sha256(&stored.bytes),
        size: stored.bytes.len() as u64,
    };
    Ok(Some(Seen { etag: object.etag, line }))
}
