//! What is counted for each member, and the same confirmation coming many times at once.

use std::pin::Pin;

use serde_json::{Value, json};

use super::*;
use crate::{
    profile::{
        recent::{MOST_CONFIRMED, MOST_EXPORTED, MOST_OPEN},
        upload::checksum,
    },
    testing::profiles::together,
};

type Asked<'a> = Pin<Box<dyn Future<Output = Result<Value, ApiError>> + 'a>>;

async fn brought(house: &House, who: &Value, bytes: &[u8]) -> Value {
    let told = json!({ "kind": "AVATAR", "contentType": "image/png", "size": bytes.len(), "sha256": checksum(bytes) });
    let asked = house.ask(who, "requestUpload", told).await.unwrap();
    house.shelf.put(asked["url"].as_str().unwrap().trim_start_matches("memory:"), bytes);
    asked["id"].clone()
}

#[tokio::test]
async fn a_file_confirmed_many_times_at_once_is_kept_once_and_everybody_is_answered() {
    let house = House::under(FaultPlan::default());
    let zoe = freelancer("zoe");
    house.ask(&zoe, "createProfile", input("zoe")).await.unwrap();
    for (round, picture) in [b"\x89PNG\r\n\x1a\none".as_slice(), b"\x89PNG\r\n\x1a\ntwo"].into_iter().enumerate() {
        let id = brought(&house, &zoe, picture).await;
        let asked: Vec<Asked<'_>> =
            (0..8).map(|_| Box::pin(house.ask(&zoe, "confirmUpload", json!({ "id": id }))) as _).collect();
        let answers = together(asked).await;
        for answer in answers {
            let shown = answer.unwrap();
            assert_eq!(shown["version"], json!(round + 2), "{shown}");
            assert!(shown["avatar"]["url"].as_str().unwrap().contains(id.as_str().unwrap()), "{shown}");
        }
        assert_eq!(house.shelf.keys().len(), 2, "the picture and its thumbnail: {:?}", house.shelf.keys());
    }
}

#[tokio::test]
async fn announcements_confirmations_and_exports_are_counted() {
    let house = House::under(FaultPlan::default());
    let zoe = freelancer("zoe");
    house.ask(&zoe, "createProfile", input("zoe")).await.unwrap();
    let png = b"\x89PNG\r\n\x1a\nrest";
    let told = json!({ "kind": "AVATAR", "contentType": "image/png", "size": png.len(), "sha256": checksum(png) });
    let mut ids = Vec::new();
    for _ in 0..MOST_OPEN {
        ids.push(house.ask(&zoe, "requestUpload", told.clone()).await.unwrap()["id"].clone());
    }
    let error = house.ask(&zoe, "requestUpload", told.clone()).await.unwrap_err();
    assert_eq!(mistakes(&error), [("uploads_open".into(), String::new())]);
    assert!(
        error.message.contains(&format!("At most {MOST_OPEN} ")) && error.message.contains("2026-11-21T10:15:01Z"),
        "{error:?}"
    );
    for n in 0..MOST_CONFIRMED {
        let error = house.ask(&zoe, "confirmUpload", json!({ "id": ids[n % ids.len()] })).await.unwrap_err();
        assert_eq!(mistakes(&error), [("upload_missing".into(), "id".into())], "{n}");
    }
    let error = house.ask(&zoe, "confirmUpload", json!({ "id": ids[0] })).await.unwrap_err();
    assert_eq!(mistakes(&error), [("uploads_confirmed".into(), String::new())]);
    assert!(
        error.message.contains(&format!("At most {MOST_CONFIRMED} ")) && error.message.contains("2026-11-21T11:00:01Z"),
        "{error:?}"
    );
    // A stranger who only signed up exports as often as a member, and no more.
    for who in [&zoe, &member("stranger", &[])] {
        for _ in 0..MOST_EXPORTED {
            house.ask(who, "exportMyData", Value::Null).await.unwrap();
        }
        let error = house.ask(who, "exportMyData", Value::Null).await.unwrap_err();
        assert_eq!(mistakes(&error), [("exports_taken".into(), String::new())]);
        assert!(error.message.contains(&format!("{MOST_EXPORTED} times an hour")), "{error:?}");
    }
    let later = start() + jiff::SignedDuration::from_secs(3601);
    house.ask_at(later, &zoe, "exportMyData", Value::Null).await.unwrap();
    house.ask_at(later, &zoe, "requestUpload", told).await.unwrap();
    assert!(house.members.everything().contains("RecentKey"), "they are searched for traces too");
}
