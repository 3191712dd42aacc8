//! Whose sale it is: who is the seller to the buyer, and so bills them and is liable for the VAT.
//!
//! Three kinds of sales pass through a Stripe account without being its owner's:
//! - Managed Payments: Link sells to the buyer, bills, and remits the tax (docs.stripe.com/payments/managed-payments).
//! - An event with an `account` happened on a connected account: a direct charge, sold by that account
//!   (docs.stripe.com/connect/direct-charges). A platform's own events, including destination charges, have none.
//! - Another account issues the invoice or is liable for its tax (docs.stripe.com/tax/connect, "liability").
//!
//! None of them results in a document of ours.

use super::object::{AccountReference, AutomaticTax, Intent, ManagedPayments, Session, StripeInvoice, Subscription};
use crate::outcome::Reason;

/// The seller, where it is not the owner of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherSeller {
    /// Link, under Managed Payments.
    Link,
    /// A connected account, on which the event happened.
    ConnectedAccount,
    /// Another account, which issues the invoice or is liable for its tax.
    OtherAccount,
}

impl OtherSeller {
    /// The code of the reason.
    pub fn word(self) -> &'static str {
        match self {
            Self::Link => "sold_by_link",
            Self::ConnectedAccount => "sold_by_connected_account",
            Self::OtherAccount => "sold_by_other_account",
        }
    }

    /// Why `what` results in no document of ours.
    pub fn reason(self, what: &str) -> Reason {
        let why = match self {
            Self::Link => {
                "was sold by Link (Managed Payments), which bills the buyer and owes the VAT: no invoice of yours is due to \
                 the buyer; book what Stripe pays out"
            }
            Self::ConnectedAccount => {
                "was sold by a connected account: its owner bills the buyer; to stop hearing of such sales, let this \
                 endpoint listen to your own account alone"
            }
            Self::OtherAccount => {
                "is issued by another account, or another account owes its tax: that account's owner bills the buyer"
            }
        };
        Reason::new(self.word(), format!("{what} {why}"))
    }
}

/// The other seller of a session's sale.
pub fn of_session(session: &Session) -> Option<OtherSeller> {
    managed(session.managed_payments.as_ref()).or_else(|| taxpayer(session.automatic_tax.as_ref()))
}

/// The other seller of an invoice's sale, as far as the invoice says.
pub fn of_invoice(invoice: &StripeInvoice) -> Option<OtherSeller> {
    invoice.issuer.as_ref().and_then(role).or_else(|| taxpayer(invoice.automatic_tax.as_ref()))
}

/// The other seller of a subscription. Its invoices do not say that they are sold under Managed Payments.
pub fn of_subscription(subscription: &Subscription) -> Option<OtherSeller> {
    managed(subscription.managed_payments.as_ref())
}

/// The other seller of a payment.
pub fn of_intent(intent: &Intent) -> Option<OtherSeller> {
    managed(intent.managed_payments.as_ref())
}

/// Whether the subscription must be read to know if the invoice is under Managed Payments, which always computes tax.
pub fn may_be_managed(invoice: &StripeInvoice) -> bool {
    invoice.automatic_tax.as_ref().is_none_or(|tax| tax.enabled)
}

fn managed(payments: Option<&ManagedPayments>) -> Option<OtherSeller> {
    payments.filter(|payments| payments.enabled).map(|_| OtherSeller::Link)
}

fn taxpayer(tax: Option<&AutomaticTax>) -> Option<OtherSeller> {
    tax.filter(|tax| tax.enabled).and_then(|tax| role(tax.liability.as_ref()?))
}

/// The account in a role, if not the owner. Account types that Stripe may add in future are not the owner either.
fn role(account: &AccountReference) -> Option<OtherSeller> {
    match account.kind.as_deref()? {
        "self" => None,
        "stripe" => Some(OtherSeller::Link),
        _ => Some(OtherSeller::OtherAccount),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(json: &str) -> Option<OtherSeller> {
        of_session(&serde_json::from_str(json).unwrap())
    }

    fn invoice(json: &str) -> Option<OtherSeller> {
        of_invoice(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn a_session_is_the_owners_unless_it_says_otherwise() {
        use OtherSeller::{Link, OtherAccount};
        let liability = |kind: &str, enabled: bool| {
            session(&format!(
                r#"{{"id":"cs_1","automatic_tax":{{"enabled":{enabled},"liability":{{"type":"{kind}"}}}}}}"#
            ))
        };
        assert_eq!(session(r#"{"id":"cs_1"}"#), None);
        assert_eq!(session(r#"{"id":"cs_1","managed_payments":null,"automatic_tax":null}"#), None);
        assert_eq!(session(r#"{"id":"cs_1","managed_payments":{"enabled":false}}"#), None);
        assert_eq!(session(r#"{"id":"cs_1","managed_payments":{"enabled":true}}"#), Some(Link));
        assert_eq!(liability("stripe", true), Some(Link));
        assert_eq!(liability("self", true), None);
        assert_eq!(liability("account", true), Some(OtherAccount));
        assert_eq!(liability("account", false), None, "no tax is computed, so nobody owes it");
    }

    #[test]
    fn an_invoice_is_its_issuers_and_its_taxpayers() {
        use OtherSeller::{Link, OtherAccount};
        assert_eq!(invoice(r#"{"id":"in_1","issuer":{"type":"self"}}"#), None);
        assert_eq!(invoice(r#"{"id":"in_1","issuer":null}"#), None);
        assert_eq!(invoice(r#"{"id":"in_1","issuer":{"type":"account","account":"acct_1"}}"#), Some(OtherAccount));
        assert_eq!(invoice(r#"{"id":"in_1","issuer":{"type":"stripe"}}"#), Some(Link));
        let managed =
            r#"{"id":"in_1","issuer":{"type":"self"},"automatic_tax":{"enabled":true,"liability":{"type":"stripe"}}}"#;
        assert_eq!(invoice(managed), Some(Link));
        for (tax, asked) in [("null", true), (r#"{"enabled":true}"#, true), (r#"{"enabled":false}"#, false)] {
            let invoice = format!(r#"{{"id":"in_1","automatic_tax":{tax}}}"#);
            assert_eq!(may_be_managed(&serde_json::from_str(&invoice).unwrap()), asked, "{tax}");
        }
    }
}
