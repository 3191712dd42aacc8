//! Sales that once gave wrong documents, each run through the bundle and compared with the right result
//! (`tests/cases`).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, reason = "a test may fail loudly")]

use std::{collections::BTreeMap, fmt::Write, fs, path::PathBuf, time::Instant};

use anyhow::{Context, Result, bail, ensure};
use comptoir::{
    accounting::{Month, ledger},
    einvoice::factur_x,
    invoice::{Invoice, print},
    seller::Seller,
    testing::words,
};
use comptoir_local::paths;
use comptoir_tests::{PATIENCE, Shop};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    expect: Expect,
    seller: Map<String, Value>,
    puts: BTreeMap<String, Value>,
    events: Vec<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    #[serde(default)]
    answers: Vec<String>,
    documents: Vec<Document>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    sale: String,
    refund: Option<String>,
    total: String,
    currency: String,
    buyer: Option<String>,
    taxes: Option<Vec<Row>>,
    lines: Option<Vec<[String; 3]>>,
    #[serde(default)]
    prints: Vec<String>,
    #[serde(default)]
    never_prints: Vec<String>,
    #[serde(default)]
    xml: Vec<String>,
    #[serde(default)]
    never_xml: Vec<String>,
    #[serde(default)]
    books: Vec<String>,
    #[serde(default)]
    never_books: Vec<String>,
    #[serde(default)]
    may_wait: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    category: String,
    rate: String,
    base: Option<String>,
    tax: String,
}

/// One bundle for each seller; the failures of all cases are reported together.
#[tokio::test(flavor = "multi_thread")]
async fn every_case_comes_out_right() -> Result<()> {
    let mut by_seller: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    for case in cases()? {
        by_seller.entry(Value::Object(case.seller.clone()).to_string()).or_default().push(case);
    }
    let mut wrong = String::new();
    for (group, cases) in by_seller.values().enumerate() {
        let file = seller_file(group, &cases[0].seller)?;
        let seller = Seller::from_toml(&fs::read_to_string(&file)?)?;
        let shop = Shop::open_with(&format!("cases-{group}"), |options| options.seller_file = Some(file)).await?;
        let mut issued = 0;
        for case in cases {
            match play(&shop, case, &seller).await {
                Ok(documents) => issued += documents,
                Err(error) => writeln!(wrong, "{}: {error:#}", case.name)?,
            }
        }
        let found = shop.items("INVOICE").await?.len();
        if wrong.is_empty() && found != issued {
            writeln!(
                wrong,
                "{found} documents of {issued} for {:?}",
                cases.iter().map(|case| &case.name).collect::<Vec<_>>()
            )?;
        }
        shop.bundle.stop().await;
    }
    ensure!(wrong.is_empty(), "wrong:\n{wrong}");
    Ok(())
}

fn cases() -> Result<Vec<Case>> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"));
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    ensure!(!files.is_empty(), "no cases in {}", folder.display());
    let read = |file: &PathBuf| {
        serde_json::from_str(&fs::read_to_string(file)?).with_context(|| format!("{} cannot be read", file.display()))
    };
    files.iter().map(read).collect()
}

/// The base seller with a case's changes.
fn seller_file(group: usize, changes: &Map<String, Value>) -> Result<PathBuf> {
    let mut file: Map<String, Value> = toml::from_str(&fs::read_to_string(paths::seller())?)?;
    let base = serde_json::json!({"seller": {
        "legal_form": "EURL", "capital": "1 000 EUR", "registration": "RCS Montpellier",
    }});
    for (section, keys) in base.as_object().unwrap().iter().chain(changes) {
        let section = file.get_mut(section).and_then(Value::as_object_mut).context("no such section")?;
        section.extend(keys.as_object().context("a section is a table")?.clone());
    }
    // A JSON string is a basic string of TOML.
    let mut text = String::new();
    for (section, keys) in &file {
        writeln!(text, "[{section}]")?;
        for (key, value) in keys.as_object().context("a section is a table")? {
            writeln!(text, "{key} = {value}")?;
        }
    }
    let folder = paths::local().join("tests");
    fs::create_dir_all(&folder)?;
    let path = folder.join(format!("cases-{group}.seller.toml"));
    fs::write(&path, text)?;
    Ok(path)
}

