//! Leaving and returning: a stack is exported, and an empty one goes on from there, with the same bytes and the next
//! number. Nobody is mailed twice, and no two stacks give the same number.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Result, bail, ensure};
use comptoir_local::{
    checkout::{Checkout, Purchase, event},
    paths,
    transfer::{Stack, Step, check, export, format, import},
};
use comptoir_tests::Shop;
use serde_json::{Value, json};

/// A new folder for an export.
fn folder(name: &str) -> Result<PathBuf> {
    let folder = paths::local().join("tests").join(format!("exported-{name}"));
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    Ok(folder)
}

/// The bytes of every file of an export but those that say when it was taken, and where it went.
fn bytes(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    fn below(root: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                below(root, &path, found)?;
            } else {
                found.insert(path.strip_prefix(root)?.display().to_string(), fs::read(&path)?);
            }
        }
        Ok(())
    }
    let mut found = BTreeMap::new();
    below(folder, folder, &mut found)?;
    found.retain(|name, _| name != "manifest.json" && name != "imported.json");
    Ok(found)
}

fn same(one: &Path, two: &Path) -> Result<usize> {
    let (one, two) = (bytes(one)?, bytes(two)?);
    ensure!(one.keys().eq(two.keys()), "{:?}\n{:?}", one.keys(), two.keys());
    for (name, bytes) in &one {
        if bytes != &two[name] {
            let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>();
            let (one, two) = (lines(bytes), lines(&two[name]));
            let other = one.iter().zip(&two).find(|(one, two)| one != two);
            bail!("{name} differs, {} and {} lines: {other:#?}", one.len(), two.len());
        }
    }
    Ok(one.len())
}

async fn mailed(shop: &Shop, number: &str) -> Result<()> {
    let mailed =
        async |shop: &Shop| Ok(shop.mails().await?.iter().any(|mail| mail.subject.contains(number)).then_some(()));
    shop.wait_for(number, mailed).await
}

fn refund(checkout: &Checkout) -> Value {
    let refund = json!({
        "id": "re_1", "object": "refund", "amount": 1900, "currency": "eur", "status": "succeeded",
        "payment_intent": checkout.session["payment_intent"], "created": comptoir_local::clock::now().as_second(),
    });
    event("evt_re_1", "refund.created", &refund)
}

/// Whether the Billing table has a record.
async fn to_has(shop: &Shop, pk: &str) -> Result<bool> {
    Ok(shop.client.table("BillingTable").await?.1.iter().any(|item| item["pk"] == pk))
}

/// The error of an import that must be refused.
async fn refused(stack: &Stack, folder: &Path) -> Result<String> {
    match import(stack, folder, false, &mut |_| Ok(())).await {
        Ok(_) => bail!("it was imported"),
        Err(error) => Ok(format!("{error:#}")),
    }
}

#[tokio::test]
async fn a_stack_goes_on_in_another_with_the_same_bytes_and_the_next_number() -> Result<()> {
    let source = Shop::open("transfer-from").await?;
    let mut sold = Vec::new();
    for n in 0..3 {
        let (checkout, _) =
            source.pay(&Purchase { email: Some(format!("c{n}@example.org")), ..Purchase::default() }).await?;
        source.delivered(&checkout.session_id).await?;
        sold.push(checkout);
    }
    let numbers = source.numbers().await?;
    let month = numbers[0].get(..7).unwrap().to_owned();
    source.deliver(&refund(&sold[1])).await?;
    mailed(&source, &format!("A{month}-0001")).await?;
    let numbers = source.numbers().await?;
    // A trial makes no document.
    source.subscribes("price_comptoir_essai", "zoe@example.org", "k1").await?;
    let had = source.access_in("zoe@example.org", "trialing").await?;
    source.access_at_rest().await?;
    let from = Stack::of(&source.client).await?;

    // While nothing is sold, the source is exported and goes on.
    let (first, last) = (folder("first")?, folder("last")?);
    let manifest = export(&from, &first, false).await?;
    ensure!(!manifest.is_final && manifest.changed == 0 && manifest.books.is_some(), "{manifest:?}");
    check::whole(&first)?;
    let again = export(&from, &first, false).await.unwrap_err().to_string();
    ensure!(again.contains("not empty"), "{again}");
    let pdf = first.join("archive").join(format!("invoices/{}/{}.pdf", month.replace('-', "/"), numbers[0]));
    let mut changed = fs::read(&pdf)?;
    changed[100] ^= 1;
    fs::write(&pdf, &changed)?;
    fs::write(first.join("archive/stranger"), "x")?;
    let (_, findings) = check::check(&first)?;
    ensure!(findings.count == 2 && findings.named[0].contains(&format!("{}.pdf", numbers[0])), "{findings:?}");
    ensure!(findings.named[1].starts_with("archive/stranger"), "{findings:?}");

    // Then it is closed: a sale waits, and its number is given elsewhere.
    let manifest = export(&from, &last, true).await?;
    ensure!(manifest.is_final && manifest.in_flight == 0, "{manifest:?}");
    let log = source.bundle.function("invoice-renderer").unwrap().log();
    source.pay(&Purchase::default()).await?;
    source
        .wait_for("ledger_closed", async |_| Ok(fs::read_to_string(&log)?.contains("ledger_closed").then_some(())))
        .await?;
    source.bundle.function("invoice-renderer").unwrap().kill();
    source.client.invoke("sweep", &json!({"older_than_seconds": 0})).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    ensure!(source.numbers().await? == numbers, "a closed stack gave a number");
    ensure!(source.client.parked().await?.is_empty(), "it waits, and is not parked");
    source.bundle.stop().await;

    // The import is cut off three times, and goes on.
    let target = Shop::open("transfer-to").await?;
    let to = Stack::of(&target.client).await?;
    ensure!(refused(&to, &first).await?.contains(&format!("{}.pdf has other bytes", numbers[0])), "it was damaged");
    for cut in [Step::Objects("ArchiveBucket"), Step::Table("OutboxTable"), Step::Table("BillingTable")] {
        let cut_off = import(&to, &last, false, &mut |step| if step == cut { bail!("cut") } else { Ok(()) }).await;
        ensure!(cut_off.is_err_and(|error| error.to_string() == "cut"), "{cut} is a step");
    }
    ensure!(to_has(&target, "LEDGER#import").await?, "it says that it is not whole");
    import(&to, &last, false, &mut |_| Ok(())).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    ensure!(target.mails().await?.is_empty(), "nobody is mailed again");
    ensure!(target.access("zoe@example.org").await? == had && had["tokens_left"] == 20, "{had}");
    let back = folder("back")?;
    export(&to, &back, false).await?;
    let files = same(&last, &back)?;
    let lists = format::TABLES.len() + format::BUCKETS.len();
    ensure!(files == lists + 4 * 2 + 1, "{files} files: tables, lists, documents, snapshots, identity");

    ensure!(!to_has(&target, "LEDGER#import").await?, "it is whole");

    // A second import, into a stack that holds these books, or into another one, is refused.
    let full = refused(&to, &last).await?;
    ensure!(full.contains("is not empty") && full.contains("in BillingTable"), "{full}");
    // Old events bill nothing again, and the next number is the next one.
    for checkout in &sold {
        ensure!(target.post(&checkout.event("checkout.session.completed")).await?.0 == 200);
    }
    let delivered = target.still_sells().await?;
    ensure!(delivered.number.ends_with("-0004"), "{}", delivered.number);
    ensure!(target.mails().await?.len() == 1 && target.client.parked().await?.is_empty());
    let verdict = target.client.invoke("ledger-export", &json!({"month": month, "verify": true})).await?;
    ensure!(verdict == json!({"month": month, "documents": 5, "findings": []}), "{verdict}");
    target.bundle.stop().await;
    Ok(())
}

