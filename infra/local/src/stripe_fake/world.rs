//! The state of the stand-in: the objects by path, what is due when, and the events that changes make.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::object::{merge, set, text};
use super::outcome::Outcome;
use super::refusal::Refusal;
use super::shape;

/// The version whose shapes the objects have.
pub const API_VERSION: &str = "2026-09-30.endive";

/// The beginning of an id, the path of its objects, and what Stripe calls one in its errors.
const KINDS: [(&str, &str, &str); 17] = [
    ("cus_", "customers", "customer"),
    ("pm_", "payment_methods", "PaymentMethod"),
    ("prod_", "products", "product"),
    ("price_", "prices", "price"),
    ("sub_", "subscriptions", "subscription"),
    ("si_", "subscription_items", "subscription_item"),
    ("in_", "invoices", "invoice"),
    ("inpay_", "invoice_payments", "invoice_payment"),
    ("pi_", "payment_intents", "payment_intent"),
    ("ch_", "charges", "charge"),
    ("re_", "refunds", "refund"),
    ("cn_", "credit_notes", "credit_note"),
    ("txn_", "balance_transactions", "balance_transaction"),
    ("txr_", "tax_rates", "tax_rate"),
    ("cs_", "checkout/sessions", "checkout.session"),
    ("bps_", "billing_portal/sessions", "billing_portal.session"),
    ("evt_", "events", "event"),
];

/// What happens at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timer {
    /// A subscription's trial ends in three days.
    TrialWillEnd(String),
    /// A period of a subscription is over.
    Renew(String),
    /// A subscription's first invoice was not paid in time.
    ExpireIncomplete(String),
    /// A draft invoice is finalised and charged.
    Finalize(String),
    /// An invoice is charged again.
    Retry(String),
    /// A Checkout session expires.
    ExpireSession(String),
    /// The bank says what became of a charge.
    Settle {
        /// The charge's intent.
        intent: String,
        /// Whether it is paid.
        paid: bool,
    },
}

/// What caused a change.
#[derive(Clone, Debug, Default)]
pub struct Cause {
    /// The id of the request; none for what Stripe does of itself.
    pub request: Option<String>,
    /// The request's key.
    pub key: Option<String>,
}

/// The owner's settings at Stripe.
#[derive(Clone, Debug)]
pub struct Habits {
    /// Days from each failure of an invoice to the next try.
    pub retries: Vec<i64>,
    /// What a subscription becomes after the last of them: `canceled`, `unpaid` or `past_due`.
    pub at_the_end: String,
}

impl Default for Habits {
    fn default() -> Self {
        Self { retries: vec![3, 5, 7], at_the_end: "canceled".to_owned() }
    }
}

/// The state.
#[derive(Debug, Default)]
pub struct World {
    /// Every object by its path below `/v1/`.
    pub objects: BTreeMap<String, Value>,
    /// What payment methods do, where a test or a number says so.
    pub outcomes: BTreeMap<String, Outcome>,
    /// Lines that the next invoice of a subscription takes up.
    pub pending: BTreeMap<String, Vec<Value>>,
    /// What a Checkout session was told of the subscription that it makes.
    pub wishes: BTreeMap<String, Value>,
    /// Discounts of subscriptions: their ids and coupons.
    pub discounts: BTreeMap<String, (String, String)>,
    /// Events that were not yet handed over.
    pub told: Vec<Value>,
    /// The time, in seconds since 1970.
    pub now: i64,
    /// What causes the changes being made.
    pub cause: Cause,
    /// The owner's settings.
    pub habits: Habits,
    /// Where the pages for customers are.
    pub pages: String,
    timers: BTreeMap<(i64, u64), Timer>,
    count: u64,
}

impl World {
    /// A world at this time, with its pages for customers at this address.
    pub fn new(now: i64, pages: String) -> Self {
        Self { now, pages, ..Self::default() }
    }

    /// An id that sorts by when it was made.
    pub fn id(&mut self, prefix: &str) -> String {
        self.count += 1;
        let random: String = std::iter::repeat_with(fastrand::alphanumeric).take(12).collect();
        format!("{prefix}1{:07}{random}", self.count)
    }

    /// A new object of this kind: Stripe's fields with these values.
    pub fn new_object(&mut self, kind: &str, prefix: &str, fields: Value) -> Value {
        let id = self.id(prefix);
        let mut object = shape::of(kind);
        set(&mut object, "id", id);
        if object.get("created").is_some() {
            set(&mut object, "created", self.now);
        }
        merge(&mut object, &fields);
        object
    }

    /// The object with this id.
    pub fn get(&self, id: &str) -> Option<&Value> {
        self.objects.get(&path_of(id)?).filter(|object| object.get("deleted").is_none())
    }

    /// The object with this id, which a parameter names.
    ///
    /// # Errors
    /// When it is not there.
    pub fn named(&self, id: &str, kind: &str, param: &str) -> Result<Value, Refusal> {
        let is_kind = kind_of(id).is_none_or(|(_, _, named)| named == kind);
        self.get(id).filter(|_| is_kind).cloned().ok_or_else(|| Refusal::no_such(kind, id, param))
    }

