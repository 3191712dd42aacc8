//! The words of a page, in French and English, from `infra/templates/words.toml`.
//!
//! The owner edits the file: errors are reported when it is read, with their location. `page` decides which word is
//! used where; numbers and dates are formatted in `format`.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Value;

/// The file name used in messages.
const FILE: &str = "infra/templates/words.toml";

/// The sentences with placeholders, each with the names of all it contains. Every other sentence has none.
const PLACEHOLDERS: [(&str, &[&str]); 19] = [
    ("corrected", &["number", "date"]),
    ("discount", &["amount"]),
    ("discount_without_vat", &["amount"]),
    ("vat_row", &["rate"]),
    ("vat_row_of_several", &["rate", "base"]),
    ("foreign_tax_row", &["tax", "rate", "country"]),
    ("foreign_tax_row_of_several", &["tax", "rate", "country", "base"]),
    ("row_without_vat", &["base"]),
    ("in_euros", &["tax", "one", "rate"]),
    ("paid_on", &["date", "means"]),
    ("paid_partly_on", &["date", "amount", "means"]),
    ("refunded_on", &["date", "means"]),
    ("settled_on", &["date"]),
    ("credited_on", &["date"]),
    ("capital", &["capital"]),
    ("siren", &["number"]),
    ("siret", &["number"]),
    ("vat_number", &["number"]),
    ("page", &["page", "pages"]),
];

/// Words in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    fr: Wording,
    en: Wording,
}

/// The words of one language. `{name}` is a placeholder for a value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wording {
    pub invoice: String,
    pub credit_note: String,
    pub billed_to: String,
    pub delivered_to: String,
    pub issued_on: String,
    pub goods_supplied_on: String,
    pub services_supplied_on: String,
    pub supplied_on: String,
    pub reference: String,
    pub purchase_order: String,
    pub corrects: String,
    pub corrected: String,
    pub description: String,
    pub quantity: String,
    pub unit_price: String,
    pub vat: String,
    pub tax: String,
    pub amount: String,
    pub discount: String,
    pub discount_without_vat: String,
    pub total_before_vat: String,
    pub vat_row: String,
    pub vat_row_of_several: String,
    pub foreign_tax_row: String,
    pub foreign_tax_row_of_several: String,
    pub row_without_vat: String,
    pub total_with_vat: String,
    pub total_without_vat: String,
    pub in_euros: String,
    pub paid: String,
    pub due: String,
    pub refunded: String,
    pub still_to_refund: String,
    pub paid_on: String,
    /// How an invoice was settled that Stripe paid in part.
    pub paid_partly_on: String,
    pub refunded_on: String,
    /// How an invoice was settled without Stripe: a balance, a payment elsewhere.
    pub settled_on: String,
    /// The same for a credit note.
    pub credited_on: String,
    pub capital: String,
    pub siren: String,
    pub siret: String,
    pub vat_number: String,
    pub page: String,
    pub first_of_month: String,
    pub months: [String; 12],
    pub countries: BTreeMap<String, String>,
}

/// An invalid words file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWords {
    /// It is not TOML, or a key is missing or unknown.
    #[error("{FILE} line {line}: {message}; mend that line, or copy it from the file that came with Comptoir")]
    Shape {
        /// Counted from 1.
        line: usize,
        /// The parser's message, which names the key.
        message: String,
    },
    /// A text is empty.
    #[error("{FILE}: {key} is empty; write what a reader is to see there")]
    Empty {
        /// `fr.paid`.
        key: String,
    },
    /// A sentence does not contain its required placeholders.
    #[error("{FILE}: {key} = \"{text}\": {}", advice(.wanted))]
    Placeholders {
        /// `fr.paid_on`.
        key: String,
        /// The sentence.
        text: String,
        /// The required placeholders, `{date}`.
        wanted: Vec<String>,
    },
}

fn advice(names: &[String]) -> String {
    if names.is_empty() {
        "no value belongs here; take out what stands between { }".to_owned()
    } else {
        format!("write {} in it, each once, and no other value", names.join(" and "))
    }
}

impl Words {
    /// Parses and checks a words file.
    ///
    /// # Errors
    /// The first error, with its line or key and the fix.
    pub fn from_toml(text: &str) -> Result<Self, InvalidWords> {
        let shape = |error: toml::de::Error| InvalidWords::Shape {
            line: line_of(text, error.span().map_or(0, |span| span.start)),
            message: error.message().replace('\n', " "),
        };
        let words: Self = toml::from_str(text).map_err(shape)?;
        let values: BTreeMap<String, BTreeMap<String, Value>> = toml::from_str(text).map_err(shape)?;
        for (language, sentences) in &values {
            for (key, value) in sentences {
                let wanted = PLACEHOLDERS.iter().find(|(name, _)| name == key).map_or(&[][..], |(_, names)| names);
                check(&format!("{language}.{key}"), value, wanted)?;
            }
        }
        Ok(words)
    }

