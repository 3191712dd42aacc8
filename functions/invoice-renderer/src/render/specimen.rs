//! A page of the owner's own making that sells nothing: rendered at start, it shows a mistake in the templates before a
//! number is claimed, and it warms the engine while the processor is free.

use comptoir::{
    invoice::{
        Invoice, InvoiceNumber,
        draft::draft,
        print::{self, Page},
        unfit::Unfit,
    },
    sale::{Address, ChargedTax, Customer, Sale, SaleKey, SaleLine},
    seller::{Seller, VatRegime},
};
use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;

/// An invoice of two lines to a customer who is nobody.
///
/// # Errors
/// The seller cannot invoice even this.
pub fn invoice(seller: &Seller, day: Date) -> Result<Invoice, Unfit> {
    // Where Stripe adds the tax, it did.
    let added = matches!(&seller.vat, VatRegime::Taxed(taxed) if !taxed.contained());
    let tax = |amount| ChargedTax { amount, included: true, rate: Some(Decimal::from(20)), reason: None };
    let line = |description: &str, quantity, total, discount| SaleLine {
        description: description.to_owned(),
        quantity,
        total,
        discount,
        taxes: added.then(|| tax(total / 6)).into_iter().collect(),
        ..SaleLine::default()
    };
    let sale = Sale {
        key: SaleKey("specimen".to_owned()),
        event: "specimen".to_owned(),
        livemode: false,
        paid_at: day.to_zoned(seller.time_zone.clone()).map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp()),
        currency: "eur".to_owned(),
        total: 16_900,
        tax: None,
        lines: vec![line(&seller.default_label, 1, 12_000, 0), line(&seller.default_label, 2, 4_900, 1_000)],
        customer: Customer {
            name: Some("Camille Spécimen".to_owned()),
            email: Some("camille@example.org".to_owned()),
            address: Some(Address {
                line1: Some("1 rue de l’Exemple".to_owned()),
                postal_code: Some("75001".to_owned()),
                city: Some("Paris".to_owned()),
                country: Some("FR".to_owned()),
                ..Address::default()
            }),
            ..Customer::default()
        },
        payment_intent: None,
        reference: Some("CMD-0001".to_owned()),
        delivery: None,
        exchange: None,
    };
    let draft = draft(&sale, seller, day)?;
    let number = InvoiceNumber(format!("{}-0000", day.strftime("%Y-%m")));
    Ok(Invoice { number, issued_on: day, draft })
}

/// Its page.
///
/// # Errors
/// The seller cannot invoice even this.
pub fn page(seller: &Seller, day: Date) -> Result<Page, Unfit> {
    Ok(print::page(&invoice(seller, day)?, &seller.look))
}
