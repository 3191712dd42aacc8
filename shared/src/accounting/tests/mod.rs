//! The exact files for known sales. That they agree with each other for every kind of sale is tested in `agreement`; how a
//! month comes from the archive, and into it, in `exported`.

mod agreement;
mod exported;
mod hostile;

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use rust_decimal::Decimal;

use super::*;
use crate::{
    billing::draft::draft,
    invoice::Correction,
    numbering::InvoiceNumber,
    refund::RefundKey,
    sale::{Exchange, Sale},
    testing::{FRANCHISE_TOML, STANDARD_TOML, many::ManyDocuments, matrix::matrix, sale},
};

const DAY: Date = date(2026, 11, 21);

fn november() -> Month {
    "2026-11".parse().unwrap()
}

fn standard() -> Seller {
    Seller::from_toml(STANDARD_TOML).unwrap()
}

fn invoice(number: &str, sale: &Sale, seller: &Seller) -> Invoice {
    Invoice::new(InvoiceNumber(number.into()), DAY, draft(sale, seller, DAY).unwrap())
}

fn credit(number: &str, original: &Invoice) -> Invoice {
    let mut credit = Invoice { number: InvoiceNumber(number.into()), ..original.clone() };
    credit.draft.kind = Kind::CreditNote;
    credit.draft.corrects = Some(Correction {
        refund: RefundKey("re_1".into()),
        number: original.number.clone(),
        issued_on: original.issued_on,
    });
    credit
}

fn file(ledger: &Ledger, place: usize) -> String {
    String::from_utf8(ledger.files[place].bytes.clone()).unwrap()
}

fn records(text: &str, delimiter: u8) -> Vec<BTreeMap<String, String>> {
    let text = text.trim_start_matches('\u{feff}');
    let mut builder = csv::ReaderBuilder::new();
    builder.delimiter(delimiter).quoting(delimiter == b';');
    builder.from_reader(text.as_bytes()).deserialize().map(Result::unwrap).collect()
}

fn amount(text: &str) -> Decimal {
    text.replace(',', ".").parse().unwrap()
}

#[test]
fn a_sale_and_its_credit_note_in_the_register() {
    let seller = standard();
    let sold = invoice("2026-11-0042", &sale(), &seller);
    let ledger = ledger(november(), vec![credit("A2026-11-0001", &sold), sold], &seller).unwrap();
    assert_eq!(ledger.documents, 2);
    assert_eq!(ledger.files[0].key, "ledger/2026/11/factures-2026-11.csv");
    assert_eq!(
        file(&ledger, 0).lines().collect::<Vec<_>>(),
        [
            "\u{feff}numero;date;type;facture_corrigee;date_paiement;vente;client;pays;tva_client;siren_client;categorie_tva;\
             taux;base;tva;ttc;devise;tva_en_euros;moyen_de_paiement;code_exoneration;pays_taxe;\
             nature_taxe;taxe_etrangere",
            "2026-11-0042;2026-11-21;facture;;2026-11-21;cs_test_a1;Zoé Lefèvre;FR;;;S;20;40,83;8,17;49,00;EUR;8,17;Stripe;;;;",
            "A2026-11-0001;2026-11-21;avoir;2026-11-0042;2026-11-21;cs_test_a1;Zoé Lefèvre;FR;;;S;20;-40,83;-8,17;-49,00;\
             EUR;-8,17;Stripe;;;;",
        ]
    );
}

