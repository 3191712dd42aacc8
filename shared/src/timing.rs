//! How long things may take, in one place: whoever waits is more patient than what it waits for.
//!
//! A call gives up before the function that makes it is cut off, so that the function can say what happened; and a claim on
//! a mail outlives the function that holds it, so that two of them never hold one mail. `template.yaml` repeats the figures
//! of functions and streams; a test holds the two together.

use jiff::{SignedDuration, Timestamp};

use crate::outcome::Reason;

/// Whether what takes `longest` at the most ends before `deadline`, and so may be begun `now`.
///
/// # Errors
/// The reason to try it again later.
pub fn in_time(now: Timestamp, longest: SignedDuration, deadline: Timestamp) -> Result<(), Reason> {
    match now.saturating_add(longest) {
        Ok(end) if end <= deadline => Ok(()),
        _ => Err(Reason::new("out_of_time", "too little time is left in this invocation")),
    }
}

/// Connecting to a service, in seconds.
pub const CONNECT_SECONDS: u64 = 2;

/// One attempt at an AWS service, in seconds.
pub const ATTEMPT_SECONDS: u64 = 5;

/// One operation on an AWS service with its retries, in seconds.
pub const OPERATION_SECONDS: u64 = 12;

/// One question to Stripe, in seconds. It is not repeated: Stripe delivers the event again.
pub const STRIPE_SECONDS: u64 = 3;

/// The longest that the webhook may ask Stripe for one event, in seconds: several questions, one after the other. What is
/// left of its time is for the payment log.
pub const STRIPE_TOTAL_SECONDS: u64 = 12;

/// What the webhook keeps for its answer once everything else is done or given up, in seconds.
pub const ANSWER_SECONDS: u64 = 1;

/// The longest that giving numbers to a group of invoices may take in one attempt: read the counter, claim.
pub const ONE_CLAIM_SECONDS: u64 = 2 * OPERATION_SECONDS;

/// The longest that numbering one credit note may take in one attempt: is there one, the original, its counter, the claim.
pub const ONE_CREDIT_SECONDS: u64 = 4 * OPERATION_SECONDS;

/// The longest that rendering one document may take, in seconds: one of 250 lines of 5,000 characters, on the share of a
/// core that the renderer has.
pub const RENDER_SECONDS: u64 = 60;

/// The longest that one document may take: rendering, storing it, reading what stands there already, recording it, and
/// parking it where one of these is refused.
pub const ONE_DOCUMENT_SECONDS: u64 = RENDER_SECONDS + 4 * OPERATION_SECONDS;

/// Sending one mail, in seconds. Longer than other calls: it is never repeated, and giving up means not knowing.
pub const POST_SECONDS: u64 = 25;

/// The longest that one mail may take. A digest takes longest: whether its address wants none, what its notices say, claim
/// and record, each an operation with its retries, and the sending.
pub const ONE_MAIL_SECONDS: u64 = 4 * OPERATION_SECONDS + POST_SECONDS;

/// The longest that noting one event of SES may take: what hindered the mail, how far it is, the address to leave alone.
pub const ONE_EVENT_SECONDS: u64 = 3 * OPERATION_SECONDS;

/// The longest that gathering what waits for the team may take: whether there is a room, and writing the digest, again where
/// some of it waits no longer.
pub const GATHER_SECONDS: u64 = 3 * OPERATION_SECONDS;

/// The longest that one change of a profile may take to be told: to everyone and to the team, each one attempt.
pub const ONE_CHANGE_SECONDS: u64 = 2 * ATTEMPT_SECONDS;

/// Posting one message to the team's room, in seconds: as long as a mail may take, and never repeated either.
pub const ROOM_SECONDS: u64 = 10;

/// The longest that one message to the team may take: what its notices say, claim, the webhook, posting, the webhook that
/// replaced it, giving the message back, and parking it where its room took none for too long.
pub const ONE_MESSAGE_SECONDS: u64 = 6 * OPERATION_SECONDS + ROOM_SECONDS;

/// How long a message waits for a room that takes none, in seconds: what comes after it waits too.
pub const ROOM_PATIENCE_SECONDS: u64 = 900;

/// How long a claim on a mail holds, in seconds.
pub const MAIL_LEASE_SECONDS: u64 = 120;

/// When API Gateway gives up on the webhook, in seconds (quota of HTTP APIs).
pub const GATEWAY_SECONDS: u64 = 30;

/// Tries of a stream until it gives a record up: no limit, its age alone decides. The most that Lambda takes, 10,000, can
/// be used up before six hours (Lambda API Reference, CreateEventSourceMapping, `MaximumRetryAttempts`).
pub const STREAM_ATTEMPTS: i64 = -1;

/// The age at which a stream gives a record up, in seconds: a night's outage is survived, and the stream itself keeps
/// records for a day.
pub const STREAM_RECORD_AGE_SECONDS: u64 = 6 * 3600;
