//! Makes any text printable: reduces a page's text to what the fonts can show.
//!
//! A character without a glyph makes PDF/A export fail, and names are untrusted input. The exact text is kept
//! elsewhere: in the snapshot of the invoice.

use std::collections::BTreeSet;

use comptoir::invoice::print::Page;
use serde_json::{Value, json};
use typst::text::is_default_ignorable;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use unicode_script::UnicodeScript;

use super::{error::RenderError, fonts::Fonts, region};

/// How much of a text is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GlyphPolicy {
    /// Everything that some font has.
    Exact,
    /// Only single characters that every font has.
    Plain,
}

/// Characters that no font has, printed as a replacement sign.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unprintable {
    /// How many characters.
    pub characters: usize,
    /// Of which scripts, as Unicode names them.
    pub scripts: BTreeSet<&'static str>,
}

impl Unprintable {
    fn add(&mut self, c: char) {
        self.characters += 1;
        self.scripts.insert(c.script().full_name());
    }
}

/// Replacement for what cannot be printed; the first that the fonts have.
const REPLACEMENTS: [&str; 2] = ["□", "?"];

/// A wider word is given break opportunities, in thousandths of the type size. The narrowest column for free text is
/// the one of descriptions, 24 times its type size.
const WIDEST_WORD: u32 = 20_000;

const BREAK: char = '\u{200b}';

/// The page as the template reads it, and which of its text is not printed as is.
pub fn json(page: &Page, fonts: &Fonts, faith: GlyphPolicy) -> Result<(Vec<u8>, Unprintable), RenderError> {
    let data = |error: serde_json::Error| RenderError::Data(error.to_string());
    let mut value = serde_json::to_value(page).map_err(data)?;
    let mut missing = Unprintable::default();
    let mut written = region::Written::default();
    for (key, value) in value.as_object_mut().into_iter().flatten() {
        if key != "logo" {
            each_text(value, &mut |text| {
                written.read(text);
                breakable(&printable(text, fonts, faith, &mut missing), fonts)
            });
        }
    }
    if let Some(fields) = value.as_object_mut() {
        let forms = region::forms(&page.buyer_country, written);
        fields.insert("forms".to_owned(), json!({"lang": forms.language, "region": forms.region}));
    }
    Ok((serde_json::to_vec(&value).map_err(data)?, missing))
}

