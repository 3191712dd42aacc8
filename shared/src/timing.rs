//! All timeouts in one place: every caller's timeout is longer than that of its callee.
//!
//! A call times out before the function that makes it, so that the function can report it; the lease on a mail outlives
//! the function that holds it, so that two functions never hold one mail. `template.yaml` repeats the timeouts of
//! functions and streams; a test checks that they agree.

use jiff::{SignedDuration, Timestamp};

use crate::outcome::Reason;

/// Whether work of at most `longest` ends before `deadline`, and so may start `now`.
///
/// # Errors
/// The reason to retry it later.
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

/// One upload of a file of the ledger, in seconds: 800 MB, the journal of a million documents, at 3 MB a second.
pub const UPLOAD_SECONDS: u64 = 300;

/// One request to Stripe, in seconds. It is not retried: the event is announced, and completed later.
pub const STRIPE_SECONDS: u64 = 3;

/// The same outside of a request, where nobody waits: lists with what belongs to their objects take longer.
pub const STRIPE_PATIENT_SECONDS: u64 = 10;

/// The longest that the webhook may query Stripe within a request, in seconds: several requests in sequence. An event that
/// needs longer is announced, and completed outside of a request.
pub const STRIPE_TOTAL_SECONDS: u64 = 3;

/// Time that is reserved when events are completed outside of a request, in seconds: what is begun before that mostly ends
/// in time, and nothing is half done where it does not.
pub const COMPLETING_RESERVE_SECONDS: u64 = ATTEMPT_SECONDS;

/// How long an announced event rests whose completion waits for something else, in seconds.
pub const COMPLETING_REST_SECONDS: i64 = 300;

/// Time that the webhook reserves for its response, in seconds.
pub const ANSWER_SECONDS: u64 = 1;

/// The longest that checking the books may take, once in a process: read the identity in table and archive, write it if
/// there is none, list what the archive holds, and read the counter twice. A new series also looks back over months, a
/// request each; being cut off then does no harm, because nothing is written.
pub const ONE_CHECK_SECONDS: u64 = 12 * OPERATION_SECONDS;

/// The longest that one attempt at allocating numbers to a group of invoices may take: read the counter, claim.
pub const ONE_CLAIM_SECONDS: u64 = 2 * OPERATION_SECONDS;

/// The longest that numbering one credit note may take in one attempt: look it up, original, counter, claim.
pub const ONE_CREDIT_SECONDS: u64 = 4 * OPERATION_SECONDS;

/// The longest that rendering one document may take, in seconds: 250 lines of 5,000 characters, on the renderer's share
/// of a core.
pub const RENDER_SECONDS: u64 = 60;

/// The longest that one document may take: rendering, storing it and its snapshot, each with a look at what is stored
/// already, recording it, reading what was recorded before, and parking it, in two writes, if one of these is refused.
pub const ONE_DOCUMENT_SECONDS: u64 = RENDER_SECONDS + 8 * OPERATION_SECONDS;

/// Sending one mail, in seconds. Longer than other calls: it is never retried; after a timeout the result is unknown.
pub const POST_SECONDS: u64 = 25;

/// The longest that one mail with a document may take: read the document, claim and record, each an operation with its
/// retries, then send.
pub const ONE_MAIL_SECONDS: u64 = 3 * OPERATION_SECONDS + POST_SECONDS;

/// The longest that one notice by mail may take. A digest takes longest: check the suppression of its address, read its
/// notices, read the quota, claim and record, each an operation with its retries, then send.
pub const ONE_NOTICE_SECONDS: u64 = 5 * OPERATION_SECONDS + POST_SECONDS;

/// The longest that recording one SES delivery event may take: the failure, the mail's status, the address to suppress.
pub const ONE_EVENT_SECONDS: u64 = 3 * OPERATION_SECONDS;

/// The longest that collecting queued notices for the team may take: check for a room, write the digest, and write it
/// again if some notices are no longer queued.
pub const GATHER_SECONDS: u64 = 3 * OPERATION_SECONDS;

/// The longest that publishing one profile change may take: to everyone and to the team, one attempt each.
pub const ONE_CHANGE_SECONDS: u64 = 2 * ATTEMPT_SECONDS;

/// The longest that refreshing one subscription takes: Stripe is asked for it, for its invoices, and to cancel a second one; then
/// it is written. If others write at the same time, the rest is left to the next attempt.
pub const ONE_SUBSCRIPTION_SECONDS: u64 = 3 * STRIPE_PATIENT_SECONDS + 5 * OPERATION_SECONDS;

/// Posting one message to the team's room, in seconds: like a mail, it is never retried.
pub const ROOM_SECONDS: u64 = 10;

/// The longest that one message to the team may take: read its notices, claim, read the webhook, post, read the webhook
/// that replaced it, release the message, and park it if its room refused messages for too long.
pub const ONE_MESSAGE_SECONDS: u64 = 6 * OPERATION_SECONDS + ROOM_SECONDS;

/// How long a message is retried while its room accepts none, in seconds; later messages are blocked meanwhile.
pub const ROOM_PATIENCE_SECONDS: u64 = 900;

/// One request to the seller's app, in seconds.
pub const APP_SECONDS: u64 = 5;

/// The longest that one message to the seller's app may take: read it, read the secret, send it, write what became of it.
pub const ONE_TELLING_SECONDS: u64 = 3 * OPERATION_SECONDS + APP_SECONDS;

/// How long a batch goes on sending messages to the seller's app, in seconds; what is left is woken later.
pub const APP_LANE_SECONDS: u64 = 10;

/// The duration of a lease on a mail, in seconds.
pub const MAIL_LEASE_SECONDS: u64 = 120;

/// API Gateway's timeout for the webhook, in seconds (quota of HTTP APIs).
pub const GATEWAY_SECONDS: u64 = 30;

/// Stream retries per record: unlimited, only the record's age counts. Lambda's maximum of 10,000 can be used up before
/// that (Lambda API Reference, CreateEventSourceMapping, `MaximumRetryAttempts`).
pub const STREAM_ATTEMPTS: i64 = -1;

/// The maximum age of a stream record whose work the sweep wakes, in seconds. The function lets it go after a quarter of
/// an hour; this limit is for a record that makes the function crash.
pub const SWEPT_RECORD_AGE_SECONDS: u64 = 3600;

/// The maximum age of any other stream record, in seconds: it survives a night's outage, and the stream itself keeps records
/// for a day.
pub const STREAM_RECORD_AGE_SECONDS: u64 = 6 * 3600;
