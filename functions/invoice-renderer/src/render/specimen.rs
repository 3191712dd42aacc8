//! Documents of the owner's own making that sell nothing: rendered at start, one shows a mistake in the templates before a
//! number is claimed, and it warms the engine while the processor is free; both are what a preview shows.

use comptoir::{
    invoice::{Invoice, InvoiceNumber, credit::credit, draft::draft, ledger::Credited, unfit::Unfit},
    refund::{Refund, RefundKey},
    sale::{Address, ChargedTax, Customer, Sale, SaleKey, SaleLine},
    seller::{Prices, Rates, Seller, VatRegime},
    vat::split::split_included,
};
use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;

/// An invoice of two lines, one with a discount, to a customer who is nobody.
///
/// # Errors
/// The seller cannot invoice even this.
pub fn invoice(seller: &Seller, day: Date) -> Result<Invoice, Unfit> {
    let sale = Sale {
        key: SaleKey("specimen".to_owned()),
        event: "specimen".to_owned(),
        livemode: false,
        paid_at: day.to_zoned(seller.time_zone.clone()).map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp()),
        currency: "eur".to_owned(),
        total: 16_900,
        tax: None,
        lines: vec![line(seller, 1, 12_000, 0), line(seller, 2, 4_900, 1_000)],
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
        purchase_order: None,
        delivery: None,
        received: None,
        exchange: None,
    };
    of(&sale, seller, day)
}

/// The invoice that `sale` would make, under a number that no series gives.
///
/// # Errors
/// What makes the sale unfit for an invoice.
pub fn of(sale: &Sale, seller: &Seller, day: Date) -> Result<Invoice, Unfit> {
    let number = InvoiceNumber(format!("{}-0000", day.strftime("%Y-%m")));
    Ok(Invoice { number, issued_on: day, draft: draft(sale, seller, day)? })
}

/// The credit note that takes all of `invoice` back.
///
/// # Errors
/// The seller cannot credit even this.
pub fn credit_note(invoice: &Invoice, seller: &Seller, day: Date) -> Result<Invoice, Unfit> {
    let refund = Refund {
        key: RefundKey("specimen".to_owned()),
        event: "specimen".to_owned(),
        sale: invoice.draft.sale.clone(),
        refunded_at: invoice.draft.paid_at,
        currency: "eur".to_owned(),
        amount: invoice.draft.totals.gross,
        lines: Vec::new(),
    };
    let draft = credit(&refund, invoice, &Credited::default(), seller, day)?.draft;
    Ok(Invoice { number: InvoiceNumber(format!("A{}", invoice.number)), issued_on: day, draft })
}

/// A line with the tax that Stripe would have charged, where it is Stripe that charges it.
fn line(seller: &Seller, quantity: u64, total: i64, discount: i64) -> SaleLine {
    let rate = match &seller.vat {
        VatRegime::Taxed(taxed) => match taxed.rates {
            Rates::Fixed { prices: Prices::IncludeTax, .. } => None,
            Rates::Fixed { rate, .. } => Some(rate),
            Rates::Stripe => Some(Decimal::from(20)),
        },
        VatRegime::Franchise | VatRegime::Exempt(_) => None,
    };
    let charged = |rate: Decimal| {
        let net = split_included(&[total], rate).and_then(|split| split.nets.first().copied())?;
        Some(ChargedTax { amount: total - net, included: true, rate: Some(rate), ..ChargedTax::default() })
    };
    SaleLine {
        description: seller.default_label.clone(),
        quantity,
        total,
        discount,
        taxes: rate.and_then(charged).into_iter().collect(),
        ..SaleLine::default()
    }
}