fn each_text(value: &mut Value, change: &mut impl FnMut(&str) -> String) {
    match value {
        Value::String(text) => *text = change(text),
        Value::Array(values) => values.iter_mut().for_each(|value| each_text(value, change)),
        Value::Object(values) => values.values_mut().for_each(|value| each_text(value, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// `text` composed, on one line, with a visible sign in place of everything that cannot be shown.
fn printable(text: &str, fonts: &Fonts, faith: GlyphPolicy, missing: &mut Unprintable) -> String {
    let has = |text: &str| if faith == GlyphPolicy::Exact { fonts.any_has(text) } else { fonts.each_has(text) };
    let replacement = REPLACEMENTS.into_iter().find(|sign| has(sign)).unwrap_or("?");
    let mut printed = String::with_capacity(text.len());
    let mut cluster = String::new();
    let mut flush = |cluster: &mut String| {
        match faith {
            GlyphPolicy::Exact if fonts.any_has(cluster) => printed.push_str(cluster),
            GlyphPolicy::Exact | GlyphPolicy::Plain => {
                for c in cluster.chars() {
                    let single = c.encode_utf8(&mut [0; 4]).to_owned();
                    if has(&single) && !is_combining_mark(c) {
                        printed.push_str(&single);
                    } else {
                        printed.push_str(replacement);
                        missing.add(c);
                    }
                }
            }
        }
        cluster.clear();
    };
    for c in text.nfc() {
        if !is_combining_mark(c) {
            flush(&mut cluster);
        }
        match c {
            '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => cluster.push(' '),
            // Has no printable meaning: no font is missing for it.
            c if c.is_control() || reorders(c) || is_private(c) => cluster.push_str(replacement),
            // Invisible by definition: joiners, variation selectors. The engine needs no glyph for them.
            c if is_default_ignorable(c) => {
                flush(&mut cluster);
                if faith == GlyphPolicy::Exact {
                    cluster.push(c);
                }
            }
            c => cluster.push(c),
        }
    }
    flush(&mut cluster);
    printed
}

/// Overrides and isolates, which can make an amount or a name read as another.
fn reorders(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Its meaning depends on the font.
fn is_private(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
}

/// `text` with break opportunities inside words that are wider than a column.
fn breakable(text: &str, fonts: &Fonts) -> String {
    let mut broken = String::with_capacity(text.len());
    for word in text.split_inclusive(' ') {
        let widths: Vec<(char, u32)> = word.chars().map(|c| (c, fonts.width(c))).collect();
        if widths.iter().map(|(_, width)| width).sum::<u32>() <= WIDEST_WORD {
            broken.push_str(word);
            continue;
        }
        let mut used = 0;
        for (c, width) in widths {
            if used + width > WIDEST_WORD && !is_combining_mark(c) {
                broken.push(BREAK);
                used = 0;
            }
            broken.push(c);
            used += width;
            if used > WIDEST_WORD / 2 && matches!(c, '@' | '.' | '/' | '-' | '_') {
                broken.push(BREAK);
                used = 0;
            }
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{templates::Templates, world::RenderEngine};

    fn fonts() -> Fonts {
        RenderEngine::new(Templates::embedded()).unwrap().fonts
    }

    fn printable(text: &str, fonts: &Fonts, faith: GlyphPolicy) -> String {
        super::printable(text, fonts, faith, &mut Unprintable::default())
    }

    #[test]
    fn latin_greek_and_cyrillic_stay_as_they_are() {
        let fonts = fonts();
        for text in [
            "Zoé Lefèvre œuvre Ÿ ß Łódź Őrség Škoda İstanbul Ñandú Þór Nguyễn Thị Ánh",
            "Ελένη Παπαδοπούλου ΐ ΰ Άγιος",
            "Наталія Ґедзь Ђорђе Їжак Ёлкин",
            "« 1\u{202f}234,50\u{a0}€ » – — … ’ · × ≠ n° §",
            "مريم שלום Հայկ ქართული ✓ ★ →",
        ] {
            assert_eq!(printable(text, &fonts, GlyphPolicy::Exact), text);
        }
    }

    #[test]
    fn marks_are_composed_with_their_letter() {
        let fonts = fonts();
        assert_eq!(printable("Zoe\u{301} Le\u{300}ve", &fonts, GlyphPolicy::Exact), "Zoé Lève");
        assert_eq!(printable("Zoe\u{301} e\u{329}", &fonts, GlyphPolicy::Plain), "Zoé e□");
    }

    #[test]
    fn what_cannot_be_shown_is_seen_to_be_missing() {
        let fonts = fonts();
        let printed = |text| printable(text, &fonts, GlyphPolicy::Exact);
        assert_eq!(printed("a\0b\u{7f}"), "a□b□");
        assert_eq!(printed("a\u{202e}b\u{2066}"), "a□b□");
        assert_eq!(printed("山田 \u{e000}"), "□□ □");
        assert_eq!(printed("a\r\nb\tc\u{2028}d"), "a  b c d");
        assert_eq!(printed("\u{301}a"), "\u{301}a");
        assert_eq!(printed("नमस्ते").chars().filter(|c| *c != '□').count(), 0);
    }

    #[test]
    fn what_no_font_has_is_known_by_its_script() {
        let (narrow, wide) = (fonts(), fonts().with_scripts());
        let missing = |text: &str, fonts: &Fonts| {
            let mut missing = Unprintable::default();
            super::printable(text, fonts, GlyphPolicy::Exact, &mut missing);
            (missing.characters, missing.scripts.into_iter().collect::<Vec<_>>().join(" "))
        };
        assert_eq!(missing("Zoé Ελένη Наталія مريم שלום Հայկ ქართ \0 \u{e000}", &narrow), (0, String::new()));
        assert_eq!(missing("山田 김 नम ไทย", &narrow), (8, "Devanagari Han Hangul Thai".to_owned()));
        assert_eq!(missing("山田 김 नम ไทย བོད་ 𒀀", &wide), (5, "Cuneiform Tibetan".to_owned()));
    }

    #[test]
    fn names_of_people_who_pay_are_there() {
        let wide = fonts().with_scripts();
        for name in [
            "山田太郎 髙橋 﨑山 渡邉 さくら カナ",
            "张伟 王秀英 喆 堃 翀 諸葛 陳大文 龍",
            "김철수 박서연 뷁 李承晩",
            "नमस्ते श्री क्षत्रिय राजेश कुमार",
            "সুমন চট্টোপাধ্যায় தமிழ்ச்செல்வன் తెలుగు ಕನ್ನಡ മലയാളം ગુજરાતી ਪੰਜਾਬੀ සිංහල",
            "สมชาย ใจดี ລາວ ភាសាខ្មែរ မြန်မာ አማርኛ",
            "😀 🎨 🚀 👩‍🎨",
        ] {
            assert_eq!(printable(name, &wide, GlyphPolicy::Exact), name.nfc().collect::<String>());
        }
    }

    #[test]
    fn only_words_wider_than_a_column_get_places_to_break() {
        let fonts = fonts();
        let mail = "prenom.nom@entreprise-exemple.fr";
        assert_eq!(breakable(mail, &fonts), mail);
        let long = breakable(&"W".repeat(60), &fonts);
        assert!(long.split(BREAK).all(|part| part.len() < 24), "{long}");
        let mail = breakable("une.tres.longue.adresse.de.courriel@sous-domaine.entreprise-exemple.fr", &fonts);
        assert!(mail.contains(BREAK), "{mail}");
    }
}