#[test]
fn a_sale_and_its_credit_note_in_the_journal() {
    let seller = standard();
    let sold = invoice("2026-11-0042", &sale(), &seller);
    let ledger = ledger(november(), vec![sold.clone(), credit("A2026-11-0001", &sold)], &seller).unwrap();
    let journal = file(&ledger, 1);
    let lines: Vec<&str> = journal.lines().collect();
    assert_eq!(
        lines[0],
        "JournalCode\tJournalLib\tEcritureNum\tEcritureDate\tCompteNum\tCompteLib\tCompAuxNum\tCompAuxLib\tPieceRef\t\
         PieceDate\tEcritureLib\tDebit\tCredit\tEcritureLet\tDateLet\tValidDate\tMontantdevise\tIdevise"
    );
    assert_eq!(
        lines[1],
        "VE\tVentes\tVE-2026-11-000001\t20261121\t411000\tClients\tC1763C758C09A\tZoé Lefèvre\t2026-11-0042\t20261121\t\
         Facture 2026-11-0042\t49,00\t0,00\t\t\t\t\t"
    );
    let short = |line: &&str| {
        let cells: Vec<&str> = line.split('\t').collect();
        [cells[2], cells[4], cells[8], cells[10], cells[11], cells[12]].join(" | ")
    };
    assert_eq!(
        lines[1..].iter().map(short).collect::<Vec<_>>(),
        [
            "VE-2026-11-000001 | 411000 | 2026-11-0042 | Facture 2026-11-0042 | 49,00 | 0,00",
            "VE-2026-11-000001 | 706000 | 2026-11-0042 | Facture 2026-11-0042 HT 20 % | 0,00 | 40,83",
            "VE-2026-11-000001 | 445710 | 2026-11-0042 | Facture 2026-11-0042 TVA 20 % | 0,00 | 8,17",
            "ST-2026-11-000001 | 517000 | cs_test_a1 | Paiement Stripe 2026-11-0042 | 49,00 | 0,00",
            "ST-2026-11-000001 | 411000 | cs_test_a1 | Paiement Stripe 2026-11-0042 | 0,00 | 49,00",
            "VE-2026-11-000002 | 411000 | A2026-11-0001 | Avoir A2026-11-0001 sur 2026-11-0042 | 0,00 | 49,00",
            "VE-2026-11-000002 | 706000 | A2026-11-0001 | Avoir A2026-11-0001 sur 2026-11-0042 HT 20 % | 40,83 | 0,00",
            "VE-2026-11-000002 | 445710 | A2026-11-0001 | Avoir A2026-11-0001 sur 2026-11-0042 TVA 20 % | 8,17 | 0,00",
            "ST-2026-11-000002 | 517000 | re_1 | Remboursement Stripe A2026-11-0001 | 0,00 | 49,00",
            "ST-2026-11-000002 | 411000 | re_1 | Remboursement Stripe A2026-11-0001 | 49,00 | 0,00",
        ]
    );
}

#[test]
fn what_was_credited_without_money_stays_on_the_customer_s_account() {
    let seller = standard();
    let sold = invoice("2026-11-0042", &sale(), &seller);
    let mut credited = credit("A2026-11-0001", &sold);
    credited.draft.paid_through.clear();
    credited.draft.received = Some(0);
    let ledger = ledger(november(), vec![credited], &seller).unwrap();
    let accounts: Vec<String> =
        records(&file(&ledger, 1), b'\t').into_iter().map(|row| row["CompteNum"].clone()).collect();
    assert_eq!(accounts, ["411000", "706000", "445710"]);
    assert_eq!(records(&file(&ledger, 0), b';')[0]["moyen_de_paiement"], "");
}

#[test]
fn what_a_balance_paid_moves_nothing_at_stripe() {
    let seller = standard();
    let sale = Sale { received: Some(3000), ..sale() };
    let ledger = ledger(november(), vec![invoice("2026-11-0042", &sale, &seller)], &seller).unwrap();
    let rows = records(&file(&ledger, 1), b'\t');
    let bank = rows.iter().find(|row| row["CompteNum"] == "517000").unwrap();
    assert_eq!(bank["Debit"], "30,00");
}

#[test]
fn another_currency_is_booked_at_the_rate_on_the_invoice_or_not_at_all() {
    let mut dollars = Sale { currency: "usd".into(), ..sale() };
    let franchise = Seller::from_toml(FRANCHISE_TOML).unwrap();
    let unrated = invoice("2026-11-0001", &dollars, &franchise);
    let unbooked = ledger(november(), vec![unrated.clone()], &franchise).unwrap();
    assert_eq!(unbooked.unconverted, Unconverted { numbers: vec![unrated.number], count: 1 });
    assert_eq!(file(&unbooked, 1).lines().count(), 1, "the header alone");
    assert!(file(&unbooked, 0).contains(";49,00;USD;0,00;"), "the register has it, without VAT");

    dollars.exchange = Some(Exchange { currency: "eur".into(), rate: "0.9215".parse().unwrap(), txn: None });
    let booked = ledger(november(), vec![invoice("2026-11-0001", &dollars, &standard())], &standard()).unwrap();
    assert_eq!(booked.unconverted, Unconverted::default());
    let rows = records(&file(&booked, 1), b'\t');
    let short = |row: &BTreeMap<String, String>| {
        ["CompteNum", "Debit", "Credit", "Montantdevise", "Idevise"].map(|name| row[name].clone()).join(" ")
    };
    assert_eq!(
        rows.iter().map(short).collect::<Vec<_>>(),
        [
            "411000 45,15 0,00 49,00 USD",
            "706000 0,00 37,62 -40,83 USD",
            "445710 0,00 7,53 -8,17 USD",
            "517000 45,15 0,00 49,00 USD",
            "411000 0,00 45,15 -49,00 USD",
        ]
    );
}

