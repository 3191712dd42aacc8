//! The shape of client input: its size, its depth, and the fields of an object by name. `input` validates their
//! content.

use serde_json::{Map, Value};

use super::{
    violation::{Code, Findings},
    visible::is_visible,
};

/// The change of one field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Edit<T> {
    /// Absent: unchanged.
    #[default]
    Leave,
    /// Null or empty: cleared.
    Clear,
    /// The new value.
    Set(T),
}

impl<T> Edit<T> {
    /// The new value of an optional field.
    pub fn over(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Leave => before,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }

    /// Maps the value with `with`; if that fails, its violations were added.
    pub(super) fn map<U>(self, with: impl FnOnce(T) -> Option<U>) -> Edit<U> {
        match self {
            Self::Leave => Edit::Leave,
            Self::Clear => Edit::Clear,
            // An invalid value is never used: its violations were added, and fail the whole input.
            Self::Set(value) => with(value).map_or(Edit::Clear, Edit::Set),
        }
    }
}

/// Most bytes of an input.
pub const LARGEST: usize = 64 * 1024;
/// Deepest nesting of an input: input, list, entry, and one spare level.
pub const DEEPEST: usize = 4;

/// Whether the input is small and shallow enough to parse: otherwise this is the only violation reported.
pub(super) fn fits(input: &Value, findings: &mut Findings) -> bool {
    if depth(input, DEEPEST + 1) > DEEPEST {
        findings.add_with(Code::InputTooDeep, "", "", DEEPEST);
    }
    if weight(input) > LARGEST {
        findings.add_with(Code::InputTooLarge, "", "", LARGEST);
    }
    findings.0.is_empty()
}

/// Nesting depth, counted up to `most`.
fn depth(value: &Value, most: usize) -> usize {
    let Some(below) = most.checked_sub(1) else { return 0 };
    match value {
        Value::Array(entries) => 1 + entries.iter().map(|entry| depth(entry, below)).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(|entry| depth(entry, below)).max().unwrap_or(0),
        _ => 0,
    }
}

/// Bytes of a value of bounded depth, about as JSON writes it.
fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(entries) => entries.iter().map(|entry| weight(entry) + 1).sum::<usize>() + 2,
        Value::Object(fields) => fields.iter().map(|(name, entry)| name.len() + weight(entry) + 4).sum::<usize>() + 2,
        _ => 5,
    }
}

/// A value as quoted in a message about its type.
pub(super) fn brief(value: &Value) -> String {
    match value {
        Value::Array(_) => "[…]".to_owned(),
        Value::Object(_) => "{…}".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The fields of one object, read by name; an unknown field is a violation.
pub(super) struct Form<'a, 'f> {
    fields: &'a Map<String, Value>,
    path: String,
    known: Vec<&'static str>,
    pub(super) findings: &'f mut Findings,
}

impl<'a, 'f> Form<'a, 'f> {
    pub(super) fn new(fields: &'a Map<String, Value>, path: String, findings: &'f mut Findings) -> Self {
        Self { fields, path, known: Vec::new(), findings }
    }

    pub(super) fn at(&self, field: &str) -> String {
        if self.path.is_empty() { field.to_owned() } else { format!("{}.{field}", self.path) }
    }

    fn get(&mut self, field: &'static str) -> Option<&'a Value> {
        self.known.push(field);
        self.fields.get(field)
    }

    fn wrong(&mut self, field: &str, value: &Value, wanted: &str) {
        let path = self.at(field);
        self.findings.add_with(Code::WrongType, &path, &brief(value), wanted);
    }

    /// A field of this type; null clears it.
    pub(super) fn edit<T>(
        &mut self,
        field: &'static str,
        wanted: &str,
        of: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Edit<T> {
        match self.get(field) {
            None => Edit::Leave,
            Some(Value::Null) => Edit::Clear,
            Some(value) => of(value).map_or_else(
                || {
                    self.wrong(field, value, wanted);
                    Edit::Clear
                },
                Edit::Set,
            ),
        }
    }

    /// Text that may be cleared; blank text clears too.
    pub(super) fn text(&mut self, field: &'static str) -> Edit<String> {
        match self.edit(field, "string", |value| value.as_str().map(str::to_owned)) {
            Edit::Set(text) if text.trim().is_empty() => Edit::Clear,
            edit => edit,
        }
    }

    /// Required text.
    pub(super) fn required(&mut self, field: &'static str) -> Edit<String> {
        let null = self.fields.get(field).is_some_and(Value::is_null);
        let edit = self.edit(field, "string", |value| value.as_str().map(str::to_owned));
        if null {
            let path = self.at(field);
            self.findings.add(Code::Required, &path, "");
        }
        edit
    }

    pub(super) fn object(&mut self, field: &'static str) -> Edit<(&'a Map<String, Value>, String)> {
        let path = self.at(field);
        self.edit(field, "object", Value::as_object).map(|fields| Some((fields, path)))
    }

    pub(super) fn list(&mut self, field: &'static str, most: usize) -> Edit<&'a [Value]> {
        let path = self.at(field);
        let edit = self.edit(field, "list", |value| value.as_array().map(Vec::as_slice));
        edit.map(|entries| {
            if entries.len() > most {
                self.findings.add_with(Code::TooMany, &path, "", most);
                return None;
            }
            Some(entries)
        })
    }

    pub(super) fn flag(&mut self, field: &'static str) -> bool {
        matches!(self.edit(field, "boolean", Value::as_bool), Edit::Set(true))
    }

    /// One of the names of `choices`, if given.
    pub(super) fn choice<T: Copy>(
        &mut self,
        field: &'static str,
        choices: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        let Edit::Set(written) = self.edit(field, "enum", Value::as_str) else { return None };
        let path = self.at(field);
        self.findings.choose(&path, written, choices, name)
    }

    /// Reports a missing field; a present one was validated already.
    pub(super) fn need(&mut self, field: &'static str) {
        if self.fields.get(field).is_none_or(Value::is_null) {
            let path = self.at(field);
            self.findings.add(Code::Required, &path, "");
        }
    }

    pub(super) fn nothing_else(self) {
        // A field name is untrusted text too, so the path shortens it; a few unknown names are enough.
        let unknown = self.fields.keys().filter(|field| !self.known.contains(&field.as_str())).take(20);
        for field in unknown {
            let path = self.at(&field.chars().filter(|c| is_visible(*c)).take(40).collect::<String>());
            self.findings.add(Code::UnknownField, &path, field);
        }
    }
}

/// The entries of a list of objects, each as a form.
pub(super) fn each<'a>(
    entries: &'a [Value],
    list: &str,
    findings: &mut Findings,
    mut entry: impl FnMut(usize, &mut Form<'a, '_>),
) {
    for (at, value) in entries.iter().enumerate() {
        let path = format!("{list}[{at}]");
        let Value::Object(fields) = value else {
            findings.add_with(Code::WrongType, &path, &brief(value), "object");
            continue;
        };
        let mut form = Form::new(fields, path, findings);
        entry(at, &mut form);
        form.nothing_else();
    }
}
