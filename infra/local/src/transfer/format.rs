//! The form of an export: `manifest.json`, a file of JSON lines for each table and each bucket, and the objects beside.
//!
//! Everything is in one order and in one spelling, so that the same books are the same bytes, wherever they lie.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anyhow::{Context, bail, ensure};
use comptoir::billing::identity::Identity;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The version of this form; a reader refuses a later one.
pub const FORMAT: u32 = 1;
/// The file that holds the hashes of all others.
pub const MANIFEST: &str = "manifest.json";
/// The note of the stack that the export was imported into; beside the export, not of it.
pub const IMPORTED: &str = "imported.json";
/// The tables, by their logical ids.
pub const TABLES: [&str; 5] = ["BillingTable", "OutboxTable", "NoticesTable", "ProfilesTable", "AccessTable"];
/// The buckets: the folder of their objects, and their logical ids.
pub const BUCKETS: [(&str, &str); 2] = [("archive", "ArchiveBucket"), ("files", "ProfileFilesBucket")];
/// The record that closes the books of a stack.
pub const CLOSED: &str = "LEDGER#closed";
/// The record of an import that has not ended.
pub const MARK: &str = "LEDGER#import";

/// What an export is, and what its files must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`] of whoever wrote it.
    pub format: u32,
    /// The export's own random name.
    pub export: String,
    /// The stack that was read.
    pub stack: String,
    /// Its stage, `dev` or `prod`.
    pub stage: String,
    /// Whose books they are; none before the first number.
    pub books: Option<Identity>,
    /// The version of the program that wrote it.
    pub build: String,
    /// When reading began.
    pub begun: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// Whether the source was closed before it was read.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// Items that changed while they were read; only an export with none can be imported.
    pub changed: u64,
    /// Records that were being worked on; the target does what is left of it.
    pub in_flight: u64,
    /// The files of lines, by name.
    pub files: BTreeMap<String, Facts>,
}

impl Manifest {
    /// Reads the text of a manifest.
    ///
    /// # Errors
    /// When it is of a later version, or not a manifest.
    pub fn read(text: &str) -> anyhow::Result<Self> {
        let value: Value = serde_json::from_str(text).with_context(|| format!("{MANIFEST} is no JSON"))?;
        let format = value.get("format").and_then(Value::as_u64);
        let format = format.with_context(|| format!("{MANIFEST} has no format: is this the folder of an export?"))?;
        ensure!(
            format == u64::from(FORMAT),
            "{MANIFEST} has format {format}, this program reads {FORMAT}: use the program of version {}",
            value.get("build").and_then(Value::as_str).unwrap_or("that wrote it")
        );
        serde_json::from_value(value).with_context(|| format!("{MANIFEST} cannot be read; take the export again"))
    }
}

/// What a file of lines must be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// The hash of its bytes.
    pub sha256: String,
    /// Their number.
    pub size: u64,
    /// Its lines.
    pub count: u64,
}

/// An object of a bucket: a line of `archive.jsonl` or `files.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectLine {
    /// Its key, and its place below the folder of its bucket.
    pub key: String,
    /// Its content type.
    pub content_type: String,
    /// Its metadata, such as the `sale` of an invoice.
    pub metadata: BTreeMap<String, String>,
    /// The hash of its bytes.
    pub sha256: String,
    /// Their number.
    pub size: u64,
}

impl ObjectLine {
    /// Reads a line.
    ///
    /// # Errors
    /// When it is none, or its key cannot be the name of a file.
    pub fn read(line: &str) -> anyhow::Result<Self> {
        let read: Self = serde_json::from_str(line).with_context(|| format!("no object: {line}"))?;
        fits_a_file(&read.key)?;
        Ok(read)
    }
}

