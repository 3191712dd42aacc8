//! Sends one mail: claim, send, record, so that it is sent once, or flagged where that cannot be known.
//!
//! Everything that can fail safely (reading the attachment, composing) comes before the claim. After the claim, a lost
//! answer is never followed by a retry: the mail is flagged as unknown at once, or, after a crash, by the next sender
//! that finds the lease expired. A lease outlives the function's timeout, so two senders never hold one mail.

use jiff::{SignedDuration, Timestamp};

use super::{
    MailId,
    outbox::{Claim, MailTransport, Outbox, OutgoingEmail, Parking, SendResult, Status},
};
use crate::outcome::{Outcome, Reason, ServiceError};

/// What happened to one mail, with the details for a log line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dispatched {
    /// Sent now, under the service's id.
    Sent(String),
    /// Nothing to do.
    Settled,
    /// It is unknown whether it was sent; flagged.
    Unknown,
    /// Parked for a person.
    Parked(Reason),
    /// Another sender holds its lease; retry after it ends.
    InHand(Reason),
    /// A service failed transiently; retry.
    Later(Reason),
    /// It may not be sent yet, and stays open: the sweep wakes it. What is behind it goes on.
    Deferred(Reason),
}

impl Dispatched {
    /// The outcome for the stream. For the stream a parked mail is done: the outbox holds it.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Sent(_) | Self::Unknown | Self::Deferred(_) => Outcome::Done,
            Self::Settled => Outcome::AlreadyDone,
            Self::Parked(reason) => Outcome::Reject(reason.clone()),
            Self::InHand(reason) | Self::Later(reason) => Outcome::Retry(reason.clone()),
        }
    }
}

/// Claims `letter` for `claimant` (the invocation), sends it and records the result. `now` gives the time at each step.
pub async fn dispatch(
    letter: &OutgoingEmail,
    claimant: &str,
    outbox: &impl Outbox,
    post_office: &impl MailTransport,
    now: impl Fn() -> Timestamp,
    lease: SignedDuration,
) -> Dispatched {
    send(&letter.id, claimant, outbox, post_office.post(letter), now, lease).await
}

/// The same for any other outbox record that `post` sends; `post` does nothing until it is awaited.
pub async fn send(
    id: &MailId,
    claimant: &str,
    outbox: &impl Outbox,
    post: impl Future<Output = SendResult>,
    now: impl Fn() -> Timestamp,
    lease: SignedDuration,
) -> Dispatched {
    match outbox.claim(id, claimant, now(), lease).await {
        Ok(Claim::Ours) => {}
        Ok(Claim::Held(status)) => return held(id, claimant, status, outbox, now()).await,
        Ok(Claim::Absent) => return Dispatched::Settled,
        // Nothing was sent: a permanent refusal by the outbox is parked like any other mail that cannot be sent.
        Err(failure) if failure.is_permanent() => return park(id, failure.reason(), outbox, now()).await,
        Err(failure) => return unrecorded(&failure),
    }
    match post.await {
        SendResult::Accepted(message_id) => match outbox.sent(id, &message_id, now()).await {
            Ok(()) => Dispatched::Sent(message_id),
            // Sent but not recorded: the lease stands, so no one sends it again; it is flagged when the lease ends.
            Err(failure) => later("outbox_unavailable", format!("sent as {message_id}, not recorded: {failure}")),
        },
        SendResult::Transient(detail) => match outbox.release(id, claimant).await {
            Ok(()) => later("mail_service_busy", detail),
            Err(failure) => unrecorded(&failure),
        },
        SendResult::Permanent(reason) => match outbox.refuse(id, claimant, &reason, now()).await {
            Ok(()) => Dispatched::Parked(reason),
            Err(failure) => unrecorded(&failure),
        },
        SendResult::Ambiguous(_) => flag(id, claimant, outbox, now()).await,
    }
}

/// Parks a queued mail that cannot be sent as it is. One that was sent or parked before is left alone, without an
/// alarm. One that is being sent is retried until its lease ends, and flagged then: a claim whose answer was lost may
/// be our own. What cannot even be parked is retried until the stream drops it by age.
pub async fn park(id: &MailId, reason: Reason, outbox: &impl Outbox, now: Timestamp) -> Dispatched {
    match outbox.park(id, &reason, now).await {
        Ok(Parking::Parked) => Dispatched::Parked(reason),
        Ok(Parking::Held(status)) => held(id, "", status, outbox, now).await,
        Ok(Parking::Absent) => Dispatched::Settled,
        Err(failure) => unrecorded(&failure),
    }
}

