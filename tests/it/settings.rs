//! The owner's settings on the bundle: nothing is billed without them, a change applies to the next document, and of
//! many who save at once one wins.

use anyhow::{Result, ensure};
use comptoir::{
    outcome::ServiceError,
    settings::{SaveResult, SettingsReader, SettingsWriter, StoredSettings},
};
use comptoir_local::checkout::Purchase;
use comptoir_tests::{Shop, seller_file, stores::Stores};
use serde_json::{Value, json};

async fn answered(shop: &Shop, command: Value) -> Result<Value> {
    shop.client.invoke("settings", &command).await
}

#[tokio::test]
async fn until_settings_are_saved_payments_wait_and_nothing_is_parked() -> Result<()> {
    let shop = Shop::open_with("settings-missing", |options| options.seller_file = None).await?;
    for _ in 0..3 {
        let (_, status) = shop.pay(&Purchase::default()).await?;
        ensure!(status == 200, "the webhook answered {status}");
    }
    shop.wait_for("the renderer to say what is missing", async |shop: &Shop| {
        let log = std::fs::read_to_string(shop.bundle.dir.join("logs/invoice-renderer.log")).unwrap_or_default();
        Ok(log.contains("settings_missing").then_some(()))
    })
    .await?;
    ensure!(shop.numbers().await?.is_empty() && shop.client.parked().await?.is_empty());
    ensure!(shop.save_settings(&comptoir_local::paths::seller()).await? == 1);
    let numbers = shop
        .wait_for("what waited", async |shop: &Shop| {
            let numbers = shop.numbers().await?;
            Ok((numbers.len() == 3).then_some(numbers))
        })
        .await?;
    ensure!(numbers.iter().enumerate().all(|(n, number)| number.ends_with(&format!("-000{}", n + 1))), "{numbers:?}");
    ensure!(shop.client.parked().await?.is_empty());
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_change_applies_to_the_next_document_and_facts_of_the_past_stay() -> Result<()> {
    let shop = Shop::open("settings-changed").await?;
    shop.still_sells().await?;
    let moved = seller_file("settings-moved", &[("1 place de la Comédie", "2 rue du Test")])?;
    ensure!(shop.save_settings(&moved).await? == 2);
    ensure!(shop.save_settings(&moved).await? == 2, "the same again is no new version");
    shop.still_sells().await?;
    let mut invoices = shop.items("INVOICE").await?;
    invoices.sort_by_key(|item| item["pk"].to_string());
    let facts: Vec<(&Value, &Value)> =
        invoices.iter().map(|item| (&item["data"]["seller"]["line1"], &item["data"]["settings"])).collect();
    ensure!(
        facts == [(&json!("1 place de la Comédie"), &json!(1)), (&json!("2 rue du Test"), &json!(2))],
        "{facts:?} in {}",
        invoices[0]["data"]
    );
    let counter = shop.items("COUNTER").await?;
    ensure!(counter[0]["settings"] == 2, "{counter:?}");

    // A document was issued without VAT today, and stays right.
    let today = [("regime = \"franchise\"", "regime = \"standard\"\nnumber = \"FR11123456782\"\nrate = \"20\"")];
    let refused = shop.save_settings(&seller_file("settings-today", &today)?).await.unwrap_err().to_string();
    ensure!(refused.contains("vat: leave what applied until today"), "{refused}");
    let ahead = [
        ("1 place de la Comédie", "2 rue du Test"),
        ("[vat]\n", "[[vat]]\n"),
        (
            "[invoice]\n",
            "[[vat]]\nfrom = \"2100-01-01\"\nregime = \"standard\"\nnumber = \"FR11123456782\"\nrate = \"20\"\n\n[invoice]\n",
        ),
    ];
    ensure!(shop.save_settings(&seller_file("settings-ahead", &ahead)?).await? == 3, "a change told ahead");
    // Sales that wait are made under it if the owner says so.
    let changed = seller_file("settings-past", &[ahead[0], today[0]])?;
    let mut past = comptoir_local::settings::Document::Seller.command(&changed, false)?;
    ensure!(answered(&shop, past.clone()).await?["errors"][0]["field"] == "vat");
    past["past"] = json!(true);
    ensure!(answered(&shop, past).await?["version"] == 4);
    let other = seller_file("settings-other", &[("123 456 782", "732 829 320")])?;
    let refused = shop.save_settings(&other).await.unwrap_err().to_string();
    ensure!(refused.contains("seller.siren: write 123456782"), "{refused}");

    let stale = json!({"command": "save", "version": 1, "document": answered(&shop, json!({"command": "show", "version": 1})).await?["document"]});
    ensure!(answered(&shop, stale).await?["error"] == "settings_changed");
    ensure!(answered(&shop, json!({"command": "show"})).await?["version"] == 4);
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn of_twelve_who_save_at_once_one_wins() -> Result<()> {
    let shop = Shop::open_with("settings-race", |options| options.wire = true).await?;
    let store = Stores::of(&shop).await?.settings;
    let before = store.newest().await?.unwrap_or_else(|| unreachable!("the bundle saved the first"));
    let mut savers = tokio::task::JoinSet::new();
    for n in 0..12 {
        let (store, before) = (store.clone(), before.clone());
        savers.spawn(async move {
            let next = StoredSettings { version: before.version + 1, saved_by: format!("{n}"), ..before };
            // A conflict between transactions is tried again, as the person would.
            for _ in 0..20 {
                let Ok(saved) = store.save(&next).await else { continue };
                if saved == SaveResult::Saved
                    || store.newest().await?.is_some_and(|newest| newest.version == next.version)
                {
                    return Ok::<_, ServiceError>(saved);
                }
            }
            Ok(SaveResult::Conflict)
        });
    }
    let mut won = 0;
    while let Some(saved) = savers.join_next().await {
        won += usize::from(saved?? == SaveResult::Saved);
    }
    ensure!(won == 1, "{won} of twelve saved");
    ensure!(store.newest().await?.is_some_and(|newest| newest.version == before.version + 1));
    let stored = shop.items("SETTINGS").await?;
    let sellers = stored.iter().filter(|item| item["pk"] == "SETTINGS#seller").count();
    ensure!(sellers == 3, "the newest, and both versions");
    shop.bundle.stop().await;
    Ok(())
}
