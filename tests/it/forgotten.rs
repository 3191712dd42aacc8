//! Erasure and export, held against a search of everything that the running bundle stores: each table, the files, and the
//! user pool.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use aws_sdk_dynamodb::config::Credentials;
use base64::{Engine, engine::general_purpose::STANDARD};
use comptoir::clock::SystemClock;
use comptoir_members::profile::{account::forget_unconfirmed, upload::checksum};
use comptoir_members_aws::accounts::CognitoAccounts;
use comptoir_tests::{
    Shop,
    graphql::sign_in,
    members::{PIXEL, creation, cv},
};
use serde_json::{Value, json};

use crate::tokens::identity;

/// Everything that is stored with one of these words in it, by where and of what kind it is.
async fn found(shop: &Shop, words: &[&str]) -> Result<BTreeMap<String, Vec<String>>> {
    let mut all: Vec<(String, String)> = Vec::new();
    for table in ["ProfilesTable", "OutboxTable", "NoticesTable", "BillingTable"] {
        for item in shop.client.table(table).await?.1 {
            all.push((item["kind"].as_str().unwrap_or("?").to_owned(), item.to_string()));
        }
    }
    let resources = shop.bundle.aws().resources("comptoir-dev").await?;
    for (name, bucket) in resources.iter().filter(|(name, _)| name.ends_with("Bucket")) {
        for object in shop.bundle.aws().objects(bucket).await? {
            all.push((name.clone(), object.key));
        }
    }
    let which = json!({ "UserPoolId": resources["MembersPool"] });
    let target = "AWSCognitoIdentityProviderService.ListUsers";
    let users = shop.bundle.aws().json("cognito-idp", target, &which).await?;
    all.extend(users["Users"].as_array().into_iter().flatten().map(|user| ("account".to_owned(), user.to_string())));
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (kind, text) in all.into_iter().filter(|(_, text)| words.iter().any(|word| text.contains(word))) {
        found.entry(kind).or_default().push(text);
    }
    Ok(found)
}

#[tokio::test]
async fn what_is_found_of_a_member_is_exported_and_then_erased() -> Result<()> {
    let shop = Shop::open("forgotten").await?;
    let signed_in = sign_in(&shop.bundle.endpoints, "zoe@example.org", &["freelancer"]).await?;
    sign_in(&shop.bundle.endpoints, "ana@example.org", &["freelancer"]).await?;
    let zoe = identity(&signed_in)?;
    let made = shop.value(&zoe, "createProfile", creation("zoe")).await?;
    let id = made["id"].as_str().unwrap();
    for (kind, content_type, bytes) in
        [("AVATAR", "image/png", STANDARD.decode(PIXEL)?), ("CV", "application/pdf", cv(""))]
    {
        let told =
            json!({ "kind": kind, "contentType": content_type, "size": bytes.len(), "sha256": checksum(&bytes) });
        let upload = shop.value(&zoe, "requestUpload", told.clone()).await?;
        ensure!(shop.bring(&upload, bytes.clone()).await? == 200);
        shop.value(&zoe, "confirmUpload", json!({ "id": upload["id"] })).await?;
        let open = shop.value(&zoe, "requestUpload", told).await?;
        ensure!(shop.bring(&open, bytes).await? == 200);
    }
    let version = shop.value(&zoe, "me", Value::Null).await?["version"].clone();
    let change = json!({ "id": id, "expectedVersion": version, "input": { "handle": "zoe-l", "phone": null } });
    shop.value(&zoe, "updateProfile", change).await?;

    let words = [signed_in.sub.as_str(), id, "zoe@example.org", "Lefèvre", "+33612345678"];
    let export = shop.value(&zoe, "exportMyData", Value::Null).await?;
    let before = found(&shop, &words).await?;
    let count = |kind: &str| before.get(kind).map_or(0, Vec::len);
    let listed = |field: &str| export[field].as_array().map_or(0, Vec::len);
    ensure!(count("HISTORY") == listed("history") && listed("history") == 5, "{export}");
    ensure!(count("UPLOAD") == listed("uploads") && listed("uploads") == 2, "{export}");
    ensure!(count("GIVEN_UP") == listed("formerHandles") && listed("formerHandles") == 1, "{export}");
    ensure!(
        count("NOTICE") + count("TEAM") == listed("notices") && listed("notices") == 4,
        "one pair at once, one for all that followed: {export}"
    );
    ensure!(count("account") == 1 && export["signIn"]["email"] == "zoe@example.org", "{export}");
    ensure!(count("PROFILE") == 1 && export["profile"]["id"] == made["id"], "{export}");
    ensure!(count("ProfileFilesBucket") == 5, "avatar, thumbnail, CV, and two on their way: {before:?}");
    ensure!(export["profile"]["avatar"]["url"].is_string() && export["profile"]["cv"]["url"].is_string(), "{export}");
    // Guards and pointers say again what the profile says; a digest names the notices that it was made of.
    let known = [
        "HISTORY",
        "UPLOAD",
        "ANNOUNCED",
        "GIVEN_UP",
        "NOTICE",
        "TEAM",
        "account",
        "PROFILE",
        "ProfileFilesBucket",
        "GUARD",
        "SLACK",
        "MAIL",
    ];
    ensure!(before.keys().all(|kind| known.contains(&kind.as_str())), "the export has no {:?}", before.keys());
    ensure!(!before["HISTORY"].iter().any(|line| line.contains("+336")), "the history keeps no number");

    shop.value(&zoe, "deleteProfile", json!({ "id": id })).await?;
    let after = found(&shop, &words).await?;
    for (kind, rows) in &after {
        for row in rows {
            match kind.as_str() {
                // For two hours, by a random id, so that what is still being uploaded is found and erased.
                "LEAVER" => ensure!(rows.len() == 1 && !row.contains('@'), "{row}"),
                // The farewell, for a day.
                "NOTICE" | "TEAM" => {
                    let row: Value = serde_json::from_str(row)?;
                    let event = row["data"].pointer("/content/event").or(row["data"].get("event"));
                    ensure!(event == Some(&json!("deleted")) && row["expires_at"].is_number(), "{row}");
                }
                "SLACK" | "MAIL" => ensure!(!words[2..].iter().any(|word| row.contains(word)), "{row}"),
                _ => anyhow::bail!("{kind} is left: {row}"),
            }
        }
    }
    // The token is valid for an hour more, and good for nothing.
    let body = json!({ "query": "mutation($input: CreateProfileInput!) { createProfile(input: $input) { id } }",
        "variables": creation("zoe") });
    let request = reqwest::Client::new().post(&shop.bundle.endpoints.graphql_url);
    let answer: Value = request.header("authorization", &signed_in.id_token).json(&body).send().await?.json().await?;
    ensure!(answer["errors"][0]["errorType"] == "Denied" && answer["data"]["createProfile"].is_null(), "{answer}");
    ensure!(found(&shop, &["ana@example.org"]).await?.contains_key("account"), "others keep theirs");
    // Who signs up anew with the address is somebody else.
    let again = sign_in(&shop.bundle.endpoints, "zoe@example.org", &["freelancer"]).await?;
    ensure!(again.sub != signed_in.sub);
    ensure!(shop.value(&identity(&again)?, "me", Value::Null).await?["email"] == "zoe@example.org");
    shop.bundle.stop().await;
    Ok(())
}

