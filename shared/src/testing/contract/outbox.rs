//! The outbox's part of the contract.

use jiff::SignedDuration;

use super::{LEASE, Stores, now, why};
use crate::{
    archive::Archive,
    billing::ledger::Ledger,
    mail::{
        MailId,
        delivery::Deliveries,
        outbox::{Claim, Outbox, Status},
    },
    outcome::ServiceError,
    payment::PaymentLog,
};

impl<P: PaymentLog, L: Ledger, O: Outbox + Deliveries, A: Archive> Stores<'_, P, L, O, A> {
    /// A mail's status, as another claimant's claim reports it. Not for a queued mail.
    pub(super) async fn held(&self, id: &MailId) -> Result<Claim, ServiceError> {
        self.outbox.claim(id, "stranger", now(), LEASE).await
    }

    pub(super) async fn a_mail_has_one_sender(&self, run: &str) -> Result<(), ServiceError> {
        let id = self.queued(&format!("{run}-sender")).await?.id;
        assert_eq!(
            self.outbox.claim(&MailId(format!("invoice/{run}-absent")), "a", now(), LEASE).await?,
            Claim::Absent
        );
        assert_eq!(self.outbox.claim(&id, "a", now(), LEASE).await?, Claim::Ours);
        let lease_until = now().saturating_add(LEASE).unwrap();
        assert_eq!(self.held(&id).await?, Claim::Held(Status::Sending { lease_until }));
        assert_eq!(self.outbox.claim(&id, "a", now(), LEASE).await?, Claim::Ours, "the answer was lost");
        let later = now().saturating_add(SignedDuration::from_hours(1)).unwrap();
        let held = self.outbox.claim(&id, "b", later, LEASE).await?;
        assert!(matches!(held, Claim::Held(Status::Sending { .. })), "a lease that is over frees nothing: {held:?}");
        Ok(())
    }

    pub(super) async fn a_mail_given_back_is_anyones(&self, run: &str) -> Result<(), ServiceError> {
        let id = self.queued(&format!("{run}-back")).await?.id;
        self.outbox.claim(&id, "a", now(), LEASE).await?;
        self.outbox.release(&id, "b").await?;
        assert!(matches!(self.held(&id).await?, Claim::Held(Status::Sending { .. })), "b never held it");
        self.outbox.refuse(&id, "b", &why(), now()).await?;
        assert!(matches!(self.held(&id).await?, Claim::Held(Status::Sending { .. })), "b never held it");
        self.outbox.release(&id, "a").await?;
        self.outbox.release(&id, "a").await?;
        assert_eq!(self.outbox.claim(&id, "b", now(), LEASE).await?, Claim::Ours, "it waits again");
        self.outbox.release(&id, "a").await?;
        self.outbox.park(&id, &why(), now()).await?;
        let held = self.held(&id).await?;
        assert!(matches!(held, Claim::Held(Status::Sending { .. })), "b holds it now: {held:?}");
        self.outbox.refuse(&id, "b", &why(), now()).await?;
        assert_eq!(self.held(&id).await?, Claim::Held(Status::Parked));
        assert_eq!(self.outbox.claim(&id, "b", now(), LEASE).await?, Claim::Held(Status::Parked), "even to b");

        let waiting = self.queued(&format!("{run}-out-of-the-way")).await?.id;
        self.outbox.park(&waiting, &why(), now()).await?;
        assert_eq!(self.held(&waiting).await?, Claim::Held(Status::Parked));
        Ok(())
    }

    pub(super) async fn what_is_known_of_a_mail_stays(&self, run: &str) -> Result<(), ServiceError> {
        let id = self.queued(&format!("{run}-known")).await?.id;
        self.outbox.unknown(&id, "a", now()).await?;
        assert_eq!(self.outbox.claim(&id, "a", now(), LEASE).await?, Claim::Ours, "nobody claimed it: it waits");
        self.outbox.unknown(&id, "b", now()).await?;
        assert!(matches!(self.held(&id).await?, Claim::Held(Status::Sending { .. })), "a is still at it");
        self.outbox.unknown(&id, "a", now()).await?;
        assert_eq!(self.held(&id).await?, Claim::Held(Status::Unknown));
        self.outbox.sent(&id, "message", now()).await?;
        assert_eq!(self.held(&id).await?, Claim::Held(Status::Sent));
        self.outbox.unknown(&id, "a", now()).await?;
        self.outbox.release(&id, "a").await?;
        self.outbox.refuse(&id, "a", &why(), now()).await?;
        self.outbox.park(&id, &why(), now()).await?;
        assert_eq!(self.held(&id).await?, Claim::Held(Status::Sent), "it was sent, whatever comes late");
        let left = self.queued(&format!("{run}-left")).await?.id;
        self.outbox.claim(&left, "a", now(), LEASE).await?;
        self.outbox.unknown(&left, "b", now().saturating_add(LEASE).unwrap()).await?;
        assert_eq!(self.held(&left).await?, Claim::Held(Status::Unknown), "a had its time");
        Ok(())
    }
}
