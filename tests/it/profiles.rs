//! Member profiles through the function, with the events that AppSync and Cognito send: storing, merging, refusing,
//! uploading and erasing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use anyhow::{Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use comptoir_local::wire::{Cut, Order};
use comptoir_members::profile::upload::checksum;
use comptoir_tests::{
    Shop,
    members::{FUNCTION, PIXEL, creation, cv, freelancer, member},
    seller_file,
};
use serde_json::{Value, json};

async fn kept(shop: &Shop) -> Result<Vec<Value>> {
    let items = shop.client.table("ProfilesTable").await?.1;
    // That somebody left, under a hash of whom, for a day: their token is good for an hour more.
    let names_nobody = |item: &Value| {
        item["gone_at"].is_string() && item["expires_at"].is_number() && !item.to_string().contains("sub-")
    };
    Ok(items.into_iter().filter(|item| !names_nobody(item)).collect())
}

async fn told(shop: &Shop) -> Result<Vec<Value>> {
    Ok(shop.client.table("NoticesTable").await?.1)
}

async fn files(shop: &Shop) -> Result<Vec<String>> {
    let resources = shop.bundle.aws().resources("comptoir-dev").await?;
    let objects = shop.bundle.aws().objects(&resources["ProfileFilesBucket"]).await?;
    Ok(objects.into_iter().map(|object| object.key).collect())
}

fn codes(info: &Value) -> Vec<&str> {
    info["violations"].as_array().into_iter().flatten().filter_map(|one| one["code"].as_str()).collect()
}