/// Runs a case; returns the number of its documents.
async fn play(shop: &Shop, case: &Case, seller: &Seller) -> Result<usize> {
    for (path, object) in &case.puts {
        shop.bundle.stripe().store(path, object.clone());
    }
    let mut answers = Vec::new();
    for event in &case.events {
        let (status, answer) = shop.post(event).await?;
        ensure!(status == 200, "{} was answered {status} {answer}", event["type"]);
        let word = answer.get("reason").or_else(|| answer.get("result")).and_then(Value::as_str);
        answers.push(word.unwrap_or_default().to_owned());
    }
    if !case.expect.answers.is_empty() {
        ensure!(answers == case.expect.answers, "the webhook answered {answers:?}");
    }
    let (mut issued, mut wrong) = (0, Vec::new());
    for document in &case.expect.documents {
        match check(shop, document, seller).await {
            Ok(number) => issued += number,
            Err(error) => wrong.push(format!("{}: {error:#}", document.refund.as_ref().unwrap_or(&document.sale))),
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("; "));
    Ok(issued)
}

async fn check(shop: &Shop, expected: &Document, seller: &Seller) -> Result<usize> {
    let item = match issued(shop, expected).await? {
        Ok(item) => item,
        Err(reason) if expected.may_wait => {
            ensure!(reason.contains(": "), "it waits without a reason");
            return Ok(0);
        }
        Err(reason) => bail!("it waits, {reason}"),
    };
    let key = item["document_key"].as_str().context("it has no document")?;
    ensure!(shop.client.document(key).await?.starts_with(b"%PDF-"), "the archive has no PDF of it");
    holds(&serde_json::from_value(item["data"].clone())?, expected, seller)?;
    Ok(1)
}

/// The archived document of a sale or a refund, or the reason why it is parked.
async fn issued(shop: &Shop, expected: &Document) -> Result<Result<Value, String>> {
    let started = Instant::now();
    let (kind, id) = match &expected.refund {
        Some(refund) => ("REFUND", refund),
        None => ("PAYMENT", &expected.sale),
    };
    loop {
        let found = shop.items("INVOICE").await?.into_iter().find(|item| {
            let data = &item["data"];
            data["sale"] == *expected.sale.as_str()
                && data["corrects"]["refund"].as_str() == expected.refund.as_deref()
                && item.get("document_key").is_some()
        });
        if let Some(found) = found {
            return Ok(Ok(found));
        }
        let recorded = shop.items(kind).await?;
        let recorded = recorded.iter().find(|item| item["pk"] == format!("{kind}#{id}"));
        ensure!(recorded.is_some(), "it was not recorded");
        if let Some(reason) = recorded.and_then(|item| item["parked_reason"].as_str()) {
            return Ok(Err(reason.to_owned()));
        }
        ensure!(started.elapsed() < PATIENCE, "waited in vain");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// Compares a document with the expected one. Page and twin are pure functions of the snapshot in the ledger.
fn holds(invoice: &Invoice, expected: &Document, seller: &Seller) -> Result<()> {
    let draft = &invoice.draft;
    let amount = |minor: i64| draft.money(minor).decimal().normalize().to_string();
    let (total, currency) = (amount(draft.totals.gross), draft.currency.code());
    ensure!(total == expected.total && currency == expected.currency, "its total is {total} {currency}");
    if let Some(buyer) = &expected.buyer {
        ensure!(draft.buyer.name == *buyer, "it is addressed to {}", draft.buyer.name);
    }
    if let Some(rows) = &expected.taxes {
        let fits = rows.len() == draft.taxes.len()
            && rows.iter().zip(&draft.taxes).all(|(row, ours)| {
                row.category == format!("{:?}", ours.vat.category)
                    && row.rate == ours.vat.rate.normalize().to_string()
                    && row.base.as_ref().is_none_or(|base| *base == amount(ours.base))
                    && row.tax == amount(ours.tax)
            });
        ensure!(fits, "its taxes are {:?}", draft.taxes);
    }
    let page = serde_json::to_value(print::page(invoice, &seller.look, &words()))?;
    if let Some(lines) = &expected.lines {
        let text = |line: &Value, name: &str| plain(line[name].as_str().unwrap_or_default());
        let printed: Vec<[String; 3]> = page["lines"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| [text(line, "quantity"), text(line, "unit_price"), text(line, "amount")])
            .collect();
        ensure!(printed == *lines, "its lines are {printed:?}");
    }
    let mut said = Vec::new();
    texts(&page, &mut said);
    stands("page", &said.join(" "), &expected.prints, &expected.never_prints)?;
    stands("twin", &factur_x(invoice)?.replace(['\n', '\r', '\t'], ""), &expected.xml, &expected.never_xml)?;
    let books = ledger(Month::of(invoice.issued_on), vec![invoice.clone()], seller)?;
    let journal = books.files.iter().find(|file| file.key.contains("journal")).context("no journal")?;
    stands("journal", &String::from_utf8_lossy(&journal.bytes), &expected.books, &expected.never_books)
}

fn stands(place: &str, text: &str, wanted: &[String], unwanted: &[String]) -> Result<()> {
    let text = plain(text).replace("> <", "><");
    for part in wanted {
        ensure!(text.contains(part.as_str()), "the {place} does not say {part}: {text}");
    }
    for part in unwanted {
        ensure!(!text.contains(part.as_str()), "the {place} says {part}");
    }
    Ok(())
}

/// Every text of a page, in order.
fn texts(value: &Value, said: &mut Vec<String>) {
    match value {
        Value::String(text) => said.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| texts(value, said)),
        Value::Object(values) => values.values().for_each(|value| texts(value, said)),
        _ => {}
    }
}

/// Replaces every kind of space by a plain one.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