/// Checks that a key names a file below the folder of its bucket, and none beside it.
///
/// # Errors
/// When it does not.
pub fn fits_a_file(key: &str) -> anyhow::Result<()> {
    let good = |part: &str| !matches!(part, "" | "." | "..") && part.len() <= 255 && !part.contains(['\0', '\\']);
    if key.split('/').all(good) {
        return Ok(());
    }
    bail!("key {key:?} cannot be the name of a file: copy this object by hand, and remove it from the bucket")
}

/// The place of an item in its table.
pub type Key = (String, String);

/// An item as a line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ItemLine {
    /// Its place.
    pub key: Key,
    /// Its text, the same for the same item.
    pub text: String,
}

impl ItemLine {
    /// The line of an item in DynamoDB's form.
    ///
    /// # Errors
    /// When it has no key.
    pub fn of(item: &Value) -> anyhow::Result<Self> {
        let part = |name: &str| {
            let value = item.get(name).and_then(|value| value.get("S")).and_then(Value::as_str);
            value.map(str::to_owned).with_context(|| format!("an item has no {name}: {item}"))
        };
        Ok(Self { key: (part("pk")?, part("sk")?), text: sorted(item).to_string() })
    }

    /// Reads a line.
    ///
    /// # Errors
    /// When it is no item.
    pub fn read(text: &str) -> anyhow::Result<Self> {
        Self::of(&serde_json::from_str(text).with_context(|| format!("no item: {text}"))?)
    }
}

/// The kind of an item, such as `INVOICE`.
pub fn kind(item: &Value) -> &str {
    item.pointer("/kind/S").and_then(Value::as_str).unwrap_or_default()
}

/// An item as it is exported: without what says that its stack is closed, or not imported whole.
pub fn exported(mut item: Value) -> Option<Value> {
    if matches!(item.pointer("/pk/S").and_then(Value::as_str), Some(CLOSED | MARK)) {
        return None;
    }
    if kind(&item) == "COUNTER"
        && let Some(counter) = item.as_object_mut()
    {
        counter.remove("closed");
    }
    Some(item)
}

/// Whether somebody is at work with an item of this table: a document that is not recorded, a mail that is not sent.
pub fn is_in_flight(table: &str, item: &Value) -> bool {
    item.get("open_shard").is_some()
        && match table {
            "BillingTable" => kind(item) == "INVOICE",
            table => ["OutboxTable", "NoticesTable"].contains(&table),
        }
}

