//! The operations, each with its success and its errors.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::*;
use crate::profile::{
    Field, ProfileId,
    handle::RESERVED_FOR,
    notice::{Audience, Event},
    pace::{APART, CHANGES_AN_HOUR},
    service::{ErrorType, Newcomer, leave, welcome},
    upload::{EXPIRES_AFTER, checksum},
};

#[tokio::test]
async fn a_profile_is_created_read_changed_and_found() {
    let house = House::under(FaultPlan::default());
    let zoe = freelancer("zoe");
    let made = house.ask(&zoe, "createProfile", input("Zoe-L")).await.unwrap();
    assert_eq!((&made["handle"], &made["email"]), (&json!("zoe-l"), &json!("Zoe-L@example.org")));
    assert_eq!((&made["phone"], &made["version"]), (&json!("+33612345678"), &json!(1)));
    assert_eq!(made["location"], json!({ "city": "Montpellier", "country": "FR" }));
    assert_eq!(made["availability"], json!({ "status": "FROM", "from": "2027-01-04" }));
    assert_eq!(made["languages"], json!(["fr", "en-GB"]));
    assert_eq!(house.ask(&zoe, "me", Value::Null).await.unwrap(), made);
    let id = &made["id"];
    let change =
        json!({ "id": id, "expectedVersion": 1, "input": { "headline": "Go", "phone": null, "bio": " a\r\nb " } });
    let changed = house.ask(&zoe, "updateProfile", change).await.unwrap();
    assert_eq!((&changed["version"], &changed["phone"], &changed["bio"]), (&json!(2), &Value::Null, &json!("a\nb")));
    let other = freelancer("other");
    let seen = house.ask(&other, "profileByHandle", json!({ "handle": "@ZOE-L" })).await.unwrap();
    assert_eq!((&seen["id"], &seen["email"]), (id, &Value::Null));
    let found = house.ask(&other, "searchProfiles", json!({ "skill": "rust", "text": "lef" })).await.unwrap();
    assert_eq!((&found["items"][0]["id"], &found["cursor"]), (id, &Value::Null));
    assert_eq!(house.ask(&other, "profile", json!({ "id": "nobody" })).await.unwrap(), Value::Null);
    let admin = member("boss", &["admin"]);
    let history = house.ask(&admin, "profileHistory", json!({ "id": id })).await.unwrap();
    let changes = &history["items"][0]["changes"];
    assert_eq!(
        changes[0],
        json!({ "field": "phone", "from": "null", "to": "null" }),
        "that it changed, not what it was"
    );
    assert_eq!(changes[1], json!({ "field": "headline", "from": "\"Rust, surtout\"", "to": "\"Go\"" }));
    assert_eq!(history["items"][0]["by"], json!("member/zoe"));
    let export = house.ask(&zoe, "exportMyData", Value::Null).await.unwrap();
    assert_eq!((&export["profile"]["id"], export["history"].as_array().unwrap().len()), (id, 2));
    let told: Vec<(String, Event)> = house.members.notices().into_iter().map(|one| (one.id, one.event)).collect();
    let expected = [
        (1, "member", Event::Created),
        (1, "team", Event::Created),
        (2, "member", Event::Changed),
        (2, "team", Event::Changed),
    ];
    assert_eq!(told, expected.map(|(version, whom, event)| (format!("profile/r0/{version}/{whom}"), event)));
}

#[tokio::test]
async fn every_mistake_is_told_at_once_in_the_callers_language() {
    let house = House::under(FaultPlan::default());
    let wrong = json!({ "input": {
        "handle": "раypal", "firstName": "", "email": "a@b", "phone": "12", "headline": "x".repeat(121), "bio": 7,
        "skills": [{ "name": "Rust", "level": "GOD", "years": 71 }, { "name": "SQL", "level": "EXPERT" }, { "name": "sql", "level": "BEGINNER" }, 5],
        "links": [{ "kind": "GITHUB", "url": "https://gitlab.com/zoe" }, { "url": "javascript:alert(1)" }],
        "location": { "country": "XQ" }, "availability": { "status": "FROM" }, "languages": ["french"], "admin": true,
    } });
    let error = house.ask(&freelancer("zoe"), "createProfile", wrong).await.unwrap_err();
    assert_eq!(error.error_type, ErrorType::Invalid);
    let mut found = mistakes(&error);
    found.sort();
    let mut expected: Vec<(String, String)> = [
        ("handle_mixed_scripts", "handle"),
        ("required", "firstName"),
        ("required", "lastName"),
        ("email_malformed", "email"),
        ("phone_malformed", "phone"),
        ("too_long", "headline"),
        ("wrong_type", "bio"),
        ("not_one_of", "skills[0].level"),
        ("out_of_range", "skills[0].years"),
        ("skill_duplicate", "skills[2].name"),
        ("wrong_type", "skills[3]"),
        ("url_kind_mismatch", "links[0].url"),
        ("required", "links[1].kind"),
        ("url_not_https", "links[1].url"),
        ("country_unknown", "location.country"),
        ("date_misplaced", "availability.from"),
        ("language_unknown", "languages[0]"),
        ("unknown_field", "admin"),
    ]
    .map(|(code, path)| (code.to_owned(), path.to_owned()))
    .to_vec();
    expected.sort();
    assert_eq!(found, expected);
    let years =
        error.info["violations"].as_array().unwrap().iter().find(|one| one["path"] == "skills[0].years").unwrap();
    assert_eq!(years["message"], "“71” is out of range: from 0-70.");
    assert!(house.members.notices().is_empty(), "nothing is half written");
}

