//! Sales to consumers for e-reporting to a platform: totals per day, currency, category of transaction and rate (flux
//! 10.3; CGI art. 290).
//!
//! Groups follow the DGFiP's "spécifications externes B2B" as platforms describe them: the day (TT-77), the currency
//! (TT-78), the category (TT-81, rule G1.68), with the VAT in euros (TT-83). Not verified against the specification's
//! own text: that the day is the document's and not the supply's; that credit notes subtract from the day they are
//! issued and are no transactions themselves; that the franchise (CGI art. 293 B) belongs to TNT1; whether sales exempt
//! by CGI art. 261 to 261 E are reported at all. The exemption's code has a column, so that rows can be left out.
//! Payments received for services (flux 10.4) are another report.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::{
    cells::{Unwritable, cents, number, spreadsheet},
    euros,
    register::rate,
    sells_goods, sign,
};
use crate::{
    invoice::{Buyer, Draft, Invoice, Kind, TaxRow},
    money::Currency,
    vat::VatCategory,
};

const HEADER: [&str; 10] = [
    "date",
    "devise",
    "categorie",
    "transactions",
    "taux",
    "code_exoneration",
    "transactions_au_taux",
    "base",
    "tva",
    "tva_en_euros",
];

/// A category of transactions (TT-81). TMA1, the margin scheme, is not supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// TLB1: goods subject to French VAT.
    Goods,
    /// TPS1: services subject to French VAT.
    Services,
    /// TNT1: not subject to VAT in France, including distance sales within the Union (CGI art. 258 A and 259 B).
    Untaxed,
}

impl Category {
    /// The category of a document's tax row.
    pub fn of(draft: &Draft, row: &TaxRow) -> Self {
        match row.vat.category {
            VatCategory::S | VatCategory::Z if !draft.oss => {
                if sells_goods(draft) {
                    Self::Goods
                } else {
                    Self::Services
                }
            }
            _ => Self::Untaxed,
        }
    }

    /// Its code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Goods => "TLB1",
            Self::Services => "TPS1",
            Self::Untaxed => "TNT1",
        }
    }
}

/// Whether a buyer counts as a consumer here. Sales to businesses are reported one by one, as electronic invoices or in
/// flux 10.1.
pub fn is_consumer(buyer: &Buyer) -> bool {
    !buyer.business && buyer.siren.is_none() && buyer.vat_number.is_none()
}

#[derive(Debug, Default)]
struct Group<'a> {
    /// Documents of the group, at any rate.
    invoices: BTreeSet<&'a str>,
    rates: BTreeMap<(Decimal, &'a str), Sums>,
}

#[derive(Debug, Default)]
struct Sums {
    invoices: u64,
    base: i128,
    tax: i128,
    tax_in_euros: Option<i64>,
}

/// The totals of sales to consumers among these documents.
///
/// `transactions` counts a group's documents and is repeated for each of its rates; `transactions_au_taux` counts those
/// with the rate.
///
/// # Errors
/// When memory runs out.
pub fn ereporting(invoices: &[Invoice]) -> Result<Vec<u8>, Unwritable> {
    let mut groups: BTreeMap<(Date, &'static str, Category), Group<'_>> = BTreeMap::new();
    for invoice in invoices.iter().filter(|invoice| is_consumer(&invoice.draft.buyer)) {
        let draft = &invoice.draft;
        let sign = sign(draft.kind);
        let in_euros = euros::taxes(draft);
        for (place, row) in draft.taxes.iter().enumerate() {
            let group = groups.entry((invoice.issued_on, draft.currency.code(), Category::of(draft, row))).or_default();
            let exemption = row.exemption.as_ref().map_or("", |exemption| exemption.code.as_str());
            // A non-EU tax is not reported to France: the sale is out of scope, or an export.
            let (at, tax) = match row.vat.beyond_vat() {
                Some(_) => (Decimal::ZERO, 0),
                None => (row.vat.rate.normalize(), row.tax),
            };
            let sums =
                group.rates.entry((at, exemption)).or_insert_with(|| Sums { tax_in_euros: Some(0), ..Sums::default() });
            if draft.kind == Kind::Invoice {
                group.invoices.insert(&invoice.number.0);
                sums.invoices += 1;
            }
            sums.base += i128::from(sign * row.base);
            sums.tax += i128::from(sign * tax);
            let tax = in_euros.as_ref().and_then(|taxes| taxes.get(place)).map(|tax| sign * tax);
            sums.tax_in_euros = sums.tax_in_euros.zip(tax).and_then(|(sum, tax)| sum.checked_add(tax));
        }
    }
    let rows =
        groups.iter().flat_map(|(key, group)| group.rates.iter().map(move |(at, sums)| row(*key, group, at, sums)));
    spreadsheet(&HEADER, rows.collect())
}

fn row(
    (day, currency, category): (Date, &str, Category),
    group: &Group<'_>,
    (at, exemption): &(Decimal, &str),
    sums: &Sums,
) -> Vec<String> {
    let exponent = Currency::parse(currency).map_or(2, Currency::exponent);
    let money = |minor: i128| number(Decimal::from_i128_with_scale(minor, exponent));
    vec![
        day.to_string(),
        currency.to_owned(),
        category.code().to_owned(),
        group.invoices.len().to_string(),
        rate(*at),
        (*exemption).to_owned(),
        sums.invoices.to_string(),
        money(sums.base),
        money(sums.tax),
        sums.tax_in_euros.map(cents).unwrap_or_default(),
    ]
}
