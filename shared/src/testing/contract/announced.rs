//! The announced events' part of the contract.

use jiff::SignedDuration;

use super::{Stores, now};
use crate::{
    announced::{AnnouncedEvent, AnnouncedEvents},
    archive::Archive,
    billing::ledger::Ledger,
    mail::{delivery::Deliveries, outbox::Outbox},
    outcome::ServiceError,
    payment::{PaymentLog, Recorded},
};

impl<P: PaymentLog + AnnouncedEvents, L: Ledger, O: Outbox + Deliveries, A: Archive> Stores<'_, P, L, O, A> {
    pub(super) async fn events_are_announced_until_they_are_settled(&self, run: &str) -> Result<(), ServiceError> {
        // As large as the largest body that is read.
        for (name, body) in [("small", "{}".to_owned()), ("large", "é".repeat(3 * 1024 * 1024))] {
            let id = format!("evt_{run}_later_{name}");
            assert_eq!(self.payments.announced(&id).await?, None);
            self.payments.settle_announced(&id).await?;
            assert_eq!(self.payments.announce(&id, &body, now()).await?, Recorded::New);
            let again = now() + SignedDuration::from_secs(60);
            assert_eq!(self.payments.announce(&id, "other", again).await?, Recorded::AlreadyRecorded);
            let stored = AnnouncedEvent { id: id.clone(), body, announced_at: now() };
            assert!(self.payments.announced(&id).await? == Some(stored), "{name}: as it came first");
            self.payments.settle_announced(&id).await?;
            self.payments.settle_announced(&id).await?;
            assert_eq!(self.payments.announced(&id).await?, None);
            assert_eq!(self.payments.announce(&id, "{}", now()).await?, Recorded::New, "{name}: it came once more");
            self.payments.dismiss_announced(&id, now()).await?;
            assert_eq!(self.payments.announced(&id).await?, None, "{name}: it is read");
            self.payments.dismiss_announced(&id, now()).await?;
            assert_eq!(self.payments.announce(&id, "{}", now()).await?, Recorded::New, "{name}: it is announced anew");
            self.payments.settle_announced(&id).await?;
            self.payments.dismiss_announced(&id, now()).await?;
            assert_eq!(self.payments.announced(&id).await?, None, "{name}: what is settled is not dismissed");
        }
        Ok(())
    }
}
