//! Rebuilding's part of the contract: what is missing is written once, and what stands is left.

use super::{Stores, basis, claim, day, letter, now, sold};
use crate::{
    accounting::rebuild::{Archived, Billed, KnownMails, Mark, Missing, Record, RestoreLedger},
    archive::Archive,
    billing::{
        ledger::{AllocationResult, Counter, Credited, CreditedRow, Ledger},
        snapshot::Snapshot,
    },
    invoice::{Correction, DocumentSource, Invoice, Kind},
    mail::{MailId, delivery::Deliveries, outbox::Outbox},
    numbering::{InvoiceNumber, Series},
    outcome::ServiceError,
    payment::{PaymentLog, Recorded},
    refund::{Refund, RefundKey},
    sale::Sale,
};

/// A document of the archive, whose snapshot this code would not write.
fn archived(invoice: Invoice) -> Archived {
    let snapshot = Snapshot(format!(" {}", Snapshot::of(&invoice).unwrap().0));
    let (document, _) = letter(&invoice, "its bytes");
    Archived { invoice, snapshot, document }
}

fn invoice_of(sale: &Sale, series: &str) -> Invoice {
    claim(Series(series.to_owned()), Counter::default(), std::slice::from_ref(sale)).invoices.remove(0)
}

impl<P, L, O, A> Stores<'_, P, L, O, A>
where
    P: PaymentLog,
    L: Ledger + RestoreLedger + KnownMails,
    O: Outbox + Deliveries,
    A: Archive,
{
    pub(super) async fn a_lost_document_is_restored_once(&self, run: &str) -> Result<(), ServiceError> {
        let name = format!("{run}-lost");
        let mut sale = sold(&name);
        // Larger than what is stored in its record.
        sale.lines[0].description = "語".repeat(30_000);
        let lost = archived(invoice_of(&sale, &name));
        let whole = Missing { record: Record::Whole, mark: Mark::New };
        assert_eq!(self.ledger.billed(&basis(&sale)).await?, Billed::Unknown);
        let waiting = Missing { mark: Mark::Waiting, ..whole };
        assert!(!self.ledger.restore(&lost, waiting, now()).await?, "there is no payment that waits");
        let noted = Missing { record: Record::Document, ..whole };
        assert!(!self.ledger.restore(&lost, noted, now()).await?, "there is no record of it");
        assert_eq!(self.ledger.document(&lost.invoice.number).await?, None, "nothing of both was written");
        assert!(self.ledger.restore(&lost, whole, now()).await?);
        assert!(!self.ledger.restore(&lost, whole, now()).await?, "it stands");
        let entry = self.ledger.document_of(&basis(&sale)).await?.unwrap();
        assert_eq!((&entry.snapshot, entry.document.as_ref()), (&lost.snapshot, Some(&lost.document)), "byte for byte");
        assert_eq!(self.ledger.billed(&basis(&sale)).await?, Billed::As(lost.invoice.number.clone()));
        assert_eq!(self.payments.record(&sale, now()).await?, Recorded::AlreadyRecorded, "it is not billed again");
        assert!(self.payments.has(&sale.key).await?);
        let again = claim(Series(format!("{name}-again")), Counter::default(), std::slice::from_ref(&sale));
        assert_eq!(self.ledger.claim(&again).await?, AllocationResult::Taken(vec![basis(&sale)]));

        let row = |gross| Credited(vec![CreditedRow { gross, tax: 0 }]);
        let number = &lost.invoice.number;
        assert!(self.ledger.set_credited(number, &Credited::default(), &row(100)).await?);
        assert!(!self.ledger.set_credited(number, &Credited::default(), &row(200)).await?, "it was credited before");
        assert!(self.ledger.set_credited(number, &row(100), &row(300)).await?);
        assert_eq!(self.ledger.document(number).await?.unwrap().credited, row(300));
        let unknown = InvoiceNumber(format!("{name}-none"));
        assert!(!self.ledger.set_credited(&unknown, &Credited::default(), &row(1)).await?);
        Ok(())
    }

    pub(super) async fn a_sale_that_waits_gets_its_lost_document(&self, run: &str) -> Result<(), ServiceError> {
        let name = format!("{run}-waiting");
        let sale = sold(&name);
        self.payments.record(&sale, now()).await?;
        self.ledger.park(&basis(&sale), &super::why(), now()).await?;
        assert_eq!(self.ledger.billed(&basis(&sale)).await?, Billed::Waiting);
        let lost = archived(invoice_of(&sale, &name));
        let new = Missing { record: Record::Whole, mark: Mark::New };
        assert!(!self.ledger.restore(&lost, new, now()).await?, "the payment is recorded");
        assert!(self.ledger.restore(&lost, Missing { mark: Mark::Waiting, ..new }, now()).await?);
        assert_eq!(self.ledger.document_of(&basis(&sale)).await?.unwrap().snapshot, lost.snapshot);
        assert_eq!(self.ledger.sale(&sale.key).await?, Some(sale.clone()), "the payment is kept");
        assert_eq!(self.payments.record(&sale, now()).await?, Recorded::AlreadyRecorded, "it is parked no more");

        // A number that was claimed, and whose document was recorded nowhere.
        let invoice = self.issued(&format!("{run}-claimed")).await?;
        let lost = archived(invoice);
        let document = Missing { record: Record::Document, mark: Mark::Nothing };
        assert!(self.ledger.restore(&lost, document, now()).await?);
        assert!(!self.ledger.restore(&lost, document, now()).await?, "it is noted");
        let entry = self.ledger.document(&lost.invoice.number).await?.unwrap();
        assert_eq!((entry.invoice, entry.document), (lost.invoice, Some(lost.document)));
        Ok(())
    }

    pub(super) async fn a_lost_credit_note_marks_its_refund(&self, run: &str) -> Result<(), ServiceError> {
        let name = format!("{run}-returned");
        let sale = sold(&name);
        let mut note = invoice_of(&sale, &name);
        let refund = RefundKey(format!("re_{name}"));
        let (number, issued_on) = (InvoiceNumber(format!("{name}-original")), day());
        note.draft.kind = Kind::CreditNote;
        note.draft.corrects = Some(Correction { refund: refund.clone(), number, issued_on });
        let lost = archived(note);
        let of_refund = DocumentSource::Refund(refund.clone());
        assert_eq!(self.ledger.billed(&of_refund).await?, Billed::Unknown);
        assert!(self.ledger.restore(&lost, Missing { record: Record::Whole, mark: Mark::New }, now()).await?);
        assert_eq!(self.ledger.document_of(&of_refund).await?.unwrap().snapshot, lost.snapshot);
        let announced = Refund {
            key: refund,
            event: format!("evt_re_{name}"),
            sale: sale.key,
            refunded_at: now(),
            currency: "eur".to_owned(),
            amount: 100,
            lines: Vec::new(),
        };
        assert_eq!(self.payments.record_refund(&announced, now()).await?, Recorded::AlreadyRecorded);
        Ok(())
    }

    pub(super) async fn a_counter_is_raised_from_where_it_stands(&self, run: &str) -> Result<(), ServiceError> {
        let series = Series(format!("{run}-raised"));
        let at = |last: u64| Counter {
            last,
            last_issued_on: Some(day()),
            last_hash: Some(format!("hash {last}")),
            siren: Some("123456782".to_owned()),
            ..Counter::default()
        };
        let none = Counter::default();
        assert!(self.ledger.raise(&series, &none, &at(5)).await?);
        assert_eq!(self.ledger.counter(&series).await?, at(5));
        assert!(!self.ledger.raise(&series, &none, &at(6)).await?, "the series has begun");
        assert!(!self.ledger.raise(&series, &at(4), &at(6)).await?, "it is not there any more");
        assert!(self.ledger.raise(&series, &at(5), &at(7)).await?);
        assert_eq!(self.ledger.counter(&series).await?, at(7));

        let mail = self.queued(&format!("{run}-known-to-rebuild")).await?;
        assert!(self.ledger.knows(&mail.id).await?);
        assert!(!self.ledger.knows(&MailId(format!("{}-not", mail.id))).await?);
        Ok(())
    }
}
