//! What others sold through the owner's account: no document of ours, and the owner is notified once a month.
//!
//! A platform receives events about every sale of its connected accounts, and a shop under Managed Payments about each
//! of its own: an alarm for each would hide all others. The first of a kind in a month is parked for the owner, without
//! the buyer's data, which belong to another seller; every one is logged with its reason.

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    outcome::ServiceError,
    payment::{PaymentLog, Received, Recorded},
    stripe::whose::OtherSeller,
};

/// Receives an event about another seller's sale.
///
/// # Errors
/// When the log does not answer.
pub(super) async fn receive(
    seller: OtherSeller,
    log: &impl PaymentLog,
    now: Timestamp,
) -> Result<Received, ServiceError> {
    // The same reason for each event of the kind: a different one would be parked again. The log names the event.
    let reason = seller.reason("what an event of this month tells of");
    Ok(match log.park_event(&notice(seller, now), "", &reason, now).await? {
        Recorded::New => Received::Parked(reason),
        Recorded::AlreadyRecorded => Received::Ignored(reason),
    })
}

/// The id of the owner's notice: one a month, in UTC.
fn notice(seller: OtherSeller, now: Timestamp) -> String {
    format!("{}-{}", seller.word(), now.to_zoned(TimeZone::UTC).strftime("%Y-%m"))
}
