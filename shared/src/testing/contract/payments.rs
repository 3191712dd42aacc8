//! The payment log's part of the contract.

use super::{Stores, now, sold, why};
use crate::{
    archive::Archive,
    billing::ledger::Ledger,
    mail::{delivery::Deliveries, outbox::Outbox},
    outcome::{Reason, ServiceError},
    payment::{PaymentLog, Recorded},
    refund::{Refund, RefundKey},
    sale::Sale,
};

impl<P: PaymentLog, L: Ledger, O: Outbox + Deliveries, A: Archive> Stores<'_, P, L, O, A> {
    pub(super) async fn payments_are_recorded_once(&self, run: &str) -> Result<(), ServiceError> {
        let sale = sold(&format!("{run}-once"));
        assert!(!self.payments.has(&sale.key).await?);
        assert_eq!(self.payments.sale_paid_by(sale.payment_intent.as_deref().unwrap_or_default()).await?, None);
        assert_eq!(self.payments.record(&sale, now()).await?, Recorded::New);
        assert_eq!(self.payments.record(&sale, now()).await?, Recorded::AlreadyRecorded, "the same event");
        let told_again = Sale { event: format!("{}-again", sale.event), ..sale.clone() };
        assert_eq!(
            self.payments.record(&told_again, now()).await?,
            Recorded::AlreadyRecorded,
            "another event of the sale"
        );
        let other = Sale { event: sale.event.clone(), ..sold(&format!("{run}-other")) };
        assert_eq!(self.payments.record(&other, now()).await?, Recorded::AlreadyRecorded, "the event of another sale");
        assert!(self.payments.has(&sale.key).await? && !self.payments.has(&other.key).await?);
        let paid = self.payments.sale_paid_by(sale.payment_intent.as_deref().unwrap_or_default()).await?;
        assert_eq!(paid, Some(sale.key.clone()));
        assert_eq!(self.ledger.sale(&sale.key).await?, Some(sale.clone()), "as it was recorded first");
        // A parked sale without an invoice is recorded anew, so that missing data can arrive.
        self.ledger.park(&super::basis(&sale), &why(), now()).await?;
        assert_eq!(self.payments.record(&told_again, now()).await?, Recorded::New, "it waited");
        assert_eq!(self.ledger.sale(&sale.key).await?, Some(told_again.clone()));
        assert_eq!(self.payments.record(&told_again, now()).await?, Recorded::AlreadyRecorded, "it waits no more");
        Ok(())
    }

    pub(super) async fn refunds_are_recorded_once(&self, run: &str) -> Result<(), ServiceError> {
        let sale = sold(&format!("{run}-refunded"));
        self.payments.record(&sale, now()).await?;
        let refund = Refund {
            key: RefundKey(format!("re_{run}")),
            event: format!("evt_re_{run}"),
            sale: sale.key.clone(),
            refunded_at: now(),
            currency: sale.currency.clone(),
            amount: 100,
            lines: Vec::new(),
        };
        assert_eq!(self.payments.record_refund(&refund, now()).await?, Recorded::New);
        let other = Refund { amount: 200, ..refund };
        assert_eq!(
            self.payments.record_refund(&other, now()).await?,
            Recorded::AlreadyRecorded,
            "whatever it says now"
        );
        Ok(())
    }

    pub(super) async fn events_are_parked_once(&self, run: &str) -> Result<(), ServiceError> {
        let sale = sold(&format!("{run}-parked"));
        assert_eq!(self.payments.park_event(&sale.event, "{}", &why(), now()).await?, Recorded::New);
        assert_eq!(self.payments.park_event(&sale.event, "{}", &why(), now()).await?, Recorded::AlreadyRecorded);
        let other = Reason::new("another_word", "another sentence");
        assert_eq!(self.payments.park_event(&sale.event, "{}", &other, now()).await?, Recorded::New, "that is news");
        assert_eq!(self.payments.park_event(&sale.event, "{}", &other, now()).await?, Recorded::AlreadyRecorded);
        let told = sold(&format!("{run}-settled"));
        assert_eq!(self.payments.park_event(&told.event, "{}", &why(), now()).await?, Recorded::New);
        self.payments.settle_event(&told.event, now()).await?;
        assert_eq!(
            self.payments.park_event(&told.event, "{}", &other, now()).await?,
            Recorded::AlreadyRecorded,
            "it is settled"
        );
        assert_eq!(
            self.payments.record(&told, now()).await?,
            Recorded::New,
            "its mark is gone, but it recorded no sale"
        );
        assert_eq!(self.payments.record(&sale, now()).await?, Recorded::New, "it can be read now");
        assert_eq!(self.payments.park_event(&sale.event, "{}", &why(), now()).await?, Recorded::AlreadyRecorded);
        Ok(())
    }
}
