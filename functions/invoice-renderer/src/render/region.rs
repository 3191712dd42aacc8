//! Selects regional forms of Chinese characters: the same character is written differently in Japan, Korea, the
//! mainland, Taiwan and Hong Kong, under one code point (Unicode Standard, chapter 18, Han unification).

use unicode_script::{Script, UnicodeScript};

/// A language and a region, as the engine and the font name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forms {
    /// ISO 639-1.
    pub language: &'static str,
    /// ISO 3166-1.
    pub region: &'static str,
}

/// Scripts found in a text that only one language uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    japanese: bool,
    korean: bool,
    taiwanese: bool,
}

impl Written {
    /// Scans more of the text.
    pub fn read(&mut self, text: &str) {
        for c in text.chars().filter(|c| !c.is_ascii()) {
            match c.script() {
                Script::Hiragana | Script::Katakana => self.japanese = true,
                Script::Hangul => self.korean = true,
                Script::Bopomofo => self.taiwanese = true,
                _ => {}
            }
        }
    }
}

/// The forms of the buyer's country, else of the language detected in the text, else the mainland's, the most widely
/// used.
pub fn forms(country: &str, written: Written) -> Forms {
    let of = |language, region| Forms { language, region };
    match country {
        "JP" => of("ja", "JP"),
        "KR" | "KP" => of("ko", "KR"),
        "TW" => of("zh", "TW"),
        "HK" | "MO" => of("zh", "HK"),
        "CN" | "SG" | "MY" => of("zh", "CN"),
        _ if written.japanese => of("ja", "JP"),
        _ if written.korean => of("ko", "KR"),
        _ if written.taiwanese => of("zh", "TW"),
        _ => of("zh", "CN"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_country_decides_and_then_the_text() {
        for (country, text, region) in [
            ("JP", "山田太郎", "JP"),
            ("TW", "陳大文", "TW"),
            ("HK", "陳大文", "HK"),
            ("KR", "李承晩", "KR"),
            ("CN", "张伟 カナ", "CN"),
            ("FR", "山田 たろう", "JP"),
            ("FR", "李 승만", "KR"),
            ("FR", "陳 ㄔㄣ", "TW"),
            ("FR", "张伟", "CN"),
            ("", "", "CN"),
        ] {
            let mut written = Written::default();
            written.read(text);
            assert_eq!(forms(country, written).region, region, "{country} {text}");
        }
    }
}
