//! What to do about one archived document, from what the ledger has of it. Pure: values in, values out.

use std::cmp::Ordering;

use jiff::{SignedDuration, Timestamp};

use super::{
    finding::Finding,
    store::{Archived, Billed, Mark, Missing, Record},
};
use crate::{
    billing::ledger::{Counter, Credited, CreditedRow, Entry},
    invoice::{Invoice, TaxRow},
    mail::outbox::SENT_KEPT,
    vat::Vat,
};

/// How long a claimed document may take before nobody works on it any more.
const IN_FLIGHT: SignedDuration = SignedDuration::from_hours(1);

/// What the stores have of a document.
#[derive(Debug)]
pub(super) struct Standing {
    /// Its record.
    pub entry: Option<Entry>,
    /// Its sale or refund.
    pub billed: Billed,
    /// Whether its mail is known; `None` if mails of its age are forgotten.
    pub mailed: Option<bool>,
}

/// What is to be done about a document.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decision {
    /// What is to be written.
    pub missing: Missing,
    /// What stands otherwise, and is left.
    pub differences: Vec<Finding>,
    /// Nobody knows whether it was mailed.
    pub unmailed: bool,
    /// It is being issued at this moment.
    pub in_flight: bool,
}

/// Whether the mail of a document may still be known: the outbox forgets those that were sent long ago.
pub(super) fn mail_is_kept(invoice: &Invoice, now: Timestamp) -> bool {
    invoice.allocation.claimed_at.is_none_or(|at| now.duration_since(at) < SENT_KEPT)
}

/// Decides what is missing of a document, and what differs.
pub(super) fn decide(archived: &Archived, standing: &Standing, now: Timestamp) -> Decision {
    let Archived { invoice, snapshot, document } = archived;
    let number = &invoice.number;
    let mut differences = Vec::new();
    let (mut in_flight, mut record) = (false, Record::Nothing);
    match &standing.entry {
        None => record = Record::Whole,
        Some(entry) if entry.snapshot != *snapshot => {
            differences.push(Finding::new(&number.0, "snapshot_differs"));
            let missing = Missing { record, mark: Mark::Nothing };
            return Decision { missing, differences, unmailed: false, in_flight };
        }
        Some(Entry { document: Some(noted), .. }) if noted != document => {
            differences.push(Finding::new(&number.0, "document_differs"));
        }
        Some(Entry { document: Some(_), .. }) => {}
        Some(Entry { document: None, .. }) => {
            let young = invoice.allocation.claimed_at.is_some_and(|at| now.duration_since(at) < IN_FLIGHT);
            // Its renderer is about to record it and to queue its mail. Later, or with a mail, it was finished already:
            // finishing it once more could mail it twice.
            in_flight = young && standing.mailed != Some(true);
            record = if in_flight { Record::Nothing } else { Record::Document };
        }
    }
    let mark = match &standing.billed {
        Billed::Unknown => Mark::New,
        Billed::Waiting => Mark::Waiting,
        Billed::As(other) if other != number => {
            differences.push(Finding::new(&number.0, "billed_otherwise"));
            Mark::Nothing
        }
        Billed::As(_) => Mark::Nothing,
    };
    let unmailed = !in_flight && standing.mailed == Some(false);
    Decision { missing: Missing { record, mark }, differences, unmailed, in_flight }
}

/// What is to be done about a counter.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CounterStep {
    /// It stands where the archive does.
    Stays,
    /// It is behind: this is the counter after the archive's last document.
    Raise(Counter),
    /// It is at the same number, with the hash of another snapshot.
    Differs,
    /// It is ahead of the archive.
    Ahead,
    /// It is another seller's.
    OtherSeller,
}

/// Compares a counter with the one that the archive's documents make.
pub(super) fn counter(stands: &Counter, archived: &Counter) -> CounterStep {
    if stands.siren.is_some() && stands.siren != archived.siren {
        return CounterStep::OtherSeller;
    }
    match stands.last.cmp(&archived.last) {
        Ordering::Less => CounterStep::Raise(Counter {
            last_issued_on: stands.last_issued_on.max(archived.last_issued_on),
            ..archived.clone()
        }),
        Ordering::Equal if stands.last_hash.is_some() && stands.last_hash != archived.last_hash => CounterStep::Differs,
        Ordering::Equal => CounterStep::Stays,
        Ordering::Greater => CounterStep::Ahead,
    }
}

/// What the credit notes of an invoice take back, by tax.
pub(super) type TakenBack = Vec<(Vat, CreditedRow)>;

/// Adds the rows of a credit note.
pub(super) fn take_back(sum: &mut TakenBack, rows: &[TaxRow]) {
    for row in rows {
        let taken = CreditedRow { gross: row.base.saturating_add(row.tax), tax: row.tax };
        match sum.iter_mut().find(|(vat, _)| *vat == row.vat) {
            Some((_, before)) => {
                before.gross = before.gross.saturating_add(taken.gross);
                before.tax = before.tax.saturating_add(taken.tax);
            }
            None => sum.push((row.vat, taken)),
        }
    }
}

/// What is to be done about the amounts credited of an invoice.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CreditStep {
    /// They stand as the archive's credit notes make them.
    Stays,
    /// They are behind.
    Raise(Credited),
    /// More is credited than the archive's credit notes make.
    Ahead,
    /// A credit note has a tax that the invoice has not.
    Unmatched,
}

/// Compares the amounts credited of an invoice with its archived credit notes.
pub(super) fn credited(original: &Invoice, stands: &Credited, taken: &TakenBack) -> CreditStep {
    let rows = &original.draft.taxes;
    let mut after = vec![CreditedRow::default(); rows.len()];
    for (vat, sum) in taken {
        match rows.iter().zip(&mut after).find(|(row, _)| row.vat == *vat) {
            Some((_, place)) => *place = *sum,
            None => return CreditStep::Unmatched,
        }
    }
    let stands = stands.rows(rows.len());
    match () {
        () if stands == after => CreditStep::Stays,
        () if stands.iter().zip(&after).any(|(stands, after)| stands.gross.abs() > after.gross.abs()) => {
            CreditStep::Ahead
        }
        () => CreditStep::Raise(Credited(after)),
    }
}
