//! The story of a subject, told from records: a function from values to lines.

use std::collections::{BTreeMap, BTreeSet};

use comptoir_plans::{
    declaration::record::Declaration,
    dunning::record::Episode,
    person::{Person, PersonId},
    recovery::record::{Attempt, By, Fate, Recovery},
};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What a story is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// `in_...`.
    Invoice(String),
    /// `sub_...`.
    Subscription(String),
    /// Who has an address.
    Person(PersonId),
}

impl Subject {
    /// What a person typed; `None` if it is none of these.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let id = |prefix: &str| {
            let rest = text.strip_prefix(prefix)?;
            rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_').then(|| text.to_owned())
        };
        id("in_")
            .map(Self::Invoice)
            .or_else(|| id("sub_").map(Self::Subscription))
            .or_else(|| PersonId::of(text).map(Self::Person))
    }
}

/// The records, by key.
#[derive(Debug, Default)]
pub struct Records(BTreeMap<(String, String), Value>);

/// Something that happened.
type Line = (Timestamp, String);

impl Records {
    /// Adds the items of a table.
    pub fn take(&mut self, items: Vec<Value>) {
        for item in items {
            self.0.insert((word(&item, "pk").to_owned(), word(&item, "sk").to_owned()), item);
        }
    }

    /// What is known of `subject`, and what happened, in order.
    pub fn story(&self, subject: &Subject) -> Vec<String> {
        let (mut heads, mut lines) = (Vec::new(), Vec::new());
        match subject {
            Subject::Invoice(invoice) => self.invoice(invoice, &mut heads, &mut lines),
            Subject::Subscription(subscription) => {
                match self.at("ACCESS", subscription).map(|item| word(item, "person").to_owned()) {
                    Some(person) if !person.is_empty() => self.person(&person, &mut heads, &mut lines),
                    Some(_) => heads.push(format!("{subscription}: known, and of no plan or not fetched yet")),
                    None => {}
                }
            }
            Subject::Person(id) => self.person(id.as_str(), &mut heads, &mut lines),
        }
        lines.sort();
        if heads.is_empty() && lines.is_empty() {
            return vec!["Nothing is recorded about it.".to_owned()];
        }
        let told = lines.into_iter().map(|(at, text)| format!("{}  {text}", at.strftime("%F %T")));
        heads.into_iter().chain(told).collect()
    }

    fn at(&self, kind: &str, id: &str) -> Option<&Value> {
        self.0.get(&(format!("{kind}#{id}"), "-".to_owned()))
    }

    fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> + 'a {
        self.0.iter().filter_map(move |((pk, _), item)| {
            let id = pk.strip_prefix(kind)?.strip_prefix('#')?;
            (word(item, "kind") == kind).then_some((id, item))
        })
    }

    fn person(&self, person: &str, heads: &mut Vec<String>, lines: &mut Vec<Line>) {
        let theirs = |item: &Value| word(item, "person") == person;
        if let Some((item, known)) = self.at("PERSON", person).and_then(|item| Some((item, data::<Person>(item)?))) {
            let plan = known.access.plan.as_deref().unwrap_or("no plan");
            let until = known.access.until.map(|until| format!(" until {}", until.strftime("%F"))).unwrap_or_default();
            let tokens = item.get("tokens").and_then(Value::as_u64).unwrap_or_default();
            let customer = known.customer.as_deref().unwrap_or("no customer yet");
            heads.push(format!(
                "{}: {plan}, {}{until}, {tokens} tokens left; {customer}",
                known.email,
                said(&known.access.state)
            ));
        }
        for (subscription, item) in self.of_kind("ACCESS").filter(|(_, item)| theirs(item)) {
            heads.push(format!("{subscription}: {}", standing(item)));
            for mail in ["trial", "renewal"] {
                self.mails(&format!("{mail}/{subscription}/"), lines);
            }
            self.told(subscription, lines);
        }
        for (invoice, item) in self.of_kind("GRANT").filter(|(_, item)| theirs(item)) {
            lines.extend(granted(invoice, item));
        }
        for (_, item) in self.0.iter().filter(|((pk, sk), _)| *pk == format!("PERSON#{person}") && sk != "-") {
            let amount = item.get("amount").and_then(Value::as_u64).unwrap_or_default();
            let left = item.get("left").and_then(Value::as_u64).unwrap_or_default();
            lines.extend(time(item, "used_at").map(|at| (at, format!("{amount} tokens used, {left} left"))));
        }
        for (id, item) in self.of_kind("DECLARATION").filter(|(_, item)| theirs(item)) {
            self.declaration(id, item, lines);
        }
        let customers: BTreeSet<&str> =
            self.of_kind("CUSTOMER").filter(|(_, item)| theirs(item)).map(|(customer, _)| customer).collect();
        for customer in &customers {
            let dunning = self.at("EPISODE", customer).and_then(|item| Some((item, data::<Episode>(item)?)));
            if let Some((item, episode)) = dunning.filter(|(_, episode)| episode.number > 0) {
                let step = match episode.opened_at {
                    Some(since) => format!("step {} of dunning since {}", episode.step, since.strftime("%F")),
                    None => "owes nothing".to_owned(),
                };
                heads.push(format!("{customer}: {step}; {}", standing(item)));
            }
            self.mails(&format!("dunning/{customer}-"), lines);
        }
        for (invoice, item) in self.of_kind("RECOVERY") {
            let of = data::<Recovery>(item).and_then(|recovery| recovery.customer);
            if of.is_some_and(|customer| customers.contains(customer.as_str())) {
                self.invoice(invoice, heads, lines);
            }
        }
    }

    fn invoice(&self, invoice: &str, heads: &mut Vec<String>, lines: &mut Vec<Line>) {
        if let Some((item, recovery)) =
            self.at("RECOVERY", invoice).and_then(|item| Some((item, data::<Recovery>(item)?)))
        {
            heads.push(format!("{invoice}: {}; {}", said(&recovery.state), standing(item)));
            for attempt in &recovery.attempts {
                lines.push((attempt.at, format!("{invoice}  {}", tried(attempt))));
            }
            if let Some(at) = recovery.told_at {
                lines.push((at, format!("{invoice}  no method was left to try")));
            }
        }
        self.mails(&format!("recovery/{invoice}"), lines);
        self.told(invoice, lines);
        if let Some(item) = self.at("GRANT", invoice) {
            lines.extend(granted(invoice, item));
        }
    }

    fn declaration(&self, id: &str, item: &Value, lines: &mut Vec<Line>) {
        let Some(declaration) = data::<Declaration>(item) else { return };
        let (kind, contract) = (declaration.statement.kind.as_str(), declaration.subscription.as_deref());
        lines.push((
            declaration.statement.at,
            format!("{kind} declared; {}, {}", contract.unwrap_or("no contract found"), said(&declaration.state)),
        ));
        lines.extend(declaration.revoked_at.map(|at| (at, format!("{kind} revoked by whose contract it is"))));
        self.mails(&format!("{kind}/{id}"), lines);
    }

    /// What the seller's app was told of a subscription or an invoice.
    fn told(&self, about: &str, lines: &mut Vec<Line>) {
        let names = |id: &str| id.split('-').any(|part| part == about);
        for (id, item) in self.of_kind("HOOK").filter(|(id, _)| names(id)) {
            lines.extend(time(item, "queued_at").map(|at| (at, format!("app told {id}: {}", standing_of_mail(item)))));
        }
    }

    /// The mails whose ids begin so: that they were queued, and what became of them.
    fn mails(&self, prefix: &str, lines: &mut Vec<Line>) {
        for (id, item) in self.of_kind("NOTICE").filter(|(id, _)| id.starts_with(prefix)) {
            let queued = item.get("data").and_then(object).and_then(|mail| time(&mail, "queued_at"));
            lines.extend(queued.map(|at| (at, format!("mail {id}: {}", standing_of_mail(item)))));
        }
    }
}

fn tried(attempt: &Attempt) -> String {
    let who = match attempt.by {
        By::Us => "we tried",
        By::Stripe => "Stripe tried",
    };
    let what = match &attempt.fate {
        Fate::Claimed => "no answer yet".to_owned(),
        Fate::Paid => "it paid".to_owned(),
        Fate::Declined(decline) => {
            let bank = decline.decline_code.as_deref().map(|code| format!(", {code}")).unwrap_or_default();
            format!("declined ({}{bank})", decline.code)
        }
        Fate::ActionRequired => "the bank asks for the customer (3-D Secure)".to_owned(),
        Fate::Processing => "a bank is at it".to_owned(),
        Fate::Skipped(why) => format!("not charged ({why})"),
        Fate::Unknown => "nobody knows what became of it".to_owned(),
    };
    format!("{who} {}: {what}", attempt.method)
}

fn granted(invoice: &str, item: &Value) -> Option<Line> {
    let count = |name: &str| item.get(name).and_then(Value::as_u64).unwrap_or_default();
    Some((time(item, "granted_at")?, format!("{invoice}  paid: tokens {} -> {}", count("before"), count("after"))))
}

/// Whether work on a record is open, rests, or waits for a person.
fn standing(item: &Value) -> String {
    if let Some(reason) = item.get("parked_reason").and_then(Value::as_str) {
        return format!("parked, {reason}");
    }
    match item.get("open_since").and_then(Value::as_i64).and_then(|at| Timestamp::from_second(at).ok()) {
        Some(since) => format!("work is open since, or due at, {}", since.strftime("%F %T")),
        None => "nothing is left to do".to_owned(),
    }
}

fn standing_of_mail(item: &Value) -> String {
    if let Some(reason) = item.get("parked_reason").and_then(Value::as_str) {
        return format!("parked, {reason}");
    }
    let status = word(item, "status");
    if status.is_empty() { "queued".to_owned() } else { status.to_owned() }
}

fn word<'a>(item: &'a Value, name: &str) -> &'a str {
    item.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A word of a record, as it is stored; of one with values, its name.
fn said(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        Ok(Value::Object(fields)) => fields.keys().next().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

fn time(item: &Value, name: &str) -> Option<Timestamp> {
    item.get(name)?.as_str()?.parse().ok()
}

/// The value that a record holds as a text or as it is.
fn object(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => serde_json::from_str(text).ok(),
        value => Some(value.clone()),
    }
}

