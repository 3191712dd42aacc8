//! Prices and products: three prices are there unasked, others are made.

use serde_json::{Value, json};

use super::form::Form;
use super::object::{is, merge, set, text};
use super::refusal::Refusal;
use super::shape;
use super::world::World;

/// The prices that are there unasked, in cents a month: id, amount, product, name.
pub const KNOWN: [(&str, i64, &str, &str); 3] = [
    ("price_comptoir_solo", 900, "prod_comptoir_solo", "Comptoir Solo"),
    ("price_comptoir_studio", 2_900, "prod_comptoir_studio", "Comptoir Studio"),
    ("price_comptoir_essai", 1_900, "prod_comptoir_essai", "Comptoir Essai"),
];

/// Puts the known prices where everything else is, unless something else was placed there.
pub fn stock(world: &mut World) {
    for (id, amount, product, name) in KNOWN {
        let mut made = shape::of("product");
        for (field, value) in [("id", json!(product)), ("name", json!(name)), ("default_price", json!(id))] {
            set(&mut made, field, value);
        }
        let mut price = shape::of("price");
        let recurring = json!({"interval": "month", "interval_count": 1, "meter": null, "trial_period_days": null, "usage_type": "licensed"});
        let fields = [
            ("id", json!(id)),
            ("product", json!(product)),
            ("currency", json!("eur")),
            ("type", json!("recurring")),
            ("recurring", recurring),
            ("unit_amount", json!(amount)),
            ("unit_amount_decimal", json!(amount.to_string())),
        ];
        for (field, value) in fields {
            set(&mut price, field, value);
        }
        world.objects.entry(format!("products/{product}")).or_insert(made);
        world.objects.entry(format!("prices/{id}")).or_insert(price);
    }
}

/// `POST /v1/products`.
///
/// # Errors
/// Stripe's.
pub fn create_product(world: &mut World, form: &Form) -> Result<Value, Refusal> {
    form.only(&[
        "name",
        "description",
        "active",
        "metadata",
        "url",
        "unit_label",
        "default_price_data",
        "tax_code",
        "images",
        "statement_descriptor",
        "shippable",
        "id",
    ])?;
    let name = form.required("/name")?;
    let mut product = world.new_object("product", "prod_", json!({"name": name, "updated": world.now}));
    if let Some(id) = form.text("/id") {
        set(&mut product, "id", id);
    }
    set(&mut product, "metadata", form.metadata("/metadata", &json!({})));
    merge(&mut product, &form.texts(&["description", "url", "unit_label", "tax_code", "statement_descriptor"]));
    world.keep(&product, "product.created");
    Ok(product)
}

/// `POST /v1/prices`.
///
/// # Errors
/// Stripe's.
pub fn create_price(world: &mut World, form: &Form) -> Result<Value, Refusal> {
    form.only(&[
        "currency",
        "unit_amount",
        "product",
        "product_data",
        "recurring",
        "active",
        "metadata",
        "nickname",
        "lookup_key",
        "tax_behavior",
        "billing_scheme",
    ])?;
    let price = made(world, form, "")?;
    world.keep(&price, "price.created");
    Ok(price)
}

/// The price that an entry of a list names, or describes with `price_data`.
///
/// # Errors
/// When there is no such price, or it cannot be used any more.
pub fn of_entry(world: &mut World, entry: &Form, param: &str) -> Result<Value, Refusal> {
    if let Some(id) = entry.text("/price") {
        let param = format!("{param}[price]");
        let price = world.named(id, "price", &param)?;
        if !is(&price, "/active") {
            let text = "The price specified is inactive. This field only accepts active prices.";
            return Err(Refusal::parameter(&param, "price_inactive", text));
        }
        return Ok(price);
    }
    if entry.has("/price_data") {
        let price = made(world, entry, "/price_data")?;
        world.keep(&price, "");
        return Ok(price);
    }
    Err(Refusal::missing(&format!("{param}[price]")))
}

fn made(world: &mut World, form: &Form, at: &str) -> Result<Value, Refusal> {
    let amount = form.number(&format!("{at}/unit_amount"))?.ok_or_else(|| Refusal::missing("unit_amount"))?;
    if amount < 0 {
        return Err(Refusal::parameter("unit_amount", "parameter_invalid_integer", "Invalid non-negative integer"));
    }
    let currency = form.required(&format!("{at}/currency"))?.to_ascii_lowercase();
    let product = match (form.text(&format!("{at}/product")), form.text(&format!("{at}/product_data/name"))) {
        (Some(id), _) => text(&world.named(id, "product", "product")?, "/id").to_owned(),
        (None, Some(name)) => {
            let product = world.new_object("product", "prod_", json!({"name": name, "updated": world.now}));
            world.keep(&product, if at.is_empty() { "product.created" } else { "" });
            text(&product, "/id").to_owned()
        }
        (None, None) => return Err(Refusal::missing("product")),
    };
    let interval = form.choice(&format!("{at}/recurring/interval"), &["day", "week", "month", "year"])?;
    let count = form.number(&format!("{at}/recurring/interval_count"))?.unwrap_or(1);
    let recurring = interval.map(|interval| {
        json!({"interval": interval, "interval_count": count, "meter": null, "trial_period_days": null, "usage_type": "licensed"})
    });
    let fields = json!({
        "currency": currency, "product": product, "unit_amount": amount, "unit_amount_decimal": amount.to_string(),
        "type": if recurring.is_some() { "recurring" } else { "one_time" }, "recurring": recurring,
        "metadata": form.metadata(&format!("{at}/metadata"), &json!({})), "active": at.is_empty() && form.boolean("/active")? != Some(false),
    });
    let mut price = world.new_object("price", "price_", fields);
    merge(&mut price, &form.texts(&["nickname", "lookup_key", "tax_behavior"]));
    Ok(price)
}
