//! What the number of a customer's unpaid invoices leads to, as customers and the seller's app see it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use comptoir::calendar::is_holiday;
use comptoir_local::mail::Mail;
use comptoir_tests::{Shop, site::SOLO};
use jiff::{Timestamp, ToSpan, civil::Weekday, tz::TimeZone};
use serde_json::{Value, json};

const ZOE: &str = "zoe@example.org";
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// A customer of a plan whose card declines from now on, and who is not cancelled by Stripe for that.
struct Debtor {
    shop: Shop,
    subscription: String,
    customer: String,
    method: String,
    begun: Timestamp,
}

impl Debtor {
    /// Buys a plan on such a day that its third renewal falls on this day of a week without holidays.
    async fn of(name: &str, third: Weekday) -> Result<Self> {
        // The wire denies what the functions' roles do not allow.
        let shop = Shop::open_with(name, |options| options.wire = true).await?;
        let now = shop.client.now().await?.to_zoned(TimeZone::UTC);
        let fits = |days: i64| {
            let day = now.date().checked_add(days.days()).ok()?;
            let then = day.checked_add(3.months()).ok()?;
            let plain = (-1..=4).all(|days| !is_holiday(then.checked_add(days.days()).unwrap(), "34000"));
            (then.weekday() == third && day.day() < 28 && plain).then_some(day)
        };
        let day = (1..90).find_map(fits).context("a day")?;
        let begun = day.at(8, 0, 0, 0).to_zoned(TimeZone::UTC)?.timestamp();
        shop.client.advance((begun - now.timestamp()).get_seconds()).await?;
        let habits = json!({"retries": [3], "at_the_end": "past_due"});
        ensure!(shop.client.fake("PUT", "settings", &habits).await?.0 == 204);
        let subscription = shop.subscribes(SOLO, ZOE, "k1").await?;
        shop.access_in(ZOE, "active").await?;
        let (_, stands) = shop.client.stripe("GET", &format!("subscriptions/{subscription}"), &[], None).await?;
        let text =
            |name: &str| stands[name].as_str().map(str::to_owned).with_context(|| format!("no {name}: {stands}"));
        let (customer, method) = (text("customer")?, text("default_payment_method")?);
        let debtor = Self { subscription, customer, method, begun, shop };
        debtor.does("decline:insufficient_funds").await?;
        Ok(debtor)
    }

    async fn does(&self, outcome: &str) -> Result<()> {
        let path = format!("payment_methods/{}", self.method);
        let (status, told) = self.shop.client.fake("PUT", &path, &json!({"outcome": outcome})).await?;
        ensure!(status == 204, "{told}");
        Ok(())
    }

    /// Goes to the moment after the renewal of this month was charged.
    async fn renewed(&self, month: i64) -> Result<()> {
        let renewal = self.begun.to_zoned(TimeZone::UTC).checked_add(month.months())?.timestamp();
        let then = renewal.as_second() + 2 * HOUR;
        self.shop.client.advance(then - self.shop.client.now().await?.as_second()).await?;
        Ok(())
    }

    /// The open invoices, the oldest first.
    async fn unpaid(&self) -> Result<Vec<String>> {
        let of = [("subscription", self.subscription.as_str()), ("status", "open")];
        let (_, all) = self.shop.client.stripe("GET", "invoices", &of, None).await?;
        let mut all = all["data"].as_array().cloned().context("a list")?;
        all.sort_by_key(|invoice| invoice["created"].as_i64());
        Ok(all.iter().map(|invoice| invoice["id"].as_str().unwrap().to_owned()).collect())
    }

    /// The record of the customer's dunning, once it is at rest and says this.
    async fn rests(&self, what: &str, says: impl Fn(&Value) -> bool) -> Result<Value> {
        self.shop
            .wait_for(what, async |shop: &Shop| {
                let all = shop.items("EPISODE").await?;
                let ours = all.into_iter().find(|item| item["pk"] == format!("EPISODE#{}", self.customer));
                Ok(ours.filter(|item| item["events"] == item["seen"] && says(&item["data"])))
            })
            .await
    }

