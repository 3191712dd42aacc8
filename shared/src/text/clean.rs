//! Text of strangers, as it goes into a document, a mail or a file: without what a reader does not see, and no longer than it
//! needs to be.
//!
//! Stripe hands on whatever a customer typed. A sale is stored as it was received; what is made of it is made of clean text, so
//! that page, XML, mail and the accountant's files say the same. An e-mail address is not cleaned: without a character it
//! would be another person's ([`mailable`](crate::email::mailable) refuses it).

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;

use super::hidden::{Hidden, hidden_at};

/// `text` on one line and trimmed, without hidden characters. A control character or a line break becomes one space.
/// Private characters stay, because they may be a letter of the name: a font that lacks one shows a box.
pub fn clean(text: &str) -> Cow<'_, str> {
    // Nothing else is hidden in ASCII.
    if text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        return Cow::Borrowed(text.trim());
    }
    let chars: Vec<char> = text.chars().collect();
    let mut cleaned = String::with_capacity(text.len());
    let mut broken = false;
    for (at, c) in chars.iter().enumerate() {
        match hidden_at(&chars, at) {
            Some(Hidden::Control) => broken = true,
            Some(Hidden::Direction | Hidden::Invisible) => {}
            Some(Hidden::Private) | None => {
                if broken && *c != ' ' && !cleaned.is_empty() && !cleaned.ends_with(' ') {
                    cleaned.push(' ');
                }
                broken = false;
                cleaned.push(*c);
            }
        }
    }
    Cow::Owned(cleaned.trim().to_owned())
}

/// The same, cut after `most` characters as readers count them (grapheme clusters, Unicode Standard Annex 29): the last one is
/// then `…`, so that whoever reads it sees that something is missing. A grapheme itself has no maximum length, so that it is
/// `most` times four code points at most.
pub fn clean_within(text: &str, most: usize) -> Cow<'_, str> {
    let cleaned = clean(text);
    if cleaned.len() <= most {
        return cleaned;
    }
    let cut = {
        let mut ends = cleaned.grapheme_indices(true).map(|(at, _)| at).skip(most.saturating_sub(1));
        let last = ends.next().filter(|_| ends.next().is_some());
        let points = cleaned.char_indices().map(|(at, _)| at).nth(most * POINTS);
        last.into_iter().chain(points).min()
    };
    match cut {
        None => cleaned,
        Some(at) => Cow::Owned(format!("{}…", cleaned.get(..at).unwrap_or_default().trim_end())),
    }
}

/// Code points of a character on average, at most: an accented letter has two or three, a flag two.
const POINTS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_need_stays() {
        for name in [
            "Zoé Lefèvre",
            "O’Neil-D'Artagnan",
            "Nguyễn Thị Ánh",
            "山田  太郎",
            "می‌خواهم",
            "क्‍ष",
            "සිංහල ශ්‍රී",
            "👩‍👩‍👧‍👦 ❤️ 👍🏽",
            "🏴󠁧󠁢󠁳󠁣󠁴󠁿",
            "葛󠄀城",
            "\u{f8ff} Store",
            "1\u{a0}234\u{202f}€",
        ] {
            assert_eq!(clean(name), name);
        }
    }

    #[test]
    fn what_nobody_sees_goes() {
        for (given, cleaned) in [
            ("", ""),
            (" \u{200b} ", ""),
            ("a\u{202e}fdp.exe", "afdp.exe"),
            ("a\u{2066}b\u{2069}", "ab"),
            ("Zo\u{200b}é\u{feff}", "Zoé"),
            ("\u{200e}Zoé\u{200f}", "Zoé"),
            ("pay\u{200d}pal", "paypal"),
            ("Zo\u{ad}é\u{2060}", "Zoé"),
            ("Zoé\u{e0068}\u{e0069}", "Zoé"),
            ("Zoé\u{fe0f}\u{fe0f}", "Zoé\u{fe0f}"),
            ("Zoé\r\nBcc: x\0", "Zoé Bcc: x"),
            ("Zoé\u{2028}\tL", "Zoé L"),
            ("\u{3164}", ""),
        ] {
            assert_eq!(clean(given), cleaned, "{given:?}");
        }
    }

    #[test]
    fn a_text_is_cut_between_characters_and_says_so() {
        assert_eq!(clean_within("Zoé", 3), "Zoé");
        assert_eq!(clean_within("Zoé Lefèvre", 5), "Zoé…");
        assert_eq!(clean_within("Zoé Lefèvre", 6), "Zoé L…");
        let families = "👩‍👩‍👧‍👦".repeat(3);
        assert_eq!(clean_within(&families, 2), "👩‍👩‍👧‍👦…");
        let heaped = format!("a{}", "\u{301}".repeat(1000));
        assert_eq!(clean_within(&heaped, 10).chars().count(), 41, "a grapheme without an end");
    }

    proptest::proptest! {
        #[test]
        fn clean_text_is_clean_and_within_its_bounds(text in "(\\PC|.|[\u{200b}-\u{200f}\u{fe0f}\u{e0020}🏴👩کक\n]){0,40}", most in 1_usize..30) {
            let once = clean(&text).into_owned();
            let hides = once.contains(['\n', '\r', '\0', '\u{2028}', '\u{202e}', '\u{200b}', '\u{feff}']);
            proptest::prop_assert!(!hides);
            let cut = clean_within(&text, most).into_owned();
            proptest::prop_assert!(cut.graphemes(true).count() <= most && cut.chars().count() <= most * POINTS + 1);
            proptest::prop_assert!(cut == once || cut.ends_with('…'));
        }
    }
}
