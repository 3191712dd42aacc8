//! How long things may take, in one place: whoever waits is more patient than what it waits for.
//!
//! A call gives up before the function that makes it is cut off, so that the function can say what happened; and a claim on
//! a mail outlives the function that holds it, so that two of them never hold one mail. `template.yaml` repeats the figures
//! of functions and streams; a test holds the two together.

/// Connecting to a service, in seconds.
pub const CONNECT_SECONDS: u64 = 2;

/// One attempt at an AWS service, in seconds.
pub const ATTEMPT_SECONDS: u64 = 5;

/// One operation on an AWS service with its retries, in seconds.
pub const OPERATION_SECONDS: u64 = 12;

/// One question to Stripe, in seconds. It is not repeated: Stripe delivers the event again.
pub const STRIPE_SECONDS: u64 = 3;

/// Sending one mail, in seconds. Longer than other calls: it is never repeated, and giving up means not knowing.
pub const POST_SECONDS: u64 = 25;

/// The longest that one mail may take: attachment, claim and record, each an operation with its retries, and the sending.
pub const ONE_MAIL_SECONDS: u64 = 3 * OPERATION_SECONDS + POST_SECONDS;

/// The longest that one change of a profile may take to be told: to everyone and to the team, each one attempt.
pub const ONE_CHANGE_SECONDS: u64 = 2 * ATTEMPT_SECONDS;

/// Posting one message to the team's room, in seconds: as long as a mail may take, and never repeated either.
pub const ROOM_SECONDS: u64 = 10;

/// How long a message waits for a room that takes none, in seconds: what comes after it waits too.
pub const ROOM_PATIENCE_SECONDS: u64 = 900;

/// How long a claim on a mail holds, in seconds.
pub const MAIL_LEASE_SECONDS: u64 = 120;

/// When API Gateway gives up on the webhook, in seconds (quota of HTTP APIs).
pub const GATEWAY_SECONDS: u64 = 30;

/// Tries of a stream until it gives a record up; its age decides before.
pub const STREAM_ATTEMPTS: u64 = 10_000;

/// The age at which a stream gives a record up, in seconds: a night's outage is survived, and the stream itself keeps
/// records for a day.
pub const STREAM_RECORD_AGE_SECONDS: u64 = 6 * 3600;