    async fn at_step(&self, step: u64) -> Result<Value> {
        self.rests(&format!("step {step}"), |data| data["step"] == step && data["opened_at"].is_string()).await
    }

    async fn closed(&self) -> Result<Value> {
        self.rests("the end of the episode", |data| data["opened_at"].is_null() && data["number"] == 1).await
    }

    /// How many mails were queued with ids that begin like this.
    async fn queued(&self, kind: &str) -> Result<Vec<String>> {
        let notices = self.shop.items("NOTICE").await?;
        let ids = notices.iter().map(|item| item["pk"].as_str().unwrap().trim_start_matches("NOTICE#").to_owned());
        let mut ids: Vec<String> = ids.filter(|id| id.starts_with(kind)).collect();
        ids.sort();
        Ok(ids)
    }

    fn step_mail(&self, step: u32) -> String {
        format!("dunning/{}-1/{step}", self.customer)
    }

    /// The mail with this id, once it was sent.
    async fn mail(&self, id: &str) -> Result<Mail> {
        let mails = self.shop.wait_for(id, async |shop: &Shop| {
            let mails = shop.mails().await?.into_iter();
            let of: Vec<Mail> =
                mails.filter(|mail| mail.headers.get("X-Comptoir-Mail-Id").is_some_and(|told| told == id)).collect();
            Ok((!of.is_empty()).then_some(of))
        });
        let mut mails = mails.await?;
        ensure!(mails.len() == 1 && mails[0].to == ZOE, "{} mails {id}", mails.len());
        mails.pop().context("a mail")
    }

    /// How often what the customer has was written.
    async fn writes(&self) -> Result<u64> {
        self.shop.access_at_rest().await?;
        let people = self.shop.items("PERSON").await?;
        people[0]["version"].as_u64().context("a version")
    }

    /// Nothing was denied or parked, and the bundle stops.
    async fn leaves(self) -> Result<()> {
        let denied = self.shop.bundle.wire().context("a wire")?.denied();
        ensure!(denied.is_empty(), "{denied:#?}");
        let parked = self.shop.client.parked().await?;
        ensure!(parked.is_empty(), "{parked:?}");
        self.shop.bundle.stop().await;
        Ok(())
    }
}

/// Two are unpaid, then three.
async fn cut_off(zoe: &Debtor) -> Result<()> {
    zoe.renewed(1).await?;
    zoe.at_step(0).await?;
    let has = zoe.shop.access_in(ZOE, "past_due").await?;
    ensure!(has["plan"] == "solo" && has["features"] == json!(["courses"]), "as before: {has}");
    ensure!(zoe.queued("dunning/").await?.is_empty());
    zoe.renewed(2).await?;
    zoe.at_step(2).await?;
    let warned = zoe.mail(&zoe.step_mail(2)).await?;
    ensure!(warned.subject.contains("2 paiements"), "{}", warned.subject);
    ensure!(warned.text.contains("Si un autre paiement n’aboutit pas, il prendra fin."), "{}", warned.text);
    ensure!(zoe.shop.access(ZOE).await?["features"] == json!(["courses"]), "a warning takes nothing away");
    zoe.renewed(3).await?;
    zoe.at_step(3).await?;
    let has = zoe.shop.access_in(ZOE, "withdrawn").await?;
    ensure!(has["plan"].is_null() && has["features"] == json!([]) && has["tokens_left"] == 0, "{has}");
    Ok(())
}

