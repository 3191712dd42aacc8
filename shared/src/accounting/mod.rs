//! The ledger for the accountant: what was invoiced in a month, as three files.
//!
//! The register of invoices is in `register`, the journal in `journal`, the totals for e-reporting in `ereporting`;
//! cell formats in `cells`, conversion to euros in `euros`. Storage of the files, and repeated exports of a month, are
//! in `export`; whether the archive still holds a month as it was issued, in `verify`; how a lost ledger is made anew from
//! the archive, in `rebuild`. VAT is not decided here: it was decided when the invoice was issued.

mod cells;
pub mod ereporting;
mod euros;
pub mod export;
pub mod journal;
pub mod month;
pub mod rebuild;
pub mod register;
pub mod totals;
pub mod verify;

#[cfg(test)]
mod tests;

use std::future::Future;

use crate::{
    archive::File,
    invoice::{Draft, Invoice, Kind},
    numbering::InvoiceNumber,
    outcome::ServiceError,
    seller::Seller,
    vat::regime::Supply,
};
pub use cells::Unwritable;
pub use month::{InvalidMonth, Month};

/// Lists every issued document.
pub trait Register: Send + Sync {
    /// The invoices and credit notes dated in `month`, each once, in any order.
    fn issued_in(&self, month: Month) -> impl Future<Output = Result<Vec<Invoice>, ServiceError>> + Send;
}

/// The accounting files of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// The files, with the keys they have in the archive: `ledger/2026/11/factures-2026-11.csv`.
    pub files: [File; 3],
    /// How many documents there were.
    pub documents: usize,
    /// Documents missing from the journal, because they are in another currency without an exchange rate.
    pub unconverted: Vec<InvoiceNumber>,
}

/// The three files of a month. Deterministic: the same documents in any order give the same bytes; documents dated in
/// other months are left out.
///
/// # Errors
/// When memory runs out.
pub fn ledger(month: Month, mut invoices: Vec<Invoice>, seller: &Seller) -> Result<Ledger, Unwritable> {
    invoices.retain(|invoice| month.contains(invoice.issued_on));
    // Sort numbers of one series by length first: 9999, then 10000.
    let order = |invoice: &Invoice| (invoice.issued_on, invoice.number.0.len(), invoice.number.clone());
    invoices.sort_by_cached_key(order);
    let journal = journal::journal(month, &invoices, seller)?;
    let file = |name: &str, content_type, bytes| {
        let name = name.replace("{month}", &month.to_string());
        File { key: format!("ledger/{}/{name}", month.path()), content_type, bytes, sale: None }
    };
    let csv = "text/csv; charset=utf-8";
    let files = [
        file("factures-{month}.csv", csv, register::register(&invoices, seller)?),
        file("journal-{month}.txt", "text/plain; charset=utf-8", journal.bytes),
        file("ereporting-{month}.csv", csv, ereporting::ereporting(&invoices)?),
    ];
    Ok(Ledger { files, documents: invoices.len(), unconverted: journal.unconverted })
}

/// The sign of a document: a credit note's amounts are positive in its draft and subtract from the month.
fn sign(kind: Kind) -> i64 {
    match kind {
        Kind::Invoice => 1,
        Kind::CreditNote => -1,
    }
}

/// Whether goods were sold.
fn sells_goods(draft: &Draft) -> bool {
    draft.supply.of_sale(draft.delivery.is_some()) == Supply::Goods
}