/// Whoever signs up with somebody else's address keeps it for a day, and nobody who confirmed is touched.
#[tokio::test]
async fn accounts_that_nobody_confirms_are_deleted_by_the_sweep() -> Result<()> {
    let shop = Shop::open("unconfirmed").await?;
    sign_in(&shop.bundle.endpoints, "zoe@example.org", &["freelancer"]).await?;
    let resources = shop.bundle.aws().resources("comptoir-dev").await?;
    let ask = async |operation: &str, input: &Value| {
        let target = format!("AWSCognitoIdentityProviderService.{operation}");
        shop.bundle.aws().json("cognito-idp", &target, input).await
    };
    let which = json!({ "ClientId": resources["MembersClient"], "Username": "ana@example.org",
        "Password": "a long enough password", "UserAttributes": [{ "Name": "email", "Value": "ana@example.org" }] });
    ask("SignUp", &which).await?;
    let pool = resources["MembersPool"].as_str();
    let swept = shop.wake(&json!({ "task": "sweep", "pool": pool })).await?;
    ensure!(swept == json!({ "erased": 0, "unconfirmed": 0 }), "it may yet be confirmed: {swept}");
    let credentials = Credentials::new(&shop.bundle.endpoints.aws_access_key_id, "test", None, None, "test");
    let aws = comptoir_aws::settings(comptoir_local::aws::REGION, credentials);
    let aws = aws.endpoint_url(&shop.bundle.aws().endpoint).build();
    let accounts = CognitoAccounts::new(&aws, SystemClock)?;
    let tomorrow = comptoir_local::clock::now() + jiff::SignedDuration::from_hours(25);
    ensure!(forget_unconfirmed(&accounts, pool, tomorrow).await? == 1);
    let users = ask("ListUsers", &json!({ "UserPoolId": pool })).await?["Users"].to_string();
    ensure!(users.contains("zoe@example.org") && !users.contains("ana@example.org"), "{users}");
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn an_address_follows_its_account() -> Result<()> {
    let shop = Shop::open("address").await?;
    let old = identity(&sign_in(&shop.bundle.endpoints, "zoe@example.org", &["freelancer"]).await?)?;
    let made = shop.value(&old, "createProfile", creation("zoe")).await?;
    // The account is deleted where the house cannot see it, and somebody else proves the address.
    let resources = shop.bundle.aws().resources("comptoir-dev").await?;
    let which = json!({ "UserPoolId": resources["MembersPool"], "Username": "zoe@example.org" });
    let target = "AWSCognitoIdentityProviderService.AdminDeleteUser";
    shop.bundle.aws().json("cognito-idp", target, &which).await?;
    let new = identity(&sign_in(&shop.bundle.endpoints, "zoe@example.org", &["freelancer"]).await?)?;
    ensure!(shop.value(&new, "me", Value::Null).await?.is_null(), "the address is taken at the sign-up");
    let mut wanted = creation("zoe-new");
    wanted["input"]["email"] = json!("zoe@example.org");
    let taken = shop.value(&new, "createProfile", wanted).await?;
    ensure!(taken["id"] != made["id"] && taken["email"] == "zoe@example.org", "{taken}");
    ensure!(shop.value(&new, "profile", json!({ "id": made["id"] })).await?.is_null(), "the old profile left first");
    let (_, rows) = shop.client.table("ProfilesTable").await?;
    let guard = rows.iter().find(|row| row["pk"].as_str().is_some_and(|pk| pk.starts_with("EMAIL#"))).unwrap();
    ensure!(guard["sub"] == new["sub"] && guard["pool"] == resources["MembersPool"].as_str(), "{guard}");
    shop.bundle.stop().await;
    Ok(())
}
