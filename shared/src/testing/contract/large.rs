//! Large records and permanent refusals: a legal Stripe sale is kept whole however large it is, and a record that the
//! store will never accept is distinguished from a transient failure.

use super::{Stores, basis, claim, now, sold};
use crate::{
    archive::Archive,
    billing::ledger::{AllocationResult, Counter, LARGEST_CLAIM, Ledger},
    mail::{delivery::Deliveries, outbox::Outbox},
    outcome::ServiceError,
    payment::{PaymentLog, Recorded},
    refund::{Refund, RefundKey, RefundLine},
    sale::{Sale, SaleLine},
};

/// Most lines of a Stripe invoice, and most characters of a line's description (docs.stripe.com/invoicing).
const MOST_LINES: usize = 250;
const LONGEST_DESCRIPTION: usize = 5_000;

/// A sale with this many lines, each with a description of this many three-byte characters.
fn described(name: &str, lines: usize, characters: usize) -> Sale {
    let line = |n: usize| SaleLine {
        id: Some(format!("il_{n}")),
        description: format!("{n} {}", "語".repeat(characters)),
        total: 100,
        ..sold(name).lines.remove(0)
    };
    let lines: Vec<SaleLine> = (0..lines).map(line).collect();
    let total = lines.iter().map(|line| line.total).sum();
    Sale { total, lines, ..sold(name) }
}

impl<P: PaymentLog, L: Ledger, O: Outbox + Deliveries, A: Archive> Stores<'_, P, L, O, A> {
    pub(super) async fn large_values_are_kept_whole(&self, run: &str) -> Result<(), ServiceError> {
        let name = format!("{run}-large");
        let sale = described(&name, MOST_LINES, LONGEST_DESCRIPTION);
        assert_eq!(self.payments.record(&sale, now()).await?, Recorded::New);
        assert_eq!(self.payments.record(&sale, now()).await?, Recorded::AlreadyRecorded);
        assert_eq!(self.ledger.sale(&sale.key).await?.as_ref(), Some(&sale));

        let claim = self.claim(&name, std::slice::from_ref(&sale)).await?;
        assert_eq!(self.ledger.claim(&claim).await?, AllocationResult::All);
        let entry = self.ledger.document_of(&basis(&sale)).await?.unwrap();
        assert_eq!(Some(&entry.invoice), claim.invoices.first());
        assert_eq!(self.ledger.document(&entry.invoice.number).await?.as_ref(), Some(&entry), "by its number as well");

        let line = |line: &SaleLine| RefundLine {
            line: line.id.clone().unwrap_or_default(),
            description: line.description.clone(),
            amount: line.total,
        };
        let refund = Refund {
            key: RefundKey(format!("re_{name}")),
            event: format!("evt_re_{name}"),
            sale: sale.key.clone(),
            refunded_at: now(),
            currency: sale.currency.clone(),
            amount: sale.total,
            lines: sale.lines.iter().map(line).collect(),
        };
        assert_eq!(self.payments.record_refund(&refund, now()).await?, Recorded::New);
        assert_eq!(self.ledger.refund(&refund.key).await?, Some(refund));
        Ok(())
    }

    pub(super) async fn a_full_claim_of_large_documents_is_one_claim(&self, run: &str) -> Result<(), ServiceError> {
        // Each just small enough for its record: together they are the most that a transaction holds.
        let name = format!("{run}-full");
        let sales: Vec<Sale> = (0..LARGEST_CLAIM).map(|n| described(&format!("{name}-{n}"), 12, 900)).collect();
        for sale in &sales {
            self.payments.record(sale, now()).await?;
        }
        let claim = self.claim(&name, &sales).await?;
        assert_eq!(self.ledger.claim(&claim).await?, AllocationResult::All);
        let last = self.ledger.document_of(&basis(&sales[LARGEST_CLAIM - 1])).await?.unwrap();
        assert_eq!(Some(&last.invoice), claim.invoices.last());
        Ok(())
    }

    pub(super) async fn what_no_retry_mends_is_refused_for_good(&self, run: &str) -> Result<(), ServiceError> {
        let invoice = self.issued(&format!("{run}-number")).await?;
        let other = sold(&format!("{run}-number-again"));
        self.payments.record(&other, now()).await?;
        // A counter that was lost, or restored from an old backup, leads to a number that exists.
        let series = crate::numbering::Series(format!("{run}-number-lost"));
        let mut twice = claim(series, Counter::default(), &[other]);
        twice.invoices[0].number = invoice.number;
        let refused = self.ledger.claim(&twice).await.unwrap_err();
        assert!(refused.is_permanent() && refused.reason().code == "number_taken", "{refused}");
        Ok(())
    }
}
