//! Reads the arguments of an operation; `profile::input` parses the input objects.

use serde_json::{Map, Value};

use super::Failure;
use crate::profile::violation::{Code, Findings};

/// The arguments of one operation, read by name.
pub(super) struct Arguments<'a> {
    fields: Option<&'a Map<String, Value>>,
    known: Vec<&'static str>,
    findings: Findings,
}

impl<'a> Arguments<'a> {
    pub(super) fn new(arguments: &'a Value) -> Self {
        let mut findings = Findings::default();
        // AppSync passes null for a field without arguments.
        if !arguments.is_object() && !arguments.is_null() {
            findings.add_with(Code::WrongType, "", "", "object");
        }
        Self { fields: arguments.as_object(), known: Vec::new(), findings }
    }

    /// The raw argument; `None` if absent or null.
    pub(super) fn get(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.fields?.get(name).filter(|value| !value.is_null())
    }

    fn typed<T>(&mut self, name: &'static str, wanted: &str, of: impl FnOnce(&'a Value) -> Option<T>) -> Option<T> {
        let value = self.get(name)?;
        let read = of(value);
        if read.is_none() {
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            self.findings.add_with(Code::WrongType, name, &shown, wanted);
        }
        read
    }

    pub(super) fn text(&mut self, name: &'static str) -> Option<&'a str> {
        self.typed(name, "string", Value::as_str)
    }

    pub(super) fn whole(&mut self, name: &'static str) -> Option<i64> {
        self.typed(name, "integer", Value::as_i64)
    }

    /// A number in this range.
    pub(super) fn between(&mut self, name: &'static str, least: u32, most: u32) -> Option<u32> {
        let whole = self.whole(name)?;
        let read = u32::try_from(whole).ok().filter(|number| (least..=most).contains(number));
        if read.is_none() {
            self.findings.add_with(Code::OutOfRange, name, &whole.to_string(), format!("{least}-{most}"));
        }
        read
    }

    /// One of these names.
    pub(super) fn choice<T: Copy>(
        &mut self,
        field: &'static str,
        choices: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        let written = self.text(field)?;
        self.findings.choose(field, written, choices, name)
    }

    /// Reports a missing argument, unless present.
    pub(super) fn need(&mut self, name: &'static str) {
        if self.fields.and_then(|fields| fields.get(name)).is_none_or(Value::is_null) {
            self.findings.add(Code::Required, name, "");
        }
    }

    /// Fails if there are violations.
    pub(super) fn end(mut self) -> Result<(), Failure> {
        for name in self.fields.into_iter().flat_map(Map::keys).take(100) {
            if !self.known.contains(&name.as_str()) {
                let path: String = name.chars().take(40).collect();
                self.findings.add(Code::UnknownField, &path, name);
            }
        }
        if self.findings.0.is_empty() { Ok(()) } else { Err(Failure::Invalid(self.findings.0)) }
    }
}