#[tokio::test]
async fn inputs_that_nobody_writes_by_hand_are_refused() {
    let house = House::under(FaultPlan::default());
    let zoe = freelancer("zoe");
    for (input, code) in [
        (json!("x"), "wrong_type"),
        (json!([]), "wrong_type"),
        (json!({ "bio": "x".repeat(1 << 20) }), "input_too_large"),
        (json!({ "skills": [[[[[1]]]]] }), "input_too_deep"),
        (json!({ "skills": vec![json!({ "name": "x" }); 51] }), "too_many"),
        (json!({ "handle": null }), "required"),
        (json!({ "a": { "b": 1 }, "\u{202e}b": 1 }), "unknown_field"),
    ] {
        let error = house.ask(&zoe, "createProfile", json!({ "input": input })).await.unwrap_err();
        assert!(mistakes(&error).iter().any(|(found, _)| found == code), "{code}: {:?}", mistakes(&error));
        assert!(error.info.to_string().len() < 20_000);
    }
    for arguments in [Value::Null, json!([]), json!({ "input": null }), json!({ "input": {}, "more": 1 })] {
        assert_eq!(house.ask(&zoe, "createProfile", arguments).await.unwrap_err().error_type, ErrorType::Invalid);
    }
    assert_eq!(house.ask(&zoe, "dropTables", Value::Null).await.unwrap_err().error_type, ErrorType::Unknown);
}

#[tokio::test]
async fn handles_and_addresses_are_one_members() {
    let house = House::under(FaultPlan::default());
    let made = house.ask(&freelancer("zoe"), "createProfile", input("zoe")).await.unwrap();
    let mut same = input("z0e");
    same["input"]["email"] = json!("ZOE@example.ORG");
    let error = house.ask(&freelancer("other"), "createProfile", same).await.unwrap_err();
    assert_eq!(mistakes(&error), [("handle_taken".into(), "handle".into()), ("email_taken".into(), "email".into())]);
    let error = house.ask(&freelancer("zoe"), "createProfile", input("zoe-two")).await.unwrap_err();
    assert_eq!((error.error_type, &error.info["id"]), (ErrorType::Exists, &made["id"]));
    let rename =
        json!({ "id": made["id"], "expectedVersion": 1, "input": { "handle": "zoe-l", "email": "new@example.org" } });
    house.ask(&freelancer("zoe"), "updateProfile", rename).await.unwrap();
    let old = json!({ "handle": "zoe" });
    let later = start() + RESERVED_FOR;
    let led =
        house.ask_at(later - SignedDuration::from_secs(1), &freelancer("zoe"), "profileByHandle", old.clone()).await;
    assert_eq!(led.unwrap()["handle"], json!("zoe-l"));
    assert_eq!(house.ask_at(later, &freelancer("zoe"), "profileByHandle", old).await.unwrap(), Value::Null);
    let error = house.ask(&freelancer("other"), "createProfile", input("zoe")).await.unwrap_err();
    assert_eq!(mistakes(&error), [("handle_taken".into(), "handle".into())], "an address is free at once");
    house.ask_at(later, &freelancer("other"), "createProfile", input("zoe")).await.unwrap();
    let to_before = house.members.notices().into_iter().find(|one| one.id == "profile/r0/2/member-before").unwrap();
    assert!(matches!(to_before.audience, Audience::Member { email, .. } if email == "zoe@example.org"));
}

