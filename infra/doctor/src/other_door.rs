//! The checks of the door without a public address: Stripe's event source in EventBridge, and what is not needed beside it.

use crate::facts::Stack;
use crate::finding::{Finding, State};

/// Stripe's event source is there, on, and of the stack's mode; `state` is its state, if AWS knows it.
pub fn event_source(stack: &Stack, state: Option<&str>) -> Finding {
    let key = "stripe_event_source";
    let source = stack.parameter("StripeEventSource");
    let of_test = source.rsplit('/').next().unwrap_or_default().starts_with("ed_test_");
    if of_test && stack.parameter("StripeMode") == "live" {
        let fix = "make an Amazon EventBridge destination in Stripe's live mode, and name its event source in StripeEventSource";
        return Finding::not(key, State::Fail, "the event source is of test mode, the stack of live mode", fix);
    }
    match state {
        Some("ACTIVE") => Finding::ok(key, "Stripe's event source is active"),
        Some(state) => {
            let fix = "deploy the stack again, which makes its bus; a source that stays PENDING for days is deleted";
            Finding::not(key, State::Fail, format!("Stripe's event source is {state}"), fix)
        }
        None => {
            let fix = "make the destination in Stripe anew, for this account and region; name its event source in StripeEventSource";
            Finding::not(key, State::Fail, "AWS does not know the event source of StripeEventSource", fix)
        }
    }
}

/// Whether Stripe's events come over EventBridge.
pub fn is_open(stack: &Stack) -> bool {
    !stack.parameter("StripeEventSource").is_empty()
}

/// Whether the webhook has no public address: nobody can be asked there, and no secret is needed.
pub fn is_the_only_one(stack: &Stack) -> bool {
    stack.parameter("WebhookAddress") == "none"
}
