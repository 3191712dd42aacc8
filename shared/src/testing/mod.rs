//! Sample values that tests across the project share. Compiled for tests only.

pub mod app_messages;
pub mod cells;
pub mod contract;
pub mod many;
pub mod matrix;
pub mod race;
pub mod readme;
pub mod slow;
pub mod stripe;
pub mod tools;

use jiff::Timestamp;

use crate::{
    invoice::print::Words,
    memory::{InMemoryStore, at_once},
    seller::SettingsDocument,
    settings::change::{Change, save},
};

/// A store with these settings, as version 1.
///
/// # Panics
/// When they are invalid.
#[expect(clippy::panic, reason = "a test may fail loudly")]
pub fn saved_settings(toml: &str) -> InMemoryStore {
    let store = InMemoryStore::default();
    let document = SettingsDocument::from_toml(toml).unwrap_or_else(|error| panic!("{error}"));
    let change = Change { document, seen: None, by: "tests".to_owned(), past: false };
    at_once(save(&store, change, Timestamp::UNIX_EPOCH)).unwrap_or_else(|error| panic!("{error}"));
    store
}

/// The wording of invoices.
pub const WORDS_TOML: &str = include_str!("../../../infra/templates/words.toml");

/// A sole trader without VAT.
pub const FRANCHISE_TOML: &str = r#"
[seller]
name = "Atelier Exemple"
legal_form = "EI"
siren = "123 456 782"
email = "contact@example.org"

[address]
line1 = "1 place de la Comédie"
postal_code = "34000"
city = "Montpellier"
country = "FR"

[vat]
regime = "franchise"

[invoice]

[mail]
from = "facturation@example.org"
"#;

/// A company with VAT at 20 percent.
pub const STANDARD_TOML: &str = r#"
[seller]
name = "Formations Réunies"
legal_form = "SAS"
capital = "10 000 €"
siren = "123456824"
registration = "RCS Lyon"
email = "contact@example.org"

[address]
line1 = "2 rue de la République"
postal_code = "69001"
city = "Lyon"
country = "FR"

[vat]
regime = "standard"
number = "FR40123456824"
rate = "20"

[invoice]

[mail]
from = "facturation@example.org"
"#;

/// The wording of invoices, parsed.
///
/// # Panics
/// The file is invalid; the message says where.
#[expect(clippy::panic, reason = "words that do not stand are a broken test")]
pub fn words() -> Words {
    Words::from_toml(WORDS_TOML).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// A sale of 49 EUR to a person in Paris.
pub fn sale() -> crate::sale::Sale {
    use crate::sale::{Address, Customer, Sale, SaleKey, SaleLine};
    Sale {
        key: SaleKey("cs_test_a1".to_owned()),
        event: "evt_1".to_owned(),
        livemode: false,
        paid_at: jiff::Timestamp::constant(1_795_257_000, 0),
        currency: "eur".to_owned(),
        total: 4900,
        tax: None,
        lines: vec![SaleLine {
            description: "Formation en ligne".to_owned(),
            quantity: 1.into(),
            total: 4900,
            discount: 0,
            ..SaleLine::default()
        }],
        customer: Customer {
            name: Some("Zoé Lefèvre".to_owned()),
            email: Some("zoe@example.org".to_owned()),
            language: Some("fr".to_owned()),
            address: Some(Address {
                line1: Some("12 rue de l’Été".to_owned()),
                postal_code: Some("75011".to_owned()),
                city: Some("Paris".to_owned()),
                country: Some("FR".to_owned()),
                ..Address::default()
            }),
            ..Customer::default()
        },
        payment_intent: Some("pi_1".to_owned()),
        reference: None,
        purchase_order: None,
        delivery: None,
        received: None,
        exchange: None,
    }
}
