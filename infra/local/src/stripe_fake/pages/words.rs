//! What the pages say, in French and English.

/// The language of a page: what the object says, else what the browser asks for.
pub fn language(locale: &str, accepted: &str) -> usize {
    let french = |text: &str| text.trim_start().to_ascii_lowercase().starts_with("fr");
    match locale {
        "" | "auto" => usize::from(!french(accepted)),
        locale => usize::from(!french(locale)),
    }
}

/// The code of each language.
pub const CODES: [&str; 2] = ["fr", "en"];

/// By name: in French, in English.
const WORDS: [(&str, [&str; 2]); 31] = [
    ("total", ["Total", "Total"]),
    ("back", ["Retour", "Back"]),
    ("stand_in", ["Page d’essai : aucun argent n’est débité.", "A page for trying things out: no money moves."]),
    ("checkout", ["Paiement", "Checkout"]),
    ("email", ["Adresse e-mail", "E-mail address"]),
    ("number", ["Numéro de carte", "Card number"]),
    ("pay", ["Payer", "Pay"]),
    ("decline", ["Refuser la carte", "Have the card declined"]),
    ("cancel", ["Annuler", "Cancel"]),
    ("complete", ["Ce paiement est terminé.", "This payment is complete."]),
    ("expired", ["Cette page de paiement a expiré.", "This checkout has expired."]),
    ("portal", ["Votre espace de facturation", "Your billing"]),
    ("subscription", ["Abonnement", "Subscription"]),
    ("until", ["jusqu’au", "until"]),
    ("stop", ["Résilier à la fin de la période", "Cancel at the end of the period"]),
    ("stop_now", ["Résilier tout de suite", "Cancel now"]),
    ("resume", ["Reprendre l’abonnement", "Keep the subscription"]),
    ("card", ["Carte", "Card"]),
    ("change_card", ["Changer de carte", "Change card"]),
    ("done", ["C’est enregistré.", "Saved."]),
    ("ends", ["prendra fin le", "ends on"]),
    ("nothing", ["Aucun abonnement.", "No subscription."]),
    ("invoice", ["Facture", "Invoice"]),
    ("paid", ["Cette facture est payée.", "This invoice is paid."]),
    ("closed", ["Cette facture n’est plus à payer.", "This invoice is not to be paid any more."]),
    ("confirm_title", ["Confirmez le paiement", "Confirm the payment"]),
    ("confirm", ["Confirmer", "Confirm"]),
    ("refuse", ["Refuser", "Refuse"]),
    ("unknown", ["Cette page n’existe pas.", "There is no such page."]),
    ("settled", ["Il n’y a plus rien à confirmer.", "Nothing is to be confirmed any more."]),
    ("trial", ["essai gratuit", "free trial"]),
];

/// A word in a language.
pub fn word(name: &str, language: usize) -> &'static str {
    let found = WORDS.iter().find(|(known, _)| *known == name);
    found.and_then(|(_, words)| words.get(language)).copied().unwrap_or_default()
}

/// An amount in minor units, as people write it.
pub fn amount(minor: i64, currency: &str, language: usize) -> String {
    let currency = currency.to_ascii_uppercase();
    let sign = if minor < 0 { "−" } else { "" };
    let (whole, part) = (minor.unsigned_abs() / 100, minor.unsigned_abs() % 100);
    let sum = match (matches!(currency.as_str(), "JPY" | "KRW"), language) {
        (true, _) => minor.unsigned_abs().to_string(),
        (false, 0) => format!("{whole},{part:02}"),
        (false, _) => format!("{whole}.{part:02}"),
    };
    format!("{sign}{sum}\u{a0}{currency}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_decides_then_the_browser() {
        assert_eq!(
            (language("fr", "en"), language("en", "fr"), language("auto", "fr-FR,fr;q=0.9"), language("", "")),
            (0, 1, 0, 1)
        );
        assert!(WORDS.iter().all(|(_, words)| words.iter().all(|word| !word.is_empty())));
        assert_eq!(amount(2_900, "eur", 0), "29,00\u{a0}EUR");
        assert_eq!(amount(-5, "eur", 1), "−0.05\u{a0}EUR");
    }
}
