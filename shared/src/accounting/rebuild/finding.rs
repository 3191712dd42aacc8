//! What a rebuild found, by a stable code, with what it means and what to do.

/// One thing that a rebuild names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// A number, a series, or the key of an object that names none.
    pub subject: String,
    /// A stable code: `number_missing`, `snapshot_differs`.
    pub code: &'static str,
}

impl Finding {
    pub(super) fn new(subject: impl Into<String>, code: &'static str) -> Self {
        Self { subject: subject.into(), code }
    }

    /// One sentence: what is wrong and what to do.
    pub fn text(&self) -> &'static str {
        match self.code {
            // Refusals: nothing is written.
            "archive_unknown" => {
                "the archive has no identity of the books: it is not the bucket of these books, or the object was \
                 deleted; restore its first version, which the lock kept"
            }
            "ledger_unknown" => {
                "the Billing table carries another identity than the archive: they belong to different books; point the \
                 stack at the table and the bucket that belong together"
            }
            "other_seller" => {
                "it belongs to another SIREN than seller.siren: correct the settings, or rebuild in the stack of that \
                 legal person"
            }
            "snapshot_unreadable" => {
                "it is no snapshot of a document: restore its first version, which the lock kept, or delete it if it does \
                 not belong there"
            }
            "snapshot_misplaced" => {
                "the snapshot in it is of another number or month: it was changed; restore its first version, which the \
                 lock kept"
            }
            "snapshot_newer" => {
                "it was written by a later version of Comptoir, which this one may not understand: deploy that version, \
                 then rebuild"
            }
            "record_newer" => {
                "the Billing table's record of it needs a later version of Comptoir: deploy that version, then rebuild"
            }
            "document_missing" => {
                "its PDF is not in the archive: restore its first version, which the lock kept, then rebuild"
            }
            "document_without_snapshot" => {
                "its PDF is archived and its snapshot is not: if the bucket has a version of the snapshot, restore it; if it \
                 has none, the table was lost while the document was being issued, and nobody received it: delete the PDF \
                 (the lock keeps its version), and the number is given anew"
            }
            "pattern_unknown" => {
                "it is the newest document, and its number is of another pattern than the settings have: save the                  pattern that was in use before the table was lost, then rebuild"
            }
            "number_missing" => {
                "neither the archive nor the table has its snapshot, although a later number has one: restore it, or, if \
                 it is lost for good, name it with --without and note the gap for your accountant"
            }
            "numbers_missing" => {
                "more than a thousand numbers before it have no snapshot: this is another archive, or a counter was \
                 changed by hand"
            }
            "chain_broken" => {
                "it does not hold the hash of the snapshot before it: one of the two was changed; restore its first \
                 version, which the lock kept"
            }
            "original_missing" => {
                "it corrects an invoice that neither the archive nor the table has: restore that snapshot, then rebuild"
            }
            // Differences: what stands in the table stays.
            "snapshot_differs" => {
                "the table has another document of this number than the archive; what stands is left: find out which was \
                 changed"
            }
            "document_differs" => {
                "the table noted another PDF than the archive has; what stands is left: restore the PDF's first version"
            }
            "billed_otherwise" => {
                "the table says that its sale or refund has another document; what stands is left: it may have been \
                 billed twice"
            }
            "record_unreadable" => "the table's record of it cannot be read; it is left: restore it from a backup",
            "snapshot_missing" => {
                "the table has it as issued, and its snapshot is not in the archive: restore its first version, which the \
                 lock kept"
            }
            "counter_ahead" => {
                "the counter gave this number, and neither the table nor the archive has its document; the counter stays: \
                 note the gap for your accountant"
            }
            "counter_differs" => {
                "the counter stands at the archive's last number and holds another hash than that snapshot has; it is \
                 left: run the verification of the month"
            }
            "credited_ahead" => {
                "more is noted as credited of this invoice than the archive's credit notes make; it is left: a credit \
                 note is claimed and not archived yet, or was lost"
            }
            "credit_unmatched" => {
                "a credit note of this invoice has a tax that the invoice has not; what was credited is not rebuilt: see \
                 both documents"
            }
            _ => "see infra/OPERATIONS.md",
        }
    }
}
