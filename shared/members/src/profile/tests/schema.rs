//! The schema matches the types: every field, every enum, every operation.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::profile::{
    Field, Level, LinkKind, ProfileId, Status,
    access::{Caller, Group, Operation, may},
    publish::Announcement,
};

const SCHEMA: &str = include_str!("../../../../../infra/schema.graphql");

/// The names in the block of this type, input or enum: fields without their arguments, or values.
fn names(block: &str) -> BTreeSet<String> {
    let body = SCHEMA
        .lines()
        .skip_while(|line| !line.starts_with(&format!("{block} ")))
        .skip(1)
        .take_while(|line| *line != "}");
    // Text between two lines of three quotes is documentation.
    let body = body.scan(false, |told, line| {
        *told ^= line.trim() == "\"\"\"";
        Some(if *told { "" } else { line })
    });
    let named = body.map(str::trim).filter(|line| line.starts_with(|c: char| c.is_ascii_alphabetic()));
    named.map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap().to_owned()).collect()
}

fn set<T: ToString>(names: impl IntoIterator<Item = T>) -> BTreeSet<String> {
    names.into_iter().map(|name| name.to_string()).collect()
}

#[test]
fn the_schema_has_the_names_of_the_types() {
    assert_eq!(names("type Profile"), set(Field::ALL.map(Field::name)));
    for field in Field::ALL {
        assert_eq!(serde_json::to_value(field).unwrap(), json!(field.name()));
    }
    assert_eq!(names("enum SkillLevel"), set(Level::ALL.map(Level::name)));
    assert_eq!(names("enum LinkKind"), set(LinkKind::ALL.map(LinkKind::name)));
    assert_eq!(names("enum AvailabilityStatus"), set(Status::ALL.map(Status::name)));
    assert_eq!(names("enum UploadKind"), set(Kind::ALL.map(Kind::name)));
    for (named, written) in [
        (Level::ALL.map(Level::name).to_vec(), Level::ALL.map(|one| serde_json::to_value(one).unwrap()).to_vec()),
        (
            LinkKind::ALL.map(LinkKind::name).to_vec(),
            LinkKind::ALL.map(|one| serde_json::to_value(one).unwrap()).to_vec(),
        ),
        (Status::ALL.map(Status::name).to_vec(), Status::ALL.map(|one| serde_json::to_value(one).unwrap()).to_vec()),
        (Kind::ALL.map(Kind::name).to_vec(), Kind::ALL.map(|one| serde_json::to_value(one).unwrap()).to_vec()),
    ] {
        assert_eq!(json!(named), json!(written));
    }
}

#[test]
fn the_schema_has_every_operation() {
    let operations: BTreeSet<String> = names("type Query").union(&names("type Mutation")).cloned().collect();
    let mut expected = set(Operation::ALL.map(Operation::name));
    // Answered by AppSync itself, for the subscription.
    expected.insert("publishProfileChange".into());
    assert_eq!(operations, expected);
    let told = Announcement { id: ProfileId("p1".into()), version: 1, fields: Field::ALL.to_vec(), for_team: true };
    let told = serde_json::to_value(told).unwrap();
    assert_eq!(keys(&told), names("input ProfileChangeInput"));
    assert_eq!(keys(&told), names("type ProfileChange"));
    assert_eq!(told["fields"], json!(Field::ALL.map(Field::name)));
}

/// The groups that the schema allows to request this, all if it names none; `None` without a directive.
fn groups(operation: &str) -> Option<Vec<String>> {
    let begins = |line: &&str| {
        let rest = line.trim_start().strip_prefix(operation);
        rest.is_some_and(|rest| rest.starts_with(['(', ':']))
    };
    let lines: Vec<&str> = SCHEMA.lines().skip_while(|line| !begins(line)).collect();
    let ends = |line: &&&str| !line.trim_start().starts_with('"') && **line != "}";
    let field: String = lines.iter().take_while(ends).copied().collect();
    let (_, told) = field.split_once("@aws_cognito_user_pools")?;
    let Some(named) = told.strip_prefix("(cognito_groups: [").and_then(|named| named.split(']').next()) else {
        return Some(Group::ALL.map(|group| group.name().to_owned()).to_vec());
    };
    Some(named.split(", ").map(|name| name.trim_matches('"').to_owned()).collect())
}

