//! Concurrent changes of one profile.

use serde_json::json;

use super::*;
use crate::profile::service::ErrorType;

#[tokio::test]
async fn changes_of_different_fields_both_stand() {
    let house = House::under(FaultPlan::default());
    let zoe = freelancer("zoe");
    let id = house.ask(&zoe, "createProfile", input("zoe")).await.unwrap()["id"].clone();
    let update = async |version: u32, input: Value| {
        house.ask(&zoe, "updateProfile", json!({ "id": id, "expectedVersion": version, "input": input })).await
    };
    assert_eq!(update(1, json!({ "headline": "one" })).await.unwrap()["version"], json!(2));
    let merged = update(1, json!({ "bio": "two" })).await.unwrap();
    assert_eq!((&merged["headline"], &merged["bio"], &merged["version"]), (&json!("one"), &json!("two"), &json!(3)));
    let error = update(1, json!({ "headline": "three", "bio": "three", "firstName": "Zoë" })).await.unwrap_err();
    assert_eq!(error.error_type, ErrorType::Conflict);
    assert_eq!(error.info["fields"], json!(["headline", "bio"]));
    assert_eq!((&error.info["current"]["headline"], &error.info["current"]["version"]), (&json!("one"), &json!(3)));
    let agreed = update(1, json!({ "headline": "one", "firstName": "Zoë" })).await.unwrap();
    assert_eq!(agreed["version"], json!(4), "who wants what stands already conflicts with nobody");
    assert_eq!(update(4, json!({ "firstName": " Zoë " })).await.unwrap()["version"], json!(4), "nothing changed");
    assert_eq!(update(4, json!({})).await.unwrap()["version"], json!(4));
    let future = update(9, json!({ "headline": "x" })).await.unwrap_err();
    assert_eq!((future.error_type, &future.info["fields"]), (ErrorType::Conflict, &json!(["version"])));
    assert_eq!(update(0, json!({})).await.unwrap_err().error_type, ErrorType::Invalid);
}

#[tokio::test]
async fn changes_at_once_are_merged_or_refused_and_never_lost() {
    let house = House::under(FaultPlan::default());
    let zoe = freelancer("zoe");
    let id = house.ask(&zoe, "createProfile", input("zoe")).await.unwrap()["id"].clone();
    let change = |input: Value| json!({ "id": id, "expectedVersion": 1, "input": input });
    let (one, two, three) = tokio::join!(
        house.ask(&zoe, "updateProfile", change(json!({ "headline": "one" }))),
        house.ask(&zoe, "updateProfile", change(json!({ "headline": "two" }))),
        house.ask(&zoe, "updateProfile", change(json!({ "bio": "three" }))),
    );
    assert!(three.is_ok() && one.is_ok() != two.is_ok());
    let me = house.ask(&zoe, "me", Value::Null).await.unwrap();
    assert_eq!((&me["version"], &me["bio"]), (&json!(3), &json!("three")));
}