#[tokio::test]
async fn two_are_warned_of_three_cut_off_and_all_paid_at_once_reinstates_once() -> Result<()> {
    let zoe = Debtor::of("dunning-three", Weekday::Tuesday).await?;
    cut_off(&zoe).await?;
    let told = zoe.mail(&zoe.step_mail(3)).await?;
    ensure!(told.subject.contains("a pris fin"), "{}", told.subject);
    let (_, all) = zoe.shop.client.stripe("GET", "invoices", &[("status", "open")], None).await?;
    let links: Vec<&str> =
        all["data"].as_array().unwrap().iter().map(|invoice| invoice["hosted_invoice_url"].as_str().unwrap()).collect();
    ensure!(links.len() == 3 && links.iter().all(|link| told.text.contains(link)), "{}", told.text);
    ensure!(told.text.contains("Total – "), "{}", told.text);
    ensure!(!told.text.contains("intérêt") && !told.text.contains("pénalité"), "a consumer owes the price alone");
    ensure!(zoe.queued("dunning/").await? == [zoe.step_mail(2), zoe.step_mail(3)]);
    ensure!(zoe.queued("recovery/").await?.len() == 3);
    // Stripe tries the last one again by itself: no second cut and no mail, however often it is said.
    let writes = zoe.writes().await?;
    zoe.shop.client.fake("POST", "events", &json!({"duplicate": 8, "shuffle": true})).await?;
    zoe.shop.client.advance(4 * DAY).await?;
    zoe.at_step(3).await?;
    ensure!(zoe.writes().await? == writes && zoe.queued("dunning/").await?.len() == 2);
    ensure!(zoe.queued("recovery/").await?.len() == 3);
    // All are paid while nothing is delivered; then everything comes at once, each event eight times.
    zoe.shop.client.fake("POST", "events", &json!({"hold": true})).await?;
    zoe.does("succeed").await?;
    for invoice in zoe.unpaid().await? {
        let (status, paid) = zoe.shop.client.stripe("POST", &format!("invoices/{invoice}/pay"), &[], None).await?;
        ensure!(status == 200, "{paid}");
    }
    zoe.shop.client.fake("POST", "events", &json!({"hold": false})).await?;
    zoe.closed().await?;
    let has = zoe.shop.access_in(ZOE, "active").await?;
    ensure!(has["plan"] == "solo" && has["features"] == json!(["courses"]) && has["tokens_left"] == 10, "{has}");
    let writes = zoe.writes().await?;
    zoe.shop.client.fake("POST", "events", &json!({"duplicate": 1, "shuffle": false})).await?;
    zoe.shop.client.advance(2 * DAY).await?;
    zoe.closed().await?;
    ensure!(zoe.writes().await? == writes && zoe.queued("dunning/").await?.len() == 2);
    // Who fails again later begins anew: an episode of their own, from its first step.
    zoe.does("decline:insufficient_funds").await?;
    zoe.renewed(4).await?;
    zoe.rests("a second episode", |data| data["number"] == 2 && data["opened_at"].is_string()).await?;
    zoe.shop.access_in(ZOE, "past_due").await?;
    ensure!(zoe.queued("dunning/").await?.len() == 2);
    zoe.leaves().await
}

#[tokio::test]
async fn a_debt_that_is_credited_void_or_paid_elsewhere_is_none() -> Result<()> {
    let zoe = Debtor::of("dunning-cleared", Weekday::Wednesday).await?;
    cut_off(&zoe).await?;
    let unpaid = zoe.unpaid().await?;
    let client = &zoe.shop.client;
    let (_, first) = client.stripe("GET", &format!("invoices/{}", unpaid[0]), &[], None).await?;
    let amount = first["amount_remaining"].to_string();
    let credit = [("invoice", unpaid[0].as_str()), ("amount", amount.as_str())];
    let (status, note) = client.stripe("POST", "credit_notes", &credit, None).await?;
    ensure!(status == 200, "{note}");
    ensure!(client.stripe("POST", &format!("invoices/{}/void", unpaid[1]), &[], None).await?.0 == 200);
    zoe.rests("what is left", |data| data["step"] == 3).await?;
    ensure!(zoe.shop.access(ZOE).await?["state"] == "withdrawn", "one is still owed, and no step is taken back");
    let outside = [("paid_out_of_band", "true")];
    ensure!(client.stripe("POST", &format!("invoices/{}/pay", unpaid[2]), &outside, None).await?.0 == 200);
    zoe.closed().await?;
    zoe.shop.access_in(ZOE, "active").await?;
    ensure!(zoe.queued("dunning/").await?.len() == 2);
    zoe.leaves().await
}

