//! What the seller's app is told of an unpaid invoice, in the write that says what became of it.

use comptoir::app::{AppMessage, Topic};
use jiff::Timestamp;
use serde_json::json;

use super::{debt::Debt, record::Recovery};

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
