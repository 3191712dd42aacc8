//! How a mistake in what a member wrote is told: a stable word, the place, the value and the fix, all mistakes at once.
//!
//! The sentences live in `sentences`; which rule finds which mistake, in the file of the rule.

use serde::Serialize;
use unicode_segmentation::UnicodeSegmentation;

use super::{language::Language, sentences};

/// What kind of mistake it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// A field that the input does not have.
    UnknownField,
    /// A value of another type.
    WrongType,
    /// A field that must be given, or may not be emptied.
    Required,
    /// The input as a whole is larger than `Violation::detail` bytes.
    InputTooLarge,
    /// The input is nested deeper than `Violation::detail` levels.
    InputTooDeep,
    /// Fewer characters than `Violation::detail`.
    TooShort,
    /// More characters than `Violation::detail`.
    TooLong,
    /// More entries than `Violation::detail`.
    TooMany,
    /// A number outside `Violation::detail`.
    OutOfRange,
    /// None of the words in `Violation::detail`.
    NotOneOf,
    /// A control character, or a line break where there is one line.
    ControlCharacter,
    /// A character that turns the direction of what follows.
    DirectionCharacter,
    /// A character that nobody sees, where nothing needs it.
    InvisibleCharacter,
    /// More marks on one letter than any language has.
    StackedMarks,
    /// A name without a letter, or with signs that names do not have.
    NameMalformed,
    /// Not letters, digits and single `-` or `_` between them.
    HandleMalformed,
    /// A word that the house keeps.
    HandleReserved,
    /// Letters of several scripts, or of none that people write with today.
    HandleMixedScripts,
    /// Somebody has it, or one that looks the same.
    HandleTaken,
    /// Not an address that mail can be sent to.
    EmailMalformed,
    /// An address whose part before the `@` is not ASCII: SES cannot send to it.
    EmailNotAscii,
    /// Not the address that the owner of the profile signs in with, verified.
    EmailNotVerified,
    /// Another profile has it.
    EmailTaken,
    /// Not a telephone number of the country.
    PhoneMalformed,
    /// Not a web address.
    UrlMalformed,
    /// A scheme other than https.
    UrlNotHttps,
    /// A user or a password in the address.
    UrlUserinfo,
    /// A port.
    UrlPort,
    /// An address that only one network, or one machine, knows.
    UrlPrivateHost,
    /// A host that imitates another by its letters.
    UrlMixedScripts,
    /// A host that is not the one of the link's kind.
    UrlKindMismatch,
    /// One skill twice, with different years or levels.
    SkillDuplicate,
    /// No country of ISO 3166-1.
    CountryUnknown,
    /// No language tag of BCP 47.
    LanguageUnknown,
    /// Not a day as ISO 8601 writes it.
    DateMalformed,
    /// A day is needed beside this status, or goes with no other.
    DateMisplaced,
    /// A type that may not be uploaded.
    TypeNotAllowed,
    /// No bytes, or more than `Violation::detail`.
    SizeNotAllowed,
    /// Not the base64 of a SHA-256.
    ChecksumMalformed,
    /// No such upload, or not the caller's.
    UploadUnknown,
    /// The upload was confirmed too late.
    UploadExpired,
    /// Nothing came yet of what was announced.
    UploadMissing,
    /// What came is not what was announced.
    UploadDiffers,
    /// A cursor of another search, or none at all.
    CursorForeign,
}

impl Code {
    /// The stable word, fit for a client to branch on: `handle_reserved`.
    pub fn word(self) -> String {
        serde_json::to_value(self).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

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

    /// One sentence for the member: what is wrong and what mends it.
    pub fn message(&self, language: Language) -> String {
        sentences::sentence(self, language)
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
        if super::text::is_visible_after(c, before) {
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