#[tokio::test]
async fn who_signed_up_has_a_blank_profile_to_fill() {
    let house = House::under(FaultPlan::default());
    for _ in 0..2 {
        let newcomer = Newcomer {
            sub: "zoe",
            email: "Zoe@Example.org",
            name: Some("Zoé LEFÈVRE"),
            language: Language::En,
            pool: None,
        };
        let blank = welcome(&house.members, ProfileId("p1".into()), newcomer, start()).await;
        let blank = blank.unwrap().unwrap();
        assert_eq!((blank.email.as_str(), blank.full_name().as_str()), ("Zoe@example.org", "Zoé LEFÈVRE"));
    }
    let zoe = freelancer("zoe");
    assert_eq!(house.ask(&zoe, "me", Value::Null).await.unwrap()["handle"], Value::Null);
    assert_eq!(house.ask(&freelancer("other"), "profile", json!({ "id": "p1" })).await.unwrap(), Value::Null);
    let made = house.ask(&zoe, "createProfile", input("zoe")).await.unwrap();
    assert_eq!((&made["id"], &made["version"]), (&json!("p1"), &json!(2)));
    let again = house.ask(&zoe, "createProfile", input("zoe")).await.unwrap();
    assert_eq!(again["version"], json!(2), "the same once more changes nothing");
}

#[tokio::test]
async fn files_are_announced_brought_and_checked() {
    let house = House::under(FaultPlan::default());
    let zoe = freelancer("zoe");
    house.ask(&zoe, "createProfile", input("zoe")).await.unwrap();
    let png: &[u8] = b"\x89PNG\r\n\x1a\nrest";
    let announce = |kind: &str, content_type: &str, bytes: &[u8]| json!({ "kind": kind, "contentType": content_type, "size": bytes.len(), "sha256": checksum(bytes) });
    let error = house.ask(&zoe, "requestUpload", announce("CV", "image/png", png)).await.unwrap_err();
    assert_eq!(mistakes(&error), [("type_not_allowed".into(), "contentType".into())]);
    let bring = async |content_type: &str, bytes: &[u8], brought: &[u8]| {
        let asked = house.ask(&zoe, "requestUpload", announce("AVATAR", content_type, bytes)).await.unwrap();
        house.shelf.put(asked["url"].as_str().unwrap().trim_start_matches("memory:"), brought);
        asked["id"].clone()
    };
    let id = bring("image/png", png, png).await;
    let error = house.ask(&freelancer("other"), "confirmUpload", json!({ "id": id })).await.unwrap_err();
    assert_eq!(error.error_type, ErrorType::NotFound);
    let shown = house.ask(&zoe, "confirmUpload", json!({ "id": id })).await.unwrap();
    assert_eq!((&shown["avatar"]["contentType"], &shown["version"]), (&json!("image/png"), &json!(2)));
    assert_eq!(house.ask(&zoe, "confirmUpload", json!({ "id": id })).await.unwrap(), shown, "asked again");
    let kept = house.shelf.keys();
    assert_eq!(kept.len(), 2, "the picture and its thumbnail: {kept:?}");
    for (content_type, announced, brought) in [
        ("image/png", b"<svg onload=x>".as_slice(), b"<svg onload=x>".as_slice()),
        ("image/jpeg", png, png),
        ("image/png", png, b"\x89PNG\r\n\x1a\nREST"),
        ("image/png", b"\x89PNG\r\n\x1a\nbroken", b"\x89PNG\r\n\x1a\nbroken"),
    ] {
        let id = bring(content_type, announced, brought).await;
        let error = house.ask(&zoe, "confirmUpload", json!({ "id": id })).await.unwrap_err();
        assert_eq!(mistakes(&error), [("upload_differs".into(), "id".into())]);
        assert_eq!(house.shelf.keys(), kept, "what fails is deleted");
        let error = house.ask(&zoe, "confirmUpload", json!({ "id": id })).await.unwrap_err();
        assert_eq!(mistakes(&error), [("upload_unknown".into(), "id".into())]);
    }
    let asked = house.ask(&zoe, "requestUpload", announce("AVATAR", "image/png", png)).await.unwrap();
    let error = house.ask(&zoe, "confirmUpload", json!({ "id": asked["id"] })).await.unwrap_err();
    assert_eq!(mistakes(&error), [("upload_missing".into(), "id".into())]);
    let late = bring("image/png", png, png).await;
    let error = house.ask_at(start() + EXPIRES_AFTER, &zoe, "confirmUpload", json!({ "id": late })).await.unwrap_err();
    assert_eq!(mistakes(&error), [("upload_expired".into(), "id".into())]);
    let newer = bring("image/png", b"\x89PNG\r\n\x1a\nnewer", b"\x89PNG\r\n\x1a\nnewer").await;
    house.ask(&zoe, "confirmUpload", json!({ "id": newer })).await.unwrap();
    assert!(house.shelf.keys().len() == 2 && house.shelf.keys() != kept, "the one before is removed");
    let off = json!({ "id": shown["id"], "expectedVersion": 3, "input": { "removeAvatar": true } });
    assert_eq!(house.ask(&zoe, "updateProfile", off).await.unwrap()["avatar"], Value::Null);
    assert!(house.shelf.keys().is_empty());
}

