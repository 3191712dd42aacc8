//! Writes an export into an empty stack.
//!
//! What could be wrong twice comes last: documents first, then records, then counters, and with the identity of the books
//! the stack begins to give numbers. Until then its renderer finds an archive whose table has no identity, and waits. Each
//! write is conditional, so an import that was cut off goes on when it is run again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use comptoir::record::{NEEDS, VERSION};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::check::{bucket_file, lines, table_file, whole};
use super::format::{BUCKETS, IMPORTED, ItemLine, MARK, Manifest, ObjectLine, TABLES, kind};
use super::{Stack, data, random};
use crate::aws::s3::Stored;

/// Kinds that an empty stack may have of its own; those of the export take their place.
const OWN: [&str; 2] = ["SETTINGS", "RECONCILE"];
/// The record whose arrival ends the import.
const IDENTITY: &str = "LEDGER#identity";
/// Writes that wait for an answer at once.
const AT_ONCE: usize = 16;

/// How far an import came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The files are as exported, and the stack is marked.
    Begun,
    /// The objects of a bucket are there.
    Objects(&'static str),
    /// The settings are those of the export.
    Settings,
    /// The records of a table are there.
    Table(&'static str),
    /// The counters are there.
    Counters,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begun => f.write_str("the export is whole, and the stack can take it"),
            Self::Objects(bucket) => write!(f, "{bucket}: every object is there"),
            Self::Settings => f.write_str("the settings are those of the export"),
            Self::Table(table) => write!(f, "{table}: every record is there"),
            Self::Counters => f.write_str("the counters are there"),
        }
    }
}

/// Is told of each step; an error stops the import there.
pub type Told<'a> = &'a mut (dyn FnMut(Step) -> anyhow::Result<()> + Send);

/// What a stack, and the folder, know of an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    export: String,
    import: String,
    stack: String,
}

/// Imports an export; `source_lost` if the exported stack is gone without having been closed.
///
/// # Errors
/// When the export is damaged, may not be imported, or the stack holds something else.
pub async fn import(stack: &Stack, folder: &Path, source_lost: bool, told: Told<'_>) -> anyhow::Result<Manifest> {
    let manifest = whole(folder)?;
    allowed(&manifest, &stack.stage, source_lost)?;
    begin(stack, folder, &manifest.export).await?;
    told(Step::Begun)?;
    for (bucket, logical) in BUCKETS {
        put_objects(stack, stack.id(logical)?, folder, bucket).await?;
        told(Step::Objects(logical))?;
    }
    put_settings(stack, folder).await?;
    told(Step::Settings)?;
    for table in TABLES.into_iter().rev() {
        put_items(stack, folder, table, |item| !is_last(item) && !is_own(item)).await?;
        told(Step::Table(table))?;
    }
    put_items(stack, folder, "BillingTable", |item| kind(item) == "COUNTER").await?;
    told(Step::Counters)?;
    end(stack, folder).await?;
    Ok(manifest)
}

/// Whether an export may be imported into a stack of this stage.
fn allowed(manifest: &Manifest, stage: &str, source_lost: bool) -> anyhow::Result<()> {
    ensure!(
        manifest.changed == 0,
        "{} items changed while this export was taken: take it again at a quieter moment, or with --final",
        manifest.changed
    );
    ensure!(
        stage != "prod" || manifest.is_final || source_lost,
        "{} was not closed, and two stacks would give the same numbers: take the export with `cargo export --final`, or \
         say --source-lost if that stack is gone",
        manifest.stack
    );
    Ok(())
}

