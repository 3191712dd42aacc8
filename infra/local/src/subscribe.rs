//! `cargo subscribe`: somebody buys a plan at Checkout. `cargo fail-payment`: a renewal is not paid.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::client::BundleClient;

/// From the end of a period to the charge of its invoice, and a minute to spare, in seconds.
const CHARGED: i64 = 3_660;

/// What to buy.
#[derive(Clone, Debug, clap::Args)]
pub struct Subscribe {
    /// The price: price_comptoir_solo, price_comptoir_studio or price_comptoir_essai
    #[arg(long, default_value = "price_comptoir_solo")]
    price: String,
    /// Who buys
    #[arg(long, default_value = "camille.durand@example.com")]
    email: String,
    /// Their name
    #[arg(long, default_value = "Camille Durand")]
    name: String,
    /// The number of their card, one of docs.stripe.com/testing
    #[arg(long, default_value = "4242424242424242")]
    card: String,
    /// Days of a trial
    #[arg(long)]
    trial_days: Option<u16>,
    /// Only prints the address of the Checkout page, for a person to click
    #[arg(long)]
    page: bool,
}

/// Which payment fails.
#[derive(Clone, Debug, clap::Args)]
pub struct FailPayment {
    /// Of which subscription; without it, the newest
    #[arg(long, value_name = "SUB")]
    subscription: Option<String>,
    /// What becomes of the charge
    #[arg(long, default_value = "decline:insufficient_funds")]
    outcome: String,
}

/// Buys, and prints what came of it.
///
/// # Errors
/// One sentence that says what to do.
pub async fn run(wish: &Subscribe, client: &BundleClient) -> anyhow::Result<()> {
    let days = wish.trial_days.map(|days| days.to_string());
    let mut form = vec![
        ("mode", "subscription"),
        ("line_items[0][price]", wish.price.as_str()),
        ("line_items[0][quantity]", "1"),
        ("customer_email", wish.email.as_str()),
        ("success_url", "http://localhost/success"),
        ("cancel_url", "http://localhost/cancel"),
    ];
    form.extend(days.as_deref().map(|days| ("subscription_data[trial_period_days]", days)));
    let session = ask(client, "POST", "checkout/sessions", &form).await?;
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    if wish.page {
        crate::print(text(&session, "url"));
        return Ok(());
    }
    let paying = json!({"session": text(&session, "id"), "name": wish.name, "number": wish.card});
    let (status, done) = client.fake("POST", "complete", &paying).await?;
    ensure!(status == 200, "nothing was bought: {}", done.pointer("/error/message").unwrap_or(&Value::Null));
    if let Some(why) = done.get("declined").and_then(Value::as_str) {
        crate::print(format!("Checkout stays open: {why}"));
        return Ok(());
    }
    let subscription = ask(client, "GET", &format!("subscriptions/{}", text(&done, "subscription")), &[]).await?;
    crate::print(format!("Subscription {} is {}", text(&subscription, "id"), text(&subscription, "status")));
    crate::print(format!("Customer     {} <{}>", text(&done, "customer"), wish.email));
    crate::print(format!("Invoice      {} ({})", text(&done, "invoice"), text(&done, "payment_status")));
    crate::print(format!("Page         {}", client.endpoints.home_url));
    let query = [("limit", "100"), ("expand[]", "data.customer")];
    let all = ask(client, "GET", "subscriptions", &query).await?;
    if let Some(first) = another(&all, &text(&subscription, "id"), &wish.email) {
        crate::print(format!(
            "{} has {first} already. Of two subscriptions to plans the later one is cancelled in a moment and parked: see \
             `cargo replay --dry-run`, or buy for somebody else with --email.",
            wish.email
        ));
    }
    Ok(())
}

/// A subscription that this address has beside the one that was just bought.
fn another(all: &Value, bought: &str, email: &str) -> Option<String> {
    let all = all.get("data")?.as_array()?;
    let theirs = |one: &&Value| {
        let known = one.pointer("/customer/email").and_then(Value::as_str).unwrap_or_default();
        let lives = !matches!(one.get("status").and_then(Value::as_str), Some("canceled" | "incomplete_expired"));
        lives && known.eq_ignore_ascii_case(email)
    };
    let mut ids = all.iter().filter(theirs).filter_map(|one| one.get("id")?.as_str());
    ids.find(|id| *id != bought).map(str::to_owned)
}

/// Makes the next renewal fail: the clock goes there.
///
/// # Errors
/// One sentence that says what to do.
pub async fn fail(wish: &FailPayment, client: &BundleClient) -> anyhow::Result<()> {
    let subscription = match &wish.subscription {
        Some(id) => ask(client, "GET", &format!("subscriptions/{id}"), &[]).await?,
        None => {
            let list = ask(client, "GET", "subscriptions", &[("limit", "1")]).await?;
            list.pointer("/data/0").cloned().context("nobody has a subscription: make one with `cargo subscribe`")?
        }
    };
    let text =
        |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let id = text(&subscription, "/id");
    let customer = ask(client, "GET", &format!("customers/{}", text(&subscription, "/customer")), &[]).await?;
    let usual = || text(&customer, "/invoice_settings/default_payment_method");
    let method =
        Some(text(&subscription, "/default_payment_method")).filter(|own| !own.is_empty()).unwrap_or_else(usual);
    ensure!(
        !method.is_empty(),
        "{id} has no payment method, so its renewal fails by itself: `cargo clock --advance 32d`"
    );
    let (status, refused) =
        client.fake("PUT", &format!("payment_methods/{method}"), &json!({"outcome": wish.outcome})).await?;
    ensure!(status == 204, "{}", text(&refused, "/message"));
    let end = subscription.pointer("/items/data/0/current_period_end").and_then(Value::as_i64).unwrap_or_default();
    let now = client.now().await?.as_second();
    let reached = client.advance((end.saturating_sub(now)).max(0).saturating_add(CHARGED)).await?;
    let known = ask(client, "GET", &format!("subscriptions/{id}"), &[("expand[]", "latest_invoice")]).await?;
    crate::print(format!("It is {}; {id} is {}.", reached.strftime("%Y-%m-%d %H:%M UTC"), text(&known, "/status")));
    crate::print(format!(
        "Invoice {} is {}.",
        text(&known, "/latest_invoice/id"),
        text(&known, "/latest_invoice/status")
    ));
    crate::print(format!(
        "Let it pay again with `curl -X PUT {}/_fake/payment_methods/{method} -H 'content-type: application/json' -d '{{\"outcome\":\"succeed\"}}'`",
        client.endpoints.stripe_api_url
    ));
    Ok(())
}

async fn ask(client: &BundleClient, method: &str, path: &str, form: &[(&str, &str)]) -> anyhow::Result<Value> {
    let (status, answer) = client.stripe(method, path, form, None).await?;
    let why = answer.pointer("/error/message").and_then(Value::as_str).unwrap_or_default();
    ensure!(status == 200, "the stand-in for Stripe refuses {path}: {why}");
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_a_subscription_already_is_told_so() {
        let one =
            |id: &str, email: &str, status: &str| json!({"id": id, "status": status, "customer": {"email": email}});
        let all = json!({"data": [
            one("sub_3", "zoe@example.org", "active"), one("sub_2", "Zoe@example.org", "trialing"),
            one("sub_1", "zoe@example.org", "canceled"), one("sub_0", "ada@example.org", "active"),
        ]});
        assert_eq!(another(&all, "sub_3", "zoe@example.org").as_deref(), Some("sub_2"));
        assert_eq!(another(&all, "sub_0", "ada@example.org"), None);
    }
}