fn data<T: DeserializeOwned>(item: &Value) -> Option<T> {
    serde_json::from_value(object(item.get("data")?)?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn zoe() -> PersonId {
        PersonId::of("zoe@example.org").unwrap()
    }

    fn records() -> Records {
        let person = zoe().to_string();
        let mut records = Records::default();
        records.take(vec![
            json!({"pk": format!("PERSON#{person}"), "sk": "-", "kind": "PERSON", "tokens": 7, "data":
                r#"{"email":"zoe@example.org","customer":"cus_1","current":null,"access":{"plan":"solo","state":"past_due","until":"2026-12-28T00:00:00Z"}}"#}),
            json!({"pk": format!("PERSON#{person}"), "sk": "USE#a", "kind": "USE", "amount": 3, "left": 7, "used_at": "2026-12-01T00:00:00Z"}),
            json!({"pk": "ACCESS#sub_1", "sk": "-", "kind": "ACCESS", "person": person}),
            json!({"pk": "CUSTOMER#cus_1", "sk": "-", "kind": "CUSTOMER", "person": person}),
            json!({"pk": "GRANT#in_0", "sk": "-", "kind": "GRANT", "person": person, "before": 0, "after": 10, "granted_at": "2026-11-28T00:00:00Z"}),
            json!({"pk": "RECOVERY#cus_1", "sk": "-", "kind": "RECOVERY"}),
            json!({"pk": "RECOVERY#in_1", "sk": "-", "kind": "RECOVERY", "data":
                r#"{"state":"exhausted","customer":"cus_1","attempts":[
                {"instrument":"f1","method":"pm_1","by":"stripe","at":"2026-12-28T01:00:00Z","fate":{"declined":{"code":"card_declined","decline_code":"insufficient_funds"}}},
                {"instrument":"f2","method":"pm_2","by":"us","at":"2026-12-28T01:00:01Z","fate":"action_required"}],
                "noted":true,"told_at":"2026-12-28T01:00:02Z"}"#}),
            json!({"pk": "EPISODE#cus_1", "sk": "-", "kind": "EPISODE", "data":
                r#"{"number":1,"opened_at":"2026-12-28T01:00:03Z","step":2,"in_force":null,"subscriptions":["sub_1"]}"#}),
            json!({"pk": "NOTICE#dunning/cus_1-1/2", "sk": "-", "kind": "NOTICE", "data": r#"{"queued_at":"2026-12-28T01:00:04Z"}"#}),
            json!({"pk": "HOOK#payment-failed-in_1", "sk": "-", "kind": "HOOK", "status": "delivered", "queued_at": "2026-12-28T01:00:05Z"}),
            json!({"pk": "HOOK#payment-failed-in_11", "sk": "-", "kind": "HOOK", "status": "delivered", "queued_at": "2026-12-28T01:00:05Z"}),
            json!({"pk": "NOTICE#recovery/in_1", "sk": "-", "kind": "NOTICE", "status": "sent", "data": r#"{"queued_at":"2026-12-28T01:00:02Z"}"#}),
        ]);
        records
    }

    #[test]
    fn an_invoice_is_told_with_methods_codes_and_mail() {
        let subject = Subject::read("in_1").unwrap();
        assert_eq!(
            records().story(&subject),
            [
                "in_1: exhausted; nothing is left to do",
                "2026-12-28 01:00:00  in_1  Stripe tried pm_1: declined (card_declined, insufficient_funds)",
                "2026-12-28 01:00:01  in_1  we tried pm_2: the bank asks for the customer (3-D Secure)",
                "2026-12-28 01:00:02  in_1  no method was left to try",
                "2026-12-28 01:00:02  mail recovery/in_1: sent",
                "2026-12-28 01:00:05  app told payment-failed-in_1: delivered",
            ]
        );
    }

    #[test]
    fn somebody_is_found_by_address_and_by_subscription_with_all_that_is_theirs() {
        let by_address = records().story(&Subject::read(" ZOE@example.org").unwrap());
        assert_eq!(by_address, records().story(&Subject::read("sub_1").unwrap()));
        assert_eq!(by_address[0], "zoe@example.org: solo, past_due until 2026-12-28, 7 tokens left; cus_1");
        for expected in [
            "in_0  paid: tokens 0 -> 10",
            "3 tokens used, 7 left",
            "mail recovery/in_1: sent",
            "step 2 of dunning",
            "mail dunning/cus_1-1/2: queued",
        ] {
            assert!(by_address.iter().any(|line| line.contains(expected)), "{expected}: {by_address:?}");
        }
    }

    #[test]
    fn what_is_unknown_is_said_to_be() {
        for nobody in ["in_9", "sub_9", "marc@example.org"] {
            assert_eq!(records().story(&Subject::read(nobody).unwrap()), ["Nothing is recorded about it."], "{nobody}");
        }
        for bad in ["", "in_../x", "zoe", "cus_1"] {
            assert_eq!(Subject::read(bad), None, "{bad}");
        }
    }
}
