//! How a mistake in what a member wrote is told: a stable word, the place, the value and the fix, all mistakes at once.
//!
//! The sentences live in `sentences`; which rule finds which mistake, in the file of the rule.

use unicode_segmentation::UnicodeSegmentation;

pub use super::code::Code;
use super::visible::is_visible_after;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What kind.
    pub code: Code,
    /// Where: `skills[3].name`.
    pub path: String,
    /// What stands there, shortened and with nothing invisible left in it.
    pub value: String,
    /// The bound or the words that hold, the same in every language: `30`, `0-70`, `BEGINNER, EXPERT`.
    pub detail: String,
}

impl Violation {
    /// The mistake of this kind at `path`, where `value` stands.
    pub fn new(code: Code, path: impl Into<String>, value: &str) -> Self {
        Self { code, path: path.into(), value: shown(value), detail: String::new() }
    }

    /// The same, with the bound that holds.
    pub fn with(self, detail: impl ToString) -> Self {
        Self { detail: detail.to_string(), ..self }
    }
}

/// Characters of a value that a message repeats.
const SHOWN: usize = 40;

/// `value` as a message may repeat it: short, on one line, with what nobody would see written out.
fn shown(value: &str) -> String {
    let mut graphemes = value.graphemes(true);
    // A grapheme has no end of its own: a letter may carry a thousand marks.
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

/// The mistakes found so far.
#[derive(Debug, Default)]
pub struct Findings(pub Vec<Violation>);

impl Findings {
    /// Notes a mistake.
    pub fn add(&mut self, code: Code, path: &str, value: &str) {
        self.0.push(Violation::new(code, path, value));
    }

    /// The choice of this name, or a note that `written` names none.
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

    /// Notes a mistake with the bound that holds.
    pub fn add_with(&mut self, code: Code, path: &str, value: &str, detail: impl ToString) {
        self.0.push(Violation::new(code, path, value).with(detail));
    }

    /// The value of a rule, or its mistakes noted.
    pub fn take<T>(&mut self, judged: Result<T, Violation>) -> Option<T> {
        judged.map_err(|violation| self.0.push(violation)).ok()
    }
}
