//! How a contract ends at Stripe: with what is paid, or at once with everything refunded.

use comptoir::outcome::ServiceError;
use comptoir_plans::{
    declaration::store::{Ending, Refunded},
    stripe::{List, Subscription},
};
use comptoir_stripe::client::Trouble;
use serde_json::Value;

use crate::billing::{Call, StripeBilling, parsed};

/// Paid invoices that are refunded: a contract that may be withdrawn from is some two weeks old.
const INVOICES: &str = "20";

/// What an invoice is listed with: the payments of it, each with the id of its intent.
const PAYMENTS: &str = "data.payments";

impl Ending for StripeBilling {
    async fn end_with_period(
        &self,
        subscription: &str,
        ends: bool,
        key: &str,
    ) -> Result<Option<Subscription>, ServiceError> {
        let form = [("cancel_at_period_end", ends.to_string()), ("expand[]", "customer".to_owned())];
        match self.call(&format!("/subscriptions/{subscription}"), &Call::Post(&form, key)).await? {
            Ok(value) => parsed(value).map(Some),
            // One that is over cannot be changed (docs.stripe.com/api/subscriptions/update).
            Err(Trouble::Refused(400 | 404)) => Ok(None),
            Err(trouble) => Err(trouble.error()),
        }
    }

    async fn refund(&self, subscription: &str) -> Result<Refunded, ServiceError> {
        let mut at_a_bank = false;
        for invoice in self.invoices(subscription, "open").await? {
            at_a_bank |= !self.withdrawn(&invoice).await?;
        }
        // Afterwards: what was paid in between is among them.
        for intent in self.invoices(subscription, "paid").await?.iter().flat_map(|invoice| intents(invoice, true)) {
            self.refund_whole(&intent).await?;
        }
        Ok(if at_a_bank { Refunded::AtABank } else { Refunded::All })
    }
}

impl StripeBilling {
    async fn invoices(&self, subscription: &str, status: &str) -> Result<Vec<Value>, ServiceError> {
        let query = [
            ("subscription", subscription.to_owned()),
            ("status", status.to_owned()),
            ("limit", INVOICES.to_owned()),
            ("expand[]", PAYMENTS.to_owned()),
        ];
        let answer = self.call("/invoices", &Call::Get(&query)).await?;
        Ok(parsed::<List<Value>>(answer.map_err(|trouble| trouble.error())?)?.data)
    }

    /// Asks for an open invoice no more; `false` while a bank is at it.
    async fn withdrawn(&self, invoice: &Value) -> Result<bool, ServiceError> {
        for intent in intents(invoice, false) {
            let answer = self.call(&format!("/payment_intents/{intent}"), &Call::Get(&[])).await?;
            let standing = answer.map_err(|trouble| trouble.error())?;
            if standing.get("status").and_then(Value::as_str) == Some("processing") {
                return Ok(false);
            }
        }
        let Some(id) = invoice.get("id").and_then(Value::as_str) else { return Ok(true) };
        match self.call(&format!("/invoices/{id}/void"), &Call::Post(&[], &format!("void:{id}"))).await? {
            Ok(_) => Ok(true),
            // It was paid or voided in between: the next look says which.
            Err(Trouble::Refused(400)) => Ok(false),
            Err(trouble) => Err(trouble.error()),
        }
    }

    /// Refunds what is left of a payment.
    async fn refund_whole(&self, intent: &str) -> Result<(), ServiceError> {
        let query = [("expand[]", "latest_charge".to_owned())];
        let answer = self.call(&format!("/payment_intents/{intent}"), &Call::Get(&query)).await?;
        let standing = answer.map_err(|trouble| trouble.error())?;
        let charge = standing.pointer("/latest_charge");
        if charge.and_then(|charge| charge.get("refunded")).and_then(Value::as_bool) == Some(true) {
            return Ok(());
        }
        let form = [("payment_intent", intent.to_owned()), ("reason", "requested_by_customer".to_owned())];
        let answer = self.call("/refunds", &Call::Post(&form, &format!("withdraw:{intent}"))).await?;
        answer.map(drop).map_err(|trouble| trouble.error())
    }
}

/// The payment intents of an invoice, or those that paid it. Before 2025-03-31 there was one, on the invoice itself.
fn intents(invoice: &Value, paid: bool) -> Vec<String> {
    let named = |value: &Value| value.as_str().or_else(|| value.get("id").and_then(Value::as_str)).map(str::to_owned);
    let is_paid =
        |payment: &&Value| payment.get("status").and_then(Value::as_str).is_none_or(|status| status == "paid");
    let payments = invoice.pointer("/payments/data").and_then(Value::as_array).into_iter().flatten();
    let payments = payments.filter(|payment| !paid || is_paid(payment));
    let now = payments.filter_map(|payment| payment.pointer("/payment/payment_intent").and_then(named));
    now.chain(invoice.get("payment_intent").and_then(named)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_paid_an_invoice_is_found_where_each_version_has_it() {
        let payment = |status: &str, intent: Value| json!({"status": status, "payment": {"payment_intent": intent}});
        for (invoice, expected) in [
            (json!({"payments": {"data": [payment("paid", json!("pi_1"))]}}), vec!["pi_1"]),
            (
                json!({"payments": {"data": [payment("canceled", json!("pi_1")), payment("paid", json!({"id": "pi_2"}))]}}),
                vec!["pi_2"],
            ),
            (json!({"payment_intent": "pi_1"}), vec!["pi_1"]),
            (json!({"payment_intent": null, "amount_paid": 0}), vec![]),
        ] {
            assert_eq!(intents(&invoice, true), expected, "{invoice}");
        }
    }
}
