//! The register of invoices: one row per document and VAT row, for a spreadsheet.
//!
//! The rows of one document share its number; column sums are the sums of the month, because credit notes are negative.
//! Amounts are in the currency of the document, except in the column in euros.

use std::io::Write;

use rust_decimal::Decimal;

use super::{
    cells::{Cell, Table, Unwritable, number},
    euros, sign,
};
use crate::{
    invoice::{Invoice, Kind},
    seller::Seller,
};

/// The columns, in the accountant's language.
const HEADER: [&str; 22] = [
    "numero",
    "date",
    "type",
    "facture_corrigee",
    "date_paiement",
    "vente",
    "client",
    "pays",
    "tva_client",
    "siren_client",
    "categorie_tva",
    "taux",
    "base",
    "tva",
    "ttc",
    "devise",
    "tva_en_euros",
    "moyen_de_paiement",
    "code_exoneration",
    "pays_taxe",
    "nature_taxe",
    "taxe_etrangere",
];

/// The register of a month, written document by document, in order.
///
/// `moyen_de_paiement` is empty for a credit note whose money did not go back through Stripe. `tva_en_euros` is filled
/// for every document whose VAT in euros is known, so that its sum is the VAT of the month. The last columns name
/// country and kind of another country's tax; a non-EU tax is in `taxe_etrangere` and not in `tva`, so that base, `tva`
/// and `taxe_etrangere` add up to `ttc`.
#[derive(Debug)]
pub(super) struct Register<'a, W: Write> {
    seller: &'a Seller,
    table: Table<W>,
}

impl<'a, W: Write> Register<'a, W> {
    /// Begins the file.
    pub(super) fn begin(sink: W, seller: &'a Seller) -> Result<Self, Unwritable> {
        Ok(Self { seller, table: Table::spreadsheet(sink, &HEADER)? })
    }

    /// Writes the rows of a document.
    pub(super) fn add(&mut self, invoice: &Invoice) -> Result<(), Unwritable> {
        rows(invoice, self.seller).iter().try_for_each(|row| self.table.row(row))
    }

    /// Ends the file.
    pub(super) fn finish(self) -> Result<W, Unwritable> {
        self.table.finish()
    }
}

fn rows(invoice: &Invoice, seller: &Seller) -> Vec<Vec<Cell>> {
    let draft = &invoice.draft;
    let sign = sign(draft.kind);
    let kind = match draft.kind {
        Kind::Invoice => "facture",
        Kind::CreditNote => "avoir",
    };
    let optional = |value: Option<&str>| Cell::from(value.unwrap_or_default());
    let money = |minor: i64| Cell::number(draft.money(sign * minor).decimal());
    let paid_on = draft.paid_at.to_zoned(seller.time_zone.clone()).date();
    let in_euros = euros::taxes(draft);
    let row = |(place, row): (usize, &crate::invoice::TaxRow)| {
        let beyond_vat = row.vat.beyond_vat().is_some();
        let (vat, other) = if beyond_vat { (0, row.tax) } else { (row.tax, 0) };
        let tax_in_euros = in_euros.as_ref().and_then(|taxes| taxes.get(place));
        vec![
            invoice.number.0.as_str().into(),
            invoice.issued_on.to_string().into(),
            kind.into(),
            optional(draft.corrects.as_ref().map(|corrects| corrects.number.0.as_str())),
            paid_on.to_string().into(),
            draft.sale.0.as_str().into(),
            draft.buyer.name.as_str().into(),
            optional(draft.buyer.country.as_deref()),
            optional(draft.buyer.vat_number.as_deref()),
            optional(draft.buyer.siren.as_deref()),
            row.vat.category.code().into(),
            Cell::Number(rate(if beyond_vat { Decimal::ZERO } else { row.vat.rate })),
            money(row.base),
            money(vat),
            money(row.base + row.tax),
            draft.currency.code().into(),
            tax_in_euros.map_or_else(Cell::empty, |tax| Cell::cents(sign * tax)),
            draft.paid_through.as_str().into(),
            optional(row.exemption.as_ref().map(|exemption| exemption.code.as_str())),
            row.vat.foreign.map(|tax| tax.country.to_string()).unwrap_or_default().into(),
            row.vat
                .foreign
                .map(|tax| format!("{} {} %", tax.kind.name(true), rate(row.vat.rate)))
                .unwrap_or_default()
                .into(),
            if beyond_vat { money(other) } else { Cell::empty() },
        ]
    };
    draft.taxes.iter().enumerate().map(row).collect()
}

/// A rate in percent without trailing zeros: `5,5`.
pub(super) fn rate(rate: Decimal) -> String {
    number(rate.normalize())
}
