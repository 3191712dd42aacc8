//! Sales to consumers for e-reporting to a platform: totals per day, currency, category of transaction and rate (flux
//! 10.3; CGI art. 290).
//!
//! Groups follow the DGFiP's "spécifications externes B2B" as platforms describe them: the day (TT-77), the currency
//! (TT-78), the category (TT-81, rule G1.68), with the VAT in euros (TT-83). Not verified against the specification's
//! own text: that the day is the document's and not the supply's; that credit notes subtract from the day they are
//! issued and are no transactions themselves; that the franchise (CGI art. 293 B) belongs to TNT1; whether sales exempt
//! by CGI art. 261 to 261 E are reported at all. The exemption's code has a column, so that rows can be left out.
//! Payments received for services (flux 10.4) are another report.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
};

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::{
    cells::{Cell, Table, Unwritable},
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

/// A day, a currency and a category: what a group of documents has in common.
type Key = (Date, &'static str, Category);

#[derive(Debug, Default)]
struct Group {
    /// How many documents it has, at any rate.
    invoices: u64,
    /// By rate and code of exemption.
    rates: BTreeMap<(Decimal, String), Sums>,
}

#[derive(Debug, Default)]
struct Sums {
    invoices: u64,
    base: i128,
    tax: i128,
    tax_in_euros: Option<i64>,
}

/// The totals of sales to consumers, document by document: as many sums as there are days, currencies and rates.
///
/// `transactions` counts a group's documents and is repeated for each of its rates; `transactions_au_taux` counts those
/// with the rate.
#[derive(Debug, Default)]
pub(super) struct Totals(BTreeMap<Key, Group>);

impl Totals {
    /// Adds a document, unless a business bought.
    pub(super) fn add(&mut self, invoice: &Invoice) {
        let draft = &invoice.draft;
        if !is_consumer(&draft.buyer) {
            return;
        }
        let sign = sign(draft.kind);
        let in_euros = euros::taxes(draft);
        let mut counted: BTreeSet<Key> = BTreeSet::new();
        for (place, row) in draft.taxes.iter().enumerate() {
            let key = (invoice.issued_on, draft.currency.code(), Category::of(draft, row));
            let group = self.0.entry(key).or_default();
            let exemption = row.exemption.as_ref().map(|exemption| exemption.code.clone()).unwrap_or_default();
            // A non-EU tax is not reported to France: the sale is out of scope, or an export.
            let (at, tax) = match row.vat.beyond_vat() {
                Some(_) => (Decimal::ZERO, 0),
                None => (row.vat.rate.normalize(), row.tax),
            };
            let sums =
                group.rates.entry((at, exemption)).or_insert_with(|| Sums { tax_in_euros: Some(0), ..Sums::default() });
            if draft.kind == Kind::Invoice {
                group.invoices += u64::from(counted.insert(key));
                sums.invoices += 1;
            }
            sums.base += i128::from(sign * row.base);
            sums.tax += i128::from(sign * tax);
            let tax = in_euros.as_ref().and_then(|taxes| taxes.get(place)).map(|tax| sign * tax);
            sums.tax_in_euros = sums.tax_in_euros.zip(tax).and_then(|(sum, tax)| sum.checked_add(tax));
        }
    }

    /// Writes the file.
    pub(super) fn write<W: Write>(&self, sink: W) -> Result<W, Unwritable> {
        let mut table = Table::spreadsheet(sink, &HEADER)?;
        for (key, group) in &self.0 {
            for (at, sums) in &group.rates {
                table.row(&row(*key, group, at, sums))?;
            }
        }
        table.finish()
    }
}

fn row((day, currency, category): Key, group: &Group, (at, exemption): &(Decimal, String), sums: &Sums) -> Vec<Cell> {
    let exponent = Currency::parse(currency).map_or(2, Currency::exponent);
    let money = |minor: i128| Cell::number(Decimal::from_i128_with_scale(minor, exponent));
    vec![
        day.to_string().into(),
        currency.into(),
        category.code().into(),
        group.invoices.to_string().into(),
        Cell::Number(rate(*at)),
        exemption.as_str().into(),
        sums.invoices.to_string().into(),
        money(sums.base),
        money(sums.tax),
        sums.tax_in_euros.map_or_else(Cell::empty, Cell::cents),
    ]
}
