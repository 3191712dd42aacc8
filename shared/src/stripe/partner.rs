//! Whether an event that EventBridge hands over is Stripe's: from the partner event source of this stack, in this account.
//!
//! No signature comes with it. Stripe alone puts events onto the bus of its source, the bus's rule alone may invoke the function,
//! and both are kept by IAM; what is compared here is kept by neither if somebody changes the rule.

use crate::outcome::Reason;

/// How the name of each of Stripe's event sources begins (docs.stripe.com/event-destinations/eventbridge).
pub const PARTNER: &str = "aws.partner/stripe.com/";

/// What comes around an event.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    /// The event source that it says it is from.
    pub source: &'a str,
    /// The AWS account that it says it was put into.
    pub account: &'a str,
}

/// Checks an envelope against the event source and the account of this stack.
///
/// # Errors
/// When it is from another source or account, or this stack takes none.
pub fn check(envelope: Envelope<'_>, source: Option<&str>, account: &str) -> Result<(), Reason> {
    let Some(source) = source.filter(|source| source.starts_with(PARTNER)) else {
        return Err(Reason::new(
            "source_unconfigured",
            "an event of the bus, and StripeEventSource of the stack names no event source of Stripe; set it, or remove the rule",
        ));
    };
    if envelope.source != source {
        return Err(Reason::new(
            "source_foreign",
            "an event of another source than StripeEventSource of the stack names; correct the rule that handed it over",
        ));
    }
    if envelope.account != account {
        let text = "an event of another AWS account than this function's; correct the rule that handed it over";
        return Err(Reason::new("account_foreign", text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "aws.partner/stripe.com/ed_61PgtRTG";

    fn code(source: &str, account: &str, configured: Option<&str>) -> String {
        check(Envelope { source, account }, configured, "123456789012")
            .err()
            .map(|reason| reason.code)
            .unwrap_or_default()
    }

    #[test]
    fn one_source_of_one_account_is_taken() {
        assert_eq!(code(SOURCE, "123456789012", Some(SOURCE)), "");
        for source in [
            "",
            "aws.ses",
            "aws.partner/stripe.com/",
            "aws.partner/stripe.com/ed_61PgtRTG2",
            "aws.partner/shopify.com/1/x",
        ] {
            assert_eq!(code(source, "123456789012", Some(SOURCE)), "source_foreign", "{source}");
        }
        assert_eq!(code(SOURCE, "210987654321", Some(SOURCE)), "account_foreign");
        assert_eq!(code(SOURCE, "", Some(SOURCE)), "account_foreign");
        for none in [None, Some(""), Some("aws.ses")] {
            assert_eq!(code(none.unwrap_or_default(), "123456789012", none), "source_unconfigured");
        }
    }
}
