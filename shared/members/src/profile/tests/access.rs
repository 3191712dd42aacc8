//! Every role, every operation, every field.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::profile::{
    Field, Profile, ProfileId,
    access::{Caller, Denied, Operation, may, view, visible},
    upload::checksum,
};

/// Roles, and whether each may run an operation on its own profile, on another's, and on none in particular.
const ROLES: [(&str, &[&str]); 5] = [
    ("nobody", &[]),
    ("freelancer", &["freelancer"]),
    ("team", &["team"]),
    ("admin", &["admin"]),
    ("freelancer and team", &["freelancer", "team"]),
];

/// For each operation: `o` own, `a` another's, `n` none in particular; a column for each of the roles.
const TABLE: [(Operation, [&str; 5]); 11] = [
    (Operation::CreateProfile, ["", "o", "", "", "o"]),
    (Operation::UpdateProfile, ["", "o", "", "oan", "o"]),
    (Operation::DeleteProfile, ["o", "o", "o", "oan", "o"]),
    (Operation::RequestUpload, ["", "o", "", "", "o"]),
    (Operation::ConfirmUpload, ["", "o", "", "", "o"]),
    (Operation::Me, ["o", "o", "o", "o", "o"]),
    (Operation::Profile, ["o", "oan", "oan", "oan", "oan"]),
    (Operation::ProfileByHandle, ["o", "oan", "oan", "oan", "oan"]),
    (Operation::SearchProfiles, ["o", "oan", "oan", "oan", "oan"]),
    (Operation::ProfileHistory, ["", "", "", "oan", ""]),
    (Operation::ExportMyData, ["o", "o", "o", "o", "o"]),
];

fn caller(groups: &[&str]) -> Caller {
    Caller::read(&member("me", groups), &Programs::new(), "123456789012").unwrap()
}

#[test]
fn every_role_may_do_what_the_table_says() {
    assert_eq!(TABLE.map(|(operation, _)| operation), Operation::ALL);
    for (operation, columns) in TABLE {
        for ((role, groups), allowed) in ROLES.into_iter().zip(columns) {
            for (letter, owner) in [('o', Some("me")), ('a', Some("you")), ('n', None)] {
                let expected = if allowed.contains(letter) { Ok(()) } else { Err(Denied) };
                assert_eq!(may(&caller(groups), operation, owner), expected, "{role}: {operation:?} {owner:?}");
            }
        }
    }
}

#[test]
fn every_role_sees_what_it_may() {
    let mut profile = Profile::blank(ProfileId("p1".into()), "you", "you@example.org", Language::Fr, start());
    profile.phone = Some("+33612345678".into());
    let iam = Caller::Iam { role: "publisher".into(), may: BTreeSet::from(Operation::ALL) };
    let callers = ROLES.into_iter().map(|(role, groups)| (role, caller(groups))).chain([("iam", iam)]);
    for (role, caller) in callers {
        for owner in ["me", "you"] {
            profile.owner = owner.into();
            let all = role.contains("team") || role == "admin" || (role != "iam" && owner == "me");
            let view = view(&caller, &profile);
            assert_eq!(view.len(), Field::ALL.len());
            for field in Field::ALL {
                let sees = all || !matches!(field, Field::Email | Field::Phone | Field::Cv);
                assert_eq!(visible(&caller, owner).contains(&field), sees, "{role}: {field:?} of {owner}");
                let shown = if sees { field.of(&profile) } else { Value::Null };
                assert_eq!(view[field.name()], shown, "{role}: {field:?} of {owner}");
            }
        }
    }
}