#[test]
fn the_schema_lets_in_whom_the_rules_do() {
    for operation in Operation::ALL {
        let groups = groups(operation.name()).unwrap();
        for group in Group::ALL.map(Group::name) {
            let caller = Caller::read(&member("me", &[group]), &Programs::new(), "123456789012").unwrap();
            let some = [Some("me"), Some("you"), None].into_iter().any(|owner| may(&caller, operation, owner).is_ok());
            assert_eq!(groups.iter().any(|named| named == group), some, "{operation:?}: {group}");
        }
    }
}

/// The keys of an object in API responses.
fn keys(value: &Value) -> BTreeSet<String> {
    set(value.as_object().unwrap().keys())
}

#[tokio::test]
async fn what_is_answered_is_what_the_schema_says() {
    let house = House::under(FaultPlan::default());
    let zoe = freelancer("zoe");
    let made = house.ask(&zoe, "createProfile", input("zoe")).await.unwrap();
    assert_eq!(keys(&made), names("type Profile"));
    assert_eq!(keys(&made["skills"][0]), names("type Skill"));
    assert_eq!(keys(&made["links"][0]), names("type Link"));
    assert_eq!(keys(&made["location"]), names("type Location"));
    assert_eq!(keys(&made["availability"]), names("type Availability"));
    let sum = crate::profile::upload::checksum(b"%PDF-1");
    let announced = json!({ "kind": "CV", "contentType": "application/pdf", "size": 6, "sha256": sum });
    let target = house.ask(&zoe, "requestUpload", announced).await.unwrap();
    assert_eq!(keys(&target), names("type UploadTarget"));
    house.shelf.put(target["url"].as_str().unwrap().trim_start_matches("memory:"), b"%PDF-1");
    let confirmed = house.ask(&zoe, "confirmUpload", json!({ "id": target["id"] })).await.unwrap();
    assert_eq!(keys(&confirmed["cv"]), names("type File"));
    assert_eq!(keys(&house.ask(&zoe, "searchProfiles", json!({})).await.unwrap()), names("type ProfilePage"));
    let history = house.ask(&member("boss", &["admin"]), "profileHistory", json!({ "id": made["id"] })).await.unwrap();
    assert_eq!(keys(&history), names("type HistoryPage"));
    assert_eq!(keys(&history["items"][0]), names("type HistoryEntry"));
    assert_eq!(keys(&history["items"][0]["changes"][0]), names("type HistoryChange"));
}

#[tokio::test]
async fn inputs_take_the_fields_that_the_schema_names() {
    let house = House::under(FaultPlan::default());
    for (block, field) in [("input CreateProfileInput", "createProfile"), ("input UpdateProfileInput", "updateProfile")]
    {
        let zoe = freelancer("zoe");
        let every: Value =
            names(block).into_iter().map(|name| (name, json!(7))).collect::<serde_json::Map<_, _>>().into();
        let arguments = if field == "createProfile" {
            json!({ "input": every })
        } else {
            let id = house.ask(&zoe, "createProfile", super::input("zoe")).await.unwrap()["id"].clone();
            json!({ "id": id, "expectedVersion": 1, "input": every })
        };
        let error = house.ask(&zoe, field, arguments).await.unwrap_err();
        let found = mistakes(&error);
        assert!(found.iter().all(|(code, _)| code == "wrong_type"), "{found:?}");
        assert_eq!(set(found.into_iter().map(|(_, path)| path)), names(block));
    }
}