/// Marks the stack and the folder as belonging together.
async fn begin(stack: &Stack, folder: &Path, export: &str) -> anyhow::Result<()> {
    let note = folder.join(IMPORTED);
    let noted: Option<Mark> = match fs::read_to_string(&note) {
        Ok(text) => Some(serde_json::from_str(&text).with_context(|| format!("{} cannot be read", note.display()))?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", note.display())),
    };
    let stands: Option<Mark> = stack.record(MARK).await?.map(|record| data(&record)).transpose()?;
    let mark = match stands {
        Some(mark) if mark.export == export => mark,
        Some(mark) => bail!(
            "{} holds a part of another export, {}: run `cargo import` with that one, or with an empty stack",
            stack.name,
            mark.export
        ),
        None => {
            is_empty(stack).await?;
            Mark { export: export.to_owned(), import: random(), stack: stack.name.clone() }
        }
    };
    if let Some(noted) = noted.filter(|noted| noted.import != mark.import) {
        bail!(
            "this export was imported into a stack {} before, and two stacks would give the same numbers: if that one is \
             gone, remove {}",
            noted.stack,
            note.display()
        );
    }
    let text = serde_json::to_string(&mark)?;
    let put = json!({
        "TableName": stack.id("BillingTable")?,
        "Item": {
            "pk": {"S": MARK}, "sk": {"S": "-"}, "kind": {"S": "LEDGER"},
            "v": {"N": VERSION.to_string()}, "needs": {"N": NEEDS.to_string()}, "data": {"S": text},
        },
        "ConditionExpression": "attribute_not_exists(pk) OR #data = :data",
        "ExpressionAttributeNames": {"#data": "data"},
        "ExpressionAttributeValues": {":data": {"S": text}},
    });
    ensure!(
        stack.aws.dynamodb_if("PutItem", &put).await?,
        "another import into {} has begun at this moment",
        stack.name
    );
    fs::write(&note, format!("{text}\n")).with_context(|| format!("{} cannot be written", note.display()))
}

/// Checks that a stack holds nothing but its own settings.
async fn is_empty(stack: &Stack) -> anyhow::Result<()> {
    let mut found = Vec::new();
    for table in TABLES {
        let mut from = None;
        loop {
            let (items, next) = stack.aws.scan_page(stack.id(table)?, from.as_ref()).await?;
            let others = items.iter().filter(|item| !is_own(item));
            found
                .extend(others.take(3).map(|item| ItemLine::of(item).map(|line| format!("{} in {table}", line.key.0))));
            from = next.filter(|_| found.is_empty());
            if from.is_none() {
                break;
            }
        }
    }
    for (_, logical) in BUCKETS {
        let (objects, _) = stack.aws.object_page(stack.id(logical)?, None).await?;
        found.extend(objects.into_iter().take(3).map(|object| Ok(format!("{} in {logical}", object.key))));
    }
    let found = found.into_iter().collect::<anyhow::Result<Vec<String>>>()?;
    ensure!(
        found.is_empty(),
        "{} is not empty: it holds {}. Import into a stack that was deployed for it, before anything is sold there",
        stack.name,
        found.join(", ")
    );
    Ok(())
}

fn is_own(item: &Value) -> bool {
    OWN.contains(&kind(item))
}

fn is_last(item: &Value) -> bool {
    kind(item) == "COUNTER" || pk(item) == IDENTITY
}

fn pk(item: &Value) -> &str {
    item.pointer("/pk/S").and_then(Value::as_str).unwrap_or_default()
}

async fn put_objects(stack: &Stack, bucket: &str, folder: &Path, name: &str) -> anyhow::Result<()> {
    let mut writes = JoinSet::new();
    for line in lines(&folder.join(bucket_file(name)))? {
        let line = ObjectLine::read(&line?)?;
        let path = folder.join(name).join(&line.key);
        let (stack, bucket) = (stack.clone(), bucket.to_owned());
        at_most(&mut writes, AT_ONCE).await?;
        writes.spawn(async move {
            let bytes = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            let stored = Stored { bytes, content_type: line.content_type, metadata: line.metadata };
            if stack.aws.put_new(&bucket, &line.key, stored).await? {
                return Ok(());
            }
            let stands = stack.aws.stored(&bucket, &line.key).await?;
            let same = stands.is_some_and(|stands| comptoir::archive::sha256(&stands.bytes) == line.sha256);
            ensure!(
                same,
                "{} stands in {bucket} with other bytes than the export's: import into an empty stack",
                line.key
            );
            Ok(())
        });
    }
    at_most(&mut writes, 1).await
}

/// Waits until fewer than `count` writes are under way.
async fn at_most(writes: &mut JoinSet<anyhow::Result<()>>, count: usize) -> anyhow::Result<()> {
    while writes.len() >= count {
        match writes.join_next().await {
            Some(written) => written.context("a write was cut off; run the command again")??,
            None => return Ok(()),
        }
    }
    Ok(())
}

/// Replaces the settings of the stack by those that the documents of the export were made under.
async fn put_settings(stack: &Stack, folder: &Path) -> anyhow::Result<()> {
    let table = stack.id("BillingTable")?;
    let mut own: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    for line in lines(&folder.join(table_file("BillingTable")))? {
        let line = line?;
        let item: Value = serde_json::from_str(&line)?;
        if is_own(&item) {
            let (pk, sk) = ItemLine::of(&item)?.key;
            own.entry(pk).or_default().insert(sk, item);
        }
    }
    for (pk, items) in own {
        let query = json!({
            "TableName": table, "ConsistentRead": true, "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": pk}}, "ProjectionExpression": "pk, sk",
        });
        let stands = stack.aws.dynamodb("Query", &query).await?;
        let stands = stands.get("Items").and_then(Value::as_array).cloned().unwrap_or_default();
        let stands: BTreeSet<String> =
            stands.iter().map(|item| ItemLine::of(item).map(|line| line.key.1)).collect::<anyhow::Result<_>>()?;
        for sk in stands.iter().filter(|sk| !items.contains_key(*sk)) {
            let key = json!({"pk": {"S": pk}, "sk": {"S": sk}});
            stack.aws.dynamodb("DeleteItem", &json!({"TableName": table, "Key": key})).await?;
        }
        for item in items.values() {
            stack.aws.dynamodb("PutItem", &json!({"TableName": table, "Item": item})).await?;
        }
    }
    Ok(())
}

