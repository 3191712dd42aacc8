//! Violations in what a member wrote: a stable code, the path, the value and the fix, all reported at once.
//!
//! The sentences live in `sentences`; each rule's file decides its violations.

use unicode_segmentation::UnicodeSegmentation;

pub use super::code::Code;
use super::visible::is_visible_after;

/// One violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Its code.
    pub code: Code,
    /// The path: `skills[3].name`.
    pub path: String,
    /// The value, shortened and without invisible characters.
    pub value: String,
    /// The limit or the allowed words, the same in every language: `30`, `0-70`, `BEGINNER, EXPERT`.
    pub detail: String,
}

impl Violation {
    /// A violation with this code at `path`, for `value`.
    pub fn new(code: Code, path: impl Into<String>, value: &str) -> Self {
        Self { code, path: path.into(), value: shown(value), detail: String::new() }
    }

    /// The same, with the limit.
    pub fn with(self, detail: impl ToString) -> Self {
        Self { detail: detail.to_string(), ..self }
    }
}

/// Characters of a value that a message quotes.
const SHOWN: usize = 40;

/// `value` as quoted in a message: short, on one line, without invisible characters.
fn shown(value: &str) -> String {
    let mut graphemes = value.graphemes(true);
    // A grapheme has no maximum length: a letter may carry a thousand marks.
    let start: String = graphemes.by_ref().take(SHOWN).flat_map(|grapheme| grapheme.chars().take(8)).collect();
    let mut safe = String::new();
    let mut before = None;
    for c in start.chars() {
        if is_visible_after(c, before) {
            safe.push(c)
        } else {
            safe.extend(c.escape_unicode())
        }
        before = Some(c);
    }
    if graphemes.next().is_some() {
        safe.push('…');
    }
    safe
}

/// The violations found so far.
#[derive(Debug, Default)]
pub struct Findings(pub Vec<Violation>);

impl Findings {
    /// Adds a violation.
    pub fn add(&mut self, code: Code, path: &str, value: &str) {
        self.0.push(Violation::new(code, path, value));
    }

    /// The choice of this name, or a violation that `written` names none.
    pub fn choose<T: Copy>(
        &mut self,
        path: &str,
        written: &str,
        choices: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        let chosen = choices.iter().copied().find(|choice| name(*choice) == written);
        if chosen.is_none() {
            let all: Vec<&str> = choices.iter().map(|choice| name(*choice)).collect();
            self.add_with(Code::NotOneOf, path, written, all.join(", "));
        }
        chosen
    }

    /// Adds a violation with its limit.
    pub fn add_with(&mut self, code: Code, path: &str, value: &str, detail: impl ToString) {
        self.0.push(Violation::new(code, path, value).with(detail));
    }

    /// The value of a rule, or its violations added.
    pub fn take<T>(&mut self, judged: Result<T, Violation>) -> Option<T> {
        judged.map_err(|violation| self.0.push(violation)).ok()
    }
}
