//! Requests whose answers are JSON values: the caller reads as much of them as it needs, so that a newer version of Stripe's
//! API does not make them unreadable.

use serde_json::Value;
use stripe_client_core::{IdempotencyKey, RequestBuilder, RequestStrategy, StripeMethod};
use url::form_urlencoded::Serializer;

use crate::client::{Client, Trouble};

/// A response in the bindings' own JSON.
type Json = miniserde::json::Value;

/// Fields of a form or a query, in Stripe's spelling: `line_items[0][price]`.
pub type Fields<'a> = [(&'a str, String)];

/// Reads the object or the list at `path`.
///
/// # Errors
/// Why there is no answer; [`Trouble::Refused`] with 404 where there is no such object.
pub async fn get(client: &Client<'_>, path: &str, query: &Fields<'_>) -> Result<Value, Trouble> {
    let mut request = request(StripeMethod::Get, path)?;
    request.query = Some(encoded(query)).filter(|query| !query.is_empty());
    answer(request.customize::<Json>().send(client).await)
}

/// Changes something, once for each `key`: Stripe answers a repetition of the same request as it answered the first
/// (docs.stripe.com/api/idempotent_requests), for at least a day.
///
/// # Errors
/// Why there is no answer. The change may have been made all the same, unless [`Trouble::Refused`] says otherwise.
pub async fn post(client: &Client<'_>, path: &str, form: &Fields<'_>, key: &str) -> Result<Value, Trouble> {
    let mut request = request(StripeMethod::Post, path)?;
    request.body = Some(encoded(form));
    answer(request.customize::<Json>().request_strategy(once_for(key)?).send(client).await)
}

/// Deletes the object at `path`; for a subscription this cancels it at once. Deleting is idempotent without a key.
///
/// # Errors
/// As [`post`].
pub async fn delete(client: &Client<'_>, path: &str) -> Result<Value, Trouble> {
    answer(request(StripeMethod::Delete, path)?.customize::<Json>().send(client).await)
}

fn request(method: StripeMethod, path: &str) -> Result<RequestBuilder, Trouble> {
    let plain = path.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'/'));
    if plain && !path.ends_with('/') && !path.contains("//") {
        Ok(RequestBuilder::new(method, path))
    } else {
        Err(Trouble::Unreadable("an id has other characters than letters, digits and _".to_owned()))
    }
}

fn encoded(fields: &Fields<'_>) -> String {
    Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn once_for(key: &str) -> Result<RequestStrategy, Trouble> {
    let key = IdempotencyKey::new(key)
        .map_err(|_| Trouble::Unreadable("an idempotency key is empty or too long".to_owned()))?;
    Ok(RequestStrategy::Idempotent(key))
}

fn answer(answer: Result<Json, Trouble>) -> Result<Value, Trouble> {
    serde_json::from_str(&miniserde::json::to_string(&answer?))
        .map_err(|_| Trouble::Unreadable("it is no JSON".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_cannot_leave_their_path() {
        for path in ["/subscriptions/../customers", "/subscriptions/", "//x", "/a?expand", "/a b"] {
            assert!(request(StripeMethod::Get, path).is_err(), "{path}");
        }
        assert!(request(StripeMethod::Delete, "/subscriptions/sub_1").is_ok());
    }

    #[test]
    fn forms_are_spelt_as_stripe_reads_them() {
        let form = [("line_items[0][price]", "price_1".to_owned()), ("customer_email", "a+b@example.org".to_owned())];
        assert_eq!(encoded(&form), "line_items%5B0%5D%5Bprice%5D=price_1&customer_email=a%2Bb%40example.org");
    }
}
