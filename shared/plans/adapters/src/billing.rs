//! What plans ask of Stripe.

use std::time::Duration;

use comptoir::outcome::ServiceError;
use comptoir_aws::secrets::StripeKey;
use comptoir_edge::https::Https;
use comptoir_plans::stripe::{Billing, Buyer, CheckoutPage, Expired, Invoice, List, Made, NewCheckout, Subscription};
use comptoir_stripe::{
    client::{Client, Trouble, WHAT, unreadable},
    request,
};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use stripe_client_core::SharedConfigBuilder;
use tokio::time::Instant;

/// Paid invoices that are looked at: those of the last periods.
const INVOICES: &str = "20";

/// Stripe, called with the stored key.
#[derive(Debug)]
pub struct StripeBilling {
    /// The key.
    pub key: StripeKey,
    /// The HTTPS client.
    pub https: Https,
    /// A base URL other than api.stripe.com.
    pub url: Option<String>,
    /// The longest that one call may take.
    pub patience: Duration,
    /// This stack in idempotency keys: another stack of the same account has others.
    pub stack: String,
}

/// Entries of a page of a list, and the most pages that are read of one.
const PAGE: &str = "100";
const MOST_PAGES: u32 = 50;

/// The most keys that are used for one Checkout page.
const MOST_KEYS: u32 = 5;

/// How often a page is asked to end while somebody else asks for the same, and the longest pause before it is again.
const MOST_ENDINGS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(300);

/// A call.
pub(crate) enum Call<'a> {
    Get(&'a request::Fields<'a>),
    Post(&'a request::Fields<'a>, &'a str),
    Delete,
}

impl StripeBilling {
    /// Reads what a list within an object leaves out: the whole of it, from its own path.
    pub(crate) async fn whole<T: DeserializeOwned>(
        &self,
        within: &mut List<T>,
        (path, query): (&str, &request::Fields<'_>),
    ) -> Result<(), ServiceError> {
        if !within.has_more {
            return Ok(());
        }
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut query = [query, &[("limit", PAGE.to_owned())]].concat();
            query.extend(after.iter().map(|after| ("starting_after", after.clone())));
            let page = self.call(path, &Call::Get(&query)).await?.map_err(|trouble| trouble.error())?;
            let List { data, has_more }: List<Value> = parsed(page)?;
            after = data.last().map(|last| text(last, "id").map(str::to_owned)).transpose()?;
            all.extend(data.into_iter().map(parsed).collect::<Result<Vec<T>, _>>()?);
            if !has_more || after.is_none() {
                *within = List { data: all, has_more: false };
                return Ok(());
            }
        }
        Err(unreadable("a list has no end"))
    }

    /// What became of a page that is not open any more.
    async fn ended(&self, path: &str) -> Result<Expired, ServiceError> {
        match self.call(path, &Call::Get(&[])).await? {
            Ok(page) if text(&page, "status")? == "complete" => {
                Ok(Expired::Paid(page.get("subscription").and_then(Value::as_str).map(str::to_owned)))
            }
            Ok(_) | Err(Trouble::Refused(404)) => Ok(Expired::Over),
            Err(trouble) => Err(trouble.error()),
        }
    }

    /// Reads the items that a subscription leaves out: any of them may be of a plan.
    pub(crate) async fn all_items(&self, subscription: &mut Subscription) -> Result<(), ServiceError> {
        let query = [("subscription", subscription.id.clone())];
        self.whole(&mut subscription.items, ("/subscription_items", &query)).await
    }

    pub(crate) async fn call(&self, path: &str, call: &Call<'_>) -> Result<Result<Value, Trouble>, ServiceError> {
        let key = self.key.current().await?;
        let answer = self.send(path, call, key).await?;
        if !matches!(answer, Err(Trouble::Refused(401))) {
            return Ok(answer);
        }
        // A key that Stripe rejects may have been replaced since it was read.
        let renewed = self.key.renewed().await?;
        self.send(path, call, renewed).await
    }

