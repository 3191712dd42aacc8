//! Characters that a reader does not see, or that make the text around them look like another (Unicode Technical Reports 36
//! and 55), and where some of them are needed all the same.
//!
//! Joiners (U+200C, U+200D) are kept between letters of the scripts whose letters change with their neighbours, as Persian
//! and Indian names are written, and between the emoji that they join: the contexts of Unicode Standard Annex 31, section
//! 2.3, by script rather than by letter. Variation selectors are kept after a character that has forms, tags in the flags
//! that they encode. Everywhere else they hide data.

use unicode_properties::{GeneralCategory, UnicodeEmoji, UnicodeGeneralCategory};
use unicode_script::{Script, UnicodeScript};

const ZWNJ: char = '\u{200c}';
const ZWJ: char = '\u{200d}';

/// What is wrong with a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hidden {
    /// A control character, or a separator of lines.
    Control,
    /// It changes the direction of the text after it.
    Direction,
    /// It is not seen.
    Invisible,
    /// Its meaning depends on the font.
    Private,
}

/// What is wrong with `c` alone, if anything is.
pub fn hidden(c: char) -> Option<Hidden> {
    match c {
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' => {
            return Some(Hidden::Direction);
        }
        // Fillers and blanks that the tables count as letters, marks or symbols.
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}' => {
            return Some(Hidden::Invisible);
        }
        '\u{fdd0}'..='\u{fdef}' => return Some(Hidden::Invisible),
        _ if u32::from(c) & 0xfffe == 0xfffe => return Some(Hidden::Invisible),
        // Fast path for most typed text; the tables are not needed.
        ' '..='~' => return None,
        _ if c.is_alphabetic() => return None,
        _ => {}
    }
    match c.general_category() {
        GeneralCategory::Control | GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator => {
            Some(Hidden::Control)
        }
        GeneralCategory::Format => Some(Hidden::Invisible),
        GeneralCategory::PrivateUse => Some(Hidden::Private),
        _ => None,
    }
}

/// What is wrong with the character at `at`, where it stands.
pub fn hidden_at(chars: &[char], at: usize) -> Option<Hidden> {
    let c = *chars.get(at)?;
    let before = at.checked_sub(1).and_then(|at| chars.get(at)).copied();
    match c {
        ZWNJ | ZWJ if joins(c, before, chars.get(at + 1).copied()) => None,
        _ if is_selector(c) => (!is_visible_after(c, before)).then_some(Hidden::Invisible),
        '\u{e0020}'..='\u{e007f}' if in_flag(chars.get(..at).unwrap_or_default()) => None,
        _ => hidden(c),
    }
}

/// Whether `c` is visible, or a space, after `before`. Variation selectors choose a form of the preceding character; alone,
/// or several in a row, they hide data.
pub fn is_visible_after(c: char, before: Option<char>) -> bool {
    let chosen = |before: char| hidden(before).is_none() && !before.is_whitespace() && !is_selector(before);
    hidden(c).is_none() && (!is_selector(c) || before.is_some_and(chosen))
}

/// Whether it selects a form of the preceding character.
pub fn is_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Whether a joiner stands where emoji, or scripts whose letters change with their neighbours, need it.
fn joins(c: char, before: Option<char>, after: Option<char>) -> bool {
    let (Some(before), Some(after)) = (before, after) else { return false };
    let emoji = |c: char| c.is_emoji_char() && !c.is_ascii();
    let pictures = c == ZWJ && (emoji(before) || before == '\u{fe0f}') && emoji(after);
    // A mark may follow the letter before it, and marks have no script of their own.
    pictures || ((joining(before) || before.script() == Script::Inherited) && joining(after))
}

/// Whether joiners are used in the script of `c`: Arabic-like and Brahmic scripts.
fn joining(c: char) -> bool {
    matches!(
        c.script(),
        Script::Arabic
            | Script::Syriac
            | Script::Mandaic
            | Script::Mongolian
            | Script::Nko
            | Script::Adlam
            | Script::Devanagari
            | Script::Bengali
            | Script::Gurmukhi
            | Script::Gujarati
            | Script::Oriya
            | Script::Tamil
            | Script::Telugu
            | Script::Kannada
            | Script::Malayalam
            | Script::Sinhala
            | Script::Khmer
            | Script::Myanmar
            | Script::Tibetan
            | Script::Balinese
            | Script::Javanese
    )
}

/// Whether the text ends with a black flag and its tags: the encoding of regional flags.
fn in_flag(before: &[char]) -> bool {
    let tags = before.iter().rev().take_while(|c| matches!(c, '\u{e0020}'..='\u{e007e}')).count();
    tags < 7 && before.len().checked_sub(tags + 1).and_then(|at| before.get(at)) == Some(&'\u{1f3f4}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shortcuts decide as the tables would.
    #[test]
    fn shortcuts_change_nothing() {
        for c in (' '..=char::MAX).filter(|c| c.is_alphabetic() || matches!(c, ' '..='~')) {
            let seen = !matches!(
                c.general_category(),
                GeneralCategory::Control
                    | GeneralCategory::LineSeparator
                    | GeneralCategory::ParagraphSeparator
                    | GeneralCategory::Format
                    | GeneralCategory::PrivateUse
            );
            assert!(seen, "{c:?}");
        }
    }
}
