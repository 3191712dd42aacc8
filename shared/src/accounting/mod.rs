//! The ledger for the accountant: what was invoiced in a month, as three files.
//!
//! The register of invoices is in `register`, the journal in `journal` (customers' names in `names`), the totals for e-reporting
//! in `ereporting`; cell formats in `cells`, conversion to euros in `euros`. `files` writes the three, document by document.
//! Storage of the files, and repeated exports of a month, are in `export`; the snapshots that they are made of in
//! `snapshots`, whether any is missing in `complete`; whether the archive still holds a month as it was issued, in `verify`; how a lost ledger is made anew from
//! the archive, in `rebuild`; what is over its legal term, in `term`; what is held about
//! a buyer, in `buyer`. VAT is not decided here: it was decided when the invoice was issued.

pub mod buyer;
mod cells;
mod complete;
pub mod ereporting;
mod euros;
pub mod export;
mod files;
pub mod journal;
pub mod month;
mod names;
pub mod rebuild;
mod register;
mod snapshots;
pub mod term;
pub mod totals;
pub mod verify;

#[cfg(test)]
mod tests;

use crate::{
    archive::{File, spool::SpooledFile},
    invoice::{Draft, Invoice, Kind},
    seller::Seller,
    vat::regime::Supply,
};
pub use cells::Unwritable;
pub use journal::Unconverted;
pub use month::{InvalidMonth, Month};

/// The accounting files of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// The files, with the keys they have in the archive: `ledger/2026/11/factures-2026-11.csv`.
    pub files: [File; 3],
    /// How many documents there were.
    pub documents: usize,
    /// Documents missing from the journal, because they are in another currency without an exchange rate.
    pub unconverted: Unconverted,
}

/// The three files of a month, in memory: for a few documents on the owner's machine. Deterministic: the same documents in any
/// order give the same bytes, and the same as [`export::export`]; documents dated in other months are left out.
///
/// # Errors
/// When memory runs out.
pub fn ledger(month: Month, mut invoices: Vec<Invoice>, seller: &Seller) -> Result<Ledger, Unwritable> {
    invoices.retain(|invoice| month.contains(invoice.issued_on));
    invoices.sort_by_cached_key(snapshots::place);
    let mut files = files::Files::begin(month, seller, [Vec::new(), Vec::new()])?;
    for invoice in &invoices {
        files.add(invoice)?;
    }
    let written = files.finish([Vec::new(), Vec::new()])?;
    let file = |file: SpooledFile<Vec<u8>>| {
        let SpooledFile { document, content_type, spool } = file;
        File { key: document.key, content_type, bytes: spool, sale: None }
    };
    Ok(Ledger { files: written.files.map(file), documents: written.documents, unconverted: written.unconverted })
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