/// Puts the items of a table that are `wanted` and not there yet.
async fn put_items(stack: &Stack, folder: &Path, table: &str, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<()> {
    let mut writes = JoinSet::new();
    for line in lines(&folder.join(table_file(table)))? {
        let line = line?;
        let item: Value = serde_json::from_str(&line)?;
        if !wanted(&item) {
            continue;
        }
        // Stripe may have announced the sale to this stack meanwhile: the record that has its document counts.
        let condition = match item.get("invoice") {
            Some(_) => "attribute_not_exists(invoice)",
            None => "attribute_not_exists(pk)",
        };
        let put = json!({"TableName": stack.id(table)?, "Item": item, "ConditionExpression": condition});
        at_most(&mut writes, AT_ONCE).await?;
        let aws = stack.aws.clone();
        writes.spawn(async move { aws.dynamodb_if("PutItem", &put).await.map(drop) });
    }
    at_most(&mut writes, 1).await
}

/// Begins the books, and removes the mark, in one write.
async fn end(stack: &Stack, folder: &Path) -> anyhow::Result<()> {
    let table = stack.id("BillingTable")?;
    let key = json!({"pk": {"S": MARK}, "sk": {"S": "-"}});
    let mut writes = vec![json!({"Delete": {"TableName": table, "Key": key}})];
    for line in lines(&folder.join(table_file("BillingTable")))? {
        let item: Value = serde_json::from_str(&line?)?;
        if pk(&item) == IDENTITY {
            writes.push(json!({"Put": {"TableName": table, "Item": item}}));
            break;
        }
    }
    stack.aws.dynamodb("TransactWriteItems", &json!({"TransactItems": writes})).await.map(drop)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn manifest(is_final: bool, changed: u64) -> Manifest {
        Manifest {
            format: 1,
            export: "x".to_owned(),
            stack: "comptoir-prod".to_owned(),
            stage: "prod".to_owned(),
            books: None,
            build: "1".to_owned(),
            begun: Timestamp::UNIX_EPOCH,
            ended: Timestamp::UNIX_EPOCH,
            is_final,
            changed,
            in_flight: 0,
            files: BTreeMap::new(),
        }
    }

    #[test]
    fn production_takes_a_closed_source_or_a_lost_one() {
        for (is_final, changed, stage, lost, expected) in [
            (true, 0, "prod", false, true),
            (false, 0, "prod", false, false),
            (false, 0, "prod", true, true),
            (false, 0, "dev", false, true),
            (true, 1, "prod", false, false),
            (false, 1, "dev", true, false),
        ] {
            let answer = allowed(&manifest(is_final, changed), stage, lost);
            assert_eq!(answer.is_ok(), expected, "{is_final} {changed} {stage} {lost}: {answer:?}");
        }
        let refused = allowed(&manifest(false, 0), "prod", false).unwrap_err().to_string();
        assert!(refused.contains("--final") && refused.contains("--source-lost"), "{refused}");
    }

    #[test]
    fn counters_and_the_identity_come_last_and_settings_are_replaced() {
        let item = |pk: &str, kind: &str| json!({"pk": {"S": pk}, "kind": {"S": kind}});
        assert!(is_last(&item("COUNTER#2026", "COUNTER")) && is_last(&item(IDENTITY, "LEDGER")));
        assert!(!is_last(&item("INVOICE#1", "INVOICE")));
        assert!(is_own(&item("SETTINGS#seller", "SETTINGS")) && !is_own(&item("PAYMENT#1", "PAYMENT")));
    }
}
