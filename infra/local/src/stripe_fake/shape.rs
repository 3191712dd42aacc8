//! The fields of Stripe's objects, each with what Stripe sends where nothing is to be said.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::Value;

/// By the value of `object`; `tests/shapes` holds them against what Stripe publishes.
const SHAPES: &str = include_str!("shapes.json");

/// An object of this kind with nothing in it.
pub fn of(kind: &str) -> Value {
    static READ: OnceLock<BTreeMap<String, Value>> = OnceLock::new();
    let shapes = READ.get_or_init(|| serde_json::from_str(SHAPES).unwrap_or_default());
    shapes.get(kind).cloned().unwrap_or_default()
}