    /// The words of a language: French for `fr`, else English.
    pub(super) fn of(&self, language: &str) -> &Wording {
        if language == "fr" { &self.fr } else { &self.en }
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

fn check(key: &str, value: &Value, wanted: &[&str]) -> Result<(), InvalidWords> {
    match value {
        Value::Table(table) => {
            table.iter().try_for_each(|(name, value)| check(&format!("{key}.{name}"), value, wanted))
        }
        Value::Array(values) => values.iter().try_for_each(|value| check(key, value, wanted)),
        Value::String(text) if text.trim().is_empty() => Err(InvalidWords::Empty { key: key.to_owned() }),
        Value::String(text) => {
            let (mut found, mut expected) = (placeholders(text), wanted.to_vec());
            found.sort_unstable();
            expected.sort_unstable();
            let wanted = wanted.iter().map(|name| format!("{{{name}}}")).collect();
            if found == expected {
                Ok(())
            } else {
                Err(InvalidWords::Placeholders { key: key.to_owned(), text: text.clone(), wanted })
            }
        }
        _ => Ok(()),
    }
}

fn placeholders(text: &str) -> Vec<&str> {
    text.split('{').skip(1).map(|rest| rest.split_once('}').map_or("", |(name, _)| name)).collect()
}

/// `sentence` with its values filled in. Placeholders within a value are not expanded.
pub(super) fn fill(sentence: &str, values: &[(&str, &str)]) -> String {
    let mut parts = sentence.split('{');
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap_or((part, ""));
        let value = values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
        filled.push_str(value);
        filled.push_str(rest);
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{WORDS_TOML, words};

    fn error(from: &str, to: &str) -> String {
        assert!(WORDS_TOML.contains(from), "{from}");
        Words::from_toml(&WORDS_TOML.replacen(from, to, 1)).unwrap_err().to_string()
    }

    #[test]
    fn both_languages_name_the_same_countries() {
        let words = words();
        assert!(words.fr.countries.keys().eq(words.en.countries.keys()));
        assert_eq!((words.of("fr").vat.as_str(), words.of("en").vat.as_str()), ("TVA", "VAT"));
    }

    #[test]
    fn every_sentence_with_values_is_known_to_the_check() {
        let values: BTreeMap<String, BTreeMap<String, Value>> = toml::from_str(WORDS_TOML).unwrap();
        for (key, _) in PLACEHOLDERS {
            assert!(values["fr"].contains_key(key), "{key}");
        }
    }

    #[test]
    fn a_mistake_names_its_place_and_its_fix() {
        let line = 1 + WORDS_TOML.lines().position(|line| line.starts_with("paid = ")).unwrap();
        let unknown = error("paid = ", "payed = ");
        assert!(unknown.contains(&format!("line {line}: unknown field `payed`, expected one of")), "{unknown}");
        assert!(unknown.contains("mend that line"), "{unknown}");
        assert!(error("due = \"Reste à payer\"\n", "").contains("missing field `due`"));
        assert!(error("[en]\n", "[english]\n[en]\n").contains("unknown field `english`"));
        assert!(error("\"Facture\"", "\"Facture").contains("line 9: "));
        assert!(error("\"mars\", ", "").contains("12"));
        let lost = error("Payée le {date} par", "Payée par");
        assert!(
            lost.contains("fr.paid_on = \"Payée par {means}. ") && lost.contains("write {date} and {means} in it"),
            "{lost}"
        );
        assert!(error("{rate} on {base}", "{rate} on {bass}").contains("en.vat_row_of_several"));
        assert!(error("{rate} on {base}", "{rate} on {base").contains("en.vat_row_of_several"));
        assert!(error("\"Facture\"", "\"Facture {number}\"").contains("fr.invoice = \"Facture {number}\": no value"));
        assert!(error("\"Suisse\"", "\" \"").contains("fr.countries.CH is empty"));
    }

    #[test]
    fn a_value_is_only_text() {
        assert_eq!(fill("{a} & {b}.", &[("a", "{b}"), ("b", "}{")]), "{b} & }{.");
    }
}
