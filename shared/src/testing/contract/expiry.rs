//! How long outbox records are kept: the part of the contract that says parked records never expire.

use jiff::{SignedDuration, Timestamp};

use super::{LEASE, Stores, now, why};
use crate::{
    archive::Archive,
    billing::ledger::Ledger,
    mail::{
        MailId,
        delivery::{Deliveries, DeliveryEvent, Report},
        outbox::{Outbox, Parking, SENT_KEPT, Status},
    },
    memory::Expiring,
    outcome::ServiceError,
    payment::PaymentLog,
};

impl<P: PaymentLog, L: Ledger, O: Outbox + Deliveries + Expiring, A: Archive> Stores<'_, P, L, O, A> {
    async fn noted(
        &self,
        id: &MailId,
        message: &str,
        happened: DeliveryEvent,
        at: Timestamp,
    ) -> Result<(), ServiceError> {
        let report = Report { mail: id.clone(), message_id: message.to_owned(), happened, suppress: None };
        self.outbox.note(&report, at).await.map(drop)
    }

    pub(super) async fn what_waits_for_a_person_is_kept(&self, run: &str) -> Result<(), ServiceError> {
        let day = |days: i64| now().saturating_add(SignedDuration::from_hours(24 * days)).unwrap();
        let kept = |at: Timestamp| Some(at.saturating_add(SENT_KEPT).unwrap());

        let id = self.queued(&format!("{run}-expiry")).await?.id;
        assert_eq!(self.outbox.expires_at(&id).await?, None, "it waits to be sent");
        self.outbox.claim(&id, "a", now(), LEASE).await?;
        self.outbox.unknown(&id, "a", now()).await?;
        assert_eq!(self.outbox.expires_at(&id).await?, None, "nobody knows whether it was sent");
        self.outbox.sent(&id, "m1", day(1)).await?;
        assert_eq!(self.outbox.expires_at(&id).await?, kept(day(1)));
        self.noted(&id, "m1", DeliveryEvent::Delivered, day(2)).await?;
        assert_eq!(self.outbox.expires_at(&id).await?, kept(day(2)), "counted anew");
        self.noted(&id, "m1", DeliveryEvent::Bounced(why()), day(3)).await?;
        assert_eq!(self.outbox.expires_at(&id).await?, None, "it came back and waits");
        self.noted(&id, "m1", DeliveryEvent::Complained, day(4)).await?;
        assert_eq!(self.outbox.expires_at(&id).await?, kept(day(4)), "the customer has it");

        let rejected = self.queued(&format!("{run}-expiry-rejected")).await?.id;
        self.outbox.claim(&rejected, "a", now(), LEASE).await?;
        self.outbox.sent(&rejected, "m1", now()).await?;
        self.noted(&rejected, "m1", DeliveryEvent::Rejected(why()), day(1)).await?;
        assert_eq!(self.outbox.expires_at(&rejected).await?, None);

        let refused = self.queued(&format!("{run}-expiry-refused")).await?.id;
        self.outbox.claim(&refused, "a", now(), LEASE).await?;
        self.outbox.refuse(&refused, "a", &why(), now()).await?;
        assert_eq!(self.outbox.expires_at(&refused).await?, None);
        Ok(())
    }

    pub(super) async fn a_mail_is_parked_once(&self, run: &str) -> Result<(), ServiceError> {
        let id = self.queued(&format!("{run}-parked-once")).await?.id;
        assert_eq!(self.outbox.park(&id, &why(), now()).await?, Parking::Parked);
        let later = now().saturating_add(SignedDuration::from_hours(1)).unwrap();
        assert_eq!(self.outbox.park(&id, &why(), later).await?, Parking::Held(Status::Parked), "it is parked already");
        assert_eq!(self.outbox.expires_at(&id).await?, None);
        let claimed = self.queued(&format!("{run}-parked-claimed")).await?.id;
        self.outbox.claim(&claimed, "a", now(), LEASE).await?;
        let held = self.outbox.park(&claimed, &why(), now()).await?;
        assert!(matches!(held, Parking::Held(Status::Sending { .. })), "somebody is sending it: {held:?}");
        let absent = MailId(format!("invoice/{run}-absent"));
        assert_eq!(self.outbox.park(&absent, &why(), now()).await?, Parking::Absent);
        Ok(())
    }
}