#[test]
fn sales_to_consumers_are_totalled_by_day_category_and_rate() {
    let seller = standard();
    let sold = invoice("2026-11-0001", &sale(), &seller);
    let mut other_day = invoice("2026-11-0003", &sale(), &seller);
    other_day.issued_on = date(2026, 11, 22);
    other_day.draft.supply = Supply::Goods;
    let mut business = invoice("2026-11-0004", &sale(), &seller);
    business.draft.buyer.siren = Some("303265045".into());
    let two = invoice("2026-11-0002", &sale(), &seller);
    let all = vec![two.clone(), sold, other_day, business, credit("A2026-11-0001", &two)];
    let ledger = ledger(november(), all, &seller).unwrap();
    assert_eq!(
        file(&ledger, 2).lines().skip(1).collect::<Vec<_>>(),
        ["2026-11-21;EUR;TPS1;2;20;;2;40,83;8,17;8,17", "2026-11-22;EUR;TLB1;1;20;;1;40,83;8,17;8,17",]
    );
}

#[test]
fn what_bears_no_french_vat_is_a_category_of_its_own() {
    let cases = matrix();
    let category = |name: &str| {
        let case = cases.iter().find(|case| case.name == name).unwrap();
        let row = ledger(november(), vec![invoice("2026-11-0001", &case.sale, &case.seller)], &case.seller).unwrap();
        file(&row, 2).lines().nth(1).unwrap_or_default().split(';').skip(2).take(4).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(category("franchise, consumer"), "TNT1 1 0 VATEX-FR-FRANCHISE");
    assert_eq!(category("one-stop shop, German consumer"), "TNT1 1 19 ");
    assert_eq!(category("one-stop shop, French consumer"), "TPS1 1 20 ");
    assert_eq!(category("goods at a reduced rate"), "TLB1 1 5,5 ");
    assert_eq!(category("goods, exported to a consumer"), "TNT1 1 0 VATEX-EU-G");
    assert_eq!(category("standard, French business"), "", "told one by one");
}

#[test]
fn foreign_vat_has_an_account_of_its_own() {
    let case = matrix().into_iter().find(|case| case.name == "one-stop shop, German consumer").unwrap();
    let books = ledger(november(), vec![invoice("2026-11-0001", &case.sale, &case.seller)], &case.seller).unwrap();
    let accounts: Vec<String> =
        records(&file(&books, 1), b'\t').into_iter().map(|row| row["CompteNum"].clone()).collect();
    assert_eq!(accounts, ["411000", "706000", "445780", "517000", "411000"]);
}

#[test]
fn a_tax_out_of_the_union_is_no_vat_in_any_file() {
    let case = matrix().into_iter().find(|case| case.name == "Stripe Tax, British VAT").unwrap();
    let sold = invoice("2026-11-0001", &case.sale, &case.seller);
    let books = ledger(november(), vec![sold.clone(), credit("A2026-11-0001", &sold)], &case.seller).unwrap();
    let row = &records(&file(&books, 0), b';')[0];
    let cell = |name: &str| row[name].as_str();
    assert_eq!(["base", "tva", "ttc", "tva_en_euros"].map(cell), ["100,00", "0,00", "120,00", "0,00"]);
    assert_eq!(["categorie_tva", "taux", "code_exoneration"].map(cell), ["O", "0", "VATEX-EU-O"]);
    assert_eq!(["pays_taxe", "nature_taxe", "taxe_etrangere"].map(cell), ["GB", "TVA 20 %", "20,00"]);
    let journal = records(&file(&books, 1), b'\t');
    let booked = journal.iter().map(|row| format!("{} {} {}", row["CompteNum"], row["Debit"], row["Credit"]));
    assert_eq!(
        booked.take(5).collect::<Vec<_>>(),
        ["411000 120,00 0,00", "706000 0,00 100,00", "447000 0,00 20,00", "517000 120,00 0,00", "411000 0,00 120,00"]
    );
    assert_eq!(journal[2]["EcritureLib"], "Facture 2026-11-0001 TVA GB 20 %");
    let totals = file(&ledger(november(), vec![sold], &case.seller).unwrap(), 2);
    assert_eq!(totals.lines().nth(1), Some("2026-11-21;EUR;TNT1;1;0;VATEX-EU-O;1;100,00;0,00;0,00"));
}

#[test]
fn a_customer_s_name_is_no_formula_and_no_second_row() {
    let mut sale = sale();
    sale.customer.name = Some("=HYPERLINK(\"http://x\";\"y\")\n=2".into());
    let seller = standard();
    let mut hostile = invoice("2026-11-0042", &sale, &seller);
    hostile.draft.buyer.name = "=cmd|' /C calc'!A0;\n\t@x".into();
    let ledger = ledger(november(), vec![hostile], &seller).unwrap();
    let register = records(&file(&ledger, 0), b';');
    assert_eq!((register.len(), register[0]["client"].as_str()), (1, "'=cmd|' /C calc'!A0;\n' @x"));
    let journal = records(&file(&ledger, 1), b'\t');
    assert_eq!((journal.len(), journal[0]["CompAuxLib"].as_str()), (5, "'=cmd|' /C calc'!A0;' @x"));
}

#[test]
fn a_payment_is_booked_on_its_own_day() {
    let seller = standard();
    let mut late = invoice("2026-11-0042", &sale(), &seller);
    late.draft.paid_at = "2026-10-31T22:30:00Z".parse().unwrap();
    let rows = records(&file(&ledger(november(), vec![late], &seller).unwrap(), 1), b'\t');
    let days: Vec<&str> = rows.iter().map(|row| row["EcritureDate"].as_str()).collect();
    assert_eq!(days, ["20261121", "20261121", "20261121", "20261031", "20261031"], "23:30 in Paris is October");
}

#[test]
fn two_refunds_of_one_sale_have_vouchers_of_their_own() {
    let seller = standard();
    let sold = invoice("2026-11-0042", &sale(), &seller);
    let back = |number: &str, refund: &str| {
        let mut credit = credit(number, &sold);
        credit.draft.corrects.as_mut().unwrap().refund = crate::refund::RefundKey(refund.to_owned());
        credit
    };
    let all = vec![back("A2026-11-0001", "re_1"), back("A2026-11-0002", "re_2")];
    let rows = records(&file(&ledger(november(), all, &seller).unwrap(), 1), b'\t');
    let bank = rows.iter().filter(|row| row["CompteNum"] == "517000").map(|row| row["PieceRef"].as_str());
    assert_eq!(bank.collect::<Vec<_>>(), ["re_1", "re_2"]);
}

#[test]
fn an_account_has_one_name_in_a_file() {
    let seller = standard();
    let named = |number: &str, name: &str| {
        let mut sold = invoice(number, &sale(), &seller);
        sold.draft.buyer.name = name.to_owned();
        sold
    };
    let all = vec![named("2026-11-0001", "Camille Durand"), named("2026-11-0002", "C. Durand")];
    let rows = records(&file(&ledger(november(), all, &seller).unwrap(), 1), b'\t');
    let names: std::collections::BTreeSet<&str> =
        rows.iter().filter(|row| !row["CompAuxNum"].is_empty()).map(|row| row["CompAuxLib"].as_str()).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["C. Durand"], "the newest");
}

