//! Names of strangers in the files: whatever a customer is called, every reader finds the same rows and amounts, and no
//! formula. What must hold of the files is in `testing::cells`, for the fuzzer too.

use proptest::prelude::*;

use super::{invoice, november, sale, standard};
use crate::{accounting::*, testing::cells};

fn with_names(names: &[String]) -> Ledger {
    let seller = standard();
    let named = |(n, name): (usize, &String)| {
        let mut document = invoice(&format!("2026-11-{n:04}"), &sale(), &seller);
        document.draft.buyer.name = name.clone();
        document.draft.buyer.vat_number = Some(name.clone());
        document.draft.paid_through = name.clone();
        document
    };
    ledger(november(), (1..).zip(names).map(named).collect(), &seller).unwrap()
}

#[test]
fn a_quotation_mark_leaves_the_journal_balanced() {
    let names = ["\"Zoé Lefèvre", "Ada \"the first\" Byron", "Zoé"].map(str::to_owned);
    cells::hold(&with_names(&names));
}

#[test]
fn a_formula_is_none_behind_any_separator() {
    let formula = "HYPERLINK(\"http://x\")";
    let begin = |before: &str| ["=", "+", "-", "@", "＝"].map(|sign| format!("{before}{sign}{formula}"));
    let names: Vec<String> = ["", "Zoé,", "Zoé;", "Zoé\t", "Zoé|", "Zoé\r", "Zoé\n", "Zoé, ", "Zoé,\"", "\""]
        .iter()
        .flat_map(|b| begin(b))
        .collect();
    cells::hold(&with_names(&names));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_reader_finds_the_same_rows_whatever_the_names(
        names in proptest::collection::vec("[\"'=+@,;|\t\r\n a-cé-]{0,12}|\\PC{0,20}|.{0,20}", 1..6),
    ) {
        cells::hold(&with_names(&names));
    }
}
