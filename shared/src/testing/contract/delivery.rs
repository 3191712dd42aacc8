//! Delivery events of mails: the deliveries' part of the contract.

use jiff::SignedDuration;

use super::{LEASE, Stores, now, why};
use crate::{
    archive::Archive,
    billing::ledger::Ledger,
    mail::{
        MailId,
        delivery::{AddressHash, Cause, Deliveries, DeliveryEvent, Report, Stage, Transition, next},
        outbox::{Claim, Outbox},
    },
    outcome::ServiceError,
    payment::PaymentLog,
};

fn fates() -> [DeliveryEvent; 6] {
    [
        DeliveryEvent::Sent,
        DeliveryEvent::Delivered,
        DeliveryEvent::Deferred("late".to_owned()),
        DeliveryEvent::Bounced(why()),
        DeliveryEvent::Rejected(why()),
        DeliveryEvent::Complained,
    ]
}

fn report(mail: &MailId, message_id: &str, happened: &DeliveryEvent) -> Report {
    Report { mail: mail.clone(), message_id: message_id.to_owned(), happened: happened.clone(), suppress: None }
}

impl<P: PaymentLog, L: Ledger, O: Outbox + Deliveries, A: Archive> Stores<'_, P, L, O, A> {
    pub(super) async fn every_event_moves_a_mail_as_the_rule_says(&self, run: &str) -> Result<(), ServiceError> {
        let absent = MailId(format!("invoice/{run}-absent"));
        assert_eq!(
            self.outbox.note(&report(&absent, "m", &DeliveryEvent::Delivered), now()).await?,
            Transition::Absent
        );
        for (n, first) in fates().iter().enumerate() {
            for (m, second) in fates().iter().enumerate() {
                let id = self.queued(&format!("{run}-event-{n}-{m}")).await?.id;
                self.outbox.claim(&id, "a", now(), LEASE).await?;
                let mut stage = Stage::Sending;
                for (later, happened) in (0..).zip([first, second, first]) {
                    // What is recorded of one message at one instant is one step, whose answer may have been lost.
                    let at = now().saturating_add(SignedDuration::from_secs(later)).unwrap();
                    let noted = self.outbox.note(&report(&id, "m", happened), at).await?;
                    let expected =
                        next(stage, stage.came_back(), happened).map_or(Transition::Stays(stage), Transition::Moved);
                    assert_eq!(noted, expected, "{happened:?} at {stage:?} of {first:?}, {second:?}");
                    stage = stage.max(happened.stage());
                    let Claim::Held(status) = self.held(&id).await? else { panic!("{stage:?} was claimed") };
                    assert_eq!(status.stage(), stage, "{first:?}, {second:?}");
                }
            }
        }
        Ok(())
    }

    pub(super) async fn a_mail_that_came_back_is_past(&self, run: &str) -> Result<(), ServiceError> {
        let id = self.queued(&format!("{run}-came-back")).await?.id;
        self.outbox.claim(&id, "a", now(), LEASE).await?;
        self.outbox.sent(&id, "m1", now()).await?;
        self.outbox.note(&report(&id, "m1", &DeliveryEvent::Bounced(why())), now()).await?;
        self.outbox.sent(&id, "m1", now()).await?;
        self.outbox.unknown(&id, "a", now()).await?;
        let Claim::Held(status) = self.held(&id).await? else { panic!("a mail that came back was claimed") };
        assert_eq!(status.stage(), Stage::Bounced);
        Ok(())
    }

    pub(super) async fn an_address_is_left_alone(&self, run: &str) -> Result<(), ServiceError> {
        let address = AddressHash::of(&format!("{run}@example.org"));
        assert_eq!(self.outbox.suppressed(&address).await?, None);
        for (cause, kept) in
            [(Cause::Bounce, Cause::Bounce), (Cause::Complaint, Cause::Complaint), (Cause::Bounce, Cause::Complaint)]
        {
            self.outbox.suppress(&address, cause, now()).await?;
            assert_eq!(self.outbox.suppressed(&address).await?, Some(kept), "a complaint outweighs a bounce");
        }
        Ok(())
    }
}
