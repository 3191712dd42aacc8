//! What a member who leaves takes along, what they are given of it before, and whose an address is once an account is gone.

use serde_json::{Value, json};

use super::*;
use crate::profile::{
    ProfileId,
    account::{AccountId, Accounts, Attributes, INVITED, UNCONFIRMED_FOR, forget_unconfirmed},
    directory::Directory,
    notice::{Audience, Event},
    service::{ErrorType, Newcomer, welcome},
    upload,
};

const POOL: &str = "eu-west-3_Ab12";

/// A freelancer of the pool, who has an account there.
fn account(house: &House, sub: &str, email: &str) -> Value {
    let attributes = Attributes::from([("email".to_owned(), email.to_owned()), ("name".to_owned(), "Zoé".to_owned())]);
    house.accounts.open(&of(sub), attributes);
    let mut who = freelancer(sub);
    who["issuer"] = json!(format!("https://cognito-idp.eu-west-3.amazonaws.com/{POOL}"));
    who["claims"]["email"] = json!(email);
    who["claims"]["email_verified"] = json!(true);
    who
}

fn of(sub: &str) -> AccountId {
    AccountId { pool: POOL.to_owned(), sub: sub.to_owned() }
}

async fn exists(house: &House, sub: &str) -> bool {
    house.accounts.attributes(&of(sub)).await.unwrap().is_some()
}

#[tokio::test]
async fn the_account_goes_with_the_profile_and_its_token_writes_nothing_anew() {
    let house = House::under(FaultPlan::default());
    let zoe = account(&house, "sub-1", "zoe@example.org");
    let made = house.ask(&zoe, "createProfile", input("zoe")).await.unwrap();
    house.ask(&zoe, "deleteProfile", json!({ "id": made["id"] })).await.unwrap();
    assert!(!exists(&house, "sub-1").await, "signing in is over as well");
    let png = json!({ "kind": "AVATAR", "contentType": "image/png", "size": 1, "sha256": upload::checksum(b"x") });
    let change = json!({ "id": made["id"], "expectedVersion": 1, "input": { "headline": "back" } });
    for (field, arguments, refused) in [
        ("createProfile", input("zoe"), ErrorType::Denied),
        ("updateProfile", change, ErrorType::Denied),
        ("deleteProfile", json!({ "id": made["id"] }), ErrorType::Denied),
        ("requestUpload", png, ErrorType::NotFound),
    ] {
        assert_eq!(house.ask(&zoe, field, arguments).await.unwrap_err().error_type, refused, "{field}");
    }
    let everything = house.members.everything();
    for trace in ["sub-1", "zoe", "Lef", "example.org", "+336"] {
        assert!(!everything.contains(trace), "{trace} in {everything}");
    }
    // Who signs up anew is somebody else, and has the address and the handle.
    let again = account(&house, "sub-2", "zoe@example.org");
    house.ask(&again, "createProfile", input("zoe")).await.unwrap();
}

#[tokio::test]
async fn an_admin_who_deletes_a_profile_ends_its_account_and_not_their_own() {
    let house = House::under(FaultPlan::default());
    let zoe = account(&house, "sub-1", "zoe@example.org");
    let made = house.ask(&zoe, "createProfile", input("zoe")).await.unwrap();
    let mut admin = account(&house, "sub-admin", "admin@example.org");
    admin["groups"] = json!(["admin"]);
    house.ask(&admin, "deleteProfile", json!({ "id": made["id"] })).await.unwrap();
    assert!(!exists(&house, "sub-1").await && exists(&house, "sub-admin").await);
}

/// Whoever pays with an address has it invited, and proves nothing by that.
#[tokio::test]
async fn an_invitation_that_nobody_answered_gives_way_to_who_proves_the_address() {
    let house = House::under(FaultPlan::default());
    account(&house, "sub-invited", "zoe@example.org");
    let email = Attributes::from([("email".to_owned(), "zoe@example.org".to_owned())]);
    let invited = Attributes::from([(INVITED.to_owned(), String::new())]).into_iter().chain(email).collect();
    house.accounts.open(&of("sub-invited"), invited);
    let newcomer =
        Newcomer { sub: "sub-invited", email: "zoe@example.org", name: None, language: Language::Fr, pool: Some(POOL) };
    let blank = welcome(&house.members, ProfileId("p1".to_owned()), newcomer, start()).await.unwrap();
    assert!(blank.is_some());
    let google = account(&house, "sub-google", "zoe@example.org");
    let made = house.ask(&google, "createProfile", input("zoe")).await.unwrap();
    assert_eq!(made["email"], "zoe@example.org");
    assert!(!exists(&house, "sub-invited").await, "the invitation is over");
    assert!(house.members.by_owner("sub-invited").await.unwrap().is_none());
}

