//! Who pays and is no member becomes one: once, by an invitation that proves the address.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use anyhow::{Context, Result, ensure};
use comptoir_local::wire::{Cut, Order};
use comptoir_tests::{Shop, graphql::sign_in, site::SOLO};
use serde_json::{Value, json};

use crate::tokens::identity;

const ZOE: &str = "zoe@example.org";

/// Asks the user pool.
async fn ask(shop: &Shop, operation: &str, mut input: Value) -> Result<Value> {
    input["UserPoolId"] = shop.bundle.aws().resources("comptoir-dev").await?["MembersPool"].clone().into();
    let target = format!("AWSCognitoIdentityProviderService.{operation}");
    shop.bundle.aws().json("cognito-idp", &target, &input).await
}

/// The accounts of the pool with this address.
async fn accounts(shop: &Shop, address: &str) -> Result<Vec<Value>> {
    let users = ask(shop, "ListUsers", json!({})).await?;
    let users = users["Users"].as_array().cloned().unwrap_or_default();
    Ok(users
        .into_iter()
        .filter(|user| user["Attributes"].to_string().to_lowercase().contains(&format!("\"{address}\"")))
        .collect())
}

/// The profiles with this address.
async fn profiles(shop: &Shop, address: &str) -> Result<Vec<Value>> {
    let rows = shop.client.table("ProfilesTable").await?.1;
    let data = |row: &Value| row["data"].as_str().map_or_else(|| row["data"].to_string(), str::to_owned);
    Ok(rows
        .into_iter()
        .filter(|row| row["kind"] == "PROFILE" && data(row).to_lowercase().contains(&format!("\"{address}\"")))
        .collect())
}

fn invitations(shop: &Shop, address: &str) -> usize {
    shop.bundle.sign_in_mails().iter().filter(|mail| mail.to.eq_ignore_ascii_case(address)).count()
}

/// Waits until the wish for everybody is settled; how each ended.
async fn settled(shop: &Shop, count: usize) -> Result<Vec<Value>> {
    shop.wait_for("the wishes settled", async |shop: &Shop| {
        let wishes = shop.items("JOIN").await?;
        let done = wishes.len() == count && wishes.iter().all(|wish| wish.get("open_shard").is_none());
        Ok(done.then(|| wishes.iter().map(|wish| wish["joined"].clone()).collect()))
    })
    .await
}

