//! The ledger's part of the contract.

use std::slice::from_ref;

use super::{Stores, basis, claim, letter, now, sold, why};
use crate::{
    archive::Archive,
    billing::ledger::{AllocationResult, Counter, Credited, CreditedRow, Crediting, Ledger, NumberClaim},
    invoice::DocumentSource,
    mail::{
        delivery::Deliveries,
        outbox::{self, Outbox, Status},
    },
    numbering::Series,
    outcome::ServiceError,
    payment::PaymentLog,
    sale::Sale,
};

/// Concurrent writers.
const CROWD: usize = 64;

impl<P: PaymentLog, L: Ledger, O: Outbox + Deliveries, A: Archive> Stores<'_, P, L, O, A> {
    pub(super) async fn numbers_are_claimed_all_or_none(&self, run: &str) -> Result<(), ServiceError> {
        let series = Series(format!("{run}-all"));
        let sales: Vec<Sale> = (0..4).map(|n| sold(&format!("{run}-all-{n}"))).collect();
        let [first, second, third, unrecorded] = sales.as_slice() else { panic!("four sales") };
        for sale in [first, second, third] {
            self.payments.record(sale, now()).await?;
        }
        assert_eq!(self.ledger.counter(&series).await?, Counter::default());
        assert_eq!(self.ledger.document_of(&basis(first)).await?, None);
        let both = claim(series.clone(), Counter::default(), &[first.clone(), second.clone()]);
        assert_eq!(self.ledger.claim(&both).await?, AllocationResult::All);
        let counter = both.after()?;
        assert_eq!(self.ledger.counter(&series).await?, counter);
        let entry = self.ledger.document_of(&basis(second)).await?.unwrap();
        assert_eq!(Some(&entry.invoice), both.invoices.last());
        assert_eq!((entry.document, entry.credited), (None, Credited::default()));

        let stale = claim(series.clone(), Counter { last: 1, ..counter.clone() }, from_ref(third));
        assert_eq!(self.ledger.claim(&stale).await?, AllocationResult::Moved, "the counter has gone on");
        let from_nothing = claim(series.clone(), Counter::default(), from_ref(third));
        assert_eq!(self.ledger.claim(&from_nothing).await?, AllocationResult::Moved, "the series has begun");
        let mixed = [third.clone(), second.clone(), unrecorded.clone()];
        let taken = self.ledger.claim(&claim(series.clone(), counter.clone(), &mixed)).await?;
        assert_eq!(taken, AllocationResult::Taken(vec![basis(second), basis(unrecorded)]));
        assert_eq!(self.ledger.document_of(&basis(third)).await?, None, "nothing of it was claimed");
        assert_eq!(self.ledger.counter(&series).await?, counter);
        // Both at once: taken sales are reported, so that the next try leaves them out.
        let stale = claim(series, Counter { last: 1, ..counter }, from_ref(first));
        assert_eq!(self.ledger.claim(&stale).await?, AllocationResult::Taken(vec![basis(first)]));

        self.ledger.park(&basis(third), &why(), now()).await?;
        self.ledger.park(&basis(unrecorded), &why(), now()).await?;
        assert_eq!(self.ledger.sale(&unrecorded.key).await?, None, "parking makes no record");
        for invoice in &both.invoices {
            let entry = self.ledger.document(&invoice.number).await?;
            assert_eq!(entry.as_ref().map(|entry| &entry.invoice), Some(invoice), "the ledger has both");
        }
        Ok(())
    }

    pub(super) async fn a_series_never_returns_to_older_settings(&self, run: &str) -> Result<(), ServiceError> {
        let name = format!("{run}-settings");
        for (n, version, expected) in [
            (0, None, AllocationResult::All),
            (1, Some(2), AllocationResult::All),
            (2, Some(1), AllocationResult::Moved),
            (3, Some(2), AllocationResult::All),
        ] {
            let sale = sold(&format!("{name}-{n}"));
            self.payments.record(&sale, now()).await?;
            let mut claim = self.claim(&name, from_ref(&sale)).await?;
            for invoice in &mut claim.invoices {
                invoice.allocation.settings = version;
            }
            assert_eq!(self.ledger.claim(&claim).await?, expected, "under {version:?}");
        }
        assert_eq!(self.ledger.counter(&Series(name)).await?.settings, Some(2));
        Ok(())
    }

    pub(super) async fn a_crowd_of_writers_leaves_no_gap(&self, run: &str) -> Result<(), ServiceError> {
        let name = format!("{run}-crowd");
        let sales: Vec<Sale> = (0..CROWD).map(|n| sold(&format!("{name}-{n}"))).collect();
        for sale in &sales {
            self.payments.record(sale, now()).await?;
        }
        crowd(sales.iter().map(|sale| self.claims_until_it_has(&name, sale)).collect()).await?;
        let mut numbers = Vec::new();
        for sale in &sales {
            numbers.push(self.ledger.document_of(&basis(sale)).await?.unwrap().invoice.number.0);
        }
        numbers.sort();
        let expected: Vec<String> = (1..=CROWD).map(|n| format!("{name}-{n:04}")).collect();
        assert_eq!(numbers, expected);
        Ok(())
    }

    async fn claims_until_it_has(&self, series: &str, sale: &Sale) -> Result<(), ServiceError> {
        // Each lost race means that another writer won.
        for _ in 0..=CROWD * 2 {
            match self.ledger.claim(&self.claim(series, from_ref(sale)).await?).await? {
                AllocationResult::All => return Ok(()),
                AllocationResult::Moved => {}
                AllocationResult::Taken(_) => panic!("{} is claimed by nobody else", sale.key),
            }
        }
        panic!("{} never got its number", sale.key)
    }

    pub(super) async fn credits_never_cross(&self, run: &str) -> Result<(), ServiceError> {
        let original = self.issued(&format!("{run}-credited")).await?;
        let row = |gross| Credited(vec![CreditedRow { gross, tax: 0 }]);
        let crediting =
            |before: Credited, after: Credited| Some(Crediting { original: original.number.clone(), before, after });
        let with = |claim: NumberClaim, crediting| NumberClaim { crediting, ..claim };
        let sales = ["first", "second"].map(|n| sold(&format!("{run}-credit-{n}")));
        for sale in &sales {
            self.payments.record(sale, now()).await?;
        }
        let [one, other] = &sales;
        let series = format!("{run}-credits");
        let first = with(self.claim(&series, from_ref(one)).await?, crediting(Credited::default(), row(100)));
        assert_eq!(self.ledger.claim(&first).await?, AllocationResult::All);
        let blind = with(self.claim(&series, from_ref(other)).await?, crediting(Credited::default(), row(200)));
        assert_eq!(self.ledger.claim(&blind).await?, AllocationResult::Moved, "somebody credited in between");
        assert_eq!(self.ledger.document_of(&basis(other)).await?, None);
        let second = with(self.claim(&series, from_ref(other)).await?, crediting(row(100), row(300)));
        assert_eq!(self.ledger.claim(&second).await?, AllocationResult::All);
        let entry = self.ledger.document_of(&original.draft.basis()).await?.unwrap();
        assert_eq!(entry.credited, row(300));
        Ok(())
    }

    pub(super) async fn a_document_is_noted_once(&self, run: &str) -> Result<(), ServiceError> {
        let invoice = self.issued(&format!("{run}-noted")).await?;
        let (document, mail) = letter(&invoice, "the first");
        self.ledger.finish(&invoice.number, &document, &mail, None).await?;
        let (another, same_mail) = letter(&invoice, "another");
        self.ledger.finish(&invoice.number, &document, &mail, None).await?;
        let twice = self.ledger.finish(&invoice.number, &another, &same_mail, None).await.unwrap_err();
        assert_eq!(twice.reason().code, "number_used_twice", "another document with this number");
        let entry = self.ledger.document_of(&DocumentSource::Sale(invoice.draft.sale.clone())).await?.unwrap();
        assert_eq!(entry.document.as_ref(), Some(&document), "the first stays");
        assert_eq!(self.outbox.claim(&mail.id, "a", now(), super::LEASE).await?, outbox::Claim::Ours, "it is queued");
        self.ledger.finish(&invoice.number, &document, &same_mail, None).await?;
        let held = self.outbox.claim(&mail.id, "b", now(), super::LEASE).await?;
        assert!(matches!(held, outbox::Claim::Held(Status::Sending { .. })), "it is not queued again: {held:?}");

        let nobody = self.issued(&format!("{run}-nobody")).await?;
        let (document, mut mail) = letter(&nobody, "for nobody");
        mail.to = None;
        self.ledger.finish(&nobody.number, &document, &mail, None).await?;
        let held = self.outbox.claim(&mail.id, "a", now(), super::LEASE).await?;
        assert_eq!(held, outbox::Claim::Held(Status::Parked), "a mail to nobody waits");
        Ok(())
    }
}

/// Runs futures of one kind concurrently, on one task.
async fn crowd<F: Future<Output = Result<(), ServiceError>>>(futures: Vec<F>) -> Result<(), ServiceError> {
    let mut waiting: Vec<_> = futures.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|context| {
        let mut failed = None;
        waiting.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Pending => true,
            std::task::Poll::Ready(ended) => {
                failed = failed.take().or(ended.err());
                false
            }
        });
        match failed {
            Some(failure) => std::task::Poll::Ready(Err(failure)),
            None if waiting.is_empty() => std::task::Poll::Ready(Ok(())),
            None => std::task::Poll::Pending,
        }
    })
    .await
}
