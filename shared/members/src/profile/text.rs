//! Free text that members write: its length in graphemes, and the characters allowed in it.
//!
//! Text is stored in NFC and trimmed. Letters of every language and emoji are allowed; rejected are characters that
//! readers cannot see or that make text display differently (Unicode Technical Reports 36 and 55).

use std::borrow::Cow;

use comptoir::text::hidden::hidden_at;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use unicode_segmentation::UnicodeSegmentation;

use super::{
    violation::{Code, Findings},
    visible::code,
};

/// Code points in one grapheme: a family of four with skin tones has eleven, the flag of Scotland seven.
const GRAPHEME: usize = 12;

/// The limits of a text field.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Fewest characters (grapheme clusters).
    pub least: usize,
    /// Most characters (grapheme clusters).
    pub most: usize,
    /// Whether line breaks are allowed.
    pub lines: bool,
}

impl Shape {
    /// One line of `least` to `most` characters.
    pub const fn line(least: usize, most: usize) -> Self {
        Self { least, most, lines: false }
    }
}

/// `value` as stored, or its violations added at `path`. `None` if it is empty after trimming and may be.
pub fn clean(value: &str, path: &str, shape: Shape, findings: &mut Findings) -> Option<String> {
    let text = normal(value, shape.lines);
    let before = findings.0.len();
    if let Some(code) = unfit(&text, shape.lines) {
        findings.add(code, path, &text);
    }
    let length = length(&text, shape);
    if length > shape.most {
        findings.add_with(Code::TooLong, path, &text, shape.most);
    } else if length == 0 && shape.least > 0 {
        findings.add(Code::Required, path, &text);
    } else if length < shape.least {
        findings.add_with(Code::TooShort, path, &text, shape.least);
    }
    (findings.0.len() == before && !text.is_empty()).then_some(text)
}

/// Length in graphemes. It never exceeds the number of code points, so the tables are needed only for text that may be
/// too long.
fn length(text: &str, shape: Shape) -> usize {
    let points = text.chars().count();
    if points <= shape.most && shape.least <= 1 { points } else { text.graphemes(true).count() }
}

/// NFC, trimmed, and with line feeds only, if line breaks are allowed.
fn normal(value: &str, lines: bool) -> String {
    let composed = composed(value);
    if !lines {
        return composed.trim().to_owned();
    }
    let text = composed.replace("\r\n", "\n").replace('\r', "\n");
    text.trim().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// `value` in NFC, the form of most typed text.
pub(super) fn composed(value: &str) -> Cow<'_, str> {
    match is_nfc_quick(value.chars()) {
        IsNormalized::Yes => Cow::Borrowed(value),
        IsNormalized::No | IsNormalized::Maybe => Cow::Owned(value.nfc().collect()),
    }
}

/// The first violation in the characters of `text`, if any.
pub fn unfit(text: &str, lines: bool) -> Option<Code> {
    let chars: Vec<char> = text.chars().collect();
    let hidden = |at: usize| match (chars.get(at), hidden_at(&chars, at)?) {
        (Some('\n'), _) if lines => None,
        (_, hidden) => Some(code(hidden)),
    };
    let bad = (0..chars.len()).find_map(hidden);
    bad.or_else(|| stacked(&chars, text).then_some(Code::StackedMarks))
}

/// Whether more code points are stacked than any writing system needs. Joining code points are never ASCII.
fn stacked(chars: &[char], text: &str) -> bool {
    chars.split(char::is_ascii).any(|run| run.len() >= GRAPHEME)
        && text.graphemes(true).any(|grapheme| grapheme.chars().count() > GRAPHEME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_every_language_stays_and_tricks_do_not() {
        for good in ["Zoé Lefèvre", "עברית ועוד", "می‌خواهم", "क्‍ष", "👩‍👩‍👧‍👦 ❤️ 👍🏽", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "葛󠄀城", "नमस्ते", "1️⃣"]
        {
            assert_eq!(unfit(good, false), None, "{good}");
        }
        for (bad, code) in [
            ("abc\u{202e}fdp.exe", Code::DirectionCharacter),
            ("a\u{2066}b", Code::DirectionCharacter),
            ("a\u{200b}b", Code::InvisibleCharacter),
            ("pay\u{200d}pal", Code::InvisibleCharacter),
            ("a\u{302}\u{200c}\u{302}b", Code::InvisibleCharacter),
            ("a\u{feff}", Code::InvisibleCharacter),
            ("x\u{fe0f}\u{fe0e}\u{fe0f}", Code::InvisibleCharacter),
            ("\u{3164}", Code::InvisibleCharacter),
            ("a\u{e0041}", Code::InvisibleCharacter),
            ("\u{e000}", Code::InvisibleCharacter),
            ("a\0b", Code::ControlCharacter),
            ("a\nb", Code::ControlCharacter),
            ("a\u{2028}b", Code::ControlCharacter),
        ] {
            assert_eq!(unfit(bad, false), Some(code), "{bad:?}");
        }
        let zalgo: String = std::iter::once('a').chain(std::iter::repeat_n('\u{302}', 40)).collect();
        assert_eq!(unfit(&zalgo, false), Some(Code::StackedMarks));
    }

    proptest::proptest! {
        #[test]
        fn the_quick_ways_end_where_the_slow_ones_do(
            text in "([ a-z]{0,3}[é\u{301}\u{302}\u{200d}👩🏽]{0,16}){0,5}", least in 0_usize..3, most in 1_usize..40,
        ) {
            let slow = text.graphemes(true).count();
            let quick = length(&text, Shape::line(least, most));
            proptest::prop_assert_eq!((quick > most, quick < least, quick == 0), (slow > most, slow < least, slow == 0));
            let chars: Vec<char> = text.chars().collect();
            let heaped = text.graphemes(true).any(|grapheme| grapheme.chars().count() > GRAPHEME);
            proptest::prop_assert_eq!(stacked(&chars, &text), heaped);
            proptest::prop_assert_eq!(composed(&text).into_owned(), text.nfc().collect::<String>());
        }
    }

    #[test]
    fn length_is_what_a_reader_counts() {
        let mut findings = Findings::default();
        let family = "👩‍👩‍👧‍👦".repeat(5);
        assert_eq!(clean(&family, "headline", Shape::line(1, 5), &mut findings), Some(family.clone()));
        assert_eq!(clean(&family, "headline", Shape::line(1, 4), &mut findings), None);
        assert_eq!(clean("  ", "headline", Shape::line(1, 4), &mut findings), None);
        assert_eq!(clean("e\u{301} ", "headline", Shape::line(1, 4), &mut findings).as_deref(), Some("é"));
        let codes: Vec<Code> = findings.0.iter().map(|found| found.code).collect();
        assert_eq!(codes, [Code::TooLong, Code::Required]);
    }

    #[test]
    fn lines_are_kept_where_there_may_be_lines() {
        let mut findings = Findings::default();
        let bio = Shape { least: 0, most: 100, lines: true };
        assert_eq!(clean("a \r\n\r\nb\r", "bio", bio, &mut findings).as_deref(), Some("a\n\nb"));
        assert!(findings.0.is_empty());
    }
}
