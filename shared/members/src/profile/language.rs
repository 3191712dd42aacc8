//! The languages of responses to members.

use serde::{Deserialize, Serialize};

/// A language of messages and notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// French.
    #[default]
    Fr,
    /// English.
    En,
}

impl Language {
    /// The first supported language of these tags: `["de", "en-GB"]` is English.
    pub fn spoken<'a>(tags: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        tags.into_iter().find_map(|tag| match tag.split('-').next()?.to_ascii_lowercase().as_str() {
            "fr" => Some(Self::Fr),
            "en" => Some(Self::En),
            _ => None,
        })
    }

    /// The language that an `Accept-Language` header requests (RFC 9110, section 12.5.4), else French. Every browser
    /// sends it in order of preference; weights are ignored, except that a weight of zero excludes.
    pub fn accepted(header: &str) -> Self {
        let wanted = header.split(',').filter_map(|choice| {
            let (tag, weight) = choice.split_once(';').unwrap_or((choice, ""));
            let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.trim_matches(['0', '.', ' ']).is_empty());
            (!refused).then_some(tag.trim())
        });
        Self::spoken(wanted).unwrap_or_default()
    }

    /// `fr` or `en`.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Fr => "fr",
            Self::En => "en",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_answered_in_the_first_language_we_speak() {
        for (header, language) in [
            ("en-GB,en;q=0.9,fr;q=0.8", Language::En),
            ("de, fr-CA;q=0.7, en;q=0.3", Language::Fr),
            ("en;q=0, fr", Language::Fr),
            ("EN", Language::En),
            ("", Language::Fr),
            ("zz;;;,,", Language::Fr),
        ] {
            assert_eq!(Language::accepted(header), language, "{header}");
        }
    }
}
