//! The three files of a month, written at once, document by document: none of them is ever whole in memory.

use super::{
    Month,
    cells::Unwritable,
    ereporting::Totals,
    journal::{Journal, Unconverted},
    register::Register,
};
use crate::{
    archive::spool::{HashingSpool, Spool, SpooledFile},
    invoice::Invoice,
    seller::Seller,
};

/// The content type of a table for a spreadsheet.
const CSV: &str = "text/csv; charset=utf-8";

/// The files of a month on their way.
#[derive(Debug)]
pub(super) struct Files<'a, S: Spool> {
    month: Month,
    register: Register<'a, HashingSpool<S>>,
    journal: Journal<'a, S>,
    totals: Totals,
    documents: usize,
}

/// The files of a month.
#[derive(Debug)]
pub(super) struct Written<S> {
    /// Register, journal and e-reporting, with the keys they have in the archive.
    pub files: [SpooledFile<S>; 3],
    /// How many documents there were.
    pub documents: usize,
    /// Documents that the journal lacks.
    pub unconverted: Unconverted,
}

impl<'a, S: Spool> Files<'a, S> {
    /// Begins them in these two places: for the register, and for a draft of the journal.
    pub(super) fn begin(month: Month, seller: &'a Seller, [register, journal]: [S; 2]) -> Result<Self, Unwritable> {
        Ok(Self {
            month,
            register: Register::begin(HashingSpool::new(register), seller)?,
            journal: Journal::begin(journal, month, seller)?,
            totals: Totals::default(),
            documents: 0,
        })
    }

    /// Takes the next document, in the order of [`super::snapshots::place`].
    pub(super) fn add(&mut self, invoice: &Invoice) -> Result<(), Unwritable> {
        self.documents += 1;
        self.register.add(invoice)?;
        self.totals.add(invoice);
        self.journal.add(invoice)
    }

    /// Ends them in two more places: for the journal, and for the totals.
    pub(super) fn finish(self, [journal, totals]: [S; 2]) -> Result<Written<S>, Unwritable> {
        let month = self.month;
        let key = |name: &str, end: &str| format!("ledger/{}/{name}-{month}.{end}", month.path());
        let (mut draft, names, unconverted) = self.journal.finish()?;
        draft.flush()?;
        let journal = names.put_into(draft.reader()?, HashingSpool::new(journal))?;
        let totals = self.totals.write(HashingSpool::new(totals))?;
        let files = [
            self.register.finish()?.finish(key("factures", "csv"), CSV)?,
            journal.finish(key("journal", "txt"), "text/plain; charset=utf-8")?,
            totals.finish(key("ereporting", "csv"), CSV)?,
        ];
        Ok(Written { files, documents: self.documents, unconverted })
    }
}