#[tokio::test]
async fn a_cursor_belongs_to_one_search() {
    let house = House::under(FaultPlan::default());
    for n in ["ana", "bea", "cleo"] {
        house.ask(&freelancer(n), "createProfile", input(n)).await.unwrap();
    }
    let zoe = freelancer("ana");
    let first = house.ask(&zoe, "searchProfiles", json!({ "skill": "Rust", "limit": 2 })).await.unwrap();
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    let cursor = &first["cursor"];
    let rest = house.ask(&zoe, "searchProfiles", json!({ "skill": "rust", "cursor": cursor })).await.unwrap();
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["cursor"]), (1, &Value::Null));
    for arguments in
        [json!({ "skill": "sql", "cursor": cursor }), json!({ "cursor": cursor }), json!({ "cursor": "x" })]
    {
        let error = house.ask(&zoe, "searchProfiles", arguments).await.unwrap_err();
        assert_eq!(mistakes(&error), [("cursor_foreign".into(), "cursor".into())]);
    }
    let error = house.ask(&zoe, "searchProfiles", json!({ "limit": 51, "availability": "MAYBE" })).await.unwrap_err();
    assert_eq!(mistakes(&error).len(), 2);
}

#[tokio::test]
async fn who_leaves_leaves_nothing_but_a_farewell() {
    let house = House::under(FaultPlan::default());
    let zoe = freelancer("zoe");
    let made = house.ask(&zoe, "createProfile", input("zoe")).await.unwrap();
    house.shelf.put("uploads/r0/avatar/x", b"x");
    let away = house.ask(&zoe, "deleteProfile", json!({ "id": made["id"] })).await.unwrap();
    assert_eq!(away["id"], made["id"]);
    assert_eq!(house.ask(&zoe, "me", Value::Null).await.unwrap(), Value::Null);
    let everything = house.members.everything();
    for trace in ["zoe", "Lef", "example.org", "+336"] {
        assert!(!everything.to_lowercase().contains(&trace.to_lowercase()), "{trace} in {everything}");
    }
    assert!(house.shelf.keys().is_empty());
    assert_eq!(leave::sweep(&house.members, &house.shelf, &house.accounts, start()).await, Ok(0));
    house.shelf.put("uploads/r0/avatar/late", b"late");
    let later = start() + leave::REMEMBERED;
    assert_eq!(
        leave::sweep(&house.members, &house.shelf, &house.accounts, later).await,
        Ok(1),
        "what came late is found"
    );
    assert!(house.shelf.keys().is_empty());
    assert_eq!(leave::sweep(&house.members, &house.shelf, &house.accounts, later).await, Ok(0));
    let farewell = house.members.notices().into_iter().filter(|one| one.event == Event::Deleted).count();
    assert_eq!(farewell, 2);
    let error = house.ask(&zoe, "createProfile", input("zoe")).await.unwrap_err();
    assert_eq!(error.error_type, ErrorType::Denied, "an old token creates nothing anew");
    house.ask(&freelancer("zoe-again"), "createProfile", input("zoe")).await.unwrap();
}