/// A CV has the address and the number in it, so that hiding these and showing it would hide nothing.
#[tokio::test]
async fn a_cv_is_shown_to_who_sees_the_address_in_every_answer() {
    let house = House::under(FaultPlan::default());
    let zoe = freelancer("zoe");
    let made = house.ask(&zoe, "createProfile", input("zoe")).await.unwrap();
    let bytes = b"%PDF-1.7";
    let announced =
        json!({ "kind": "CV", "contentType": "application/pdf", "size": bytes.len(), "sha256": checksum(bytes) });
    let asked = house.ask(&zoe, "requestUpload", announced).await.unwrap();
    house.shelf.put(asked["url"].as_str().unwrap().trim_start_matches("memory:"), bytes);
    house.ask(&zoe, "confirmUpload", json!({ "id": asked["id"] })).await.unwrap();
    for (role, groups) in ROLES {
        for sub in ["zoe", "you"] {
            let own = sub == "zoe";
            if !own && groups.is_empty() {
                continue;
            }
            let who = member(sub, groups);
            let by_id = house.ask(&who, "profile", json!({ "id": made["id"] })).await.unwrap();
            let by_handle = house.ask(&who, "profileByHandle", json!({ "handle": "zoe" })).await.unwrap();
            let mut seen = vec![by_id, by_handle];
            if !groups.is_empty() {
                let mut page = house.ask(&who, "searchProfiles", json!({ "text": "zoe" })).await.unwrap();
                seen.push(page["items"][0].take());
            }
            for profile in seen {
                let sees = own || role.contains("team") || role == "admin";
                assert_eq!(profile["cv"].is_object(), sees, "{role} {sub}: {profile}");
                assert_eq!(profile["email"].is_string(), sees, "{role} {sub}: {profile}");
            }
        }
    }
}

#[test]
fn identities_are_read_or_refused() {
    let arn = "arn:aws:sts::123456789012:assumed-role/publisher/session";
    let programs = Programs::from([("publisher".to_owned(), BTreeSet::from([Operation::Profile]))]);
    let read = |identity: Value| Caller::read(&identity, &programs, "123456789012");
    let none = read(json!({ "sub": "me", "groups": null, "claims": { "sub": "me" } })).unwrap();
    assert_eq!(none, Caller::Member { sub: "me".into(), groups: BTreeSet::new(), pool: None, email: None });
    let strange = read(json!({ "sub": "me", "groups": ["admins", 7, "ADMIN"], "claims": {} })).unwrap();
    assert_eq!(strange, Caller::Member { sub: "me".into(), groups: BTreeSet::new(), pool: None, email: None });
    let iam = read(json!({ "userArn": arn, "accountId": "123456789012" })).unwrap();
    assert_eq!(may(&iam, Operation::Profile, None), Ok(()));
    for operation in Operation::ALL.into_iter().filter(|operation| *operation != Operation::Profile) {
        assert_eq!(may(&iam, operation, Some("me")), Err(Denied), "{operation:?}");
    }
    for bad in [
        Value::Null,
        json!({}),
        json!([]),
        json!("me"),
        json!({ "sub": "" }),
        json!({ "sub": "me" }),
        json!({ "sub": "me", "claims": { "sub": "you" } }),
        json!({ "sub": "me", "claims": {}, "userArn": arn }),
        json!({ "userArn": "arn:aws:sts::123456789012:assumed-role/other/session" }),
        json!({ "userArn": "arn:aws:iam::123456789012:user/publisher" }),
        json!({ "userArn": "arn:aws:sts::123456789012:federated-user/publisher" }),
        json!({ "userArn": "publisher" }),
        json!({ "userArn": "arn:aws:sts::210987654321:assumed-role/publisher/session", "accountId": "123456789012" }),
        json!({ "userArn": "arn:aws:sts:::assumed-role/publisher/session" }),
    ] {
        assert_eq!(read(bad.clone()), Err(Denied), "{bad}");
    }
}

#[tokio::test]
async fn other_peoples_ids_open_nothing() {
    let house = House::under(FaultPlan::default());
    let id = house.ask(&freelancer("zoe"), "createProfile", input("zoe")).await.unwrap()["id"].clone();
    for who in [freelancer("eve"), member("eve", &["team"]), member("eve", &[]), Value::Null] {
        for (field, arguments) in [
            ("updateProfile", json!({ "id": id, "expectedVersion": 1, "input": { "headline": "eve" } })),
            ("deleteProfile", json!({ "id": id })),
            ("profileHistory", json!({ "id": id })),
        ] {
            let error = house.ask(&who, field, arguments).await.unwrap_err();
            assert_eq!(error.error_type, crate::profile::service::ErrorType::Denied, "{who} {field}");
        }
    }
    assert_eq!(house.ask(&freelancer("zoe"), "me", Value::Null).await.unwrap()["version"], json!(1));
}
