//! Members at the doors of plans: with their own token, for themselves alone.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use comptoir::testing::readme::says;
use comptoir_tests::{
    Shop,
    graphql::sign_in,
    members::creation,
    site::{SOLO, wish},
};
use serde_json::{Value, json};

use crate::tokens::forged;

const ZOE: &str = "zoe@example.org";
const ADA: &str = "ada@example.org";
const PORTAL: &str = "https://example.org/compte";

#[tokio::test]
async fn a_member_buys_reads_and_uses_their_own_and_nobody_else_s() -> Result<()> {
    let shop = Shop::open("doors").await?;
    let zoe = sign_in(&shop.bundle.endpoints, ZOE, &[]).await?;
    sign_in(&shop.bundle.endpoints, ADA, &[]).await?;
    shop.subscribes(SOLO, ADA, "ada").await?;
    let hers = shop.access_in(ADA, "active").await?;
    let mine = |method: &'static str, path: &'static str, body: Value| {
        let (shop, token) = (&shop, zoe.id_token.as_str());
        async move { shop.knock(token, method, path, &body).await }
    };
    // Without an address it is their own.
    let mut own = wish(SOLO, None, "k1");
    own.as_object_mut().unwrap().remove("email");
    let (status, page) = mine("POST", "/checkout", own).await?;
    ensure!(status == 201, "{page}");
    let done = shop.pays(&json!({"session": page["session"]})).await?;
    let has = shop.access_in(ZOE, "active").await?;
    for token in [&zoe.id_token, &zoe.access_token] {
        for path in ["/access", "/access?email=zoe@example.org", "/access?email=ZOE@Example.org"] {
            ensure!(shop.knock(token, "GET", path, &Value::Null).await? == (200, has.clone()), "{path}");
        }
    }
    for (n, body) in
        [json!({"amount": 3, "id": "u1"}), json!({"email": ZOE, "amount": 3, "id": "u1"})].iter().enumerate()
    {
        let used = mine("POST", "/tokens/use", body.clone()).await?;
        ensure!(used.0 == 200 && used.1["tokens_left"] == 7 && used.1["repeated"].is_null() == (n == 0), "{used:?}");
    }
    let more = mine("POST", "/tokens/use", json!({"amount": 100, "id": "u2"})).await?;
    ensure!(more.0 == 402 && more.1["tokens_left"] == 7, "{more:?}");
    let (_, bought) = shop
        .client
        .stripe("GET", &format!("subscriptions/{}", done["subscription"].as_str().unwrap()), &[], None)
        .await?;
    for body in [
        json!({"return_url": PORTAL}),
        json!({"return_url": PORTAL, "email": ZOE}),
        json!({"return_url": PORTAL, "customer": bought["customer"]}),
    ] {
        ensure!(mine("POST", "/portal", body.clone()).await?.0 == 201, "{body}");
    }
    let again = mine("POST", "/checkout", wish(SOLO, Some(ZOE), "k2")).await?;
    ensure!(again.0 == 409 && again.1["error"] == "already_subscribed", "{again:?}");

    let customers = shop.items("CUSTOMER").await?;
    let adas = customers.iter().map(|item| item["pk"].as_str().unwrap().replace("CUSTOMER#", ""));
    let adas = adas.into_iter().find(|customer| bought["customer"] != json!(customer)).unwrap();
    let mut refusals = BTreeSet::new();
    for other in [ADA, "nobody@example.org"] {
        for (method, path, body) in [
            ("GET", format!("/access?email={other}"), Value::Null),
            ("POST", "/tokens/use".to_owned(), json!({"email": other, "amount": 1, "id": "u9"})),
            ("POST", "/portal".to_owned(), json!({"email": other, "return_url": PORTAL})),
            ("POST", "/checkout".to_owned(), wish(SOLO, Some(other), "k9")),
        ] {
            let (status, told) = shop.knock(&zoe.access_token, method, &path, &body).await?;
            ensure!(status == 403 && told["error"] == "not_yours" && told["field"] == "email", "{path}: {told}");
            refusals.insert(told.to_string());
        }
    }
    ensure!(refusals.len() == 1, "nothing tells who is known: {refusals:?}");
    for customer in [adas.as_str(), "cus_unknown"] {
        let portal = mine("POST", "/portal", json!({"customer": customer, "return_url": PORTAL})).await?;
        ensure!(portal.0 == 403 && portal.1["error"] == "not_yours", "{portal:?}");
    }
    ensure!(shop.access(ADA).await? == hers, "nothing of hers has changed");
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn whatever_is_wrong_with_a_token_the_answer_is_that_of_a_wrong_key() -> Result<()> {
    let shop = Shop::open("doors-tokens").await?;
    let zoe = sign_in(&shop.bundle.endpoints, ZOE, &["freelancer"]).await?;
    let (mut wrong, good) = forged(&shop, &zoe.access_token).await?;
    says(wrong.len(), "kinds of forged token");
    ensure!(shop.knock(&good, "GET", "/access", &Value::Null).await?.0 == 200, "made here, and good");
    // Whoever has an account with an address that nobody has shown to be theirs.
    let unverified = {
        let resources = shop.bundle.aws().resources("comptoir-dev").await?;
        let address =
            json!([{"Name": "email", "Value": "bob@example.org"}, {"Name": "email_verified", "Value": "false"}]);
        let which = json!({"UserPoolId": resources["MembersPool"], "Username": "bob@example.org",
            "UserAttributes": address, "MessageAction": "SUPPRESS"});
        let target = "AWSCognitoIdentityProviderService.AdminCreateUser";
        shop.bundle.aws().json("cognito-idp", target, &which).await?;
        sign_in(&shop.bundle.endpoints, "bob@example.org", &[]).await?
    };
    wrong.extend([("an unverified address", unverified.id_token), ("the same", unverified.access_token)]);
    // Whoever has left: the token goes on for an hour.
    let ada = sign_in(&shop.bundle.endpoints, ADA, &["freelancer"]).await?;
    ensure!(shop.knock(&ada.id_token, "GET", "/access", &Value::Null).await?.0 == 200);
    let identity = crate::tokens::identity(&ada)?;
    let made = shop.value(&identity, "createProfile", creation("ada")).await?;
    shop.value(&identity, "deleteProfile", json!({"id": made["id"]})).await?;
    wrong.extend([("of who has left", ada.id_token), ("the same", ada.access_token)]);
    let expected = shop.knock("wrong", "GET", "/access?email=zoe@example.org", &Value::Null).await?;
    ensure!(expected.0 == 401, "{expected:?}");
    for (name, token) in &wrong {
        for (method, path) in [("GET", "/access"), ("POST", "/checkout"), ("POST", "/portal"), ("POST", "/tokens/use")]
        {
            let answer = shop.knock(token, method, path, &json!({"email": ZOE})).await?;
            ensure!(answer == expected, "{name} at {path}: {answer:?}");
        }
    }
    let (status, _) = shop.door("GET", "/access?email=zoe@example.org", &Value::Null).await?;
    ensure!(status == 200, "the site's own key works as before");
    shop.bundle.stop().await;
    Ok(())
}