#[tokio::test]
async fn an_address_is_free_once_the_account_that_proved_it_is_gone() {
    let house = House::under(FaultPlan::default());
    let old = account(&house, "sub-old", "zoe@example.org");
    let made = house.ask(&old, "createProfile", input("zoe")).await.unwrap();
    let mut wanted = input("zoe-new");
    wanted["input"]["email"] = json!("ZOE@example.org");
    let new = account(&house, "sub-new", "zoe@example.org");
    let error = house.ask(&new, "createProfile", wanted.clone()).await.unwrap_err();
    assert_eq!(mistakes(&error), [("email_taken".into(), "email".into())], "both have an account");
    house.accounts.delete(&of("sub-old")).await.unwrap();
    // Another pool, or nobody's token, says nothing about this one's accounts.
    let mut stranger = new.clone();
    stranger["issuer"] = json!("https://cognito-idp.eu-west-3.amazonaws.com/eu-west-3_Other");
    let error = house.ask(&stranger, "createProfile", wanted.clone()).await.unwrap_err();
    assert_eq!(mistakes(&error), [("email_taken".into(), "email".into())]);
    let before = house.members.notices().len();
    let taken = house.ask(&new, "createProfile", wanted).await.unwrap();
    assert_ne!(taken["id"], made["id"]);
    let told: Vec<_> = house.members.notices().into_iter().filter(|one| one.event == Event::Deleted).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told.iter().all(|one| one.audience == Audience::Team), "the new owner is not told of the old profile");
    assert_eq!(house.members.notices().len(), before + 3);
    let error = house.ask(&old, "updateProfile", json!({ "id": made["id"], "expectedVersion": 1, "input": {} })).await;
    assert_eq!(error.unwrap_err().error_type, ErrorType::Denied, "the old token is over");
}

#[tokio::test]
async fn old_and_new_owner_at_once_leave_one_profile_with_the_address() {
    for ahead in 0..12 {
        let house = House::under(FaultPlan::default());
        let old = account(&house, "sub-old", "zoe@example.org");
        let made = house.ask(&old, "createProfile", input("zoe")).await.unwrap();
        house.accounts.delete(&of("sub-old")).await.unwrap();
        let new = account(&house, "sub-new", "zoe@example.org");
        let mut wanted = input("zoe-new");
        wanted["input"]["email"] = json!("zoe@example.org");
        let writes = async {
            for _ in 0..ahead {
                tokio::task::yield_now().await;
            }
            let change = json!({ "id": made["id"], "expectedVersion": 1, "input": { "headline": "still here" } });
            house.ask(&old, "updateProfile", change).await
        };
        let (changed, taken) = tokio::join!(writes, house.ask(&new, "createProfile", wanted));
        let taken = taken.unwrap();
        let refused =
            changed.map_or_else(|error| matches!(error.error_type, ErrorType::Denied | ErrorType::NotFound), |_| true);
        assert!(refused, "{ahead}: the old owner writes before, or not at all");
        let mut admin = member("sub-admin", &["admin"]);
        admin["issuer"] = new["issuer"].clone();
        assert_eq!(house.ask(&admin, "profile", json!({ "id": made["id"] })).await.unwrap(), Value::Null, "{ahead}");
        assert_eq!(house.ask(&new, "me", Value::Null).await.unwrap()["id"], taken["id"], "{ahead}");
        assert!(!house.members.everything().contains("still here"), "{ahead}");
    }
}

#[tokio::test]
async fn an_account_that_nobody_confirms_is_gone_after_a_day() {
    let house = House::under(FaultPlan::default());
    account(&house, "sub-1", "zoe@example.org");
    let waiting = Attributes::from([("unconfirmed_since".to_owned(), start().to_string())]);
    house.accounts.open(&of("sub-2"), waiting);
    let day = start() + UNCONFIRMED_FOR;
    assert_eq!(forget_unconfirmed(&house.accounts, POOL, day).await.unwrap(), 0, "not yet");
    let later = day + jiff::SignedDuration::from_secs(1);
    assert_eq!(forget_unconfirmed(&house.accounts, "eu-west-3_Other", later).await.unwrap(), 0);
    assert_eq!(forget_unconfirmed(&house.accounts, POOL, later).await.unwrap(), 1);
    assert!(exists(&house, "sub-1").await && !exists(&house, "sub-2").await);
}

#[tokio::test]
async fn an_export_has_what_is_stored_and_the_history_no_contact_data() {
    let house = House::under(FaultPlan::default());
    let zoe = account(&house, "sub-1", "zoe@example.org");
    let made = house.ask(&zoe, "createProfile", input("zoe")).await.unwrap();
    let input = json!({ "handle": "zoe-l", "phone": null, "location": null, "headline": "Go" });
    let change = json!({ "id": made["id"], "expectedVersion": 1, "input": input });
    house.ask(&zoe, "updateProfile", change).await.unwrap();
    let png = json!({ "kind": "AVATAR", "contentType": "image/png", "size": 1, "sha256": upload::checksum(b"x") });
    let announced = house.ask(&zoe, "requestUpload", png).await.unwrap();
    let export = house.ask(&zoe, "exportMyData", Value::Null).await.unwrap();
    assert_eq!(export["uploads"][0]["id"], announced["id"]);
    assert_eq!(export["formerHandles"], json!(["zoe"]));
    assert_eq!(export["notices"].as_array().map(Vec::len), Some(4), "{}", export["notices"]);
    assert_eq!(export["signIn"]["email"], "zoe@example.org");
    assert_eq!(export["lately"]["open"][0]["id"], announced["id"]);
    assert!(export["invoices"].as_str().unwrap().contains("ten years"), "{export}");
    let mut admin = member("sub-admin", &["admin"]);
    admin["issuer"] = zoe["issuer"].clone();
    let history = house.ask(&admin, "profileHistory", json!({ "id": made["id"] })).await.unwrap();
    for (kept, history) in [("everything", house.members.everything()), ("answer", history.to_string())] {
        for gone in ["+33612345678", "Montpellier"] {
            assert!(!history.contains(gone), "{gone} in {kept}: {history}");
        }
    }
    assert!(history["items"][0]["changes"].to_string().contains("phone"), "that it changed is told: {history}");
    assert!(history["items"][0]["changes"].to_string().contains("Go"), "and other fields as they were: {history}");
}
