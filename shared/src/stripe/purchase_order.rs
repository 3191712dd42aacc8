//! Finds the buyer's purchase order number in the custom fields of an invoice or a payment page (C. com. L441-9: the
//! invoice states it where the buyer gave one; EN 16931, BT-13).

use super::object::{InvoiceField, SessionField};
use crate::text::filled;

/// Names of fields that hold one, the most certain first: an order number may be the shop's own, so it counts only if
/// nothing better is found. Names are compared in lower case, without accents and punctuation.
const NAMES: [&[&str]; 2] = [
    &[
        "bon de commande",
        "bons de commande",
        "bdc",
        "bc",
        "purchase order",
        "purchase orders",
        "po",
        "p o",
        "numero d engagement",
        "engagement",
        "engagement juridique",
        "commande client",
        "commande du client",
        "votre commande",
        "customer order",
        "client order",
        "your order",
        "buyer order",
        "customer po",
        "client po",
        "your po",
        "buyer po",
    ],
    &["commande", "reference de commande", "reference commande"],
];

/// Words before and after a name that do not change its meaning.
const BEFORE: [&str; 16] = [
    "numero de",
    "numero du",
    "numero d",
    "numero",
    "n de",
    "n du",
    "n d",
    "n",
    "no de",
    "no du",
    "no",
    "num",
    "reference de",
    "reference",
    "ref",
    "votre",
];
const AFTER: [&str; 10] = ["number", "no", "nr", "num", "n", "id", "reference", "ref", "numero", "client"];

/// The number in the header of an invoice.
pub fn of_invoice(fields: Option<&[InvoiceField]>) -> Option<String> {
    found(
        fields
            .unwrap_or_default()
            .iter()
            .filter_map(|field| Some((vec![filled(field.name.as_deref())?], filled(field.value.as_deref())?))),
    )
}

/// The number that a customer gave on a payment page.
pub fn of_session(fields: Option<&[SessionField]>) -> Option<String> {
    found(fields.unwrap_or_default().iter().filter_map(|field| {
        let label = field.label.as_ref().and_then(|label| filled(label.custom.as_deref()));
        let answers = [&field.text, &field.numeric, &field.dropdown];
        let value = answers.into_iter().flatten().find_map(|answer| filled(answer.value.as_deref()))?;
        Some((label.into_iter().chain(filled(field.key.as_deref())).collect(), value))
    }))
}

/// The value under the most certain name.
fn found(fields: impl Iterator<Item = (Vec<String>, String)>) -> Option<String> {
    let sure = |(names, value): (Vec<String>, String)| {
        let best = names.iter().filter_map(|name| sureness(name)).min()?;
        Some((best, value))
    };
    // The first of the most certain: `min_by_key` keeps the first of equals.
    fields.filter_map(sure).min_by_key(|(sureness, _)| *sureness).map(|(_, value)| value)
}

fn sureness(name: &str) -> Option<usize> {
    let plain = plain(name);
    let bare = stripped(&plain);
    NAMES.iter().position(|names| names.contains(&plain.as_str()) || names.contains(&bare))
}

/// A name without the surrounding words that do not change its meaning.
fn stripped(name: &str) -> &str {
    let name = BEFORE.iter().find_map(|word| name.strip_prefix(word)?.strip_prefix(' ')).unwrap_or(name);
    AFTER.iter().find_map(|word| name.strip_suffix(word)?.strip_suffix(' ')).unwrap_or(name)
}

/// Lower-case letters and digits, one space between words, no accents.
fn plain(name: &str) -> String {
    let mut words = String::new();
    for letter in split_words(name).chars().flat_map(char::to_lowercase) {
        let plain = match letter {
            'à' | 'â' | 'ä' => 'a',
            'ç' => 'c',
            'é' | 'è' | 'ê' | 'ë' => 'e',
            'î' | 'ï' => 'i',
            'ô' | 'ö' => 'o',
            'ù' | 'û' | 'ü' => 'u',
            // Combining accents, which follow their letter.
            '\u{300}'..='\u{36f}' => continue,
            // The ordinal of `Nº` counts as a letter.
            other if other.is_alphanumeric() && other != 'º' => other,
            _ => ' ',
        };
        if plain != ' ' || !(words.is_empty() || words.ends_with(' ')) {
            words.push(plain);
        }
    }
    words.trim_end().to_owned()
}

/// Keys are often written `poNumber`: a capital after a lower-case letter begins a word.
fn split_words(name: &str) -> String {
    let mut words = String::new();
    let mut before = ' ';
    for letter in name.chars() {
        if before.is_lowercase() && letter.is_uppercase() {
            words.push(' ');
        }
        words.push(letter);
        before = letter;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invoice(fields: &str) -> Option<String> {
        of_invoice(Some(&serde_json::from_str::<Vec<InvoiceField>>(fields).unwrap()))
    }

    fn session(fields: &str) -> Option<String> {
        of_session(Some(&serde_json::from_str::<Vec<SessionField>>(fields).unwrap()))
    }

    #[test]
    fn the_names_of_a_purchase_order_are_known_in_french_and_english() {
        for name in [
            "Bon de commande",
            "bon de commande n°",
            "N° de bon de commande",
            "Numéro de bon de commande",
            "BDC",
            "N° BC",
            "N° de commande",
            "Nº de commande",
            "No. de commande",
            "Numéro de commande",
            "Num. commande",
            "Réf. commande",
            "Référence de commande",
            "Votre commande",
            "Commande client",
            "Numéro d’engagement",
            "N° d'engagement",
            "PO",
            "P.O.",
            "PO number",
            "PO Number:",
            "P.O. Number",
            "PO no.",
            "PO #",
            "PO#",
            "Purchase order",
            "Purchase Order Number",
            "purchase_order",
            "purchase-order-number",
            "poNumber",
            "Customer PO",
            "Your order",
            "Customer order number",
            "Nume\u{301}ro de commande",
        ] {
            assert!(sureness(name).is_some(), "{name}: {}", plain(name));
        }
        for name in [
            "Port",
            "Service",
            "Code service",
            "Order number",
            "Commandes en cours",
            "SIRET",
            "Poste",
            "Notes",
            "",
            "n°",
            "number",
        ] {
            assert!(sureness(name).is_none(), "{name}: {}", plain(name));
        }
    }

    #[test]
    fn the_surest_field_wins_whatever_the_order() {
        let both = r#"[{"name":"N° de commande","value":"1042"},{"name":"PO number","value":"BC-7"},{"name":"SIRET","value":"1"}]"#;
        assert_eq!(invoice(both).as_deref(), Some("BC-7"));
        assert_eq!(invoice(r#"[{"name":"N° de commande","value":" 1042 "}]"#).as_deref(), Some("1042"));
        assert_eq!(invoice(r#"[{"name":"PO","value":"  "},{"name":null,"value":"x"}]"#), None);
        assert_eq!(of_invoice(None), None);
    }

    #[test]
    fn answers_of_a_payment_page_are_found_by_label_or_key() {
        let text = r#"[{"key":"po","label":{"type":"custom","custom":"Référence interne"},"type":"text","text":{"value":"BC-1"}}]"#;
        assert_eq!(session(text).as_deref(), Some("BC-1"));
        let numeric = r#"[{"key":"f1","label":{"type":"custom","custom":"Purchase order"},"type":"numeric","numeric":{"value":"77"}}]"#;
        assert_eq!(session(numeric).as_deref(), Some("77"));
        let unanswered = r#"[{"key":"po","label":{"custom":"PO"},"optional":true,"text":{"value":null}}]"#;
        assert_eq!(session(unanswered), None);
    }
}