#[tokio::test]
async fn a_cut_that_falls_on_a_week_end_waits_for_monday() -> Result<()> {
    let zoe = Debtor::of("dunning-saturday", Weekday::Saturday).await?;
    zoe.renewed(1).await?;
    zoe.at_step(0).await?;
    zoe.renewed(2).await?;
    zoe.at_step(2).await?;
    zoe.renewed(3).await?;
    zoe.shop
        .wait_for("three unpaid", async |_: &Shop| Ok((zoe.queued("recovery/").await?.len() == 3).then_some(())))
        .await?;
    zoe.at_step(2).await?;
    // Sunday.
    zoe.shop.client.advance(DAY).await?;
    zoe.at_step(2).await?;
    let has = zoe.shop.access(ZOE).await?;
    ensure!(has["state"] == "past_due" && has["features"] == json!(["courses"]), "{has}");
    // Monday, after nine in Paris.
    zoe.shop.client.advance(DAY).await?;
    zoe.at_step(3).await?;
    zoe.shop.access_in(ZOE, "withdrawn").await?;
    zoe.mail(&zoe.step_mail(3)).await?;
    ensure!(zoe.queued("dunning/").await? == [zoe.step_mail(2), zoe.step_mail(3)]);
    zoe.leaves().await
}

#[tokio::test]
async fn nobody_is_dunned_for_what_a_bank_is_at_or_what_is_cancelled() -> Result<()> {
    let zoe = Debtor::of("dunning-debit", Weekday::Thursday).await?;
    zoe.renewed(1).await?;
    zoe.at_step(0).await?;
    // The second one is debited from an account, which takes five days and fails.
    let client = &zoe.shop.client;
    let account = [("type", "sepa_debit"), ("sepa_debit[iban]", "FR1420041010050500013M02606")];
    let (_, method) = client.stripe("POST", "payment_methods", &account, None).await?;
    let method = method["id"].as_str().unwrap().to_owned();
    let fails = json!({"outcome": "processing_then_fail"});
    ensure!(client.fake("PUT", &format!("payment_methods/{method}"), &fails).await?.0 == 204);
    let customer = [("customer", zoe.customer.as_str())];
    ensure!(client.stripe("POST", &format!("payment_methods/{method}/attach"), &customer, None).await?.0 == 200);
    let states = async || {
        let recoveries = zoe.shop.items("RECOVERY").await?;
        let states = recoveries.iter().filter_map(|item| item["data"]["state"].as_str().map(str::to_owned));
        let mut counted = BTreeMap::new();
        states.for_each(|state| *counted.entry(state).or_insert(0) += 1);
        Ok::<BTreeMap<String, u32>, anyhow::Error>(counted)
    };
    // The account was added while one was unpaid: it is tried for that one as well.
    zoe.shop
        .wait_for("a debit", async |_: &Shop| Ok((states().await?.get("processing") == Some(&1)).then_some(())))
        .await?;
    client.advance(6 * DAY).await?;
    zoe.shop
        .wait_for("its end", async |_: &Shop| Ok((states().await?.get("exhausted") == Some(&1)).then_some(())))
        .await?;
    zoe.renewed(2).await?;
    zoe.shop
        .wait_for("the next debit", async |_: &Shop| Ok((states().await?.get("processing") == Some(&1)).then_some(())))
        .await?;
    zoe.at_step(0).await?;
    client.advance(2 * DAY).await?;
    zoe.at_step(0).await?;
    ensure!(zoe.queued("dunning/").await?.is_empty(), "a bank is at it");
    client.advance(4 * DAY).await?;
    zoe.at_step(2).await?;
    ensure!(zoe.queued("dunning/").await? == [zoe.step_mail(2)]);
    // Who leaves is asked for nothing more.
    ensure!(client.stripe("DELETE", &format!("subscriptions/{}", zoe.subscription), &[], None).await?.0 == 200);
    zoe.shop.access_in(ZOE, "withdrawn").await?;
    client.advance(2 * DAY).await?;
    zoe.closed().await?;
    ensure!(zoe.queued("dunning/").await?.len() == 1);
    zoe.leaves().await
}
