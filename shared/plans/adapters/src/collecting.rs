//! What recovery asks of Stripe.

use comptoir::outcome::ServiceError;
use comptoir_edge::https::HttpError;
use comptoir_plans::{
    recovery::{
        debt::{Charged, Collecting, Debt, Method},
        decline::Decline,
    },
    stripe::List,
};
use comptoir_stripe::client::Trouble;
use serde_json::Value;

use crate::billing::{Call, StripeBilling, parsed};

/// What an invoice is fetched with: whose it is, what it is for, and what was tried.
const WITH: [&str; 3] =
    ["customer", "parent.subscription_details.subscription", "payments.data.payment.payment_intent"];

/// The most of a customer's methods and open invoices that are looked at.
const MOST: &str = "20";

impl Collecting for StripeBilling {
    async fn debt(&self, invoice: &str) -> Result<Option<Debt>, ServiceError> {
        let query = WITH.map(|path| ("expand[]", path.to_owned()));
        match self.call(&format!("/invoices/{invoice}"), &Call::Get(&query)).await? {
            Ok(value) => {
                let mut debt: Debt = parsed(value)?;
                if let Some(subscription) = debt.subscription_mut() {
                    self.all_items(subscription).await?;
                }
                Ok(Some(debt))
            }
            Err(Trouble::Refused(404)) => Ok(None),
            Err(trouble) => Err(trouble.error()),
        }
    }

    async fn open_debts(&self, customer: &str) -> Result<Vec<String>, ServiceError> {
        let query = [("customer", customer.to_owned()), ("status", "open".to_owned()), ("limit", MOST.to_owned())];
        let answer = self.call("/invoices", &Call::Get(&query)).await?;
        let list: List<Value> = parsed(answer.map_err(|trouble| trouble.error())?)?;
        let ids = list.data.iter().filter_map(|invoice| invoice.get("id").and_then(Value::as_str));
        Ok(ids.map(str::to_owned).collect())
    }

    async fn methods(&self, customer: &str) -> Result<Vec<Method>, ServiceError> {
        let query = [("limit", MOST.to_owned())];
        let answer = self.call(&format!("/customers/{customer}/payment_methods"), &Call::Get(&query)).await?;
        Ok(parsed::<List<Method>>(answer.map_err(|trouble| trouble.error())?)?.data)
    }

    async fn charge(&self, invoice: &str, instrument: &str, method: &str) -> Result<Charged, ServiceError> {
        let form = [("payment_method", method.to_owned()), ("off_session", "true".to_owned())];
        let key = format!("pay:{invoice}:{instrument}");
        charged(self.call(&format!("/invoices/{invoice}/pay"), &Call::Post(&form, &key)).await?)
    }
}

/// What an answer says of a charge.
fn charged(answer: Result<Value, Trouble>) -> Result<Charged, ServiceError> {
    Ok(match answer {
        Ok(invoice) if invoice.get("status").and_then(Value::as_str) == Some("paid") => Charged::Paid,
        Ok(_) => Charged::Open,
        Err(Trouble::Declined { code, decline_code, advice_code, network_advice_code }) => Charged::Declined(
            Decline::of(Some(&code), decline_code.as_deref())
                .advised(advice_code.as_deref(), network_advice_code.as_deref()),
        ),
        Err(Trouble::FailureKept(_)) => Charged::FailureKept,
        Err(Trouble::Parameter { .. }) => Charged::Refused(400),
        Err(Trouble::Refused(status @ (400 | 402 | 404))) => Charged::Refused(status),
        // Nothing was sent, or the key may not charge: a person puts that right, and the same key is used again.
        Err(trouble @ (Trouble::Refused(401 | 403) | Trouble::HttpError(HttpError::Unsendable))) => {
            return Err(trouble.error());
        }
        // Also an answer that cannot be read: something happened.
        Err(trouble) => Charged::Unknown(trouble.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_stripe_says_for_certain_ends_an_attempt() {
        let of = |answer| charged(answer).unwrap();
        assert_eq!(of(Ok(json!({"status": "paid"}))), Charged::Paid);
        assert_eq!(of(Ok(json!({"status": "open"}))), Charged::Open);
        assert_eq!(of(Err(Trouble::Refused(400))), Charged::Refused(400));
        let wrong = Trouble::Parameter { code: String::new(), param: "payment_method".to_owned() };
        assert_eq!(of(Err(wrong)), Charged::Refused(400));
        assert_eq!(of(Err(Trouble::FailureKept(500))), Charged::FailureKept);
        for unknown in [
            Trouble::Refused(409),
            Trouble::Refused(429),
            Trouble::Refused(500),
            Trouble::HttpError(HttpError::Silent),
            Trouble::HttpError(HttpError::TooLate),
            Trouble::OutOfTime,
            Trouble::Unreadable("no JSON".to_owned()),
        ] {
            assert!(matches!(of(Err(unknown)), Charged::Unknown(_)));
        }
        assert!(charged(Err(Trouble::Refused(403))).unwrap_err().is_permanent());
    }
}