/// Closes a mail for which nothing is left to do, so that the sweep does not wake it again.
pub async fn rested(id: &MailId, dispatched: Dispatched, outbox: &impl Outbox) -> Dispatched {
    if dispatched != Dispatched::Settled {
        return dispatched;
    }
    match outbox.close(id).await {
        Ok(()) => Dispatched::Settled,
        Err(failure) => unrecorded(&failure),
    }
}

/// Handles a mail that another sender holds or has settled.
async fn held(id: &MailId, claimant: &str, status: Status, outbox: &impl Outbox, now: Timestamp) -> Dispatched {
    match status {
        Status::Sending { lease_until } if now < lease_until => {
            let text = format!("claimed until {lease_until}; another sender may be at it");
            Dispatched::InHand(Reason::new("claimed", text))
        }
        Status::Sending { .. } => flag(id, claimant, outbox, now).await,
        // Queued again between our claim and its answer: the next retry finds it.
        Status::Queued => Dispatched::InHand(Reason::new("claimed", "it was given back while we looked")),
        Status::Sent
        | Status::Unknown
        | Status::Parked
        | Status::Delivered
        | Status::Bounced
        | Status::Rejected
        | Status::Complained => Dispatched::Settled,
    }
}

async fn flag(id: &MailId, claimant: &str, outbox: &impl Outbox, now: Timestamp) -> Dispatched {
    match outbox.unknown(id, claimant, now).await {
        Ok(()) => Dispatched::Unknown,
        Err(failure) => unrecorded(&failure),
    }
}

/// The outbox did not record the result; the lease, if there is one, still keeps other senders off the mail.
fn unrecorded(failure: &ServiceError) -> Dispatched {
    let reason = failure.reason();
    if reason.is_held() {
        return Dispatched::Later(reason);
    }
    later("outbox_unavailable", failure.to_string())
}

fn later(word: &str, text: impl Into<String>) -> Dispatched {
    Dispatched::Later(Reason::new(word, text))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// An outbox that refuses every claim in the same way, and parks once.
    struct Closed {
        failure: ServiceError,
        parks: bool,
        parked: Mutex<usize>,
    }

    impl Closed {
        fn new(failure: ServiceError, parks: bool) -> Self {
            Self { failure, parks, parked: Mutex::new(0) }
        }

        fn refused(&self) -> Result<(), ServiceError> {
            Err(self.failure.clone())
        }
    }

    impl Outbox for Closed {
        async fn claim(&self, _: &MailId, _: &str, _: Timestamp, _: SignedDuration) -> Result<Claim, ServiceError> {
            Err(self.failure.clone())
        }

        async fn close(&self, _: &MailId) -> Result<(), ServiceError> {
            self.refused()
        }

        async fn release(&self, _: &MailId, _: &str) -> Result<(), ServiceError> {
            self.refused()
        }

        async fn refuse(&self, _: &MailId, _: &str, _: &Reason, _: Timestamp) -> Result<(), ServiceError> {
            self.refused()
        }

        async fn sent(&self, _: &MailId, _: &str, _: Timestamp) -> Result<(), ServiceError> {
            self.refused()
        }

        async fn unknown(&self, _: &MailId, _: &str, _: Timestamp) -> Result<(), ServiceError> {
            self.refused()
        }

        async fn park(&self, _: &MailId, _: &Reason, _: Timestamp) -> Result<Parking, ServiceError> {
            if !self.parks {
                return Err(self.failure.clone());
            }
            let mut parked = self.parked.lock().unwrap();
            *parked += 1;
            Ok(if *parked == 1 { Parking::Parked } else { Parking::Held(Status::Parked) })
        }
    }

    async fn tried(outbox: &Closed) -> Dispatched {
        let id = MailId("invoice/1".to_owned());
        let post = async { panic!("a mail was sent that nobody claimed") };
        send(&id, "a", outbox, post, || Timestamp::UNIX_EPOCH, SignedDuration::from_secs(1)).await
    }

    #[tokio::test]
    async fn what_the_outbox_refuses_for_good_is_parked_once_and_the_rest_comes_again() {
        let refuses = || ServiceError::permanent("the outbox", "record_refused", "ValidationException");
        let closed = Closed::new(refuses(), true);
        assert!(matches!(tried(&closed).await, Dispatched::Parked(reason) if reason.code == "record_refused"));
        assert_eq!(tried(&closed).await, Dispatched::Settled, "nobody is alarmed again");
        let closed = Closed::new(refuses(), false);
        assert!(matches!(tried(&closed).await.outcome(), Outcome::Retry(_)), "it cannot even be parked");
        let closed = Closed::new(ServiceError::transient("the outbox", "throttled"), true);
        assert!(matches!(tried(&closed).await.outcome(), Outcome::Retry(_)));
        assert_eq!(*closed.parked.lock().unwrap(), 0);
    }
}
