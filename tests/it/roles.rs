//! Each function's role allows what the function does, and little else. On one machine no role is enforced; here the wire
//! denies what AWS would deny, while every function does all of its work.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use comptoir_local::{
    bundle::template,
    checkout::{Purchase, event},
    paths,
};
use comptoir_members::profile::upload::checksum;
use comptoir_tests::{
    Shop,
    members::{PIXEL, creation, freelancer},
    seller_file,
    site::SOLO,
};
use serde_json::{Value, json};

/// Writes to DynamoDB that no leading keys limit, and why.
const WHOLE_TABLES: [(&str, &str, &str); 2] = [
    ("ProfileMutationValidatorRole", "KeepProfiles", "the table is this function's alone"),
    ("LedgerExportRole", "RebuildBilling", "it makes the table anew, only while the stack's parameter says so"),
];

const WRITES: [&str; 4] = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"];

fn listed(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

#[test]
fn every_write_names_its_keys_or_says_why_not() -> Result<()> {
    let template = template::read(&std::fs::read_to_string(paths::template())?)?;
    let mut whole = BTreeSet::new();
    for (name, role) in template["Resources"].as_object().unwrap() {
        for policy in role["Properties"]["Policies"].as_array().into_iter().flatten() {
            for statement in listed(&policy["PolicyDocument"]["Statement"]) {
                let writes =
                    listed(&statement["Action"]).iter().any(|action| WRITES.iter().any(|write| action == write));
                let keys = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
                if writes && keys.is_null() {
                    whole.insert((name.clone(), statement["Sid"].as_str().unwrap_or_default().to_owned()));
                }
                ensure!(!listed(keys).iter().any(|key| key == "*"), "{name}: a star names no keys");
            }
        }
    }
    let expected = WHOLE_TABLES.map(|(role, sid, _)| (role.to_owned(), sid.to_owned()));
    ensure!(whole == BTreeSet::from(expected), "{whole:?}");
    Ok(())
}

/// A service that takes a role says for which account it does.
#[test]
fn every_service_is_trusted_for_this_account_alone() -> Result<()> {
    let template = template::read(&std::fs::read_to_string(paths::template())?)?;
    for (name, role) in template["Resources"].as_object().unwrap() {
        for statement in listed(&role["Properties"]["AssumeRolePolicyDocument"]["Statement"]) {
            let service = statement["Principal"]["Service"].as_str().unwrap_or_default();
            // Lambda takes a role for the function that names it, and sends no source.
            let equals = &statement["Condition"]["StringEquals"];
            let trusted = equals["aws:SourceAccount"]["Ref"] == "AWS::AccountId";
            ensure!(service.is_empty() || service == "lambda.amazonaws.com" || trusted, "{name} trusts {service}");
            let group = equals["aws:SourceArn"]["Fn::Sub"].as_str().unwrap_or_default();
            ensure!(
                service != "scheduler.amazonaws.com" || group.ends_with(":schedule-group/default"),
                "{name}: {group}"
            );
        }
    }
    Ok(())
}

/// What strangers reach can be kept from taking the account's processes: the webhook, and the members' API.
#[test]
fn what_strangers_reach_has_a_room_of_its_own() -> Result<()> {
    let template = template::read(&std::fs::read_to_string(paths::template())?)?;
    let (mut reached, mut kept) = (BTreeSet::new(), BTreeSet::new());
    for (name, of) in template["Resources"].as_object().unwrap() {
        let events = of["Properties"]["Events"].as_object().into_iter().flatten();
        if events.into_iter().any(|(_, event)| event["Type"] == "HttpApi") {
            reached.insert(name.clone());
        }
        if of["Type"] == "AWS::AppSync::DataSource" {
            reached.extend(
                of["Properties"]["LambdaConfig"]["LambdaFunctionArn"]["Fn::GetAtt"][0].as_str().map(str::to_owned),
            );
        }
        if of["Properties"]["ReservedConcurrentExecutions"]["Fn::If"].is_array() {
            kept.insert(name.clone());
        }
    }
    ensure!(!reached.is_empty() && reached == kept, "{reached:?} {kept:?}");
    Ok(())
}

#[tokio::test]
async fn no_function_needs_more_than_its_role_allows() -> Result<()> {
    let team = "team = \"equipe@example.org\"";
    let seller = seller_file("roles", &[(&format!("# {team}"), team)])?;
    let shop = Shop::open_with("roles", |options| {
        options.wire = true;
        options.tells_the_app = true;
        options.seller_file = Some(seller);
    })
    .await?;
    let (checkout, _) =
        shop.pay(&Purchase { email: Some("zoe@example.org".to_owned()), ..Purchase::default() }).await?;
    let sold = shop.delivered(&checkout.session_id).await?;
    let refund = json!({
        "id": "re_1", "object": "refund", "amount": 1900, "currency": "eur", "status": "succeeded",
        "payment_intent": checkout.session["payment_intent"], "created": comptoir_local::clock::now().as_second(),
    });
    shop.deliver(&event("evt_re_1", "refund.created", &refund)).await?;
    shop.wait_for("the credit note", async |shop: &Shop| {
        Ok(shop.mails().await?.iter().any(|mail| mail.subject.contains("A2")).then_some(()))
    })
    .await?;
    for to in ["bounce@simulator.amazonses.com", "complaint@simulator.amazonses.com"] {
        shop.pay(&Purchase { email: Some(to.to_owned()), ..Purchase::default() }).await?;
    }
    shop.pay(&Purchase { email: Some("not an address".to_owned()), ..Purchase::default() }).await?;
    shop.wait_for("what is parked", async |shop: &Shop| Ok((shop.client.parked().await?.len() == 2).then_some(())))
        .await?;
    comptoir_local::replay::run(&shop.client).await?;

    let zoe = freelancer("sub-zoe");
    let made = shop.value(&zoe, "createProfile", creation("zoe")).await?;
    let change = json!({ "id": made["id"], "expectedVersion": made["version"], "input": { "handle": "zoe-l" } });
    shop.value(&zoe, "updateProfile", change).await?;
    let png = STANDARD.decode(PIXEL)?;
    let announced =
        json!({ "kind": "AVATAR", "contentType": "image/png", "size": png.len(), "sha256": checksum(&png) });
    let asked = shop.value(&zoe, "requestUpload", announced).await?;
    // By hand: signatures are for the store's address, not for the wire's.
    let bucket = shop.bundle.aws().resources("comptoir-dev").await?["ProfileFilesBucket"].clone();
    let (profile, upload) = (made["id"].as_str().unwrap(), asked["id"].as_str().unwrap());
    shop.bundle.aws().put(&format!("{bucket}/uploads/{profile}/avatar/{upload}"), png).await?;
    shop.value(&zoe, "confirmUpload", json!({ "id": asked["id"] })).await?;
    for (operation, arguments) in [
        ("me", Value::Null),
        ("profile", json!({ "id": made["id"] })),
        ("profileByHandle", json!({ "handle": "zoe" })),
        ("searchProfiles", json!({ "skill": "rust" })),
        ("exportMyData", Value::Null),
    ] {
        shop.value(&zoe, operation, arguments).await?;
    }
    shop.client.invoke("sweep", &json!({"older_than_seconds": 0})).await?;
    shop.wait_for("notices to zoe and to the team", async |shop: &Shop| {
        let mails = shop.mails().await?;
        let to = |to: &str| mails.iter().any(|mail| mail.to == to && mail.attachments.is_empty());
        Ok((to("zoe@example.org") && to("equipe@example.org")).then_some(()))
    })
    .await?;
    shop.value(&zoe, "deleteProfile", json!({ "id": made["id"] })).await?;
    shop.wake(&json!({ "task": "sweep" })).await?;

    let month = sold.number.get(..7).unwrap();
    for request in [
        json!({ "month": month }),
        json!({ "month": month, "verify": true }),
        json!({ "rebuild": { "dry_run": true } }),
        json!({ "term": { "dry_run": true } }),
        json!({ "about": { "email": "zoe@example.org" } }),
    ] {
        shop.client.invoke("ledger-export", &request).await?;
    }
    shop.save_settings(&paths::seller()).await?;
    for request in [json!({ "task": "complete" }), json!({ "task": "reconcile", "days": 3 })] {
        shop.client.invoke("payment-webhook", &request).await?;
    }
    shop.still_sells().await?;
    plans(&shop).await?;
    members(&shop).await?;
    let wire = shop.bundle.wire().unwrap();
    ensure!(wire.denied().is_empty(), "{:#?}", wire.denied());
    let callers: BTreeSet<String> = wire.calls().into_iter().map(|call| call.function).collect();
    // Lambda reads the stream of profile-publisher, which asks AppSync alone.
    ensure!(callers.len() == 11, "each function was at work: {callers:?}");
    shop.bundle.stop().await;
    Ok(())
}

/// A member at each door, and somebody unknown who pays.
async fn members(shop: &Shop) -> Result<()> {
    let ada = comptoir_tests::graphql::sign_in(&shop.bundle.endpoints, "ada@example.org", &[]).await?;
    ensure!(shop.knock(&ada.access_token, "GET", "/access", &Value::Null).await?.0 == 200);
    shop.subscribes(SOLO, "unknown@example.org", "m1").await?;
    shop.access_in("unknown@example.org", "active").await?;
    shop.wait_for("an invitation", async |shop: &Shop| {
        Ok(shop.items("JOIN").await?.iter().any(|wish| wish["joined"] == "invited").then_some(()))
    })
    .await
}

/// All that is done about plans: a page that replaces another, a purchase, tokens, the portal, a second subscription, the end.
async fn plans(shop: &Shop) -> Result<()> {
    let zoe = "zoe@example.org";
    shop.page(SOLO, Some(zoe), "k1").await?;
    let other = shop.page(SOLO, None, "k2").await?;
    let subscription = shop.subscribes(SOLO, zoe, "k3").await?;
    shop.access_in(zoe, "active").await?;
    let refused = shop.door("POST", "/checkout", &comptoir_tests::site::wish(SOLO, Some(zoe), "k4")).await?;
    ensure!(refused.0 == 409, "{refused:?}");
    for (id, amount, status) in [("u1", 3, 200), ("u1", 3, 200), ("u2", 100, 402)] {
        let used = shop.door("POST", "/tokens/use", &json!({"email": zoe, "amount": amount, "id": id})).await?;
        ensure!(used.0 == status, "{used:?}");
    }
    let customer = shop.items("CUSTOMER").await?[0]["pk"].as_str().unwrap().replace("CUSTOMER#", "");
    let portal = json!({"customer": customer, "return_url": "https://example.org/"});
    ensure!(shop.door("POST", "/portal", &portal).await?.0 == 201);
    shop.pays(&json!({"session": other, "email": zoe})).await?;
    shop.wait_for("the second one parked", async |shop: &Shop| {
        Ok(shop.client.parked().await?.iter().any(|parked| parked["source"] == "access-worker").then_some(()))
    })
    .await?;
    ensure!(shop.client.stripe("DELETE", &format!("subscriptions/{subscription}"), &[], None).await?.0 == 200);
    shop.access_in(zoe, "withdrawn").await?;
    shop.access_at_rest().await
}