/// Stripe announces sales to the new stack before it holds all of the old one, one of them for the second time; the old
/// one sells while it is exported.
#[tokio::test]
async fn a_sale_during_an_export_is_whole_and_one_during_an_import_waits() -> Result<()> {
    let source = Shop::open("transfer-busy").await?;
    let sold = Checkout::of(&Purchase::default());
    source.client.tell_stripe(&sold).await?;
    source.deliver(&sold.event("checkout.session.completed")).await?;
    let numbers = vec![source.delivered(&sold.session_id).await?.number];
    let from = Stack::of(&source.client).await?;
    let busy = folder("busy")?;
    let (manifest, second) = tokio::join!(export(&from, &busy, false), source.still_sells());
    let (manifest, second) = (manifest?, second?);
    ensure!(manifest.changed == 0, "it was read until nothing changed: {manifest:?}");
    check::whole(&busy)?;
    // Whatever moment it is of, counter and documents are of the same one.
    let billing = fs::read_to_string(busy.join("tables/BillingTable.jsonl"))?;
    let items = billing.lines().map(|line| Ok(serde_json::from_str(line)?)).collect::<Result<Vec<Value>>>()?;
    let of = |kind: &str| items.iter().filter(|item| item["kind"]["S"] == kind).collect::<Vec<_>>();
    let given = of("INVOICE").len();
    let (next, last) = (given + 1, given.to_string());
    ensure!(of("COUNTER")[0]["last_number"]["N"] == last.as_str(), "{billing}");
    for invoice in of("INVOICE").iter().filter(|invoice| invoice.get("open_shard").is_none()) {
        ensure!(busy.join("archive").join(invoice["document_key"]["S"].as_str().unwrap()).exists(), "{invoice}");
    }
    source.bundle.stop().await;

    let target = Shop::open("transfer-begun").await?;
    let to = Stack::of(&target.client).await?;
    let cut = import(&to, &busy, false, &mut |step| if step == Step::Settings { bail!("cut") } else { Ok(()) }).await;
    ensure!(cut.is_err_and(|error| error.to_string() == "cut"));
    // The folder belongs to this stack now, and the stack to this export.
    for (file, changes, expected) in [
        ("imported.json", ("\"import\":\"", "\"import\":\"x"), "was imported into a stack comptoir-dev before"),
        ("manifest.json", ("\"export\": \"", "\"export\": \"x"), "holds a part of another export"),
    ] {
        let text = fs::read_to_string(busy.join(file))?;
        fs::write(busy.join(file), text.replace(changes.0, changes.1))?;
        let told = refused(&to, &busy).await?;
        ensure!(told.contains(expected), "{told}");
        fs::write(busy.join(file), text)?;
    }
    target.client.tell_stripe(&sold).await?;
    target.deliver(&sold.event("checkout.session.completed")).await?;
    let (new, _) = target.pay(&Purchase::default()).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    ensure!(target.numbers().await?.is_empty() && target.mails().await?.is_empty(), "half an import gives no number");
    import(&to, &busy, false, &mut |_| Ok(())).await?;
    target.client.invoke("sweep", &json!({"older_than_seconds": 0})).await?;
    let delivered = target.delivered(&new.session_id).await?;
    ensure!(
        delivered.number.ends_with(&format!("-{next:04}")),
        "{} after {numbers:?}, {}",
        delivered.number,
        second.number
    );
    let billed = target.numbers().await?;
    ensure!(billed.len() == next, "the sale that was announced twice has one document: {billed:?}");

    // A stack that sold something of its own takes no export.
    let refused = refused(&to, &busy).await?;
    ensure!(refused.contains("is not empty"), "{refused}");
    target.bundle.stop().await;
    Ok(())
}