    async fn send(
        &self,
        path: &str,
        call: &Call<'_>,
        key: Option<String>,
    ) -> Result<Result<Value, Trouble>, ServiceError> {
        let Some(key) = key else {
            let text = "no API key of Stripe is stored; store one with the command that the stack prints, then replay";
            return Err(ServiceError::permanent(WHAT, "stripe_key_missing", text));
        };
        let config = SharedConfigBuilder::new(key).timeout(self.patience);
        let config = self.url.iter().cloned().fold(config, SharedConfigBuilder::url);
        let client = Client::new(config, &self.https, Instant::now() + self.patience);
        Ok(match call {
            Call::Get(query) => request::get(&client, path, query).await,
            Call::Post(form, key) => request::post(&client, path, form, &format!("{}:{key}", self.stack)).await,
            Call::Delete => request::delete(&client, path).await,
        })
    }
}

pub(crate) fn parsed<T: DeserializeOwned>(value: Value) -> Result<T, ServiceError> {
    serde_json::from_value(value).map_err(|_| unreadable("an answer is not of the shape that it should be"))
}

fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, ServiceError> {
    value.get(name).and_then(Value::as_str).ok_or_else(|| unreadable("an answer lacks a field"))
}

/// Our name of what the caller wrote and Stripe refuses. What the owner wrote, as a price, is no mistake of the caller's.
fn field(param: &str) -> Option<&'static str> {
    Some(match param {
        "customer_email" => "email",
        "success_url" => "success_url",
        "cancel_url" => "cancel_url",
        "return_url" => "return_url",
        _ => return None,
    })
}

/// What an answer says of a page that was to be made.
fn made(answer: Result<Value, Trouble>) -> Result<Made<Value>, ServiceError> {
    match answer {
        Ok(page) => Ok(Made::Page(page)),
        Err(Trouble::Parameter { code, param }) if param == "customer" && code == "resource_missing" => {
            Ok(Made::NoCustomer)
        }
        Err(trouble) => match &trouble {
            Trouble::Parameter { param, .. } => field(param).map(Made::Wrong).ok_or_else(|| trouble.error()),
            _ => Err(trouble.error()),
        },
    }
}

impl Billing for StripeBilling {
    async fn subscription(&self, id: &str) -> Result<Option<Subscription>, ServiceError> {
        let query = [("expand[]", "customer".to_owned())];
        match self.call(&format!("/subscriptions/{id}"), &Call::Get(&query)).await? {
            Ok(value) => {
                let mut subscription = parsed(value)?;
                self.all_items(&mut subscription).await?;
                Ok(Some(subscription))
            }
            Err(Trouble::Refused(404)) => Ok(None),
            Err(trouble) => Err(trouble.error()),
        }
    }

    async fn paid_invoices(&self, subscription: &str) -> Result<Vec<Invoice>, ServiceError> {
        let query =
            [("subscription", subscription.to_owned()), ("status", "paid".to_owned()), ("limit", INVOICES.to_owned())];
        let answer = self.call("/invoices", &Call::Get(&query)).await?;
        let mut invoices = parsed::<List<Invoice>>(answer.map_err(|trouble| trouble.error())?)?.data;
        for invoice in &mut invoices {
            // The line of a plan stands behind those of changes within the period, and of all else that waited.
            self.whole(&mut invoice.lines, (&format!("/invoices/{}/lines", invoice.id), &[])).await?;
        }
        Ok(invoices)
    }

    async fn cancel(&self, subscription: &str) -> Result<(), ServiceError> {
        match self.call(&format!("/subscriptions/{subscription}"), &Call::Delete).await? {
            // Stripe does not know one that is over (docs.stripe.com/api/subscriptions/cancel).
            Ok(_) | Err(Trouble::Refused(404)) => Ok(()),
            Err(trouble) => Err(trouble.error()),
        }
    }

