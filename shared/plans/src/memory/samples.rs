//! Sample plans, subscriptions and invoices.

use serde_json::json;

use crate::{
    catalogue::{Catalogue, PlansDocument},
    stripe::{Invoice, Subscription},
};

/// Plans for tests: solo and studio, and essai with a trial.
pub fn catalogue() -> Catalogue {
    let text = "[site]\norigins = [\"https://example.org\"]\n\
        [[plan]]\nkey = \"solo\"\nname = \"Solo\"\nprices = [\"price_solo\"]\nfeatures = [\"courses\"]\ntokens_per_period = 10\n\
        [[plan]]\nkey = \"studio\"\nname = \"Studio\"\nprices = [\"price_studio\"]\ntokens_per_period = 100\nrollover_cap = 50\n\
        [[plan]]\nkey = \"essai\"\nname = \"Essai\"\nprices = [\"price_essai\"]\ntokens_per_period = 20\ntrial_days = 14\n";
    let document = PlansDocument::from_toml(text).and_then(|document| Catalogue::of(&document));
    document.unwrap_or_default()
}

fn read<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> T {
    #[expect(clippy::expect_used, reason = "sample data of tests")]
    serde_json::from_value(value).expect("a sample has Stripe's shape")
}

/// A subscription of one item, with its customer.
pub fn subscription(id: &str, customer: &str, email: &str, status: &str, price: &str) -> Subscription {
    read(json!({
        "id": id, "status": status, "created": 1_795_257_000,
        "customer": {"id": customer, "email": email},
        "items": {"data": [{
            "price": {"id": price}, "quantity": 1,
            "current_period_start": 1_795_257_000, "current_period_end": 1_797_849_000,
        }]},
        "trial_end": null, "ended_at": null,
    }))
}

/// A paid invoice of one line.
pub fn invoice(id: &str, reason: &str, price: &str) -> Invoice {
    read(json!({
        "id": id, "status": "paid", "billing_reason": reason,
        "lines": {"data": [{
            "quantity": 1, "period": {"start": 1_795_257_000, "end": 1_797_849_000},
            "pricing": {"price_details": {"price": price}},
        }]},
    }))
}