#[tokio::test]
async fn an_address_is_taken_from_the_owners_token_alone() {
    let house = House::under(FaultPlan::default());
    let with = |sub: &str, groups: &[&str], email: Value, verified: Value| {
        let mut who = member(sub, groups);
        who["claims"]["email"] = email;
        who["claims"]["email_verified"] = verified;
        who
    };
    let own = json!("Zoe@example.org");
    for (email, verified) in [
        (own.clone(), json!(false)),
        (own.clone(), json!("false")),
        (own.clone(), Value::Null),
        (Value::Null, json!(true)),
        (json!("eve@example.org"), json!(true)),
        (json!("zoe@example.org.evil.example"), json!(true)),
        (json!(["zoe@example.org"]), json!(true)),
    ] {
        let who = with("zoe", &["freelancer"], email, verified);
        let error = house.ask(&who, "createProfile", input("zoe")).await.unwrap_err();
        assert_eq!(mistakes(&error), [("email_not_verified".into(), "email".into())], "{who}");
    }
    assert!(house.members.notices().is_empty(), "and nobody is mailed");
    let zoe = with("zoe", &["freelancer"], own, json!("true"));
    let made = house.ask(&zoe, "createProfile", input("zoe")).await.unwrap();
    let change = |version: u32, email: &str| json!({ "id": made["id"], "expectedVersion": version, "input": { "email": email } });
    // An admin's own address, verified or not, is not the member's.
    let boss = with("boss", &["admin"], json!("new@example.org"), json!(true));
    let error = house.ask(&boss, "updateProfile", change(1, "new@example.org")).await.unwrap_err();
    assert_eq!(mistakes(&error), [("email_not_verified".into(), "email".into())]);
    // An access token carries no address, and may change everything else.
    let access = with("zoe", &["freelancer"], Value::Null, Value::Null);
    let headline =
        json!({ "id": made["id"], "expectedVersion": 1, "input": { "headline": "Go", "email": "ZOE@example.org" } });
    assert_eq!(house.ask(&access, "updateProfile", headline).await.unwrap()["headline"], "Go");
    let moved = with("zoe", &["freelancer"], json!("new@example.org"), json!(true));
    let moved = house.ask(&moved, "updateProfile", change(2, "new@example.org")).await.unwrap();
    assert_eq!(moved["email"], "new@example.org");
}

#[tokio::test]
async fn many_changes_are_two_notices_to_each_and_more_than_sixty_an_hour_are_refused() {
    let house = House::under(FaultPlan::default());
    let zoe = freelancer("zoe");
    let made = house.ask(&zoe, "createProfile", input("zoe")).await.unwrap();
    let change = async |n: u32, at| {
        let change = json!({ "id": made["id"], "expectedVersion": n, "input": { "headline": format!("number {n}") } });
        house.ask_at(at, &zoe, "updateProfile", change).await
    };
    for n in 1..CHANGES_AN_HOUR {
        change(n, start() + SignedDuration::from_secs(1)).await.unwrap();
    }
    let notices = house.members.notices();
    let ids: Vec<&str> = notices.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["profile/r0/1/member", "profile/r0/1/team", "profile/r0/2/member", "profile/r0/2/team"]);
    assert_eq!((notices[2].due, &notices[2].fields), (Some(start() + APART), &vec![Field::Headline]));
    let refused = change(CHANGES_AN_HOUR, start() + SignedDuration::from_mins(59)).await.unwrap_err();
    assert_eq!(refused.error_type, ErrorType::TooMany);
    assert_eq!(refused.info["retryAt"], json!((start() + SignedDuration::from_hours(1)).to_string()));
    assert_eq!(house.ask(&zoe, "me", Value::Null).await.unwrap()["version"], json!(CHANGES_AN_HOUR));
    change(CHANGES_AN_HOUR, start() + SignedDuration::from_hours(1)).await.unwrap();
    assert_eq!(house.members.notices().len(), 6);
}

#[tokio::test]
async fn a_change_after_its_notice_was_sent_is_in_the_next() {
    let house = House::under(FaultPlan::default());
    let zoe = freelancer("zoe");
    let made = house.ask(&zoe, "createProfile", input("zoe")).await.unwrap();
    let change = async |n: u32, field: &str| {
        let change = json!({ "id": made["id"], "expectedVersion": n, "input": { field: "new" } });
        house.ask(&zoe, "updateProfile", change).await.unwrap();
    };
    change(1, "headline").await;
    // A person swept before it was due.
    house.members.send("profile/r0/2/member");
    change(2, "bio").await;
    let notices = house.members.notices();
    let of = |id: &str| notices.iter().find(|one| one.id == id).map(|one| one.fields.clone());
    assert_eq!(of("profile/r0/2/member"), Some(vec![Field::Headline]));
    assert_eq!(of("profile/r0/3/member"), Some(vec![Field::Bio]));
}

#[tokio::test]
async fn the_former_address_hears_of_all_that_was_not_reported_to_it() {
    let house = House::under(FaultPlan::default());
    let zoe = freelancer("zoe");
    let made = house.ask(&zoe, "createProfile", input("zoe")).await.unwrap();
    for (version, change) in [(1, json!({ "phone": null })), (2, json!({ "email": "new@example.org" }))] {
        let change = json!({ "id": made["id"], "expectedVersion": version, "input": change });
        house.ask(&zoe, "updateProfile", change).await.unwrap();
    }
    let notices = house.members.notices();
    let before = notices.iter().find(|one| one.id == "profile/r0/3/member-before").unwrap();
    assert_eq!((&before.fields, before.due), (&vec![Field::Phone, Field::Email], None));
}
