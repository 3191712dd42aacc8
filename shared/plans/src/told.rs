//! What the seller's app is told about plans: which change of access is which message, when tokens are few, and what became of
//! an unpaid invoice. Each is written in the transaction of the change.

use comptoir::app::{AppMessage, Topic};
use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    access::{Access, State},
    catalogue::Catalogue,
    person::{Person, PersonId},
    recovery::{debt::Debt, record::Recovery},
    store::{PersonVersion, StoredPerson},
    tokens::Use,
};

/// The message about a change of somebody's access, if there is one: who never had anything loses nothing.
///
/// `version` is the person's once it is written; each write has another one.
pub fn of_access(
    before: &Access,
    person: &Person,
    (subscription, version): (&str, PersonVersion),
    catalogue: &Catalogue,
    now: Timestamp,
) -> Option<AppMessage> {
    let after = &person.access;
    let topic = match (before.state, after.state) {
        _ if before == after => return None,
        (from, to) if to.is_open() && from.is_open() => Topic::AccessChanged,
        (_, to) if to.is_open() => Topic::AccessGranted,
        (from, State::Restricted) if from.is_open() => Topic::AccessRestricted,
        (from, State::Withdrawn | State::None | State::Pending) if from.is_open() || from == State::Restricted => {
            Topic::AccessWithdrawn
        }
        _ => return None,
    };
    let plan = after.plan.as_deref().and_then(|key| catalogue.plan(key));
    let data = json!({
        "email": person.email, "customer": person.customer, "subscription": subscription,
        "plan": after.plan, "plan_name": plan.map(|plan| &plan.name),
        "features": plan.filter(|_| after.state.is_open()).map_or(&[][..], |plan| &plan.features),
        "state": after.state, "until": after.until.map(|until| until.to_string()),
    });
    Some(AppMessage::new(topic, &[subscription, &version.to_string()], now, &data))
}

/// The message that few tokens are left, from the use that leaves fewer than the plan names; further uses say nothing.
pub fn of_tokens(
    standing: &StoredPerson,
    (id, request): (&PersonId, &str),
    used: Use,
    catalogue: &Catalogue,
    now: Timestamp,
) -> Option<AppMessage> {
    let person = &standing.person;
    let plan = catalogue.plan(person.access.plan.as_deref()?)?;
    let low = plan.tokens_low;
    if used.left >= low || standing.tokens < low {
        return None;
    }
    let data = json!({
        "email": person.email, "customer": person.customer, "plan": plan.key, "tokens_left": used.left, "tokens_low": low,
    });
    // A request's id is its sender's own, and only together with the person unique.
    let cause = hex::encode(Sha256::digest(format!("{id}/{request}")));
    Some(AppMessage::new(Topic::TokensLow, &[cause.get(..40).unwrap_or(&cause)], now, &data))
}

/// The message that an invoice could not be charged with any method, or that it is paid after all.
pub fn of_payment(paid: bool, invoice: &str, (debt, recovery): (&Debt, &Recovery), now: Timestamp) -> AppMessage {
    let topic = if paid { Topic::PaymentRecovered } else { Topic::PaymentFailed };
    let debtor = debt.debtor();
    let data = json!({
        "invoice": invoice, "customer": recovery.customer, "email": debtor.and_then(|debtor| debtor.email.as_deref()),
        "subscription": debt.subscription().map(|subscription| subscription.id.as_str()),
        "amount_remaining": debt.amount_remaining, "currency": debt.currency,
        "needs_customer": !paid && recovery.asks_for_customer(),
    });
    AppMessage::new(topic, &[invoice], now, &data)
}
