//! Sample documents that sell nothing: rendered at start, one reveals template errors before a number is allocated, and
//! warms the engine while init runs at full speed; the preview shows both.

use comptoir::{
    billing::{credit::credit, draft::draft, ledger::Credited, unfit::CannotInvoice},
    invoice::Invoice,
    numbering::InvoiceNumber,
    refund::{Refund, RefundKey},
    sale::{Address, ChargedTax, Customer, Sale, SaleKey, SaleLine},
    seller::Seller,
    vat::{
        regime::{Prices, Rates, VatRegime},
        split::split_included,
    },
};
use jiff::{
    Timestamp,
    civil::{Date, date},
};
use rust_decimal::Decimal;

/// A day for which every legal text is known.
const WITH_EVERY_TEXT: Date = date(2026, 1, 1);

/// An invoice of two lines, one with a discount, to a fictitious customer.
///
/// # Errors
/// The seller cannot invoice even this.
pub fn invoice(seller: &Seller, day: Date) -> Result<Invoice, CannotInvoice> {
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

/// A specimen, and why it may not be of today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Specimen {
    /// An invoice of today, or of the last day on which the seller could issue one.
    pub invoice: Invoice,
    /// Why none can be issued today: no legal text is known for it.
    pub gap: Option<CannotInvoice>,
}

/// The specimen that checks the templates when the function starts on `day`. If the dated table of legal texts has none
/// for that day, an earlier day's is used, so that only a broken template or seller file prevents the start.
///
/// # Errors
/// The seller cannot invoice even a specimen, on any day.
pub fn at_start(seller: &Seller, day: Date) -> Result<Specimen, CannotInvoice> {
    match invoice(seller, day) {
        Err(gap @ CannotInvoice::NoExemptionText { .. }) => {
            Ok(Specimen { invoice: invoice(seller, WITH_EVERY_TEXT)?, gap: Some(gap) })
        }
        specimen => specimen.map(|invoice| Specimen { invoice, gap: None }),
    }
}

/// The invoice for `sale`, under a number outside every series.
///
/// # Errors
/// What makes the sale unfit for an invoice.
pub fn of(sale: &Sale, seller: &Seller, day: Date) -> Result<Invoice, CannotInvoice> {
    let number = InvoiceNumber(format!("{}-0000", day.strftime("%Y-%m")));
    Ok(Invoice::new(number, day, draft(sale, seller, day)?))
}

/// The credit note for the full amount of `invoice`.
///
/// # Errors
/// The seller cannot credit even this.
pub fn credit_note(invoice: &Invoice, seller: &Seller, day: Date) -> Result<Invoice, CannotInvoice> {
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
    Ok(Invoice::new(InvoiceNumber(format!("A{}", invoice.number)), day, draft))
}

/// A line with the tax that Stripe would have charged, if Stripe charges it.
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
        quantity: quantity.into(),
        total,
        discount,
        taxes: rate.and_then(charged).into_iter().collect(),
        ..SaleLine::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use comptoir::testing::{FRANCHISE_TOML, STANDARD_TOML};

    /// Sellers of every kind, each with the last day that its legal text is known for.
    fn sellers() -> Vec<(&'static str, Seller, Option<Date>)> {
        let seller = |toml: &str, edits: &[(&str, &str)]| {
            let toml = edits.iter().fold(toml.to_owned(), |toml, (from, to)| toml.replacen(from, to, 1));
            Seller::from_toml(&toml).unwrap()
        };
        let exempt = |ground: &str| format!("regime = \"exempt\"\nexemption = \"{ground}\"");
        let franchise = "regime = \"franchise\"";
        // References to the CGI are allowed until this day (ordonnance 2026-671).
        let cgi = Some(date(2028, 6, 30));
        vec![
            ("franchise", seller(FRANCHISE_TOML, &[]), cgi),
            ("teaching", seller(FRANCHISE_TOML, &[(franchise, &exempt("teaching"))]), cgi),
            ("non-profit", seller(FRANCHISE_TOML, &[(franchise, &exempt("non_profit"))]), cgi),
            ("standard", seller(STANDARD_TOML, &[]), None),
            ("standard, on debits", seller(STANDARD_TOML, &[("rate", "on_debits = true\nrate")]), None),
            (
                "Stripe Tax",
                seller(STANDARD_TOML, &[("\"standard\"", "\"stripe_tax\""), ("rate = \"20\"", "oss = true")]),
                None,
            ),
        ]
    }

    #[test]
    fn on_every_day_to_2040_every_seller_starts_and_a_day_without_a_text_is_named() {
        for (name, seller, last) in sellers() {
            let mut day = date(2026, 11, 1);
            let mut lacking = Vec::new();
            while day <= date(2040, 12, 31) {
                let specimen = at_start(&seller, day).unwrap_or_else(|unfit| panic!("{name} on {day}: {unfit}"));
                match specimen.gap {
                    None => assert_eq!(specimen.invoice.issued_on, day, "{name}"),
                    Some(CannotInvoice::NoExemptionText { day: gap, .. }) => {
                        assert_eq!((gap, specimen.invoice.issued_on), (day, WITH_EVERY_TEXT), "{name}");
                        lacking.push(day);
                    }
                    Some(other) => panic!("{name} on {day}: {other}"),
                }
                day = day.tomorrow().unwrap();
            }
            let first = last.map(|last| last.tomorrow().unwrap());
            assert_eq!(lacking.first().copied(), first, "{name}: the first day without a text");
            let days = first.map_or(0, |first| first.until(date(2040, 12, 31)).unwrap().get_days() + 1);
            assert_eq!(lacking.len(), usize::try_from(days).unwrap(), "{name}: days without a text");
        }
    }
}
