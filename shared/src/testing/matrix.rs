//! Sales of many kinds, each of which results in a valid invoice: seller's regime, customer, country, rates, discounts,
//! currency and language. Rules and templates are tested against all of them.

use rust_decimal::Decimal;

use super::{FRANCHISE_TOML, STANDARD_TOML, sale};
use crate::{
    sale::{Address, ChargedTax, Customer, Delivery, Exchange, Sale, SaleKey, SaleLine, TaxId},
    seller::Seller,
};

/// A sale and its seller.
#[derive(Debug, Clone)]
pub struct Case {
    /// What is special about it.
    pub name: &'static str,
    /// The seller.
    pub seller: Seller,
    /// The sale.
    pub sale: Sale,
}

/// A change of the seller file.
type Edit = (&'static str, &'static str);

fn seller(toml: &str, edits: &[Edit]) -> Seller {
    let edited = edits.iter().fold(toml.to_owned(), |toml, (from, to)| toml.replacen(from, to, 1));
    Seller::from_toml(&edited).unwrap_or_else(|_| unreachable_seller())
}

#[expect(clippy::panic, reason = "a matrix that does not stand is a broken test")]
fn unreachable_seller() -> Seller {
    panic!("a seller of the matrix is invalid")
}

const NUMBERED: Edit = ("regime = \"franchise\"", "regime = \"franchise\"\nnumber = \"FR11123456782\"");
const GOODS: Edit = ("[invoice]", "[invoice]\nsupply = \"goods\"");
const DIGITAL: Edit = ("[invoice]", "[invoice]\nsupply = \"digital\"");
const BOTH: Edit = ("[invoice]", "[invoice]\nsupply = \"both\"");
const OSS: Edit = ("rate = \"20\"", "rate = \"20\"\noss = true");
const DEBITS: Edit = ("rate = \"20\"", "rate = \"20\"\non_debits = true");
const EXCLUDED: Edit = ("rate = \"20\"", "rate = \"20\"\nprices = \"excluded\"");
const REDUCED: Edit = ("rate = \"20\"", "rate = \"5.5\"");
const TEACHING: Edit = ("regime = \"franchise\"", "regime = \"exempt\"\nexemption = \"teaching\"");
const NON_PROFIT: Edit = ("regime = \"franchise\"", "regime = \"exempt\"\nexemption = \"non_profit\"");
const STRIPE: Edit = ("regime = \"standard\"", "regime = \"stripe_tax\"");
const NO_RATE: Edit = ("rate = \"20\"", "");
const STRIPE_OSS: Edit = ("rate = \"20\"", "oss = true");
const STRIPE_EXEMPT: Edit = ("rate = \"20\"", "exemption = \"teaching\"");

fn customer(name: &str, language: &str, address: [&str; 4]) -> Customer {
    let [line1, postal_code, city, country] = address.map(|part| Some(part.to_owned()).filter(|part| !part.is_empty()));
    Customer {
        name: Some(name.to_owned()),
        email: Some("client@example.org".to_owned()),
        language: Some(language.to_owned()),
        address: Some(Address { line1, postal_code, city, country, ..Address::default() }),
        ..Customer::default()
    }
}

fn business(name: &str, language: &str, address: [&str; 4], kind: &str, number: &str) -> Customer {
    let mut customer = customer("Alex Martin", language, address);
    customer.business_name = Some(name.to_owned());
    customer.tax_ids = vec![TaxId { kind: kind.to_owned(), value: number.to_owned() }];
    customer
}

fn parisian() -> Customer {
    customer("Zoé Lefèvre", "fr", ["12 rue de l’Été", "75011", "Paris", "FR"])
}

fn german() -> Customer {
    customer("Jürgen Groß", "de", ["Invalidenstraße 1", "10115", "Berlin", "DE"])
}

fn american() -> Customer {
    customer("Pat Smith", "en", ["350 5th Ave", "10118", "New York", "US"])
}

