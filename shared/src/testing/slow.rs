//! An outbox whose operations take as long as they may: for tests of how long a piece of work takes at most.

use jiff::{SignedDuration, Timestamp};

use crate::{
    mail::{
        MailId,
        outbox::{Claim, Outbox, Parking},
    },
    outcome::{Reason, ServiceError},
    timing::OPERATION_SECONDS,
};

/// What a test decides of such an outbox, and sees of it. A reference to it is the outbox.
pub trait SlowOutbox: Sync {
    /// Something took so many seconds.
    fn takes(&self, seconds: u64);

    /// The answer to a claim.
    ///
    /// # Errors
    /// As the test decides.
    fn claimed(&self) -> Result<Claim, ServiceError>;

    /// A mail is parked, or refused by who holds it.
    fn parked(&self, id: &MailId, reason: &Reason) -> Parking;
}

impl<T: SlowOutbox> Outbox for &T {
    async fn claim(&self, _: &MailId, _: &str, _: Timestamp, _: SignedDuration) -> Result<Claim, ServiceError> {
        self.takes(OPERATION_SECONDS);
        self.claimed()
    }

    async fn close(&self, _: &MailId) -> Result<(), ServiceError> {
        Ok(())
    }

    async fn release(&self, _: &MailId, _: &str) -> Result<(), ServiceError> {
        self.takes(OPERATION_SECONDS);
        Ok(())
    }

    async fn refuse(&self, id: &MailId, _: &str, reason: &Reason, now: Timestamp) -> Result<(), ServiceError> {
        self.park(id, reason, now).await.map(drop)
    }

    async fn sent(&self, _: &MailId, _: &str, _: Timestamp) -> Result<(), ServiceError> {
        self.takes(OPERATION_SECONDS);
        Ok(())
    }

    async fn unknown(&self, _: &MailId, _: &str, _: Timestamp) -> Result<(), ServiceError> {
        self.takes(OPERATION_SECONDS);
        Ok(())
    }

    async fn park(&self, id: &MailId, reason: &Reason, _: Timestamp) -> Result<Parking, ServiceError> {
        self.takes(OPERATION_SECONDS);
        Ok(self.parked(id, reason))
    }
}
