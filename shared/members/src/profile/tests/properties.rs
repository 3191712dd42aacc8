//! No input panics, and normalization is idempotent.

use proptest::{prelude::*, strategy::ValueTree};
use serde_json::json;

use super::*;
use crate::profile::{
    LinkKind, Profile, ProfileId,
    access::Caller,
    change,
    email::{self, EmailKey},
    handle::{self, HandleKey},
    input, links, location, names, phone,
    search::{self, Query},
    skills,
    text::{self, Shape},
    upload,
    violation::{Findings, Violation},
};

/// Text of every kind, weighted towards the kinds that break things.
fn anything() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        "\u{202e}",
        "\u{200d}",
        "\u{200b}",
        "\u{feff}",
        "e\u{301}",
        "ﬁ",
        "İ",
        "ß",
        "ẞ",
        "ŉ",
        "ǰ",
        "ΐ",
        "Ⅷ",
        "㍿",
        "раypal",
        "@",
        ".",
        "-",
        "_",
        "+33",
        "https://",
        "xn--",
        "://",
        "[::1]",
        "%00",
        "\0",
        "\r\n",
        "👩‍👩‍👧‍👦",
        "🏴󠁧󠁢󠁳󠁣󠁴󠁿",
        "ـ",
        "क्ष",
        "\u{fdfa}",
        "a",
        "1",
        "l",
        "I",
        " ",
    ]);
    let mixed = prop::collection::vec(
        prop_oneof![nasty.prop_map(str::to_owned), "\\PC{0,4}", any::<char>().prop_map(String::from)],
        0..12,
    );
    prop_oneof![any::<String>(), mixed.prop_map(|parts| parts.concat()), "[a-zA-Z0-9_@.+-]{0,40}"]
}

fn json_of_any_shape() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        anything().prop_map(Value::from),
    ];
    let name = prop_oneof![
        prop::sample::select(vec![
            "handle",
            "firstName",
            "lastName",
            "email",
            "phone",
            "headline",
            "bio",
            "skills",
            "links",
            "location",
            "availability",
            "languages",
            "name",
            "level",
            "years",
            "kind",
            "url",
            "city",
            "country",
            "status",
            "from",
            "removeAvatar",
            "id",
            "input",
            "expectedVersion",
            "cursor",
            "sub",
            "groups",
            "claims",
            "userArn",
        ])
        .prop_map(str::to_owned),
        anything()
    ];
    leaf.prop_recursive(6, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..8)
                .prop_map(|fields| Value::from(fields.into_iter().collect::<serde_json::Map<_, _>>())),
        ]
    })
}

fn told(violations: &[Violation]) {
    for violation in violations {
        for language in [Language::Fr, Language::En] {
            let message = violation.message(language);
            assert!(
                text::unfit(&message, false).is_none_or(|code| code == crate::profile::violation::Code::StackedMarks),
                "{message:?}"
            );
            assert!(message.chars().count() < 5000);
        }
    }
}

proptest! {
    #[test]
    fn one_rule_after_another(value in anything(), country in prop::option::of("[A-Z]{2}")) {
        if let Ok(handle) = handle::read(&value, "p") {
            prop_assert_eq!(handle::read(&handle, "p"), Ok(handle.clone()));
            prop_assert_eq!(HandleKey::of(&handle), HandleKey::of(&value.trim().replacen('@', "", 1)));
        }
        let key = HandleKey::of(&value);
        prop_assert_eq!(HandleKey::of(&key.0), key);
        if let Ok(email) = email::read(&value, "p") {
            prop_assert_eq!(email::read(&email, "p"), Ok(email.clone()));
            let key = EmailKey::of(&email);
            prop_assert_eq!(EmailKey::of(&key.0), key);
        }
        if let Ok(number) = phone::read(&value, country.as_deref(), "p") {
            prop_assert_eq!(phone::read(&number, Some("US"), "p"), Ok(number));
        }
        if let Ok(url) = links::read(&value, LinkKind::Website, "p") {
            prop_assert_eq!(links::read(&url, LinkKind::Website, "p"), Ok(url));
        }
        if let Ok(tag) = location::language(&value, "p") {
            prop_assert_eq!(location::language(&tag, "p"), Ok(tag));
        }
        prop_assert_eq!(skills::key(&skills::key(&value)), skills::key(&value));
        let mut findings = Findings::default();
        for shape in [Shape::line(0, 100), Shape { least: 0, most: 100, lines: true }] {
            if let Some(clean) = text::clean(&value, "p", shape, &mut findings) {
                prop_assert_eq!(text::clean(&clean, "p", shape, &mut findings), Some(clean));
            }
        }
        if let Some(name) = names::read(&value, "p", &mut findings) {
            prop_assert_eq!(names::read(&name, "p", &mut findings), Some(name));
        }
        told(&findings.0);
        let (given, family) = names::split(&value);
        prop_assert!(given.len() + family.len() <= value.len());
        let query = Query::new(Some(&value), Some(&value), None).unwrap_or_default();
        let cursor = search::cursor(&query.fingerprint(), &value);
        if cursor.len() <= 1024 {
            prop_assert_eq!(search::place(&query.fingerprint(), &cursor), Ok(value.clone()));
        }
        let _ = (search::place("x", &value).is_ok(), upload::told_type(value.as_bytes()), Language::accepted(&value));
    }

    #[test]
    fn whole_inputs_of_any_shape(input in json_of_any_shape()) {
        told(&input::draft(&input).err().unwrap_or_default());
        told(&input::change(&input, Some("BE")).err().unwrap_or_default());
        drop(Caller::read(&input, &Programs::new(), "123456789012"));
    }

    #[test]
    fn what_was_created_is_read_again_as_it_is(name in anything(), handle in "[a-z]{3,9}(-[a-z0-9]{1,9})?") {
        let mut input = super::input("zoe")["input"].clone();
        input["headline"] = json!(name);
        input["handle"] = json!(handle);
        if let Ok(draft) = input::draft(&input) {
            let made = change::create(draft, ProfileId("p".into()), "sub", Language::Fr, start()).profile;
            let kept = serde_json::to_string(&made).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Profile>(&kept).unwrap(), &made);
            let mut same = serde_json::to_value(&made).unwrap();
            for kept in ["id", "avatar", "cv", "version", "createdAt", "updatedAt", "owner", "language", "touched"] {
                same.as_object_mut().unwrap().remove(kept);
            }
            let change = input::change(&same, None).unwrap();
            let updated = change::update(&made, change, 1, start()).unwrap();
            prop_assert!(updated.changes.is_empty(), "{:?}", updated.changes);
        }
    }
}

#[tokio::test]
async fn the_api_answers_whatever_it_is_sent() {
    let house = House::under(FaultPlan::default());
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for round in 0..300 {
        let value = json_of_any_shape().new_tree(&mut runner).unwrap().current();
        let operation = crate::profile::access::Operation::ALL[round % 11];
        drop(house.ask(&freelancer("zoe"), operation.name(), value.clone()).await);
        drop(house.ask(&freelancer("zoe"), operation.name(), json!({ "input": value })).await);
        drop(house.ask(&value, operation.name(), super::input("zoe")).await);
    }
}
