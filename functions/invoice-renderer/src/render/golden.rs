//! Golden files of five invoices and two credit notes, text and machine-readable, for human review (`tests/golden`).

use comptoir::{
    invoice::Invoice,
    testing::matrix::{Case, matrix},
};

use super::{
    judge::{issued, rendered, taken_back},
    tests::text_of,
};

/// Cases of the matrix, by their special feature.
const INVOICES: [&str; 5] = [
    "franchise, consumer in English",
    "standard, French business",
    "one-stop shop, German consumer",
    "goods, exported to a consumer",
    "standard, yen",
];

/// Credit notes: the case, and the part refunded.
const CREDIT_NOTES: [(&str, i64); 2] = [("standard, French business", 1), ("one-stop shop, German consumer", 3)];

fn case(name: &str) -> Case {
    matrix().into_iter().find(|case| case.name == name).unwrap()
}

fn compare(name: &str, invoice: &Invoice) {
    let (pdf, xml) = rendered(invoice);
    let text = text_of(&pdf).replace('\u{c}', "\n=== next page\n");
    let name = name.replace(", ", "-").replace(' ', "_");
    insta::with_settings!({
        snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(format!("{name}.text"), text);
        insta::assert_snapshot!(format!("{name}.xml"), xml);
    });
}

#[test]
fn invoices_say_what_was_reviewed() {
    for (number, name) in (1..).zip(INVOICES) {
        compare(&format!("invoice, {name}"), &issued(number, &case(name)).1);
    }
}

#[test]
fn credit_notes_say_what_was_reviewed() {
    for (number, (name, share)) in (1..).zip(CREDIT_NOTES) {
        let case = case(name);
        let invoice = issued(number, &case).1;
        compare(&format!("credit note, {name}"), &taken_back(number, &case, &invoice, share).1);
    }
}
