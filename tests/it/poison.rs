//! Poison records in the middle of a batch: a sale that cannot be billed, a template that fails, a mail that SES
//! refuses, a recipient on its suppression list. Everything around them completes, and what is parked completes once,
//! when its cause is fixed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use comptoir_local::{
    checkout::Purchase,
    faults::Fault,
    paths,
    replay::{self, Replay},
};
use comptoir_tests::{Shop, seller_file};

const POISONED: &str = "Poison Fatal";
const SUPPRESSED: &str = "suppressionlist@simulator.amazonses.com";

/// A copy of the templates, whose invoice fails for one customer.
fn failing_templates(name: &str) -> Result<PathBuf> {
    let folder = paths::local().join("tests").join(format!("{name}.templates"));
    copy(&paths::repository().join("infra/templates"), &folder)?;
    let invoice = folder.join("invoice.typ");
    let fails = format!("\n#if invoice.buyer.contains(\"{POISONED}\") {{ panic(\"the owner's mistake\") }}\n");
    fs::write(&invoice, fs::read_to_string(&invoice)? + &fails)?;
    Ok(folder)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().context("a name")?);
        if path.is_dir() { copy(&path, &target)? } else { fs::copy(&path, &target).map(drop)? }
    }
    Ok(())
}

/// How many mails each address received.
async fn sent(shop: &Shop) -> Result<BTreeMap<String, usize>> {
    let mut sent = BTreeMap::new();
    for mail in shop.mails().await? {
        *sent.entry(mail.to).or_default() += 1;
    }
    Ok(sent)
}

/// The reasons of the parked records, sorted.
async fn waiting(shop: &Shop) -> Result<Vec<String>> {
    let parked = shop.client.parked().await?;
    let reason = |item: &serde_json::Value| Some(item.get("reason")?.as_str()?.split(':').next()?.to_owned());
    let mut words: Vec<String> = parked.iter().filter_map(reason).collect();
    ensure!(words.len() == parked.len(), "{parked:?}");
    words.sort();
    Ok(words)
}

#[tokio::test]
async fn everything_around_poison_completes_and_the_rest_follows_once_its_cause_is_mended() -> Result<()> {
    let templates = failing_templates("poison")?;
    let seller = seller_file("poison", &[])?;
    let shop = Shop::open_with("poison", |options| {
        options.seller_file = Some(seller);
        let folder = BTreeMap::from([("TEMPLATES_DIR".to_owned(), templates.display().to_string())]);
        options.variables.insert("invoice-renderer".to_owned(), folder);
    })
    .await?;
    // One batch holds them all.
    shop.bundle.pause_streams();
    shop.bundle.ses_faults().order(Fault::Reject, 1);
    let named = |name: &str| Some(name.to_owned());
    let buyers = [
        (named("Refusé d’Abord"), "refused@example.org"),
        (named("Un Bon"), "one@example.org"),
        (None, "unnamed@example.org"),
        (named("Deux Bon"), "two@example.org"),
        (named(POISONED), "poison@example.org"),
        (named("Sur la Liste"), SUPPRESSED),
        (named("Trois Bon"), "three@example.org"),
    ];
    for (name, email) in &buyers {
        let purchase = Purchase { name: name.clone(), email: Some((*email).to_owned()), ..Purchase::default() };
        ensure!(shop.pay(&purchase).await?.1 == 200);
    }
    shop.bundle.resume_streams();
    let all = ["customer_unnamed", "invoice_template", "mail_refused", "mail_suppressed"];
    shop.wait_for("the poison to be out of the way", async |shop: &Shop| {
        Ok((waiting(shop).await? == all).then_some(()))
    })
    .await?;
    shop.wait_for("the others to arrive", async |shop: &Shop| {
        let mails = shop.items("MAIL").await?;
        Ok((mails.iter().filter(|mail| mail["status"] == "delivered").count() == 3).then_some(()))
    })
    .await?;
    // The sale without a customer name has no number; the one whose template fails has one, and keeps it.
    ensure!(shop.numbers().await?.len() == buyers.len() - 1);
    ensure!(!sent(&shop).await?.contains_key("poison@example.org"));

    copy(&paths::repository().join("infra/templates"), &templates)?;
    shop.save_settings(&seller_file("poison", &[("# unnamed_customer", "unnamed_customer")])?).await?;
    shop.bundle.function("invoice-renderer").unwrap().kill();
    // Counted first, then one reason, then one record, then the rest.
    let only = |reason: &str| Replay { reason: Some(reason.to_owned()), ..Replay::default() };
    ensure!(replay::some(&Replay { dry_run: true, ..Replay::default() }, &shop.client).await? == 0);
    ensure!(waiting(&shop).await? == all, "a dry run puts nothing back");
    ensure!(replay::some(&only("nobody"), &shop.client).await? == 0);
    ensure!(replay::some(&only("customer_unnamed"), &shop.client).await? == 1);
    ensure!(!waiting(&shop).await?.contains(&"customer_unnamed".to_owned()));
    ensure!(replay::some(&Replay { at_most: Some(1), ..Replay::default() }, &shop.client).await? == 1);
    ensure!(replay::run(&shop.client).await? == all.len() - 2);
    shop.wait_for("the rest to arrive", async |shop: &Shop| {
        let mails = shop.items("MAIL").await?;
        let delivered = mails.iter().filter(|mail| mail["status"] == "delivered").count();
        Ok((delivered == buyers.len() - 1 && waiting(shop).await? == ["mail_suppressed"]).then_some(()))
    })
    .await?;
    let sent = sent(&shop).await?;
    for (_, email) in &buyers {
        // Replaying a bounced mail sends it once more.
        let times = if *email == SUPPRESSED { 2 } else { 1 };
        ensure!(sent.get(*email) == Some(&times), "{email}: {sent:?}");
    }
    let numbers = shop.numbers().await?;
    ensure!(numbers.len() == buyers.len() && numbers.last().unwrap().ends_with("-0007"), "{numbers:?}");
    shop.bundle.stop().await;
    Ok(())
}