#[tokio::test]
async fn a_profile_is_created_changed_and_merged() -> Result<()> {
    let shop = Shop::open("profiles").await?;
    let zoe = freelancer("sub-zoe");
    let signed_up = json!({ "version": "1", "triggerSource": "PostConfirmation_ConfirmSignUp", "userName": "sub-zoe",
        "request": { "userAttributes": { "sub": "sub-zoe", "email": "zoe@example.org", "email_verified": "true" } },
        "response": {} });
    ensure!(shop.wake(&signed_up).await? == signed_up);
    let blank = shop.value(&zoe, "me", Value::Null).await?;
    ensure!(blank["handle"].is_null() && blank["email"] == "zoe@example.org", "{blank}");
    // All violations are reported at once, and nothing is written.
    let bad = json!({ "input": { "handle": "admin", "firstName": "Z", "lastName": "L", "email": "x",
        "phone": "1", "links": [{ "kind": "GITHUB", "url": "javascript:alert(1)" }], "nonsense": 1 } });
    let info = shop.refusal(&zoe, "createProfile", bad, "Invalid").await?;
    for code in ["handle_reserved", "email_malformed", "phone_malformed", "url_not_https", "unknown_field"] {
        ensure!(codes(&info).contains(&code), "{code}: {info}");
    }
    ensure!(shop.value(&zoe, "me", Value::Null).await? == blank);
    let made = shop.value(&zoe, "createProfile", creation("zoe")).await?;
    ensure!(made["id"] == blank["id"] && made["version"] == 2 && made["phone"] == "+33612345678", "{made}");
    let again = shop.value(&zoe, "createProfile", creation("zoe")).await?;
    ensure!(again["version"] == 2, "its answer was lost, it was asked again: {again}");
    let change = |version: u32, input: Value| json!({ "id": made["id"], "expectedVersion": version, "input": input });
    let headline = shop.value(&zoe, "updateProfile", change(2, json!({ "headline": "Rust" }))).await?;
    ensure!(headline["version"] == 3, "{headline}");
    let merged = shop.value(&zoe, "updateProfile", change(2, json!({ "bio": "Long." }))).await?;
    ensure!(merged["version"] == 4 && merged["headline"] == "Rust" && merged["bio"] == "Long.", "{merged}");
    let info = shop.refusal(&zoe, "updateProfile", change(2, json!({ "headline": "Go" })), "Conflict").await?;
    ensure!(info["fields"] == json!(["headline"]) && info["current"]["version"] == 4, "{info}");
    let gone = json!({ "id": "none", "expectedVersion": 1, "input": {} });
    shop.refusal(&member("sub-a", &["admin"]), "updateProfile", gone, "NotFound").await?;
    // Both handles lead there; a handle that looks like one of them is refused.
    let moved = shop.value(&zoe, "updateProfile", change(4, json!({ "handle": "zoe-l" }))).await?;
    ensure!(moved["version"] == 5);
    for handle in ["zoe", "ZOE-L"] {
        let found = shop.value(&zoe, "profileByHandle", json!({ "handle": handle })).await?;
        ensure!(found["handle"] == "zoe-l", "{handle}: {found}");
    }
    let info = shop.refusal(&freelancer("sub-other"), "createProfile", creation("zoe"), "Invalid").await?;
    ensure!(codes(&info) == ["handle_taken", "email_taken"], "{info}");
    let page = shop.value(&zoe, "searchProfiles", json!({ "skill": "RUST", "text": "lef" })).await?;
    ensure!(page["items"].as_array().map(Vec::len) == Some(1) && page["cursor"].is_null(), "{page}");
    let history = shop.value(&member("sub-a", &["admin"]), "profileHistory", json!({ "id": made["id"] })).await?;
    let versions: Vec<_> = history["items"].as_array().unwrap().iter().map(|line| line["version"].clone()).collect();
    ensure!(versions == [5, 4, 3, 2, 1], "{history}");
    let export = shop.value(&zoe, "exportMyData", Value::Null).await?;
    ensure!(export["history"].as_array().map(Vec::len) == Some(5), "{export}");
    ensure!(
        told(&shop).await?.iter().all(|item| ["NOTICE", "TEAM", "SLACK"].contains(&item["kind"].as_str().unwrap())),
        "whoever queues notices queues no invoices"
    );
    ensure!(
        told(&shop).await?.iter().filter(|item| item["kind"] == "NOTICE").count() == 2,
        "one for the member at once, one for the changes after it; the team has no address"
    );
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn nobody_passes_for_somebody_else() -> Result<()> {
    let shop = Shop::open("profiles-forged").await?;
    let (zoe, other) = (freelancer("sub-zoe"), freelancer("sub-other"));
    let made = shop.value(&zoe, "createProfile", creation("zoe")).await?;
    let change = json!({ "id": made["id"], "expectedVersion": 1, "input": { "headline": "mine" } });
    let mut stolen = other.clone();
    stolen["sub"] = json!("sub-zoe");
    let program = json!({ "userArn": "arn:aws:sts::123456789012:assumed-role/reports/i", "accountId": "123456789012" });
    let nobody = [Value::Null, json!({}), json!([]), json!("sub-zoe"), json!({ "sub": "sub-zoe" }), stolen, program];
    for identity in &nobody {
        for (field, arguments) in [
            ("me", Value::Null),
            ("profile", json!({ "id": made["id"] })),
            ("createProfile", creation("other")),
            ("updateProfile", change.clone()),
            ("deleteProfile", json!({ "id": made["id"] })),
            ("exportMyData", Value::Null),
        ] {
            let info = shop.refusal(identity, field, arguments, "Denied").await?;
            ensure!(info.is_null(), "{identity}: {info}");
        }
    }
    for identity in [&other, &member("sub-team", &["team"]), &member("sub-x", &["Admin", "freelancers"])] {
        shop.refusal(identity, "updateProfile", change.clone(), "Denied").await?;
        shop.refusal(identity, "deleteProfile", json!({ "id": made["id"] }), "Denied").await?;
        shop.refusal(identity, "profileHistory", json!({ "id": made["id"] }), "Denied").await?;
    }
    let seen = shop.value(&other, "profile", json!({ "id": made["id"] })).await?;
    ensure!(seen["handle"] == "zoe" && seen["email"].is_null() && seen["phone"].is_null(), "{seen}");
    let seen = shop.value(&member("sub-team", &["team"]), "profile", json!({ "id": made["id"] })).await?;
    ensure!(seen["email"] == "zoe@example.org" && seen["phone"] == "+33612345678", "{seen}");
    // Malformed ids are not found, and not a failure of the store.
    for id in [String::new(), "x".repeat(100_000), "☃".repeat(700)] {
        shop.refusal(&member("sub-a", &["admin"]), "deleteProfile", json!({ "id": id }), "NotFound").await?;
        ensure!(shop.value(&other, "profile", json!({ "id": id })).await?.is_null());
        ensure!(shop.value(&other, "profileByHandle", json!({ "handle": format!("a{id}") })).await?.is_null());
        let info = shop.refusal(&zoe, "confirmUpload", json!({ "id": format!("u{id}") }), "Invalid").await?;
        ensure!(codes(&info) == ["upload_unknown"], "{info}");
    }
    shop.refusal(&zoe, "dropTables", Value::Null, "Unknown").await?;
    ensure!(shop.value(&zoe, "me", Value::Null).await?["version"] == 1, "nothing was written");
    let log = std::fs::read_to_string(shop.bundle.function(FUNCTION).unwrap().log())?;
    for word in ["zoe@", "Lefèvre", "+336", "mine"] {
        ensure!(!log.contains(word), "the log tells {word}");
    }
    shop.bundle.stop().await;
    Ok(())
}

async fn announced(shop: &Shop, who: &Value, content_type: &str, bytes: &[u8]) -> Result<Value> {
    let kind = if content_type == "application/pdf" { "CV" } else { "AVATAR" };
    let told = json!({ "kind": kind, "contentType": content_type, "size": bytes.len(), "sha256": checksum(bytes) });
    shop.value(who, "requestUpload", told).await
}

#[tokio::test]
async fn a_file_is_taken_if_it_is_what_was_announced() -> Result<()> {
    let shop = Shop::open("profiles-files").await?;
    let zoe = freelancer("sub-zoe");
    shop.value(&zoe, "createProfile", creation("zoe")).await?;
    let png = STANDARD.decode(PIXEL)?;
    let upload = announced(&shop, &zoe, "image/png", &png).await?;
    let url = upload["url"].as_str().unwrap();
    for bound in ["content-length", "content-type", "x-amz-checksum-sha256"] {
        ensure!(url.contains(bound), "the signature binds {bound}: {url}");
        ensure!(upload["headers"].to_string().contains(bound), "the client is told {bound}: {upload}");
    }
    let confirm = json!({ "id": upload["id"] });
    let info = shop.refusal(&zoe, "confirmUpload", confirm.clone(), "Invalid").await?;
    ensure!(codes(&info) == ["upload_missing"], "{info}");
    ensure!(shop.bring(&upload, png.clone()).await? == 200);
    shop.value(&freelancer("sub-other"), "createProfile", creation("other")).await?;
    let info = shop.refusal(&freelancer("sub-other"), "confirmUpload", confirm.clone(), "Invalid").await?;
    ensure!(codes(&info) == ["upload_unknown"], "another's upload is none: {info}");
    let shown = shop.value(&zoe, "confirmUpload", confirm.clone()).await?;
    ensure!(shown["version"] == 2 && shown["avatar"]["contentType"] == "image/png", "{shown}");
    ensure!(shop.value(&zoe, "confirmUpload", confirm).await?["version"] == 2, "asked again, it is done once");
    let http = reqwest::Client::new();
    for address in ["url", "thumbnailUrl"] {
        let address = shown["avatar"][address].as_str().unwrap();
        ensure!(address.contains("X-Amz-Expires=300"), "{address}");
        let picture = http.get(address).send().await?.error_for_status()?;
        ensure!(picture.headers()["content-type"] == "image/png");
        ensure!(picture.bytes().await?.starts_with(b"\x89PNG"));
    }
    ensure!(files(&shop).await?.len() == 2, "the picture and its thumbnail, and no upload");
    // Files with a false type or malformed content.
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".to_vec();
    for (content_type, bytes) in [
        ("image/png", svg.clone()),
        ("image/jpeg", png.clone()),
        ("application/pdf", svg),
        ("image/png", [&png[..30], &[0; 30]].concat()),
    ] {
        let upload = announced(&shop, &zoe, content_type, &bytes).await?;
        ensure!(shop.bring(&upload, bytes).await? == 200);
        let info = shop.refusal(&zoe, "confirmUpload", json!({ "id": upload["id"] }), "Invalid").await?;
        ensure!(codes(&info) == ["upload_differs"], "{content_type}: {info}");
        let info = shop.refusal(&zoe, "confirmUpload", json!({ "id": upload["id"] }), "Invalid").await?;
        ensure!(codes(&info) == ["upload_unknown"], "what lied is gone: {info}");
    }
    // Other bytes than announced, or more of them: the store rejects them by checksum and signature, or else the
    // function.
    let mut other = png.clone();
    *other.last_mut().unwrap() ^= 1;
    for bytes in [other, [png.as_slice(), b"and more"].concat()] {
        let upload = announced(&shop, &zoe, "image/png", &png).await?;
        let status = shop.bring(&upload, bytes).await?;
        println!("the store answers other bytes with {status}");
        let code = if status == 200 { "upload_differs" } else { "upload_missing" };
        let info = shop.refusal(&zoe, "confirmUpload", json!({ "id": upload["id"] }), "Invalid").await?;
        ensure!(codes(&info) == [code], "{status}: {info}");
    }
    // Another type, and another path: the signature covers neither.
    let mut upload = announced(&shop, &zoe, "image/png", &png).await?;
    for header in upload["headers"].as_array_mut().unwrap() {
        if header["name"] == "content-type" {
            header["value"] = json!("text/html");
        }
    }
    ensure!(shop.bring(&upload, png.clone()).await? == 403, "the type is signed");
    let mut upload = announced(&shop, &zoe, "image/png", &png).await?;
    upload["url"] = json!(upload["url"].as_str().unwrap().replacen("/uploads/", "/profiles/", 1));
    ensure!(shop.bring(&upload, png.clone()).await? == 403, "the place is signed");
    ensure!(files(&shop).await?.len() == 2, "nothing that was refused stays: {:?}", files(&shop).await?);
    // A new picture replaces the previous one.
    for (content_type, bytes) in [("image/png", png), ("application/pdf", cv(""))] {
        let upload = announced(&shop, &zoe, content_type, &bytes).await?;
        ensure!(shop.bring(&upload, bytes).await? == 200);
        shop.value(&zoe, "confirmUpload", json!({ "id": upload["id"] })).await?;
    }
    ensure!(files(&shop).await?.len() == 3, "{:?}", files(&shop).await?);
    for kind in ["image/svg+xml", "text/html"] {
        let told = json!({ "kind": "AVATAR", "contentType": kind, "size": 3_000_000, "sha256": "x" });
        let info = shop.refusal(&zoe, "requestUpload", told, "Invalid").await?;
        ensure!(codes(&info) == ["type_not_allowed", "size_not_allowed", "checksum_malformed"], "{info}");
    }
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_cv_is_read_kept_without_its_author_and_downloaded_by_who_may_see_it() -> Result<()> {
    let shop = Shop::open("profiles-cv").await?;
    let zoe = freelancer("sub-zoe");
    let made = shop.value(&zoe, "createProfile", creation("zoe")).await?;
    for (code, bytes) in [
        ("cv_unreadable", b"%PDF-1.7\n<script>alert(1)</script>".to_vec()),
        ("cv_unreadable", [b"%PDF-MZ".as_slice(), &[0; 500]].concat()),
        ("cv_script", cv("/OpenAction<</S/JavaScript /JS(app.alert\\(1\\))>>")),
        ("cv_embedded_file", cv("/Names<</EmbeddedFiles<</Names[]>>>>")),
    ] {
        let upload = announced(&shop, &zoe, "application/pdf", &bytes).await?;
        ensure!(shop.bring(&upload, bytes).await? == 200);
        let info = shop.refusal(&zoe, "confirmUpload", json!({ "id": upload["id"] }), "Invalid").await?;
        ensure!(codes(&info) == [code], "{code}: {info}");
    }
    ensure!(files(&shop).await?.is_empty(), "nothing that was refused stays");
    let upload = announced(&shop, &zoe, "application/pdf", &cv("")).await?;
    ensure!(shop.bring(&upload, cv("")).await? == 200);
    let shown = shop.value(&zoe, "confirmUpload", json!({ "id": upload["id"] })).await?;
    let download = reqwest::get(shown["cv"]["url"].as_str().unwrap()).await?.error_for_status()?;
    ensure!(download.headers()["content-disposition"] == "attachment; filename=\"cv.pdf\"", "{download:?}");
    ensure!(download.headers()["content-type"] == "application/pdf", "{download:?}");
    let bytes = download.bytes().await?;
    ensure!(bytes.starts_with(b"%PDF-1.7"), "it is a PDF");
    ensure!(!bytes.windows(8).any(|part| part == b"stranger"), "and does not say whose");
    let by_id = json!({ "id": made["id"] });
    let callers = [(&zoe, true), (&member("sub-t", &["team"]), true), (&freelancer("sub-other"), false)];
    for (caller, sees) in callers {
        let seen = shop.value(caller, "profile", by_id.clone()).await?;
        ensure!(seen["cv"].is_object() == sees, "{caller}: {seen}");
        let page = shop.value(caller, "searchProfiles", json!({ "text": "zoe" })).await?;
        ensure!(page["items"][0]["cv"].is_object() == sees, "{caller}: {page}");
    }
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_file_confirmed_eight_times_at_once_is_kept_once_and_nobody_is_told_of_an_outage() -> Result<()> {
    let shop = std::sync::Arc::new(Shop::open("profiles-race").await?);
    let zoe = freelancer("sub-zoe");
    shop.value(&zoe, "createProfile", creation("zoe")).await?;
    let png = STANDARD.decode(PIXEL)?;
    for round in 0..2 {
        let upload = announced(&shop, &zoe, "image/png", &png).await?;
        ensure!(shop.bring(&upload, png.clone()).await? == 200);
        let asked: Vec<_> = (0..8)
            .map(|_| {
                let (shop, zoe, id) = (shop.clone(), zoe.clone(), json!({ "id": upload["id"] }));
                tokio::spawn(async move { shop.value(&zoe, "confirmUpload", id).await })
            })
            .collect();
        for answer in asked {
            let shown = answer.await??;
            ensure!(shown["version"] == round + 2, "each is answered as a repetition: {shown}");
        }
        ensure!(files(&shop).await?.len() == 2, "the picture and its thumbnail: {:?}", files(&shop).await?);
    }
    // 16 are counted; four more, and it is told when to go on.
    let mut confirmed = 0;
    let refused = loop {
        let upload = announced(&shop, &zoe, "image/png", &png).await?;
        let asked = shop.field(&zoe, "confirmUpload", json!({ "id": upload["id"] })).await?;
        let refused = codes(&asked["error"]["errorInfo"]);
        if refused == ["uploads_confirmed"] {
            break asked;
        }
        ensure!(refused == ["upload_missing"], "{asked}");
        confirmed += 1;
    };
    ensure!(confirmed >= 4, "{confirmed}");
    ensure!(refused["error"]["message"].as_str().unwrap().contains("try again after"), "{refused}");
    let kinds: Vec<_> = kept(&shop).await?.into_iter().filter(|item| item["kind"] == "RECENT").collect();
    ensure!(
        kinds.len() == 1 && kinds[0]["expires_at"].is_number() && !kinds[0].to_string().contains("zoe"),
        "{kinds:?}"
    );
    Ok(())
}

/// A member with all data that can be stored: pictures, a former handle and address, an upload in progress.
async fn a_life(shop: &Shop, name: &str) -> Result<Value> {
    let who = freelancer(&format!("sub-{name}"));
    let made = shop.value(&who, "createProfile", creation(name)).await?;
    let png = STANDARD.decode(PIXEL)?;
    let bucket = shop.bundle.aws().resources("comptoir-dev").await?["ProfileFilesBucket"].clone();
    // By hand: signatures are for the store's address, not for the wire's.
    let put = async |upload: &Value| {
        let path =
            format!("{bucket}/uploads/{}/avatar/{}", made["id"].as_str().unwrap(), upload["id"].as_str().unwrap());
        shop.bundle.aws().put(&path, png.clone()).await
    };
    let upload = announced(shop, &who, "image/png", &png).await?;
    put(&upload).await?;
    shop.value(&who, "confirmUpload", json!({ "id": upload["id"] })).await?;
    for (version, input) in
        [(2, json!({ "handle": format!("{name}-l") })), (3, json!({ "email": format!("{name}.l@example.net") }))]
    {
        let change = json!({ "id": made["id"], "expectedVersion": version, "input": input });
        shop.value(&who, "updateProfile", change).await?;
    }
    let upload = announced(shop, &who, "image/png", &png).await?;
    put(&upload).await?;
    Ok(made)
}

/// Only the deletion notices remain, which expire within a day.
async fn nothing_is_left(shop: &Shop) -> Result<()> {
    let (kept, files) = (kept(shop).await?, files(shop).await?);
    ensure!(kept.is_empty() && files.is_empty(), "{kept:?} {files:?}");
    for notice in told(shop).await? {
        if notice["kind"] == "SLACK" {
            ensure!(!notice.to_string().contains("Lef") && !notice.to_string().contains('@'), "names nobody: {notice}");
            continue;
        }
        let data = &notice["data"];
        ensure!(data["content"]["event"] == "deleted" || data["event"] == "deleted", "{notice}");
        let left = data["queued_at"].as_str().or(data["at"].as_str()).unwrap();
        let left: jiff::Timestamp = left.parse()?;
        ensure!(notice["expires_at"].as_i64().unwrap() <= left.as_second() + 24 * 3600 + 1, "{notice}");
    }
    Ok(())
}

/// Sets every deletion two hours back.
async fn two_hours_pass(shop: &Shop) -> Result<()> {
    let (table, items) = shop.client.table("ProfilesTable").await?;
    for leaver in items.iter().filter(|item| item["kind"] == "LEAVER") {
        let left: jiff::Timestamp = leaver["left_at"].as_str().unwrap().parse()?;
        let earlier = left - jiff::SignedDuration::from_hours(2);
        let input = json!({
            "TableName": table, "Key": { "pk": { "S": leaver["pk"] }, "sk": { "S": leaver["sk"] } },
            "UpdateExpression": "SET left_at = :at", "ExpressionAttributeValues": { ":at": { "S": earlier.to_string() } },
        });
        shop.bundle.aws().dynamodb("UpdateItem", &input).await?;
    }
    Ok(())
}

#[tokio::test]
async fn who_leaves_leaves_nothing() -> Result<()> {
    let shop = Shop::open_with("profiles-leave", |options| options.wire = true).await?;
    let made = a_life(&shop, "zoe").await?;
    ensure!(kept(&shop).await?.len() > 8 && files(&shop).await?.len() == 3);
    let gone = shop.value(&freelancer("sub-zoe"), "deleteProfile", json!({ "id": made["id"] })).await?;
    ensure!(gone["id"] == made["id"] && gone["avatar"].is_null(), "{gone}");
    ensure!(files(&shop).await?.is_empty());
    let noted = kept(&shop).await?;
    ensure!(noted.len() == 1 && noted[0]["kind"] == "LEAVER", "{noted:?}");
    // An upload in progress arrives late, at its presigned address.
    let bucket = shop.bundle.aws().resources("comptoir-dev").await?["ProfileFilesBucket"].clone();
    let late = format!("{bucket}/uploads/{}/avatar/late", made["id"].as_str().unwrap());
    shop.bundle.aws().put(&late, b"late".to_vec()).await?;
    ensure!(shop.wake(&json!({ "task": "sweep" })).await? == json!({ "erased": 0 }), "more may be on its way");
    ensure!(kept(&shop).await?.len() == 1 && files(&shop).await?.is_empty(), "but this is gone");
    two_hours_pass(&shop).await?;
    ensure!(shop.wake(&json!({ "task": "sweep" })).await? == json!({ "erased": 1 }));
    nothing_is_left(&shop).await?;
    ensure!(told(&shop).await?.iter().filter(|item| item["kind"] == "NOTICE").count() == 1, "the member is told");
    shop.refusal(&freelancer("sub-zoe"), "deleteProfile", json!({ "id": made["id"] }), "Denied").await?;
    // Interrupted after the first step: the profile is gone at once, the rest at the next scheduled run.
    let made = a_life(&shop, "ana").await?;
    let order = |operation: &str| {
        let (function, operation) = (FUNCTION.to_owned(), Some(operation.to_owned()));
        shop.bundle.wire().unwrap().order(Order { function, operation, after: 0, times: 100, cut: Cut::Fail });
    };
    order("ListObjectsV2");
    shop.value(&member("sub-a", &["admin"]), "deleteProfile", json!({ "id": made["id"] })).await?;
    ensure!(shop.value(&freelancer("sub-ana"), "me", Value::Null).await?.is_null());
    ensure!(files(&shop).await?.len() == 3, "S3 was away");
    ensure!(shop.wake(&json!({ "task": "sweep" })).await.is_err(), "and is still");
    shop.bundle.wire().unwrap().clear();
    two_hours_pass(&shop).await?;
    ensure!(shop.wake(&json!({ "task": "sweep" })).await? == json!({ "erased": 1 }));
    ensure!(shop.wake(&json!({ "task": "sweep" })).await? == json!({ "erased": 0 }));
    nothing_is_left(&shop).await?;
    // Handle and address are free again, for any member.
    let back = shop.value(&freelancer("sub-new"), "createProfile", creation("zoe")).await?;
    ensure!(back["version"] == 1 && back["id"] != made["id"]);
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn while_aws_is_away_members_are_told_so_and_nothing_is_half_written() -> Result<()> {
    let shop = Shop::open("profiles-away").await?;
    let zoe = freelancer("sub-zoe");
    let made = shop.value(&zoe, "createProfile", creation("zoe")).await?;
    shop.bundle.stop_aws().await;
    let change = json!({ "id": made["id"], "expectedVersion": 1, "input": { "handle": "zoe-l", "headline": "x" } });
    let info = shop.refusal(&zoe, "updateProfile", change.clone(), "Unavailable").await?;
    ensure!(info.is_null(), "{info}");
    let signed_up = json!({ "triggerSource": "PostConfirmation_ConfirmSignUp",
        "request": { "userAttributes": { "sub": "sub-a", "email": "a@example.org", "email_verified": "true" } } });
    ensure!(shop.wake(&signed_up).await? == signed_up, "an account is confirmed all the same");
    shop.bundle.resume_aws().await?;
    ensure!(shop.value(&zoe, "me", Value::Null).await?["version"] == 1);
    ensure!(shop.value(&zoe, "updateProfile", change).await?["version"] == 2);
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn one_of_sixty_four_claims_of_a_handle_wins() -> Result<()> {
    let shop = Shop::open("profiles-claims").await?;
    let shop = std::sync::Arc::new(shop);
    let claims: Vec<_> = (0..64)
        .map(|n| {
            let shop = shop.clone();
            tokio::spawn(async move {
                let mut asked = creation("zoe");
                asked["input"]["email"] = json!(format!("m{n}@example.org"));
                shop.field(&freelancer(&format!("sub-{n}")), "createProfile", asked).await
            })
        })
        .collect();
    let mut won = 0;
    for claim in claims {
        let answer = claim.await??;
        if answer.get("error").is_none() {
            won += 1;
        } else {
            ensure!(codes(&answer["error"]["errorInfo"]) == ["handle_taken"], "{answer}");
        }
    }
    ensure!(won == 1, "{won} of 64 have the handle");
    let kinds: Vec<_> = kept(&shop).await?.iter().map(|item| item["kind"].clone()).collect();
    ensure!(kinds.len() == 5, "a profile, its history and three guards: {kinds:?}");
    Ok(())
}

#[tokio::test]
async fn members_and_team_are_told_once_of_each_change() -> Result<()> {
    let seller = seller_file("profiles-told", &[("# team = \"equipe@example.org\"", "team = \"equipe@example.org\"")])?;
    let shop = Shop::open_with("profiles-told", |options| options.seller_file = Some(seller)).await?;
    let zoe = freelancer("sub-zoe");
    let made = shop.value(&zoe, "createProfile", creation("zoe")).await?;
    let change = json!({ "id": made["id"], "expectedVersion": made["version"], "input": { "email": "neuf@example.org", "phone": null } });
    shop.value(&zoe, "updateProfile", change).await?;
    // The second change is reported ten minutes after the first; a person sweeps.
    shop.wait_for("the notice that collects changes", async |shop: &Shop| {
        Ok(told(shop).await?.iter().any(|item| item.get("due_at").is_some()).then_some(()))
    })
    .await?;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    ensure!(!shop.mails().await?.iter().any(|mail| mail.to == "neuf@example.org"), "it is not sent before");
    shop.client.invoke("sweep", &json!({"older_than_seconds": 0})).await?;
    shop.wait_for("every mail to be delivered", async |shop: &Shop| {
        let waits =
            |item: &Value| !["delivered", "told", "sent"].contains(&item["status"].as_str().unwrap_or_default());
        let mailed = shop.mails().await?.iter().any(|mail| mail.to == "equipe@example.org");
        Ok((mailed && !told(shop).await?.iter().any(waits)).then_some(()))
    })
    .await?;
    let mails = shop.mails().await?;
    let of = |to: &str| mails.iter().filter(|mail| mail.to == to).map(|mail| mail.subject.as_str()).collect::<Vec<_>>();
    // The former address is notified of the change: an attacker with the account does not have the mailbox.
    ensure!(of("zoe@example.org").len() == 2 && of("neuf@example.org").len() == 1, "{mails:?}");
    // Both changes at once, unless the first notice was sent before the second change.
    let team = of("equipe@example.org").len();
    ensure!((1..=2).contains(&team), "{mails:?}");
    for mail in &mails {
        ensure!(mail.attachments.is_empty() && !mail.text.contains("+336") && !mail.html.contains("+336"), "{mail:?}");
        ensure!(mail.to == "neuf@example.org" || !mail.text.contains("neuf@example.org"), "{mail:?}");
    }
    ensure!(shop.mails().await?.len() == 3 + team && shop.client.parked().await?.is_empty(), "once each");
    shop.bundle.stop().await;
    Ok(())
}

#[tokio::test]
async fn who_called_a_notice_spam_is_left_alone() -> Result<()> {
    const ANNOYED: &str = "complaint@simulator.amazonses.com";
    let shop = Shop::open("profiles-annoyed").await?;
    let annoyed = freelancer("sub-annoyed");
    let mut arguments = creation("annoyed");
    arguments["input"]["email"] = json!(ANNOYED);
    let made = shop.value(&annoyed, "createProfile", arguments).await?;
    shop.wait_for("the complaint", async |shop: &Shop| {
        Ok(told(shop).await?.iter().any(|item| item["kind"] == "SUPPRESSED").then_some(()))
    })
    .await?;
    let change = json!({ "id": made["id"], "expectedVersion": made["version"], "input": { "headline": "Quieter" } });
    shop.value(&annoyed, "updateProfile", change).await?;
    // A later notice that has been sent proves that theirs were processed.
    shop.value(&freelancer("sub-zoe"), "createProfile", creation("zoe")).await?;
    shop.wait_for("the next", async |shop: &Shop| {
        Ok(shop.mails().await?.iter().any(|mail| mail.to == "zoe@example.org").then_some(()))
    })
    .await?;
    let mails = shop.mails().await?;
    ensure!(mails.iter().filter(|mail| mail.to == ANNOYED).count() == 1, "{mails:?}");
    ensure!(shop.client.parked().await?.is_empty(), "and nobody has to see to it");
    shop.bundle.stop().await;
    Ok(())
}
