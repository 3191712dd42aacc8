//! The input of a template: customers of any name and place, lines of any text and amount, and refunds of parts of
//! them.

use arbitrary::{Arbitrary, Unstructured};
use comptoir::{
    refund::{Refund, RefundKey, RefundLine},
    sale::{Address, ChargedTax, Customer, Delivery, Exchange, Sale, SaleLine, TaxId},
    seller::Seller,
    testing::sale,
};
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::papers;

const CURRENCIES: [&str; 9] = ["eur", "usd", "jpy", "kwd", "isk", "huf", "xau", "zzz", "mga"];
const COUNTRIES: [&str; 12] = ["FR", "DE", "US", "CH", "GB", "GP", "MC", "IT", "ES", "XX", "AU", ""];
const KINDS: [&str; 4] = ["vat", "gst", "sales_tax", "lease_tax"];
const TAX_IDS: [(&str, &str); 6] = [
    ("eu_vat", "FR40303265045"),
    ("eu_vat", "DE136695976"),
    ("eu_vat", "DE136695978"),
    ("ch_vat", "CHE-123.456.788 TVA"),
    ("fr_siren", "303 265 045"),
    ("gb_vat", "GB980780684"),
];
const RATES: [&str; 8] = ["20", "10", "5.5", "2.1", "19", "25.5", "0", "8.1"];
const REASONS: [&str; 5] = ["standard_rated", "reverse_charge", "zero_rated", "product_exempt", "not_collecting"];

/// A sale built from bytes; most can be invoiced.
#[derive(Debug, Arbitrary)]
struct Bought<'a> {
    seller: u8,
    customer: Who<'a>,
    sent_to: Option<Who<'a>>,
    currency: u8,
    rate: u16,
    lines: Vec<What<'a>>,
    reference: Option<&'a str>,
    purchase_order: Option<&'a str>,
    paid_at: u32,
    /// How much more than its lines the total claims to be, if at all.
    beside: Option<i64>,
    received: Option<u32>,
    refunds: Vec<Back<'a>>,
}

#[derive(Debug, Arbitrary)]
struct Who<'a> {
    name: Option<&'a str>,
    business_name: Option<&'a str>,
    email: Option<&'a str>,
    line1: Option<&'a str>,
    postal_code: Option<&'a str>,
    city: Option<&'a str>,
    state: Option<&'a str>,
    country: u8,
    language: Option<&'a str>,
    tax_id: Option<u8>,
    other_tax_id: Option<(&'a str, &'a str)>,
}

#[derive(Debug, Arbitrary)]
struct What<'a> {
    description: &'a str,
    quantity: u32,
    /// How many of the quantity's digits are decimals.
    decimals: u8,
    total: i32,
    /// An invalid total instead.
    absurd: Option<i64>,
    discount: u16,
    rate: u8,
    taxed: Option<(bool, i8)>,
    reason: Option<u8>,
    /// The country of the tax.
    country: Option<u8>,
}

#[derive(Debug, Arbitrary)]
struct Back<'a> {
    /// A share of the whole, in 255ths; 255 is the whole remainder.
    share: u8,
    line: Option<(u8, &'a str)>,
}

/// Bytes as `arbitrary` takes them.
pub fn data(data: &[u8]) {
    let Ok(bought) = Bought::arbitrary_take_rest(Unstructured::new(data)) else { return };
    let sellers = papers::sellers();
    let seller: &Seller = &sellers[usize::from(bought.seller) % sellers.len()];
    let sale = bought.sale();
    let Some(invoice) = papers::invoice(&sale, seller) else { return };
    papers::credits(&bought.refunds(&sale), &invoice, seller);
}

