//! An event: what happened, when, and to which object.

use serde::Deserialize;
use serde_json::value::RawValue;

/// An event whose object is not parsed yet.
#[derive(Debug, Deserialize)]
pub struct Event<'a> {
    /// `evt_...`, unique forever.
    pub id: String,
    /// `checkout.session.completed`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When Stripe created it, in seconds. Not an ordering: the resolution is one second.
    #[serde(default)]
    pub created: i64,
    /// Live mode, or test mode.
    #[serde(default)]
    pub livemode: bool,
    /// The connected account on which it happened, for events that a platform receives about others.
    pub account: Option<String>,
    /// The object that it is about.
    #[serde(borrow)]
    pub data: EventData<'a>,
}

/// The event's object as raw JSON.
#[derive(Debug, Deserialize)]
pub struct EventData<'a> {
    /// Parsed once the type is known to be of interest.
    #[serde(borrow)]
    pub object: &'a RawValue,
}
