//! The content of a page, fact by fact, in both languages.

use jiff::civil::{Date, date};

use super::*;
use crate::{
    billing::draft::draft,
    invoice::Correction,
    numbering::InvoiceNumber,
    refund::RefundKey,
    sale::{Address, Delivery, Sale, TaxId},
    seller::Seller,
    testing::{FRANCHISE_TOML, STANDARD_TOML, matrix::matrix, sale, words},
};

const DAY: Date = date(2026, 11, 21);

fn invoice(sale: &Sale, seller: &Seller) -> Invoice {
    Invoice::new(InvoiceNumber("2026-11-0042".into()), DAY, draft(sale, seller, DAY).unwrap())
}

fn printed(sale: &Sale, toml: &str) -> Page {
    let seller = Seller::from_toml(toml).unwrap();
    page(&invoice(sale, &seller), &seller.look, &words())
}

/// A case of the matrix in one language.
fn case(name: &str, language: &str) -> Page {
    let mut case = matrix().into_iter().find(|case| case.name == name).unwrap();
    case.sale.customer.language = Some(language.to_owned());
    page(&invoice(&case.sale, &case.seller), &case.seller.look, &words())
}

fn credit_note(language: &str) -> Page {
    let seller = Seller::from_toml(STANDARD_TOML).unwrap();
    let mut sale = sale();
    sale.customer.language = Some(language.to_owned());
    let mut invoice = invoice(&sale, &seller);
    invoice.draft.kind = Kind::CreditNote;
    invoice.draft.corrects = Some(Correction {
        refund: RefundKey("re_1".into()),
        number: InvoiceNumber("2026-10-0007".into()),
        issued_on: date(2026, 10, 1),
    });
    page(&invoice, &seller.look, &words())
}

/// With ordinary spaces, for readable tests.
fn plain(text: &str) -> String {
    text.replace(['\u{a0}', '\u{202f}'], " ")
}

fn pairs(rows: &[(String, String)]) -> Vec<String> {
    rows.iter().map(|(label, value)| plain(&format!("{label}: {value}"))).collect()
}

#[test]
fn a_page_shows_what_the_law_asks() {
    let page = printed(&sale(), STANDARD_TOML);
    assert_eq!(pairs(&page.sums), ["Total HT: 40,83 €", "TVA 20 %: 8,17 €"]);
    assert_eq!(pairs(&[page.total]), ["Total TTC: 49,00 €"]);
    assert_eq!(pairs(&page.settled), ["Déjà payé: 49,00 €", "Reste à payer: 0,00 €"]);
    assert_eq!(pairs(&page.facts), ["Date d’émission: 21 novembre 2026", "Date de la prestation: 21 novembre 2026"]);
    assert_eq!(plain(&page.paid), "Payée le 21 novembre 2026 par Stripe. Rien à régler.");
    assert_eq!(page.stamp.as_deref(), Some("TEST"));
    let legal = plain(&page.seller_legal.join(" · "));
    assert_eq!(
        legal,
        "Formations Réunies, SAS · au capital de 10 000 € · RCS Lyon · SIREN 123 456 824 · TVA FR40123456824"
    );
    assert_eq!(page.buyer_lines, ["12 rue de l’Été", "75011 Paris"]);
    assert_eq!(page.buyer_details, ["zoe@example.org"]);
    assert_eq!((page.delivery_lines, page.in_euros), (Vec::new(), None));
}

#[test]
fn an_english_page_is_english() {
    let mut sale = sale();
    sale.customer.language = Some("en".into());
    sale.reference = Some("PO-1".into());
    let page = printed(&sale, STANDARD_TOML);
    assert_eq!(pairs(&page.sums), ["Total excl. VAT: €40.83", "VAT 20%: €8.17"]);
    assert_eq!(page.total.0, "Total incl. VAT");
    assert_eq!(
        pairs(&page.facts),
        ["Date of issue: 21 November 2026", "Date of supply: 21 November 2026", "Reference: PO-1"]
    );
    assert_eq!((page.labels.vat.as_str(), page.lines[0].vat.as_str()), ("VAT", "20%"));
    assert_eq!(plain(&page.paid), "Paid on 21 November 2026 through Stripe. Nothing to pay.");
    assert!(page.seller_legal.contains(&"VAT\u{a0}FR40123456824".to_owned()));
    assert_eq!(page.labels.page, "Page {page} of {pages}");
}

