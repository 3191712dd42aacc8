//! What others sold through the owner's account: no document of ours, and the owner is told once a month.
//!
//! A platform hears of every sale of its connected accounts, and a shop under Managed Payments of each of its own: an alarm
//! for each would bury all others. The first of a kind in a month waits for the owner, without the buyer's data, which are
//! another seller's business; every one is logged with its reason.

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    outcome::ServiceError,
    payment::{PaymentLog, Received, Recorded},
    stripe::whose::OtherSeller,
};

/// Receives an event about somebody else's sale.
///
/// # Errors
/// When the log does not answer.
pub(super) async fn receive(
    seller: OtherSeller,
    log: &impl PaymentLog,
    now: Timestamp,
) -> Result<Received, ServiceError> {
    // The same for each event of the kind: another reason would be parked anew. The log names the event.
    let reason = seller.reason("what an event of this month tells of");
    Ok(match log.park_event(&notice(seller, now), "", &reason, now).await? {
        Recorded::New => Received::Parked(reason),
        Recorded::AlreadyRecorded => Received::Ignored(reason),
    })
}

/// Under which id the owner is told, once a month in universal time.
fn notice(seller: OtherSeller, now: Timestamp) -> String {
    format!("{}-{}", seller.word(), now.to_zoned(TimeZone::UTC).strftime("%Y-%m"))
}
