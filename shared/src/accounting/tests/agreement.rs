//! For every kind of sale and credit note: each entry balances, and the three files agree with the invoices and with
//! one another.

use std::collections::BTreeMap;

use jiff::civil::date;
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::{DAY, amount, credit, file, invoice, november, records, standard};
use crate::{
    accounting::{sign, totals::totals, *},
    billing::{credit, ledger::Credited},
    numbering::InvoiceNumber,
    refund::{Refund, RefundKey},
    testing::matrix::{Case, matrix},
};

/// An invoice for every kind of sale.
fn every_kind() -> Vec<Invoice> {
    let numbered = |(n, case): (usize, Case)| invoice(&format!("2026-11-{n:04}"), &case.sale, &case.seller);
    (1..).zip(matrix()).map(numbered).collect()
}

/// The credit note for a refund of half of it.
fn half_back(sold: &Invoice) -> Invoice {
    let currency = sold.draft.currency;
    // Stripe counts some currencies in larger units than the invoice.
    let unit = 10_i64.pow(currency.exponent().saturating_sub(currency.stripe_exponent()));
    let half = (sold.draft.totals.gross / 2 / unit).max(1) * unit;
    let refund = Refund {
        key: RefundKey("re_2".into()),
        event: "evt_2".into(),
        sale: sold.draft.sale.clone(),
        refunded_at: sold.draft.paid_at,
        currency: currency.code().to_lowercase(),
        amount: currency.minor(half).in_stripe().unwrap(),
        lines: Vec::new(),
    };
    let credit = credit::credit(&refund, sold, &Credited::default(), &standard(), DAY).unwrap();
    Invoice::new(InvoiceNumber(format!("H{}", sold.number)), DAY, credit.draft)
}

#[test]
fn every_entry_of_every_kind_of_sale_balances_and_none_is_skipped() {
    let sold = every_kind();
    let credits: Vec<Invoice> = sold.iter().map(|sold| credit(&format!("A{}", sold.number), sold)).collect();
    let halves = sold.iter().map(half_back).collect();
    let ledger = ledger(november(), [sold.clone(), credits, halves].concat(), &standard()).unwrap();
    let unrated = sold.iter().filter(|sold| sold.draft.in_euros.is_some() && sold.draft.rate().is_none());
    assert_eq!(ledger.unconverted.count, 3 * unrated.count());
    let text = file(&ledger, 1);
    assert!(text.lines().all(|line| line.split('\t').count() == 18));
    let mut entries: BTreeMap<String, (Decimal, Decimal)> = BTreeMap::new();
    for row in records(&text, b'\t') {
        let (debit, credit) = (amount(&row["Debit"]), amount(&row["Credit"]));
        assert!(debit >= Decimal::ZERO && credit >= Decimal::ZERO && debit != credit, "{row:?}");
        let sums = entries.entry(row["EcritureNum"].clone()).or_default();
        *sums = (sums.0 + debit, sums.1 + credit);
    }
    assert!(entries.len() >= 240, "{} entries", entries.len());
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (number, (debit, credit)) in &entries {
        let (journal, _) = number.split_once('-').unwrap();
        let place = counts.entry(journal.to_owned()).or_default();
        *place += 1;
        assert_eq!(*number, format!("{journal}-2026-11-{place:06}"), "each journal counts without a gap");
        assert_eq!(debit, credit, "{number}");
    }
    assert_eq!(counts.into_keys().collect::<Vec<_>>(), ["ST", "VE"]);
}

/// Sums of a register: base, taxes and gross by currency, and VAT in euros.
fn register_sums(ledger: &Ledger) -> (BTreeMap<String, [Decimal; 3]>, Decimal) {
    let mut sums: BTreeMap<String, [Decimal; 3]> = BTreeMap::new();
    let mut in_euros = Decimal::ZERO;
    for row in records(&file(ledger, 0), b';') {
        let sum = sums.entry(row["devise"].clone()).or_default();
        for (sum, column) in sum.iter_mut().zip(["base", "tva", "ttc"]) {
            *sum += amount(&row[column]);
        }
        if !row["taxe_etrangere"].is_empty() {
            sum[1] += amount(&row["taxe_etrangere"]);
        }
        in_euros += amount(&row["tva_en_euros"]);
    }
    (sums, in_euros)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn register_journal_and_invoices_have_the_same_totals(
        picks in proptest::collection::vec((0_usize..200, any::<bool>(), 1_i8..=30), 0..25),
    ) {
        let kinds = every_kind();
        let documents: Vec<Invoice> = (1..).zip(picks).map(|(n, (pick, credited, day))| {
            let mut document = kinds[pick % kinds.len()].clone();
            document.number = InvoiceNumber(format!("2026-11-{n:04}"));
            document.issued_on = date(2026, 11, day);
            if credited { credit(&format!("A2026-11-{n:04}"), &document) } else { document }
        }).collect();
        let ledger = ledger(november(), documents.clone(), &standard()).unwrap();

        let mut sums: BTreeMap<String, [Decimal; 3]> = BTreeMap::new();
        for document in &documents {
            let draft = &document.draft;
            let sum = sums.entry(draft.currency.code().to_owned()).or_default();
            for (sum, minor) in sum.iter_mut().zip([draft.totals.net, draft.totals.tax, draft.totals.gross]) {
                *sum += draft.money(sign(draft.kind) * minor).decimal();
            }
        }
        let (register, vat_in_euros) = register_sums(&ledger);
        prop_assert_eq!(&register, &sums);
        for (currency, [base, tax, _]) in &sums {
            let rows = totals(&documents).into_iter().filter(|total| total.currency.code() == currency);
            let (bases, taxes) = rows.fold((Decimal::ZERO, Decimal::ZERO), |(b, t), row| (b + row.base, t + row.tax));
            prop_assert_eq!((bases, taxes), (*base, *tax));
        }

        let beyond_vat: Decimal = documents.iter().flat_map(|document| {
            let draft = &document.draft;
            let rows = draft.taxes.iter().filter(|row| row.vat.beyond_vat().is_some());
            rows.map(|row| draft.money(sign(draft.kind) * row.tax).decimal())
        }).sum();
        let mut accounts: BTreeMap<String, Decimal> = BTreeMap::new();
        let mut euros = Decimal::ZERO;
        for row in records(&file(&ledger, 1), b'\t') {
            let moved = amount(&row["Debit"]) - amount(&row["Credit"]);
            *accounts.entry(row["CompteNum"].clone()).or_default() += moved;
            if row["CompteNum"] == "517000" && row["Idevise"].is_empty() {
                euros += moved;
            }
        }
        let on = |account: &str| accounts.get(account).copied().unwrap_or_default();
        prop_assert_eq!(on("411000"), Decimal::ZERO, "every sale is paid");
        prop_assert_eq!(-(on("445710") + on("445780")), vat_in_euros);
        prop_assert_eq!(-on("447000"), beyond_vat, "taxes out of the Union, in euros");
        prop_assert_eq!(euros, sums.get("EUR").map_or(Decimal::ZERO, |sums| sums[2]));
    }
}