/// A value with its members, and those of sets, in one order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_unstable();
            let member = |name: &String| {
                let mut value = members.get(name).map(sorted).unwrap_or_default();
                if let (true, Value::Array(set)) = (matches!(name.as_str(), "SS" | "NS" | "BS"), &mut value) {
                    set.sort_unstable_by_key(Value::to_string);
                }
                (name.clone(), value)
            };
            Value::Object(names.into_iter().map(member).collect::<Map<_, _>>())
        }
        Value::Array(values) => Value::Array(values.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// Writes lines, and counts and hashes them.
#[derive(Debug)]
pub struct Lines<W> {
    to: W,
    hash: Sha256,
    facts: Facts,
}

impl<W: Write> Lines<W> {
    /// Writes to `to`.
    pub fn new(to: W) -> Self {
        Self { to, hash: Sha256::new(), facts: Facts::default() }
    }

    /// Writes a line.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, line: &str) -> io::Result<()> {
        for bytes in [line.as_bytes(), b"\n"] {
            self.to.write_all(bytes)?;
            self.hash.update(bytes);
            self.facts.size += bytes.len() as u64;
        }
        self.facts.count += 1;
        Ok(())
    }

    /// Ends the file; returns what it is.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<Facts> {
        self.to.flush()?;
        Ok(Facts { sha256: hex::encode(self.hash.finalize()), ..self.facts })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_same_item_is_the_same_line() {
        let one = json!({"sk": {"S": "-"}, "pk": {"S": "A"}, "set": {"SS": ["b", "a"]}, "list": {"L": [{"S": "b"}, {"S": "a"}]}});
        let two = json!({"list": {"L": [{"S": "b"}, {"S": "a"}]}, "set": {"SS": ["a", "b"]}, "pk": {"S": "A"}, "sk": {"S": "-"}});
        let line = ItemLine::of(&one).unwrap();
        assert_eq!(line, ItemLine::of(&two).unwrap());
        assert_eq!(line, ItemLine::read(&line.text).unwrap());
        assert!(line.text.starts_with(r#"{"list":{"L":[{"S":"b"}"#), "a list keeps its order: {}", line.text);
        assert!(ItemLine::read(r#"{"pk":{"S":"A"}}"#).unwrap_err().to_string().contains("no sk"));
    }

    #[test]
    fn what_closes_a_stack_stays_there() {
        for pk in [CLOSED, MARK] {
            assert_eq!(exported(json!({"pk": {"S": pk}, "sk": {"S": "-"}})), None);
        }
        let counter = json!({"pk": {"S": "COUNTER#2026"}, "kind": {"S": "COUNTER"}, "last_number": {"N": "3"}});
        let mut closed = counter.clone();
        closed["closed"] = json!({"S": "x"});
        assert_eq!(exported(closed), Some(counter));
        let identity = json!({"pk": {"S": "LEDGER#identity"}, "kind": {"S": "LEDGER"}});
        assert_eq!(exported(identity.clone()), Some(identity));
    }

    #[test]
    fn work_that_must_end_first_is_told_from_work_that_the_target_does() {
        let item = |kind: &str, open: bool| match open {
            true => json!({"kind": {"S": kind}, "open_shard": {"S": "1"}}),
            false => json!({"kind": {"S": kind}}),
        };
        for (table, kind, open, expected) in [
            ("BillingTable", "INVOICE", true, true),
            ("BillingTable", "INVOICE", false, false),
            ("BillingTable", "PAYMENT", true, false),
            ("OutboxTable", "MAIL", true, true),
            ("OutboxTable", "MAIL", false, false),
            ("NoticesTable", "NOTICE", true, true),
            ("ProfilesTable", "PROFILE", true, false),
        ] {
            assert_eq!(is_in_flight(table, &item(kind, open)), expected, "{table} {kind} {open}");
        }
    }

    #[test]
    fn a_key_never_leaves_its_folder() {
        for good in ["ledger/identity.json", "invoices/2026/11/2026-11-0001.pdf", "a..b/c"] {
            fits_a_file(good).unwrap();
        }
        for bad in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", ".", "a\\b", &"x".repeat(256)] {
            assert!(fits_a_file(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_manifest_is_read_as_written_and_a_later_one_refused() {
        let manifest = Manifest {
            format: FORMAT,
            export: "x".to_owned(),
            stack: "comptoir-dev".to_owned(),
            stage: "dev".to_owned(),
            books: None,
            build: "1.0.0".to_owned(),
            begun: Timestamp::UNIX_EPOCH,
            ended: Timestamp::UNIX_EPOCH,
            is_final: true,
            changed: 0,
            in_flight: 0,
            files: BTreeMap::from([("archive.jsonl".to_owned(), Facts::default())]),
        };
        let text = serde_json::to_string(&manifest).unwrap();
        assert!(text.contains("\"final\":true"));
        assert_eq!(Manifest::read(&text).unwrap(), manifest);
        let later = text.replace("\"format\":1", "\"format\":2");
        assert!(Manifest::read(&later).unwrap_err().to_string().contains("version 1.0.0"));
        assert!(Manifest::read("{}").unwrap_err().to_string().contains("no format"));
    }

    #[test]
    fn lines_are_counted_and_hashed() {
        let mut bytes = Vec::new();
        let mut lines = Lines::new(&mut bytes);
        lines.write("a").unwrap();
        lines.write("b").unwrap();
        let facts = lines.finish().unwrap();
        assert_eq!((facts.count, facts.size, facts.sha256), (2, 4, comptoir::archive::sha256(b"a\nb\n")));
    }
}