fn french_company() -> Customer {
    business("Société Cliente", "fr", ["3 quai de Saône", "69001", "Lyon", "FR"], "eu_vat", "FR40303265045")
}

fn german_company() -> Customer {
    business("Muster GmbH", "de", ["Invalidenstraße 1", "10115", "Berlin", "DE"], "eu_vat", "DE136695976")
}

fn line(description: &str, quantity: u64, total: i64) -> SaleLine {
    SaleLine { description: description.to_owned(), quantity: quantity.into(), total, ..SaleLine::default() }
}

fn discounted(line: SaleLine, discount: i64) -> SaleLine {
    SaleLine { discount, ..line }
}

fn taxed(line: SaleLine, amount: i64, rate: &str, included: bool) -> SaleLine {
    let tax = ChargedTax {
        amount,
        included,
        rate: rate.parse().ok(),
        reason: Some("standard_rated".to_owned()),
        ..ChargedTax::default()
    };
    SaleLine { taxes: vec![tax], ..line }
}

fn untaxed(line: SaleLine, reason: &str) -> SaleLine {
    let tax = ChargedTax { rate: Some(Decimal::ZERO), reason: Some(reason.to_owned()), ..ChargedTax::default() };
    SaleLine { taxes: vec![tax], ..line }
}

fn of(customer: Customer, lines: Vec<SaleLine>) -> Sale {
    let total = lines.iter().map(|line| line.total).sum();
    let tax = lines.iter().flat_map(|line| &line.taxes).map(|tax| tax.amount).sum();
    Sale { total, tax: Some(tax).filter(|tax| *tax != 0), lines, customer, ..sale() }
}

fn course(total: i64) -> Vec<SaleLine> {
    vec![line("Formation en ligne", 1, total)]
}

fn book(total: i64) -> Vec<SaleLine> {
    vec![line("Carnet de croquis", 2, total)]
}

fn in_currency(currency: &str, rate: Option<&str>, mut sale: Sale) -> Sale {
    currency.clone_into(&mut sale.currency);
    sale.exchange =
        rate.and_then(|rate| rate.parse().ok()).map(|rate| Exchange { currency: "eur".to_owned(), rate, txn: None });
    sale
}

fn sent(sale: Sale) -> Sale {
    let customer = sale.customer.clone();
    sent_to(sale, &customer)
}

fn sent_to(mut sale: Sale, to: &Customer) -> Sale {
    let address = to.address.clone().unwrap_or_default();
    sale.delivery = Some(Delivery { name: to.name.clone(), address });
    sale
}

fn taxed_by(line: SaleLine, amount: i64, rate: &str, (country, kind): (&str, &str)) -> SaleLine {
    let mut line = taxed(line, amount, rate, true);
    for tax in &mut line.taxes {
        tax.country = Some(country.to_owned());
        tax.kind = Some(kind.to_owned());
    }
    line
}

/// Every case; their sales have keys of their own.
#[must_use]
pub fn matrix() -> Vec<Case> {
    let mut cases = without_vat();
    cases.extend(with_vat_contained());
    cases.extend(with_vat_charged());
    cases.extend(across_borders());
    cases.extend(in_other_currencies());
    cases.extend(of_odd_customers());
    cases.extend(of_foreign_taxes());
    cases.extend(of_odd_quantities());
    for (number, case) in (1..).zip(&mut cases) {
        case.sale.key = SaleKey(format!("cs_matrix_{number}"));
    }
    cases
}