/// Two pages of somebody whom nobody knows are paid, and everything that Stripe says of it comes shuffled and eight times.
#[tokio::test]
async fn of_two_tabs_of_somebody_unknown_there_is_one_member_and_one_subscription() -> Result<()> {
    let shop = Shop::open("joined-tabs").await?;
    shop.client.fake("POST", "events", &json!({"hold": true})).await?;
    let tabs = [shop.page(SOLO, None, "t1").await?, shop.page("price_comptoir_studio", None, "t2").await?];
    for (tab, address) in tabs.iter().zip([ZOE, "ZOE@Example.org"]) {
        shop.pays(&json!({"session": tab, "email": address})).await?;
    }
    shop.client.fake("POST", "events", &json!({"hold": false, "shuffle": true, "duplicate": 8})).await?;
    shop.wait_for("the owner told of the second", async |shop: &Shop| {
        let parked = shop.client.parked().await?;
        Ok(parked
            .iter()
            .any(|one| one["reason"].as_str().is_some_and(|why| why.contains("second_subscription")))
            .then_some(()))
    })
    .await?;
    shop.access_in(ZOE, "active").await?;
    shop.access_at_rest().await?;
    // Where the later one was seen first, the earlier one wishes it anew, and finds the member.
    let ended = settled(&shop, 1).await?;
    ensure!(ended == [json!("invited")] || ended == [json!("member")], "{ended:?}");
    let (_, all) = shop.client.stripe("GET", "subscriptions", &[("status", "all")], None).await?;
    let live = all["data"].as_array().unwrap().iter().filter(|one| one["status"] == "active").count();
    ensure!(live == 1 && all["data"].as_array().unwrap().len() == 2, "{all}");
    let accounts = accounts(&shop, ZOE).await?;
    ensure!(accounts.len() == 1 && accounts[0]["UserStatus"] == "FORCE_CHANGE_PASSWORD", "{accounts:?}");
    ensure!(profiles(&shop, ZOE).await?.len() == 1);
    shop.wait_for("the invitation", async |shop: &Shop| Ok((invitations(shop, ZOE) > 0).then_some(()))).await?;
    let mails = shop.bundle.sign_in_mails();
    ensure!(mails.len() == 1 && mails[0].subject == "Votre compte - your account", "{mails:?}");
    ensure!(mails[0].text.contains("An account awaits you") && !mails[0].text.contains("{####}"), "{mails:?}");
    ensure!(!shop.mails().await?.iter().any(|mail| mail.subject.contains("Votre compte")), "the mailbox is SES's");
    // Whoever answers the mail is the member, and has what was paid.
    let zoe = sign_in(&shop.bundle.endpoints, ZOE, &[]).await?;
    let me = shop.value(&identity(&zoe)?, "me", Value::Null).await?;
    ensure!(me["email"].as_str().unwrap().eq_ignore_ascii_case(ZOE), "{me}");
    let (status, has) = shop.knock(&zoe.id_token, "GET", "/access", &Value::Null).await?;
    ensure!(status == 200 && has == shop.access(ZOE).await?, "{has}");
    ensure!(!shop.client.parked().await?.iter().any(|one| one["reason"].to_string().contains("invit")));
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_member_is_not_invited_and_who_has_left_is_not_made_anew() -> Result<()> {
    let shop = Shop::open("joined-left").await?;
    let zoe = sign_in(&shop.bundle.endpoints, ZOE, &["freelancer"]).await?;
    let subscription = shop.subscribes(SOLO, ZOE, "k1").await?;
    shop.access_in(ZOE, "active").await?;
    ensure!(settled(&shop, 1).await? == [json!("member")], "a member has the address");
    let me = shop.value(&identity(&zoe)?, "me", Value::Null).await?;
    shop.value(&identity(&zoe)?, "deleteProfile", json!({"id": me["id"]})).await?;
    ensure!(accounts(&shop, ZOE).await?.is_empty() && profiles(&shop, ZOE).await?.is_empty());
    // The subscription lives on, and its events come.
    let changed = [("cancel_at_period_end", "true")];
    ensure!(shop.client.stripe("POST", &format!("subscriptions/{subscription}"), &changed, None).await?.0 == 200);
    shop.client.invoke("payment-webhook", &json!({"task": "reconcile", "days": 1})).await?;
    shop.client.advance(32 * 86_400).await?;
    shop.access_in(ZOE, "withdrawn").await?;
    shop.access_at_rest().await?;
    shop.client.invoke("sweep", &json!({"older_than_seconds": 0})).await?;
    ensure!(settled(&shop, 1).await?.len() == 1);
    ensure!(accounts(&shop, ZOE).await?.is_empty() && profiles(&shop, ZOE).await?.is_empty(), "who left stays away");
    ensure!(invitations(&shop, ZOE) == 0);
    // What the wish left goes with the rest of the plan.
    let wish = comptoir_local::forget::Forget { email: ZOE.to_owned(), write: true, out: None };
    comptoir_local::forget::run(&wish, &shop.client).await?;
    ensure!(shop.items("JOIN").await?.is_empty() && shop.items("PERSON").await?.is_empty());
    shop.bundle.stop().await;
    Ok(())
}

/// Access is there while the sign-in is not; the member is made once it is back.
#[tokio::test]
async fn access_waits_for_no_sign_in() -> Result<()> {
    let shop = Shop::open_with("joined-later", |options| options.wire = true).await?;
    let wire = shop.bundle.wire().unwrap();
    for cut in [Cut::Fail, Cut::LoseAnswer] {
        let (function, operation) = ("access-worker".to_owned(), Some("AdminCreateUser".to_owned()));
        wire.order(Order { function, operation, after: 0, times: 1, cut });
    }
    shop.subscribes(SOLO, ZOE, "k1").await?;
    let has = shop.access_in(ZOE, "active").await?;
    ensure!(has["tokens_left"] == 10, "{has}");
    shop.access_at_rest().await?;
    for _ in 0..3 {
        shop.wait_for("the wish open or settled", async |shop: &Shop| Ok(shop.items("JOIN").await?.pop())).await?;
        shop.client.invoke("sweep", &json!({"older_than_seconds": 0})).await?;
    }
    let ended = settled(&shop, 1).await?;
    ensure!(ended == [json!("invited")], "its answer was lost, so the account was found: {ended:?}");
    ensure!(accounts(&shop, ZOE).await?.len() == 1 && profiles(&shop, ZOE).await?.len() == 1);
    shop.wait_for("the invitation", async |shop: &Shop| Ok((invitations(shop, ZOE) > 0).then_some(()))).await?;
    ensure!(invitations(&shop, ZOE) == 1 && shop.client.parked().await?.is_empty());
    shop.bundle.stop().await;
    Ok(())
}

/// The worker dies before and after each call that an invitation is made of.
#[tokio::test]
async fn whoever_dies_between_the_calls_there_is_one_account_one_profile_and_one_mail() -> Result<()> {
    let shop = Shop::open_with("joined-deaths", |options| options.wire = true).await?;
    let wire = shop.bundle.wire().unwrap();
    let kill = || shop.bundle.function("access-worker").unwrap().kill();
    kill();
    let before = wire.calls().len();
    shop.subscribes(SOLO, "buyer0@example.org", "first").await?;
    settled(&shop, 1).await?;
    let calls: Vec<String> = wire
        .calls()
        .into_iter()
        .skip(before)
        .filter(|call| call.function == "access-worker")
        .map(|call| call.operation)
        .collect();
    let made = calls.iter().position(|operation| operation == "AdminCreateUser").context("an account is made")?;
    // From the look at the profiles on, and what follows it.
    let steps: Vec<(String, usize)> = (made.saturating_sub(3)..calls.len())
        .map(|at| (calls[at].clone(), calls[..at].iter().filter(|other| **other == calls[at]).count()))
        .collect();
    ensure!(steps.len() > 4, "{calls:?}");
    let mut buyers = 1;
    for cut in [Cut::KillBefore, Cut::KillAfter] {
        for (operation, after) in &steps {
            kill();
            let (function, operation) = ("access-worker".to_owned(), Some(operation.clone()));
            wire.order(Order { function, operation, after: *after, times: 1, cut });
            shop.subscribes(SOLO, &format!("buyer{buyers}@example.org"), &format!("k{buyers}")).await?;
            // Who dies slowly hears that there is no answer, and leaves the wish to the sweep.
            shop.wait_for(&format!("{cut:?} {after}"), async |shop: &Shop| {
                shop.client.invoke("sweep", &json!({"older_than_seconds": 0})).await?;
                let wishes = shop.items("JOIN").await?;
                let open = wishes.iter().filter(|wish| wish.get("joined").is_none()).count();
                Ok((wishes.len() > buyers && open == 0).then_some(()))
            })
            .await?;
            // Fewer events may come than at first, and fewer calls be made.
            wire.clear();
            buyers += 1;
        }
    }
    shop.access_at_rest().await?;
    // How many calls are made depends on how many events come. The one that makes the account is made once, whatever comes.
    let happened = wire.happened();
    for cut in [Cut::KillBefore, Cut::KillAfter] {
        let cut = ("access-worker".to_owned(), "AdminCreateUser".to_owned(), cut);
        ensure!(happened.contains(&cut), "{cut:?} never happened");
    }
    for operation in ["TransactWriteItems", "GetItem", "UpdateItem"] {
        let of_it = happened.iter().any(|(_, other, _)| other == operation);
        ensure!(of_it, "nobody died at {operation}");
    }
    for n in 0..buyers {
        let buyer = format!("buyer{n}@example.org");
        ensure!(shop.access_in(&buyer, "active").await?["tokens_left"] == 10, "{n}");
        let (accounts, profiles) = (accounts(&shop, &buyer).await?.len(), profiles(&shop, &buyer).await?.len());
        shop.wait_for("the invitation", async |shop: &Shop| Ok((invitations(shop, &buyer) > 0).then_some(()))).await?;
        let mails = invitations(&shop, &buyer);
        ensure!(
            (accounts, profiles, mails) == (1, 1, 1),
            "{n}: {accounts} accounts, {profiles} profiles, {mails} mails"
        );
    }
    ensure!(shop.client.parked().await?.is_empty() && wire.denied().is_empty(), "{:#?}", wire.denied());
    shop.bundle.stop().await;
    Ok(())
}
