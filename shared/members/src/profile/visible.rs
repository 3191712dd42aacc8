//! Which characters are visible (Unicode Technical Reports 36 and 55).

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use super::code::Code;

/// Whether `c` is visible, or a space.
pub(super) fn is_visible(c: char) -> bool {
    wrong(c).is_none()
}

/// The same after `before`. Variation selectors choose a form of the preceding character; alone, or several in a row,
/// they hide data.
pub(super) fn is_visible_after(c: char, before: Option<char>) -> bool {
    let chosen = |before: char| is_visible(before) && !before.is_whitespace() && !is_selector(before);
    is_visible(c) && (!is_selector(c) || before.is_some_and(chosen))
}

/// Why `c` alone is not allowed, if so.
pub(super) fn wrong(c: char) -> Option<Code> {
    match c {
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' => {
            return Some(Code::DirectionCharacter);
        }
        // Fillers and blanks that the tables count as letters, marks or symbols.
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}' => {
            return Some(Code::InvisibleCharacter);
        }
        '\u{fdd0}'..='\u{fdef}' => return Some(Code::InvisibleCharacter),
        _ if u32::from(c) & 0xfffe == 0xfffe => return Some(Code::InvisibleCharacter),
        // Fast path for most typed text; the tables are not needed.
        ' '..='~' => return None,
        _ if c.is_alphabetic() => return None,
        _ => {}
    }
    match c.general_category() {
        GeneralCategory::Control | GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator => {
            Some(Code::ControlCharacter)
        }
        GeneralCategory::Format | GeneralCategory::PrivateUse => Some(Code::InvisibleCharacter),
        _ => None,
    }
}

/// Whether it selects a form of the preceding character.
pub(super) fn is_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}