#[test]
fn a_base_without_tax_says_why() {
    let label = |name: &str| {
        let case = matrix().into_iter().find(|case| case.name == name).unwrap();
        let books = ledger(november(), vec![invoice("2026-11-0001", &case.sale, &case.seller)], &case.seller).unwrap();
        records(&file(&books, 1), b'\t')[1]["EcritureLib"].clone()
    };
    assert_eq!(label("franchise, consumer"), "Facture 2026-11-0001 Franchise 293 B");
    assert!(label("goods, exported to a consumer").starts_with("Facture 2026-11-0001 Export "));
}

/// Written down from the export that held the whole month in memory: the files of a month must never change.
#[test]
fn a_thousand_documents_make_the_same_bytes_as_ever() {
    let seller = ManyDocuments::settings().of_day(date(2026, 11, 30));
    let books = ledger(november(), ManyDocuments::new(1000).all().collect(), &seller).unwrap();
    assert_eq!(
        books.files.each_ref().map(File::document).map(|document| (document.sha256, document.size)),
        [
            ("032156acb783846496910ac41297395d21ea8d7b7a466eb2e4b438fa1c9b72fd".to_owned(), 152_640),
            ("76436ad88a8596f4ba3f950f4c72515cb4a2094e9a43cb3af1d6eb263b25dc16".to_owned(), 669_076),
            ("40a3ac609a07b1179cf87c68e188306c3da5e0564d51d6c54841d51700741cf0".to_owned(), 18_297),
        ]
    );
    assert_eq!((books.documents, books.unconverted.count), (1000, 48));
}
