//! Every field that is read is one that Stripe publishes (`tests/shapes`, from npm's `stripe`, which is generated from
//! its OpenAPI description): everything is optional, so a misspelt name would silently never match.

use std::collections::BTreeMap;

use serde::Deserialize;

const SHAPES: &str = include_str!("../../../../tests/shapes/stripe.json");
const SOURCES: [&str; 12] = [
    include_str!("../object.rs"),
    include_str!("credit_note.rs"),
    include_str!("event.rs"),
    include_str!("head.rs"),
    include_str!("intent.rs"),
    include_str!("invoice.rs"),
    include_str!("party.rs"),
    include_str!("reference.rs"),
    include_str!("refund.rs"),
    include_str!("session.rs"),
    include_str!("shipping.rs"),
    include_str!("tax.rs"),
];

#[derive(Deserialize)]
struct Shapes {
    source: BTreeMap<String, BTreeMap<String, Option<String>>>,
    objects: BTreeMap<String, Vec<String>>,
}

/// The structures in a source file with the JSON names of their fields.
fn structures(source: &str) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    let mut renamed = None;
    for line in source.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("pub struct ") {
            let name = rest.split([' ', '<', '(']).next().unwrap();
            found.push((name.to_owned(), Vec::new()));
        } else if let Some(rest) = line.strip_prefix("#[serde(rename = \"") {
            renamed = rest.split('"').next().map(str::to_owned);
        } else if let Some((name, _)) = line.strip_prefix("pub ").and_then(|rest| rest.split_once(": "))
            && let Some((_, fields)) = found.last_mut()
        {
            fields.push(renamed.take().unwrap_or_else(|| name.to_owned()));
        }
    }
    found
}

#[test]
fn every_field_is_published() {
    let shapes: Shapes = serde_json::from_str(SHAPES).unwrap();
    let apis: Vec<_> = shapes.source.values().filter_map(|source| source["api"].as_deref()).collect();
    assert!(apis.iter().any(|api| *api < "2025-03-31") && apis.iter().any(|api| *api > "2026-09-30"), "{apis:?}");
    let read: Vec<_> = SOURCES.iter().flat_map(|source| structures(source)).collect();
    assert!(read.len() > 40, "the source is read");
    let mut unknown = Vec::new();
    for (name, fields) in &read {
        let published =
            shapes.objects.get(name).unwrap_or_else(|| panic!("tests/shapes/renew.py does not know {name}"));
        assert!(!fields.is_empty(), "{name}");
        unknown.extend(fields.iter().filter(|field| !published.contains(field)).map(|field| format!("{name}.{field}")));
    }
    assert!(unknown.is_empty(), "Stripe publishes no {unknown:?}");
    for field in ["id", "billing_details"] {
        assert!(shapes.objects["Charge"].iter().any(|known| known == field), "the charge of an intent: {field}");
    }
}
