//! A small Stripe of one invoice, with methods that decline.

use std::{collections::BTreeMap, sync::Mutex};

use comptoir::{
    memory::{FaultPlan, locked},
    outcome::ServiceError,
};
use serde_json::{Value, json};

use crate::recovery::{
    debt::{Charged, Collecting, Debt, Method},
    decline::Decline,
};

/// What a method does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    Pays,
    Declines(&'static str),
    Asks,
    Processes,
}

/// What Stripe keeps of one invoice.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) status: &'static str,
    pub(super) subscription: &'static str,
    pub(super) price: &'static str,
    pub(super) locale: &'static str,
    pub(super) intent: Value,
    pub(super) attempted: bool,
    pub(super) usual: Option<&'static str>,
    /// Method, fingerprint, what it does, its last year.
    pub(super) methods: Vec<(&'static str, &'static str, Does, i16)>,
    /// Each key with its answer, as Stripe keeps them.
    pub(super) keys: BTreeMap<String, Charged>,
    /// Every request to charge, also those that were answered from a key.
    pub(super) asked: Vec<(String, String)>,
    /// What charges took effect.
    pub(super) charged: Vec<String>,
    /// Every effect emits an event.
    pub(super) events: usize,
    /// The next charge is a failure that is kept under its key.
    pub(super) keeps_failure: bool,
}

/// Stripe, as far as recovery needs it.
#[derive(Debug)]
pub(super) struct Till {
    pub(super) books: Mutex<Books>,
    pub(super) faults: FaultPlan,
}

impl Till {
    pub(super) fn new(methods: &[(&'static str, &'static str, Does)], faults: FaultPlan) -> Self {
        let methods = methods.iter().map(|(id, fingerprint, does)| (*id, *fingerprint, *does, 2034)).collect();
        let books = Books {
            status: "open",
            subscription: "past_due",
            price: "price_solo",
            locale: "fr-FR",
            intent: json!({"status": "requires_payment_method", "payment_method": null, "last_payment_error": null}),
            attempted: true,
            usual: Some("pm_0"),
            methods,
            keys: BTreeMap::new(),
            asked: Vec::new(),
            charged: Vec::new(),
            events: 0,
            keeps_failure: false,
        };
        Self { books: Mutex::new(books), faults }
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Books)) {
        change(&mut locked(&self.books));
    }

    pub(super) fn charges(&self) -> Vec<String> {
        locked(&self.books).charged.clone()
    }
}

pub(super) fn method(id: &str, fingerprint: &str, year: i16) -> Value {
    json!({"id": id, "type": "card", "card": {"fingerprint": fingerprint, "exp_month": 11, "exp_year": year}})
}

pub(super) fn charge(books: &mut Books, instrument: &str, id: &str) -> Charged {
    let key = format!("in_1:{instrument}");
    books.asked.push((key.clone(), id.to_owned()));
    if let Some(kept) = books.keys.get(&key) {
        return match kept {
            Charged::Unknown(_) => Charged::FailureKept,
            kept => kept.clone(),
        };
    }
    if books.keeps_failure {
        books.keys.insert(key, Charged::Unknown("500".to_owned()));
        return Charged::Unknown("500".to_owned());
    }
    if books.status != "open" || books.intent["status"] == "processing" {
        return Charged::Refused(400);
    }
    let Some((_, fingerprint, does, year)) = books.methods.iter().find(|(known, ..)| *known == id).copied() else {
        return Charged::Refused(400);
    };
    books.charged.push(id.to_owned());
    books.events += 1;
    let answer = match does {
        Does::Pays => {
            books.status = "paid";
            books.intent = json!({"status": "succeeded", "payment_method": id, "last_payment_error": null});
            Charged::Paid
        }
        Does::Declines(code) => {
            let error =
                json!({"code": "card_declined", "decline_code": code, "payment_method": method(id, fingerprint, year)});
            books.intent =
                json!({"status": "requires_payment_method", "payment_method": null, "last_payment_error": error});
            Charged::Declined(Decline::of(Some("card_declined"), Some(code)))
        }
        Does::Asks => {
            books.intent = json!({"status": "requires_action", "payment_method": id, "last_payment_error": null});
            Charged::Declined(Decline::of(Some("invoice_payment_intent_requires_action"), None))
        }
        Does::Processes => {
            books.intent = json!({"status": "processing", "payment_method": id, "last_payment_error": null});
            Charged::Open
        }
    };
    books.keys.insert(key, answer.clone());
    answer
}

impl Collecting for Till {
    async fn debt(&self, invoice: &str) -> Result<Option<Debt>, ServiceError> {
        self.faults.call("Stripe", || {
            let books = locked(&self.books);
            let subscription = json!({
                "id": "sub_1", "status": books.subscription, "created": 1, "customer": "cus_1",
                "items": {"data": [{"price": {"id": books.price}}]},
            });
            let debt = json!({
                "id": invoice, "status": books.status, "number": "A-1", "amount_remaining": 1900, "currency": "eur",
                "attempted": books.attempted, "hosted_invoice_url": "https://invoice.stripe.com/i/1",
                "collection_method": "charge_automatically",
                "customer": {"id": "cus_1", "email": "zoe@example.org", "name": "Zoé", "preferred_locales": [books.locale],
                    "invoice_settings": {"default_payment_method": books.usual}},
                "parent": {"subscription_details": {"subscription": subscription}},
                "payments": {"data": [{"payment": {"payment_intent": books.intent}}]},
            });
            Ok(Some(serde_json::from_value(debt).unwrap()))
        })
    }

    async fn open_debts(&self, _customer: &str) -> Result<Vec<String>, ServiceError> {
        self.faults.call("Stripe", || {
            Ok(if locked(&self.books).status == "open" { vec!["in_1".to_owned()] } else { Vec::new() })
        })
    }

    async fn methods(&self, _customer: &str) -> Result<Vec<Method>, ServiceError> {
        self.faults.call("Stripe", || {
            let books = locked(&self.books);
            let all = books.methods.iter().map(|(id, fingerprint, _, year)| method(id, fingerprint, *year));
            Ok(all.map(|method| serde_json::from_value(method).unwrap()).collect())
        })
    }

    async fn charge(&self, _invoice: &str, instrument: &str, method: &str) -> Result<Charged, ServiceError> {
        // A charge without an answer is no error of a service: its outcome is unknown.
        let called = self.faults.call("Stripe", || Ok(charge(&mut locked(&self.books), instrument, method)));
        match called {
            Err(error) if !error.is_permanent() => Ok(Charged::Unknown("no answer".to_owned())),
            called => called,
        }
    }
}