#[test]
fn several_rates_each_show_their_base() {
    assert_eq!(
        pairs(&case("Stripe Tax, two rates", "fr").sums),
        ["Total HT: 250,00 €", "TVA 20 % sur 200,00 €: 40,00 €", "TVA 5,5 % sur 50,00 €: 2,75 €"]
    );
    let partly = case("Stripe Tax, partly exempt", "en");
    assert!(pairs(&partly.sums).contains(&"No VAT on €500.00: €0.00".to_owned()), "{:?}", partly.sums);
    assert_eq!(partly.lines.iter().map(|line| line.vat.as_str()).collect::<Vec<_>>(), ["–", "10%"]);
    let zero = case("Stripe Tax, zero rate", "fr");
    assert!(pairs(&zero.sums).contains(&"TVA 0 % sur 10,00 €: 0,00 €".to_owned()), "{:?}", zero.sums);
    assert_eq!(plain(&zero.lines[0].vat), "0 %");
}

#[test]
fn who_charges_no_vat_does_not_speak_of_it() {
    for name in
        ["franchise, consumer", "goods, EU business", "digital, Swiss business", "goods, exported to a consumer"]
    {
        let page = case(name, "fr");
        assert_eq!((page.total.0.as_str(), page.sums.len()), ("Total", 1), "{name}");
        assert!(page.lines.iter().all(|line| line.vat == "–"), "{name}");
    }
    assert_eq!(case("standard, one cent", "fr").total.0, "Total TTC", "too little for a cent of tax, and yet taxed");
}

#[test]
fn a_discount_stands_before_tax_below_its_line() {
    let line = case("standard, a discount on a line", "fr").lines.remove(0);
    assert_eq!(plain(&line.detail.unwrap()), "Remise HT déduite : 4,08 €");
    assert_eq!((plain(&line.unit_price), plain(&line.amount)), ("40,83 €".into(), "36,75 €".into()));
    let english = case("standard, a discount on a line", "en").lines.remove(0);
    assert_eq!(english.detail.as_deref(), Some("Discount deducted, excl. VAT: €4.08"));
    let exempt = case("franchise, several lines and a discount", "fr").lines.remove(0);
    assert_eq!(plain(&exempt.detail.unwrap()), "Remise déduite : 9,99 €");
}

#[test]
fn a_credit_within_an_invoice_is_a_negative_quantity() {
    let line = case("standard, unused time of a plan", "fr").lines.remove(1);
    assert_eq!((line.quantity.as_str(), plain(&line.unit_price)), ("−1", "14,44 €".to_owned()));
    assert_eq!(plain(&line.amount), "−14,44 €");
}

#[test]
fn vat_in_another_currency_is_said_in_euros() {
    let said = |name, language| case(name, language).in_euros.map(|text| plain(&text));
    assert_eq!(said("standard, dollars", "fr").as_deref(), Some("Dont TVA en euros : 7,53 € (1 USD = 0,9215 €)"));
    assert_eq!(said("standard, dollars", "en").as_deref(), Some("VAT in euros: €7.53 (1 USD = €0.9215)"));
    assert_eq!(said("franchise, dollars", "en"), None);
}

#[test]
fn a_credit_note_says_what_it_corrects_and_that_money_went_back() {
    let page = credit_note("fr");
    assert_eq!(page.title, "Avoir");
    assert_eq!(
        pairs(&page.facts),
        ["Date d’émission: 21 novembre 2026", "Corrige la facture: 2026-10-0007 du 1er octobre 2026"]
    );
    assert_eq!(plain(&page.paid), "Remboursé le 21 novembre 2026 par Stripe.");
    assert_eq!(pairs(&page.settled), ["Remboursé: 49,00 €", "Reste à rembourser: 0,00 €"]);
    let english = credit_note("en");
    assert_eq!(english.title, "Credit note");
    assert_eq!(pairs(&english.facts)[1], "Corrects invoice: 2026-10-0007 of 1 October 2026");
    assert_eq!(plain(&english.paid), "Refunded on 21 November 2026 through Stripe.");
    assert_eq!(english.settled[0].0, "Refunded");
}

#[test]
fn goods_sent_elsewhere_say_where() {
    let with = |address: Address, language: &str| {
        let mut sale = sale();
        sale.customer.language = Some(language.into());
        sale.delivery = Some(Delivery { name: Some("Léa Petit".into()), address });
        printed(&sale, &STANDARD_TOML.replace("[invoice]", "[invoice]\nsupply = \"goods\""))
    };
    let home = sale().customer.address.unwrap();
    let shouted = Address { city: Some("PARIS ".into()), ..home.clone() };
    for same in [home, shouted, Address::default()] {
        assert_eq!(with(same.clone(), "fr").delivery_lines, [""; 0], "{same:?}");
    }
    let brussels = Address {
        line1: Some("1 rue Haute".into()),
        postal_code: Some("1000".into()),
        city: Some("Bruxelles".into()),
        country: Some("be".into()),
        ..Address::default()
    };
    let page = with(brussels.clone(), "fr");
    assert_eq!(page.delivery_lines, ["Léa Petit", "1 rue Haute", "1000 Bruxelles", "Belgique"]);
    assert_eq!(page.labels.delivered_to, "Livré à");
    assert_eq!(page.facts[1].0, "Date de livraison");
    assert_eq!(with(brussels, "en").delivery_lines[3], "Belgium");
}

