//! What is needed of a Stripe account, in one list: the events a webhook endpoint sends, the rights of the restricted key,
//! and the version of the API that both speak. README and doctor say what stands here; tests hold them to it.

/// The version of Stripe's API that is asked, and that a webhook endpoint is to have. It is the one of the bindings in use.
pub const API_VERSION: &str = "2026-09-30.endive";

/// An event that a webhook endpoint must send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeededEvent {
    /// Stripe's name of its type.
    pub kind: &'static str,
    /// What is missing without it.
    pub capability: &'static str,
}

/// A right that the restricted key needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeededRight {
    /// Its name in Stripe's dashboard; each is wanted for reading.
    pub name: &'static str,
    /// A list below `/v1/` that only this right opens.
    pub list: &'static str,
    /// What is missing without it.
    pub capability: &'static str,
}

/// Every event.
pub const EVENTS: &[NeededEvent] = &[
    event("checkout.session.completed", "invoices of Checkout payments"),
    event("checkout.session.async_payment_succeeded", "invoices of payments that take days, such as SEPA debits"),
    event("invoice.paid", "invoices of subscriptions and of Stripe's own invoices"),
    event("refund.created", "credit notes"),
    event("refund.updated", "credit notes of refunds that take days"),
    event("refund.failed", "word of a refund that did not arrive"),
    event("charge.refunded", "credit notes"),
    event("credit_note.created", "credit notes with the lines of Stripe's"),
    event("charge.dispute.closed", "word of a dispute that was lost"),
];

/// Every right.
pub const RIGHTS: &[NeededRight] = &[
    right("Checkout Sessions", "checkout/sessions", "the items of a Checkout payment"),
    right("Invoices", "invoices", "the items of a Stripe invoice, and which payment paid it"),
    right("Tax Rates", "tax_rates", "the rate of a tax that Stripe charged"),
    right("Charges and Refunds", "refunds", "refunds of a charge"),
    right("Payment Intents", "payment_intents", "which payment a refund belongs to"),
    right("Balance", "balance_transactions", "the rate to euros at which Stripe settled"),
];

/// What lets the doctor see whether the endpoint sends the right events; nothing else needs it.
pub const RIGHT_OF_THE_DOCTOR: NeededRight =
    right("Webhook Endpoints", "webhook_endpoints", "a look at the endpoint's events by `cargo doctor`");

const fn event(kind: &'static str, capability: &'static str) -> NeededEvent {
    NeededEvent { kind, capability }
}

const fn right(name: &'static str, list: &'static str, capability: &'static str) -> NeededRight {
    NeededRight { name, list, capability }
}

#[cfg(test)]
mod tests {
    use crate::stripe::{
        classify::{classify, read},
        meaning::Meaning,
    };

    use super::*;

    #[test]
    fn every_event_is_one_that_is_understood_and_the_readme_names_it() {
        let readme = include_str!("../../../README.md");
        for needed in EVENTS {
            let body =
                format!(r#"{{"id":"evt_1","type":"{}","livemode":false,"data":{{"object":{{}}}}}}"#, needed.kind);
            let meaning = classify(&read(body.as_bytes()).unwrap(), false);
            let unused = matches!(&meaning, Meaning::Nothing(reason) if reason.word == "type_unused");
            assert!(!unused, "{} is sent for nothing", needed.kind);
            assert!(readme.contains(&format!("`{}`", needed.kind)), "the README does not name {}", needed.kind);
        }
    }

    /// The template's own sentence wraps nowhere, the README's anywhere.
    #[test]
    fn readme_and_template_name_every_right() {
        let unwrapped = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        for text in [include_str!("../../../README.md"), include_str!("../../../template.yaml")].map(unwrapped) {
            for right in RIGHTS {
                assert!(text.contains(right.name), "{} is not named", right.name);
            }
        }
    }
}
