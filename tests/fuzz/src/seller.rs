//! The seller file: problems, each with a field and a correction, or a valid seller.

use comptoir::{
    sale::{ChargedTax, Sale},
    seller::Seller,
    testing::sale,
    text::looks_like_email,
    vat::{
        regime::{Prices, Rates, VatRegime},
        treatment::tax_within,
    },
};
use rust_decimal::Decimal;

use crate::papers;

/// Any text.
pub fn file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Seller::from_toml(text) {
        Err(invalid) => {
            assert!(!invalid.0.is_empty(), "refused without a word");
            for problem in &invalid.0 {
                let line = |text: &str| !text.is_empty() && !text.chars().any(char::is_control);
                assert!(line(&problem.field) && line(&problem.fix), "{problem:?}");
            }
        }
        Ok(seller) => sells(&seller),
    }
}

fn sells(seller: &Seller) {
    let numbers = |credit: bool| {
        let series = if credit { &seller.credit_series } else { &seller.series };
        [1, 2, 9, 10, 99_999].map(|n| series.number(papers::DAY, n))
    };
    let mut all = [numbers(false), numbers(true)].concat();
    assert!(all.iter().all(|number| number.0.len() <= 35), "{all:?}");
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 10, "one number for two documents: {all:?}");

    let mail = &seller.mail;
    for address in [Some(&mail.from), mail.reply_to.as_ref(), Some(&seller.party.email)].into_iter().flatten() {
        let broken = address.chars().any(|c| c.is_whitespace() || c.is_control());
        assert!(looks_like_email(address) && !broken, "{address:?} goes into a header");
    }
    let party = &seller.party;
    let printed = [&party.name, &party.legal_form, &party.line1, &party.city, &party.postal_code, &party.siren];
    let optional = [&party.capital, &party.registration, &party.line2, &party.phone, &party.website, &party.vat_number];
    let unnamed = seller.unnamed_customer.iter().chain([&seller.default_label, &mail.from_name]);
    for text in printed.into_iter().chain(optional.into_iter().flatten()).chain(unnamed) {
        assert!(!text.trim().is_empty() && !text.chars().any(char::is_control), "{text:?} is printed on every invoice");
    }
    assert!(papers::invoice(&sold_by(seller), seller).is_some(), "a seller who cannot sell");
}

/// The sample sale, taxed as by Stripe for this seller.
fn sold_by(seller: &Seller) -> Sale {
    let mut sale = sale();
    let VatRegime::Taxed(taxed) = &seller.vat else { return sale };
    let (rate, included) = match taxed.rates {
        Rates::Fixed { prices: Prices::IncludeTax, .. } => return sale,
        Rates::Fixed { rate, .. } => (rate, false),
        Rates::Stripe => (Decimal::TWO * Decimal::TEN, true),
    };
    let amount = tax_within(sale.total, rate).unwrap();
    sale.tax = Some(amount);
    sale.lines[0].taxes = vec![ChargedTax { amount, included, rate: Some(rate), ..ChargedTax::default() }];
    sale
}