#[test]
fn numbers_are_labelled_and_said_once() {
    let siret = STANDARD_TOML.replace("siren = \"123456824\"", "siren = \"123456824\"\nsiret = \"12345682400010\"");
    let legal = plain(&printed(&sale(), &siret).seller_legal.join(" · "));
    assert!(legal.contains("SIRET 123 456 824 00010") && !legal.contains("SIREN"), "{legal}");
    let details = |page: Page| -> Vec<String> { page.buyer_details.iter().skip(1).map(|line| plain(line)).collect() };
    assert_eq!(details(case("standard, French business", "fr")), ["SIREN 303 265 045", "TVA FR40303265045"]);
    assert_eq!(details(case("a business known by its SIREN", "fr")), ["SIREN 303 265 045"]);
    assert_eq!(details(case("services, EU business", "en")), ["VAT DE136695976"]);
    assert_eq!(details(case("services, Swiss business", "fr")), ["CHE-123.456.788 TVA"]);
    assert_eq!(details(case("services, British business", "en")), ["VAT GB980780684"]);
    let mut sale = sale();
    sale.customer.tax_ids = vec![TaxId { kind: "us_ein".into(), value: "12-3456789".into() }];
    assert_eq!(details(printed(&sale, FRANCHISE_TOML)), ["12-3456789"]);
}

#[test]
fn countries_are_named_for_who_reads_across_a_border() {
    let american = case("franchise, consumer in English", "en");
    assert_eq!(case("services, EU business", "en").buyer_lines[0], "Alex Martin", "the person at the business");
    assert_eq!(case("services, Swiss business", "fr").buyer_lines[3], "Suisse");
    assert!(american.buyer_lines.contains(&"United States".to_owned()), "{:?}", american.buyer_lines);
    assert!(american.seller_lines.contains(&"France".to_owned()), "{:?}", american.seller_lines);
    assert!(!case("franchise, consumer", "fr").seller_lines.contains(&"France".to_owned()));
    let mut sale = sale();
    sale.customer.address.as_mut().unwrap().country = Some("VN".into());
    assert!(printed(&sale, FRANCHISE_TOML).buyer_lines.contains(&"VN".to_owned()));
}

#[test]
fn a_foreign_tax_is_named_with_its_country() {
    let english = case("Stripe Tax, British VAT", "en");
    assert_eq!(pairs(&english.sums), ["Total excl. VAT: €100.00", "VAT 20% (United Kingdom): €20.00"]);
    assert_eq!((english.labels.vat.as_str(), plain(&english.lines[0].vat)), ("Tax", "20% GB".to_owned()));
    let french = case("Stripe Tax, American sales tax", "fr");
    assert_eq!(pairs(&french.sums), ["Total HT: 110,22 €", "Taxe de vente 8,875 % (États-Unis): 9,78 €"]);
    assert!(
        french.mentions.iter().any(|text| text.starts_with("TVA française non applicable")),
        "{:?}",
        french.mentions
    );
    let oss = case("one-stop shop by Stripe Tax, Austria's 20 percent", "fr");
    assert_eq!(pairs(&oss.sums), ["Total HT: 100,00 €", "TVA 20 % (Autriche): 20,00 €"]);
    assert_eq!(oss.labels.vat, "TVA");
    assert_eq!(pairs(&case("standard, consumer", "fr").sums)[1], "TVA 20 %: 8,17 €");
}

#[test]
fn quantities_and_prices_are_printed_as_they_are() {
    let page = case("franchise, hours and half hours", "fr");
    let told = |page: &Page| -> Vec<String> {
        page.lines
            .iter()
            .map(|line| plain(&format!("{} x {} = {}", line.quantity, line.unit_price, line.amount)))
            .collect()
    };
    assert_eq!(told(&page), ["7,5 x 80,00 € = 600,00 €", "0,5 x 80,00 € = 40,00 €"]);
    assert_eq!(
        told(&case("franchise, prices of a fraction of a cent", "fr")),
        [
            "1 000 000 x 0,00004 € = 40,00 €",
            "1 234 567 x 0,0003 € / 1 000 = 0,37 €",
            "98 765 432 109 x 0,00001 € / 1 000 = 987,65 €",
            "1 x 9,99 € = 9,99 €",
            "−2,25 x 8,00 € = −18,00 €",
        ]
    );
}

#[test]
fn a_country_that_nobody_gave_is_not_printed() {
    let mut nowhere = sale();
    nowhere.customer.address = None;
    let page = printed(&nowhere, FRANCHISE_TOML);
    assert_eq!(page.buyer_lines, Vec::<String>::new());
    assert!(!page.seller_lines.contains(&"France".to_owned()));
}