    async fn open_checkout(&self, checkout: &NewCheckout, key: &str) -> Result<Made<CheckoutPage>, ServiceError> {
        let mut form = vec![
            ("mode", "subscription".to_owned()),
            ("line_items[0][price]", checkout.price.clone()),
            ("line_items[0][quantity]", "1".to_owned()),
            ("success_url", checkout.success_url.clone()),
            ("cancel_url", checkout.cancel_url.clone()),
            ("client_reference_id", checkout.reference.clone()),
        ];
        match &checkout.buyer {
            Some(Buyer::Customer(customer)) => form.push(("customer", customer.clone())),
            Some(Buyer::Address(address)) => form.push(("customer_email", address.clone())),
            None => {}
        }
        if checkout.trial_days > 0 {
            form.push(("subscription_data[trial_period_days]", checkout.trial_days.to_string()));
        }
        let mut answer = Err(Trouble::OutOfTime);
        for again in 0..MOST_KEYS {
            // A failure that Stripe keeps under a key would be answered for a day. A page that nobody was told of charges nothing,
            // so that it is asked for under another one.
            let key = if again == 0 { format!("checkout:{key}") } else { format!("checkout:{key}:{again}") };
            answer = self.call("/checkout/sessions", &Call::Post(&form, &key)).await?;
            if !matches!(answer, Err(Trouble::FailureKept(_))) {
                break;
            }
        }
        let page = match made(answer)? {
            Made::Page(page) => page,
            Made::NoCustomer => return Ok(Made::NoCustomer),
            Made::Wrong(field) => return Ok(Made::Wrong(field)),
        };
        let expires_at = page.get("expires_at").and_then(Value::as_i64).and_then(|at| Timestamp::from_second(at).ok());
        Ok(Made::Page(CheckoutPage {
            session: text(&page, "id")?.to_owned(),
            url: text(&page, "url")?.to_owned(),
            expires_at: expires_at.ok_or_else(|| unreadable("a Checkout page has no end"))?,
        }))
    }

    async fn expire_checkout(&self, session: &str) -> Result<Expired, ServiceError> {
        let path = format!("/checkout/sessions/{session}");
        for _ in 0..MOST_ENDINGS {
            // A page ends once, so that no key has to say that it is the same request. An answer that Stripe keeps would be in the
            // way of another one.
            let key = format!("expire:{}", comptoir_edge::random::random_name());
            match self.call(&format!("{path}/expire"), &Call::Post(&[], &key)).await? {
                Ok(_) => return Ok(Expired::Over),
                // Only an open page can be expired (docs.stripe.com/api/checkout/sessions/expire): what is it, then?
                Err(Trouble::Refused(400 | 404) | Trouble::Parameter { .. }) => {
                    return self.ended(&path).await;
                }
                // Somebody else is at it at this moment.
                Err(Trouble::Refused(409)) => tokio::time::sleep(PAUSE.mul_f64(fastrand::f64())).await,
                Err(trouble) => return Err(trouble.error()),
            }
        }
        Err(Trouble::Refused(409).error())
    }

    async fn open_portal(&self, customer: &str, return_url: &str) -> Result<Made<String>, ServiceError> {
        let form = [("customer", customer.to_owned()), ("return_url", return_url.to_owned())];
        // Each page is new: its address is good for minutes alone.
        let key = format!("portal:{}", comptoir_edge::random::random_name());
        let answer = self.call("/billing_portal/sessions", &Call::Post(&form, &key)).await?;
        Ok(match made(answer)? {
            Made::Page(page) => Made::Page(text(&page, "url")?.to_owned()),
            Made::NoCustomer => Made::NoCustomer,
            Made::Wrong(field) => Made::Wrong(field),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_who_is_gone_is_no_failure() {
        let wrong =
            |code: &str, param: &str| made(Err(Trouble::Parameter { code: code.to_owned(), param: param.to_owned() }));
        assert_eq!(wrong("resource_missing", "customer"), Ok(Made::NoCustomer));
        assert_eq!(wrong("email_invalid", "customer_email"), Ok(Made::Wrong("email")));
        assert!(wrong("resource_missing", "line_items[0][price]").unwrap_err().is_permanent());
    }
}