fn cases(toml: &str, edits: &[Edit], sales: impl IntoIterator<Item = (&'static str, Sale)>) -> Vec<Case> {
    let seller = seller(toml, edits);
    sales.into_iter().map(|(name, sale)| Case { name, seller: seller.clone(), sale }).collect()
}

fn without_vat() -> Vec<Case> {
    let franchise = [
        ("franchise, consumer", of(parisian(), course(4900))),
        ("franchise, consumer in English", of(american(), course(4900))),
        ("franchise, French business", of(french_company(), course(12_345))),
        ("franchise, several lines and a discount", {
            of(parisian(), vec![discounted(line("Stage", 3, 8001), 999), line("Guide", 7, 1234)])
        }),
        ("franchise, EU business without a number of our own", of(german_company(), course(4900))),
    ];
    let mut all = cases(FRANCHISE_TOML, &[], franchise);
    all.extend(cases(
        FRANCHISE_TOML,
        &[NUMBERED],
        [("franchise with a number, EU business", of(german_company(), course(4900)))],
    ));
    all.extend(cases(
        FRANCHISE_TOML,
        &[TEACHING],
        [
            ("teaching, exempt, consumer", of(parisian(), course(90_000))),
            ("teaching, exempt, French business", of(french_company(), course(90_000))),
        ],
    ));
    all.extend(cases(
        FRANCHISE_TOML,
        &[NON_PROFIT, BOTH],
        [("association, exempt", of(parisian(), vec![line("Adhésion 2027", 1, 2500)]))],
    ));
    all
}

fn with_vat_contained() -> Vec<Case> {
    let many = (1..=9).map(|n| line("Séance", n, 1999)).collect();
    let mut all = cases(
        STANDARD_TOML,
        &[],
        [
            ("standard, consumer", of(parisian(), course(4900))),
            ("standard, French business", of(french_company(), course(4900))),
            (
                "standard, Monaco",
                of(customer("Grâce Rainier", "fr", ["1 place du Casino", "98000", "Monaco", "MC"]), course(4900)),
            ),
            (
                "standard, quantities that do not divide",
                of(parisian(), vec![line("Crédit", 3, 1000), line("Crédit", 7, 1)]),
            ),
            ("standard, nine lines of odd cents", of(parisian(), many)),
            ("standard, a discount on a line", of(parisian(), vec![discounted(line("Formation", 1, 4410), 490)])),
            (
                "standard, unused time of a plan",
                of(parisian(), vec![line("Abonnement Pro", 1, 9900), line("Temps non utilisé", 1, -1733)]),
            ),
            ("standard, one cent", of(parisian(), course(1))),
            ("standard, a large sum", of(french_company(), course(987_654_321))),
        ],
    );
    all.extend(cases(STANDARD_TOML, &[DEBITS], [("standard, VAT on debits", of(french_company(), course(60_000)))]));
    all.extend(cases(
        STANDARD_TOML,
        &[REDUCED, GOODS],
        [("goods at a reduced rate", sent(of(parisian(), book(3165))))],
    ));
    all.extend(cases(
        STANDARD_TOML,
        &[BOTH],
        [("goods and services", sent(of(parisian(), vec![line("Kit", 1, 3900), line("Frais de livraison", 1, 490)])))],
    ));
    all
}

fn with_vat_charged() -> Vec<Case> {
    let mut all = cases(
        STANDARD_TOML,
        &[EXCLUDED],
        [
            (
                "prices without tax, consumer",
                of(parisian(), vec![taxed(line("Conseil", 1, 12_000), 2000, "20", false)]),
            ),
            ("prices without tax, two lines of odd cents", {
                of(
                    french_company(),
                    vec![taxed(line("A", 3, 1199), 200, "20", false), taxed(line("B", 1, 401), 67, "20", false)],
                )
            }),
            (
                "prices without tax, discount",
                of(french_company(), vec![discounted(taxed(line("Audit", 1, 96_000), 16_000, "20", false), 20_000)]),
            ),
        ],
    );
    all.extend(cases(
        STANDARD_TOML,
        &[STRIPE, NO_RATE],
        [
            ("Stripe Tax, two rates", {
                of(
                    parisian(),
                    vec![
                        taxed(line("Abonnement", 2, 24_000), 4000, "20", false),
                        taxed(line("Livre", 1, 5275), 275, "5.5", false),
                    ],
                )
            }),
            ("Stripe Tax, three rates in the price", {
                of(
                    french_company(),
                    vec![
                        taxed(line("Repas", 1, 1100), 100, "10", true),
                        taxed(line("Salle", 1, 12_000), 2000, "20", true),
                        taxed(line("Livre", 2, 2110), 110, "5.5", true),
                    ],
                )
            }),
            ("Stripe Tax, a gift and a few cents", {
                let cents =
                    SaleLine { taxes: taxed(line("Sachet", 1, 2), 0, "20", false).taxes, ..line("Sachet", 1, 2) };
                let gift = untaxed(line("Essai gratuit", 1, 0), "standard_rated");
                of(parisian(), vec![gift, cents, taxed(line("Mise en route", 1, 4900), 817, "20", true)])
            }),
            (
                "Stripe Tax, reverse charge",
                of(german_company(), vec![untaxed(line("Licence", 1, 10_000), "reverse_charge")]),
            ),
            (
                "Stripe Tax, charged to an EU business",
                of(german_company(), vec![taxed(line("Licence", 1, 12_000), 2000, "20", false)]),
            ),
            (
                "Stripe Tax, zero rate",
                of(
                    parisian(),
                    vec![
                        untaxed(line("Publication", 1, 1000), "zero_rated"),
                        taxed(line("Autre", 1, 1200), 200, "20", false),
                    ],
                ),
            ),
        ],
    ));
    all.extend(cases(
        STANDARD_TOML,
        &[STRIPE, STRIPE_EXEMPT],
        [(
            "Stripe Tax, partly exempt",
            of(
                parisian(),
                vec![
                    untaxed(line("Formation", 1, 50_000), "product_exempt"),
                    taxed(line("Repas", 1, 2200), 200, "10", false),
                ],
            ),
        )],
    ));
    all
}

fn across_borders() -> Vec<Case> {
    let greek = business("Ελληνική Εταιρεία ΑΕ", "el", ["Σταδίου 1", "10562", "Αθήνα", "GR"], "eu_vat", "EL094259216");
    let swiss =
        business("Muster AG", "fr", ["Rue du Rhône 1", "1204", "Genève", "CH"], "ch_vat", "CHE-123.456.788 TVA");
    let briton = business("Sample Ltd", "en", ["1 High Street", "SW1A 1AA", "London", "GB"], "gb_vat", "GB980780684");
    let mut all = cases(
        STANDARD_TOML,
        &[],
        [
            ("services, EU business", of(german_company(), course(4900))),
            ("services, Greek business", of(greek.clone(), course(4900))),
            ("services, EU consumer", of(german(), course(4900))),
            ("services, Swiss business", of(swiss.clone(), course(4900))),
            ("services, British business", of(briton.clone(), course(4900))),
            ("services, American consumer", of(american(), course(4900))),
        ],
    );
    all.extend(cases(
        STANDARD_TOML,
        &[GOODS],
        [
            ("goods, EU business", sent(of(greek, book(8800)))),
            ("goods, EU business, no delivery address", of(german_company(), book(8800))),
            ("goods, exported to a business", sent(of(briton, book(8800)))),
            ("goods, exported to a consumer", sent(of(american(), book(8800)))),
            ("goods, EU consumer below the threshold", sent(of(german(), book(8800)))),
            ("goods, American card, sent to Paris", { sent_to(of(american(), book(8800)), &parisian()) }),
            (
                "goods, sent to Réunion",
                sent(of(customer("Marie Hoarau", "fr", ["3 rue de Paris", "97400", "Saint-Denis", "RE"]), book(8800))),
            ),
        ],
    ));
    all.extend(cases(
        STANDARD_TOML,
        &[DIGITAL],
        [
            ("digital, American consumer", of(american(), course(4900))),
            ("digital, Swiss business", of(swiss, course(4900))),
        ],
    ));
    all.extend(cases(
        STANDARD_TOML,
        &[OSS, DIGITAL],
        [
            ("one-stop shop, German consumer", of(german(), course(4900))),
            (
                "one-stop shop, Finnish consumer",
                of(customer("Aino Virtanen", "fi", ["Mannerheimintie 1", "00100", "Helsinki", "FI"]), course(4900)),
            ),
            ("one-stop shop, French consumer", of(parisian(), course(4900))),
        ],
    ));
    all.extend(cases(
        STANDARD_TOML,
        &[STRIPE, STRIPE_OSS, DIGITAL],
        [(
            "one-stop shop by Stripe Tax, a reduced rate",
            of(german(), vec![taxed(line("E-Book", 1, 1070), 70, "7", true)]),
        )],
    ));
    all
}

fn in_other_currencies() -> Vec<Case> {
    let mut all = cases(
        FRANCHISE_TOML,
        &[],
        [
            ("franchise, dollars", in_currency("usd", None, of(american(), course(4900)))),
            ("franchise, yen", in_currency("jpy", None, of(american(), course(4900)))),
            (
                "franchise, ariary, which Stripe counts in whole units",
                in_currency("mga", None, of(american(), course(50_000))),
            ),
            ("franchise, dinars of three decimals", in_currency("kwd", None, of(american(), course(12_340)))),
        ],
    );
    all.extend(cases(
        STANDARD_TOML,
        &[],
        [
            ("standard, dollars", in_currency("usd", Some("0.9215"), of(parisian(), course(4900)))),
            (
                "standard, yen",
                in_currency("jpy", Some("0.562"), of(parisian(), vec![line("A", 3, 1000), line("B", 1, 333)])),
            ),
            ("standard, dinars of three decimals", in_currency("kwd", Some("0.28071"), of(parisian(), course(12_340)))),
            (
                "standard, ariary, which Stripe counts in whole units",
                in_currency("mga", Some("0.0195"), of(parisian(), course(50_000))),
            ),
            (
                "standard, krónur, which Stripe counts in hundredths",
                in_currency("isk", Some("0.00672"), of(parisian(), course(500_000))),
            ),
            ("standard, forints", in_currency("huf", Some("0.00251"), of(parisian(), course(1_234_500)))),
        ],
    ));
    all
}

fn of_odd_customers() -> Vec<Case> {
    let nowhere = Customer { address: None, ..parisian() };
    let townless = customer("Léa Petit", "fr", ["Lieu-dit", "", "", "FR"]);
    let siren =
        business("Épicerie Durand", "fr", ["1 rue Neuve", "31000", "Toulouse", "FR"], "fr_siren", "303 265 045");
    let hostile =
        customer("#panic() <b>&amp; \u{202e}gro.elpmaxe\u{7}", "fr", ["12 \"rue\" <x>", "75011", "Paris ]]>", "FR"]);
    let emoji = customer("🦊 Renard 山田 مريم", "en", ["1 rue", "75011", "Paris", "FR"]);
    cases(
        STANDARD_TOML,
        &[],
        [
            ("no address", of(nowhere, course(4900))),
            ("an address without a town", of(townless, course(4900))),
            ("a business known by its SIREN", of(siren, course(4900))),
            ("hostile characters", of(hostile, vec![line("<script>alert(1)</script>\u{0}\u{1f}", 1, 4900)])),
            ("characters of many scripts", of(emoji, vec![line("✂ 折り紙 キット 👩‍🎨", 1, 4900)])),
        ],
    )
}

fn of_foreign_taxes() -> Vec<Case> {
    let licence = |total| line("Logiciel, licence annuelle", 1, total);
    let briton = || customer("Emma Brown", "en", ["1 High Street", "SW1A 1AA", "London", "GB"]);
    let swiss = customer("Luc Favre", "fr", ["Rue du Rhône 1", "1204", "Genève", "CH"]);
    let australian = customer("Kim Lee", "en", ["1 George Street", "2000", "Sydney", "AU"]);
    let austrian = || customer("Anna Gruber", "de", ["Graben 1", "1010", "Wien", "AT"]);
    let canary =
        business("Islas Cerámica SL", "es", ["Calle Mayor 1", "35001", "Las Palmas", "ES"], "eu_vat", "ESB58378431");
    let mut all = cases(
        STANDARD_TOML,
        &[STRIPE, NO_RATE, DIGITAL],
        [
            ("Stripe Tax, British VAT", of(briton(), vec![taxed_by(licence(12_000), 2000, "20", ("GB", "vat"))])),
            (
                "Stripe Tax, British VAT and a zero rate",
                of(
                    briton(),
                    vec![
                        taxed_by(licence(12_000), 2000, "20", ("GB", "vat")),
                        untaxed(line("E-book", 1, 1500), "zero_rated"),
                    ],
                ),
            ),
            ("Stripe Tax, Swiss VAT", of(swiss, vec![taxed_by(licence(12_000), 899, "8.1", ("CH", "vat"))])),
            (
                "Stripe Tax, American sales tax",
                of(american(), vec![taxed_by(licence(12_000), 978, "8.875", ("US", "sales_tax"))]),
            ),
            ("Stripe Tax, Australian GST", of(australian, vec![taxed_by(licence(12_000), 1091, "10", ("AU", "gst"))])),
            (
                "Stripe Tax, nothing collected in America",
                of(american(), vec![untaxed(licence(12_000), "not_collecting")]),
            ),
        ],
    );
    all.extend(cases(
        STANDARD_TOML,
        &[STRIPE, STRIPE_OSS, DIGITAL],
        [(
            "one-stop shop by Stripe Tax, Austria's 20 percent",
            of(austrian(), vec![taxed_by(licence(12_000), 2000, "20", ("AT", "vat"))]),
        )],
    ));
    all.extend(cases(
        STANDARD_TOML,
        &[STRIPE, NO_RATE, GOODS],
        [(
            "goods, British VAT",
            sent(of(briton(), vec![taxed_by(line("Bol en grès", 2, 12_000), 2000, "20", ("GB", "vat"))])),
        )],
    ));
    all.extend(cases(
        STANDARD_TOML,
        &[GOODS],
        [
            ("goods, Canary business", sent(of(canary, book(8800)))),
            (
                "goods, sent to Guyane",
                sent(of(customer("Marie Guyane", "fr", ["12 rue des Lilas", "97300", "Cayenne", "FR"]), book(8800))),
            ),
        ],
    ));
    all
}

fn of_odd_quantities() -> Vec<Case> {
    let many = |description: &str, quantity: &str, total| SaleLine {
        quantity: quantity.parse().unwrap_or_default(),
        ..line(description, 1, total)
    };
    let hours = || vec![many("Conseil, au temps passé", "7.5", 60_000), many("Intervention (heure)", "0.5", 4000)];
    let tokens = || {
        vec![
            many("Jetons", "1000000", 4000),
            many("Appels", "1234567", 37),
            many("Octets", "98765432109", 98_765),
            many("Gigaoctets-heures", "0.123456789", 999),
            many("Temps non utilisé (heures)", "2.25", -1800),
        ]
    };
    let mut all = cases(
        FRANCHISE_TOML,
        &[],
        [
            ("franchise, hours and half hours", of(parisian(), hours())),
            ("franchise, prices of a fraction of a cent", of(french_company(), tokens())),
        ],
    );
    all.extend(cases(
        STANDARD_TOML,
        &[],
        [
            ("standard, hours and half hours", of(french_company(), hours())),
            ("standard, prices of a fraction of a cent", of(american(), tokens())),
            (
                "standard, hours with a discount",
                of(parisian(), vec![discounted(many("Conseil", "7.25", 52_200), 5800)]),
            ),
        ],
    ));
    all
}