fn one_of<T: Copy, const N: usize>(choices: [T; N], place: u8) -> T {
    choices[usize::from(place) % N]
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

impl Bought<'_> {
    fn sale(&self) -> Sale {
        let lines: Vec<SaleLine> = self.lines.iter().enumerate().map(|(place, what)| what.line(place)).collect();
        let total = lines.iter().fold(0_i64, |sum, line| sum.saturating_add(line.total));
        let taxes = lines.iter().flat_map(|line| &line.taxes);
        let tax = taxes.fold(0_i64, |sum, tax| sum.saturating_add(tax.amount));
        Sale {
            currency: one_of(CURRENCIES, self.currency).to_owned(),
            paid_at: Timestamp::from_second(1_700_000_000 + i64::from(self.paid_at / 16)).unwrap(),
            total: total.saturating_add(self.beside.unwrap_or_default()),
            tax: Some(tax).filter(|tax| *tax != 0),
            lines,
            customer: self.customer.customer(),
            reference: owned(self.reference),
            purchase_order: owned(self.purchase_order),
            delivery: self
                .sent_to
                .as_ref()
                .map(|who| Delivery { name: owned(who.name), address: who.customer().address.unwrap_or_default() }),
            received: self.received.map(i64::from),
            exchange: Some(Exchange {
                currency: "eur".to_owned(),
                rate: Decimal::new(i64::from(self.rate), 4),
                txn: None,
            }),
            ..sale()
        }
    }

    fn refunds(&self, sale: &Sale) -> Vec<Refund> {
        let mut left = sale.total;
        let refund = |(place, back): (usize, &Back<'_>)| {
            let lines = back.line.map(|(line, description)| RefundLine {
                line: format!("li_{line}"),
                description: description.to_owned(),
                amount: sale.lines.get(usize::from(line)).map_or(1, |line| line.total),
            });
            let share = i128::from(sale.total) * i128::from(back.share) / 255;
            let amount = match (&lines, back.share) {
                (Some(line), _) => line.amount,
                (None, 255) => left,
                (None, _) => i64::try_from(share).unwrap(),
            };
            left = left.saturating_sub(amount);
            Refund {
                key: RefundKey(format!("{}_{place}", if back.share % 2 == 0 { "re" } else { "cn" })),
                event: format!("evt_{place}"),
                sale: sale.key.clone(),
                refunded_at: sale.paid_at,
                currency: sale.currency.clone(),
                amount,
                lines: lines.into_iter().collect(),
            }
        };
        self.refunds.iter().take(6).enumerate().map(refund).collect()
    }
}

impl Who<'_> {
    fn customer(&self) -> Customer {
        let known = self.tax_id.map(|place| one_of(TAX_IDS, place));
        let tax_id = |(kind, value): (&str, &str)| TaxId { kind: kind.to_owned(), value: value.to_owned() };
        Customer {
            id: None,
            name: owned(self.name),
            business_name: owned(self.business_name),
            email: owned(self.email),
            address: Some(Address {
                line1: owned(self.line1),
                line2: None,
                postal_code: owned(self.postal_code),
                city: owned(self.city),
                state: owned(self.state),
                country: Some(one_of(COUNTRIES, self.country).to_owned()),
            }),
            language: owned(self.language),
            tax_ids: known.into_iter().chain(self.other_tax_id).map(tax_id).collect(),
        }
    }
}

impl What<'_> {
    fn quantity(&self) -> Decimal {
        Decimal::from_i128_with_scale(self.quantity.into(), u32::from(self.decimals % 13))
    }

    fn line(&self, place: usize) -> SaleLine {
        let total = self.absurd.unwrap_or_else(|| i64::from(self.total));
        let taxes = self.taxed.map(|(included, astray)| {
            let rate: Decimal = one_of(RATES, self.rate).parse().unwrap();
            let exact = comptoir::vat::treatment::tax_within(total, rate).unwrap_or_default();
            ChargedTax {
                amount: exact.saturating_add(i64::from(astray / 64)),
                included,
                rate: Some(rate),
                country: self.country.map(|country| one_of(COUNTRIES, country).to_owned()),
                kind: self.country.map(|country| one_of(KINDS, country).to_owned()),
                reason: self.reason.map(|reason| one_of(REASONS, reason).to_owned()),
            }
        });
        SaleLine {
            id: Some(format!("li_{place}")),
            description: self.description.to_owned(),
            quantity: self.quantity(),
            total,
            discount: i64::from(self.discount),
            taxes: taxes.into_iter().collect(),
            period: None,
        }
    }
}