    /// Every object of a kind, in no order that says anything.
    pub fn each<'a>(&'a self, path: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
        below(&self.objects, path)
    }

    /// Every object of a kind, newest first.
    pub fn all(&self, path: &str) -> Vec<&Value> {
        let mut all: Vec<_> = self.each(path).collect();
        all.sort_by_cached_key(|object| {
            std::cmp::Reverse((object.get("created").and_then(Value::as_i64), text(object, "/id").to_owned()))
        });
        all
    }

    /// Keeps an object, and announces it if `event` names how.
    pub fn keep(&mut self, object: &Value, event: &str) {
        let id = text(object, "/id");
        if let Some(path) = path_of(id) {
            self.objects.insert(path, object.clone());
        }
        if !event.is_empty() {
            self.emit(event, object, &Map::new());
        }
    }

    /// Sets fields of an object, and announces it if anything changed and `event` names how; returns it.
    pub fn update(&mut self, id: &str, fields: &Value, event: &str) -> Value {
        let Some(object) = path_of(id).and_then(|path| self.objects.get_mut(&path)) else { return Value::Null };
        let before = merge(object, fields);
        let object = object.clone();
        if !before.is_empty() && !event.is_empty() {
            self.emit(event, &object, &before);
        }
        object
    }

    /// Makes an event: it is listed, and waits to be handed over.
    pub fn emit(&mut self, kind: &str, object: &Value, before: &Map<String, Value>) {
        let id = self.id("evt_");
        let mut data = json!({"object": object});
        if !before.is_empty() {
            set(&mut data, "previous_attributes", before.clone());
        }
        let event = json!({
            "id": id, "object": "event", "api_version": API_VERSION, "created": self.now, "data": data, "livemode": false,
            "pending_webhooks": 1, "request": {"id": self.cause.request, "idempotency_key": self.cause.key}, "type": kind,
        });
        self.objects.insert(format!("events/{id}"), event.clone());
        self.told.push(event);
    }

    /// Remembers what happens at a time.
    pub fn at(&mut self, time: i64, timer: Timer) {
        self.count += 1;
        self.timers.insert((time, self.count), timer);
    }

    /// What is due first, until this time: when, and what.
    pub fn due(&mut self, until: i64) -> Option<(i64, Timer)> {
        let first = self.timers.first_entry()?;
        let (time, _) = *first.key();
        (time <= until).then(|| (time, first.remove()))
    }

    /// What a payment method does when it is charged.
    pub fn outcome(&self, method: &str) -> Outcome {
        self.outcomes.get(method).cloned().unwrap_or(Outcome::Succeed)
    }
}

/// The objects one step below a path.
pub fn below<'a>(objects: &'a BTreeMap<String, Value>, path: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    let prefix = format!("{path}/");
    let length = prefix.len();
    let from = objects.range(prefix.clone()..).take_while(move |(place, _)| place.starts_with(&prefix));
    from.filter(move |(place, _)| place.get(length..).is_some_and(|id| !id.contains('/'))).map(|(_, object)| object)
}

/// The path of the object with this id.
pub fn path_of(id: &str) -> Option<String> {
    kind_of(id).map(|(_, path, _)| format!("{path}/{id}"))
}

/// What Stripe calls the objects at a path.
pub fn name_of(path: &str) -> &str {
    KINDS.iter().find(|(_, known, _)| *known == path).map_or(path, |(_, _, name)| name)
}

fn kind_of(id: &str) -> Option<(&'static str, &'static str, &'static str)> {
    KINDS.into_iter().find(|(prefix, ..)| id.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_announced_once_with_what_was_before() {
        let mut world = World { now: 5, ..World::default() };
        let customer = world.new_object("customer", "cus_", json!({"email": "a@example.org"}));
        world.keep(&customer, "customer.created");
        let id = text(&customer, "/id").to_owned();
        world.update(&id, &json!({"email": "b@example.org"}), "customer.updated");
        world.update(&id, &json!({"email": "b@example.org"}), "customer.updated");
        let kinds: Vec<_> = world.told.iter().map(|event| text(event, "/type")).collect();
        assert_eq!(kinds, ["customer.created", "customer.updated"]);
        assert_eq!(world.told[1]["data"]["previous_attributes"], json!({"email": "a@example.org"}));
        assert_eq!(world.all("events").len(), 2);
        assert_eq!(world.get(&id).unwrap()["created"], 5);
    }

    #[test]
    fn timers_come_in_the_order_of_their_times() {
        let mut world = World::default();
        world.at(20, Timer::Finalize("in_2".to_owned()));
        world.at(10, Timer::Finalize("in_1".to_owned()));
        world.at(20, Timer::Finalize("in_3".to_owned()));
        assert_eq!(world.due(9), None);
        let order: Vec<_> = std::iter::from_fn(|| world.due(20)).map(|(time, _)| time).collect();
        assert_eq!(order, [10, 20, 20]);
    }
}
