//! What reading a CV may cost. Few bytes can stand for very many objects, and a small stream for gigabytes.

use std::cell::Cell;

use lopdf::{Object, ObjectId};

use super::Refusal;

/// Objects of a file. A CV of ten pages has some hundred, a book of a thousand pages some ten thousand.
const MOST_OBJECTS: usize = 50_000;
/// Values in all objects together. Each takes some 150 bytes once read, and the function has 512 MB.
const MOST_VALUES: usize = 1_000_000;
/// Bytes that one stream of objects, or of cross-references, may unpack to.
pub(super) const MOST_UNPACKED: usize = 2 * 1024 * 1024;
/// The same for all of them together.
const MOST_UNPACKED_IN_ALL: usize = 32 * 1024 * 1024;

/// What is left to spend.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    objects: usize,
    values: usize,
    unpacked: usize,
    exceeded: bool,
}

thread_local! {
    /// The reader takes a function without state, and asks it on its own thread.
    static LEFT: Cell<Budget> = const { Cell::new(Budget { objects: 0, values: 0, unpacked: 0, exceeded: false }) };
}

impl Budget {
    /// Reads within this budget.
    pub(super) fn spend<T>(self, read: impl FnOnce() -> T) -> Result<T, Refusal> {
        LEFT.set(self);
        let read = read();
        if LEFT.get().exceeded { Err(Refusal::TooComplex) } else { Ok(read) }
    }
}

/// The budget left for object streams, once the objects in clear are counted.
pub(super) fn within(bytes: &[u8]) -> Result<Budget, Refusal> {
    let values = MOST_VALUES.checked_sub(values(bytes)).ok_or(Refusal::TooComplex)?;
    let mut objects = 0_usize;
    let mut from = 0;
    while let Some(place) = find(bytes, b"obj", from) {
        from = place.saturating_add(3);
        objects = objects.saturating_add(1);
    }
    // `obj` and `endobj` of each.
    if objects / 2 > MOST_OBJECTS {
        return Err(Refusal::TooComplex);
    }
    Ok(Budget { objects: MOST_OBJECTS, values, unpacked: MOST_UNPACKED_IN_ALL, exceeded: false })
}

/// Asked by the reader for each object before it unpacks it: whether it still fits.
pub(super) fn admitted(id: ObjectId, object: &mut Object) -> Option<(ObjectId, Object)> {
    let mut left = LEFT.get();
    if !left.exceeded {
        left.exceeded = take(&mut left, object).is_none();
        LEFT.set(left);
    }
    if left.exceeded { None } else { Some((id, object.clone())) }
}

fn take(left: &mut Budget, object: &Object) -> Option<()> {
    left.objects = left.objects.checked_sub(1)?;
    let Object::Stream(stream) = object else { return Some(()) };
    if !stream.dict.has_type(b"ObjStm") {
        return Some(());
    }
    let unpacked = stream.get_plain_content_with_limit(MOST_UNPACKED.min(left.unpacked)).ok()?;
    left.unpacked = left.unpacked.checked_sub(unpacked.len())?;
    left.values = left.values.checked_sub(values(&unpacked))?;
    let first =
        stream.dict.get(b"First").and_then(Object::as_i64).ok().and_then(|first| usize::try_from(first).ok())?;
    in_order(unpacked.get(..first)?).then_some(())
}

/// Whether each object of a stream stands after the one before: none is read twice.
fn in_order(index: &[u8]) -> bool {
    let numbers = index.split(u8::is_ascii_whitespace).filter(|number| !number.is_empty());
    let places: Option<Vec<u32>> =
        numbers.skip(1).step_by(2).map(|number| std::str::from_utf8(number).ok()?.parse().ok()).collect();
    places.is_some_and(|places| places.is_sorted_by(|one, next| one < next))
}

/// An upper bound on the values that these bytes can be read as: what opens one, and every word between separators.
fn values(bytes: &[u8]) -> usize {
    let mut count = 0_usize;
    let mut within_word = false;
    for byte in bytes {
        let starts = match byte {
            b'\0' | b'\t' | b'\n' | b'\x0c' | b'\r' | b' ' | b')' | b'>' | b']' | b'}' | b'/' | b'%' => {
                within_word = false;
                false
            }
            b'(' | b'<' | b'[' | b'{' => {
                within_word = false;
                true
            }
            _ => !std::mem::replace(&mut within_word, true),
        };
        count = count.saturating_add(usize::from(starts));
    }
    count
}

/// The first place of `what` at or after `from`.
pub(super) fn find(bytes: &[u8], what: &[u8], from: usize) -> Option<usize> {
    let found = bytes.get(from..)?.windows(what.len()).position(|some| some == what)?;
    Some(from.saturating_add(found))
}
