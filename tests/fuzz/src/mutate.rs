//! Mutates seeds with a seeded generator, for runs without a fuzzing engine: bytes, pieces, and JSON values.

use fastrand::Rng;
use serde_json::{Value, json};

/// Longest input; real inputs are shorter.
const LONGEST: usize = 16 * 1024;

/// A seed changed a few times, or joined with a piece of `other`.
pub fn mutated(seed: &[u8], other: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=rng.usize(..3) {
        bytes = match rng.u8(..8) {
            0 => flipped(bytes, rng),
            1 => {
                bytes.truncate(rng.usize(..=bytes.len()));
                bytes
            }
            2 => spliced(&bytes, other, rng),
            3 => removed(bytes, rng),
            _ => swapped(&bytes, other, rng).unwrap_or_else(|| flipped(bytes, rng)),
        };
    }
    bytes.truncate(LONGEST);
    bytes
}

fn flipped(mut bytes: Vec<u8>, rng: &mut Rng) -> Vec<u8> {
    for _ in 0..=rng.usize(..4) {
        let place = rng.usize(..=bytes.len());
        match bytes.get_mut(place) {
            Some(byte) => *byte = if rng.bool() { *byte ^ (1 << rng.u8(..8)) } else { rng.u8(..) },
            None => bytes.push(rng.u8(..)),
        }
    }
    bytes
}

fn spliced(bytes: &[u8], other: &[u8], rng: &mut Rng) -> Vec<u8> {
    let (head, tail) = (rng.usize(..=bytes.len()), rng.usize(..=other.len()));
    [&bytes[..head], &other[tail..]].concat()
}

fn removed(mut bytes: Vec<u8>, rng: &mut Rng) -> Vec<u8> {
    let from = rng.usize(..=bytes.len());
    let until = (from + rng.usize(..32)).min(bytes.len());
    bytes.drain(from..until);
    bytes
}

/// JSON with one value replaced: by an unusual one, or by one of the other seed. What follows a zero byte is kept.
fn swapped(bytes: &[u8], other: &[u8], rng: &mut Rng) -> Option<Vec<u8>> {
    let parts: Vec<&[u8]> = bytes.split(|byte| *byte == 0).collect();
    let which = rng.usize(..parts.len());
    let mut value: Value = serde_json::from_slice(parts[which]).ok()?;
    let new = match rng.u8(..3) {
        0 => serde_json::from_slice::<Value>(other.split(|byte| *byte == 0).next()?).ok().and_then(|mut other| {
            let place = rng.usize(..count(&other));
            nth(&mut other, &mut { place }).cloned()
        })?,
        1 => {
            let place = rng.usize(..count(&value));
            nth(&mut value, &mut { place })?.clone()
        }
        _ => odd(rng),
    };
    let place = rng.usize(..count(&value));
    *nth(&mut value, &mut { place })? = new;
    let parts = parts
        .iter()
        .enumerate()
        .map(|(place, part)| if place == which { serde_json::to_vec(&value).unwrap() } else { part.to_vec() });
    Some(parts.collect::<Vec<_>>().join(&0))
}

fn odd(rng: &mut Rng) -> Value {
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(-1),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1.5),
        json!("99999999999999999999999999"),
        json!(99_999_999),
        json!(""),
        json!(" "),
        json!("\u{0}\r\nBcc: x@example.org"),
        json!("\u{202e}\u{fffe}]]><script>"),
        json!("é".repeat(300)),
        json!([]),
        json!({}),
        json!("eur"),
        json!("jpy"),
        json!("kwd"),
        json!("DE"),
        json!("2026-11-21T00:00:00Z"),
    ];
    values[rng.usize(..values.len())].clone()
}

/// The number of values in a value, itself included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(count).sum(),
        Value::Object(values) => values.values().map(count).sum(),
        _ => 0,
    }
}

fn nth<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(values) => values.iter_mut().find_map(|value| nth(value, left)),
        Value::Object(values) => values.values_mut().find_map(|value| nth(value, left)),
        _ => None,
    }
}
