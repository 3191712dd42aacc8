//! Unpaid invoices of plans, as Stripe and its customers see them: which methods are charged, how often, and who is written to.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use comptoir_local::mail::Mail;
use comptoir_tests::{Shop, site::SOLO};
use serde_json::{Value, json};

const ZOE: &str = "zoe@example.org";
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// A month and the hour after which Stripe charges.
const NEXT_PERIOD: i64 = 31 * DAY + 2 * HOUR;

/// Numbers of cards, none of which is the one that Checkout takes if no other is given.
const CARDS: [&str; 4] = ["5555555555554444", "378282246310005", "4000056655665556", "6011111111111117"];

/// A customer with a plan, and how they may pay.
struct Customer {
    shop: Shop,
    subscription: String,
    id: String,
    /// The method that Stripe charges by itself.
    usual: String,
}

impl Customer {
    /// Buys a plan.
    async fn of(name: &str) -> Result<Self> {
        // The wire denies what the functions' roles do not allow.
        let shop = Shop::open_with(name, |options| options.wire = true).await?;
        let subscription = shop.subscribes(SOLO, ZOE, "k1").await?;
        shop.access_in(ZOE, "active").await?;
        let (_, stands) = shop.client.stripe("GET", &format!("subscriptions/{subscription}"), &[], None).await?;
        let text =
            |name: &str| stands[name].as_str().map(str::to_owned).with_context(|| format!("no {name}: {stands}"));
        let (id, usual) = (text("customer")?, text("default_payment_method")?);
        Ok(Self { shop, subscription, id, usual })
    }

    /// What a method does from now on.
    async fn does(&self, method: &str, outcome: &str) -> Result<()> {
        let outcome = json!({"outcome": outcome});
        let (status, told) = self.shop.client.fake("PUT", &format!("payment_methods/{method}"), &outcome).await?;
        ensure!(status == 204, "{told}");
        Ok(())
    }

    /// Saves a card, or an account, that does this.
    async fn saves(&self, form: &[(&str, &str)], outcome: &str) -> Result<String> {
        let client = &self.shop.client;
        let (status, method) = client.stripe("POST", "payment_methods", form, None).await?;
        ensure!(status == 200, "{method}");
        let method = method["id"].as_str().unwrap().to_owned();
        self.does(&method, outcome).await?;
        let customer = [("customer", self.id.as_str())];
        let (status, told) =
            client.stripe("POST", &format!("payment_methods/{method}/attach"), &customer, None).await?;
        ensure!(status == 200, "{told}");
        Ok(method)
    }

    async fn saves_card(&self, number: &str, outcome: &str) -> Result<String> {
        self.saves(&[("type", "card"), ("card[number]", number)], outcome).await
    }

    /// The newest invoice.
    async fn invoice(&self) -> Result<Value> {
        let of = [("subscription", self.subscription.as_str())];
        let (_, all) = self.shop.client.stripe("GET", "invoices", &of, None).await?;
        let mut all = all["data"].as_array().cloned().context("a list")?;
        all.sort_by_key(|invoice| invoice["created"].as_i64());
        all.pop().context("an invoice")
    }

    /// The methods that we charged, with the keys of the calls; an answer that was given again counts as well.
    async fn charges(&self) -> Result<Vec<(String, String)>> {
        let (_, calls) = self.shop.client.fake("GET", "calls", &Value::Null).await?;
        let pays = |call: &&Value| call["path"].as_str().unwrap_or_default().ends_with("/pay");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let calls = calls.as_array().context("a list")?.iter().filter(pays);
        Ok(calls.map(|call| (text(&call["form"]["payment_method"]), text(&call["idempotency_key"]))).collect())
    }

    async fn charged(&self) -> Result<Vec<String>> {
        Ok(self.charges().await?.into_iter().map(|(method, _)| method).collect())
    }

    /// The record of the newest invoice's recovery, once it says this and nothing is left to do.
    async fn rests(&self, state: &str) -> Result<Value> {
        let invoice = self.invoice().await?["id"].as_str().unwrap().to_owned();
        self.shop
            .wait_for(&format!("{invoice} {state}"), async |shop: &Shop| {
                let all = shop.items("RECOVERY").await?;
                let ours = all.into_iter().find(|item| item["pk"] == format!("RECOVERY#{invoice}"));
                let rests = |item: &Value| {
                    let idle = item.get("open_shard").is_none() || state == "processing";
                    item["data"]["state"] == state && idle
                };
                Ok(ours.filter(rests))
            })
            .await
    }

    /// Nothing was denied, and the bundle stops.
    async fn leaves(self) -> Result<()> {
        let denied = self.shop.bundle.wire().context("a wire")?.denied();
        ensure!(denied.is_empty(), "{denied:#?}");
        self.shop.bundle.stop().await;
        Ok(())
    }

    /// The mails about unpaid invoices that were queued.
    async fn queued(&self) -> Result<usize> {
        let notices = self.shop.items("NOTICE").await?;
        Ok(notices.iter().filter(|item| item["pk"].as_str().unwrap().starts_with("NOTICE#recovery/")).count())
    }

    /// The one mail, once it was sent.
    async fn mail(&self) -> Result<Mail> {
        let id = format!("recovery/{}", self.invoice().await?["id"].as_str().unwrap());
        let mails = self.shop.wait_for("the mail", async |shop: &Shop| {
            let mails = shop.mails().await?;
            let of: Vec<Mail> = mails
                .into_iter()
                .filter(|mail| mail.headers.get("X-Comptoir-Mail-Id").is_some_and(|told| told.starts_with("recovery/")))
                .collect();
            Ok((!of.is_empty()).then_some(of))
        });
        let mut mails = mails.await?;
        ensure!(mails.len() == 1 && mails[0].headers["X-Comptoir-Mail-Id"] == id, "{} mails", mails.len());
        ensure!(mails[0].to == ZOE);
        mails.pop().context("a mail")
    }
}

#[tokio::test]
async fn three_cards_decline_two_are_charged_by_us_and_one_mail_is_sent() -> Result<()> {
    let zoe = Customer::of("recovery-three").await?;
    zoe.does(&zoe.usual, "decline:insufficient_funds").await?;
    let second = zoe.saves_card(CARDS[0], "decline:generic_decline").await?;
    let third = zoe.saves_card(CARDS[1], "decline:insufficient_funds").await?;
    zoe.shop.client.advance(NEXT_PERIOD).await?;
    zoe.rests("exhausted").await?;
    let charged = zoe.charged().await?;
    ensure!(charged.len() == 2 && BTreeSet::from_iter(charged) == BTreeSet::from([second, third]), "each once");
    let mail = zoe.mail().await?;
    let invoice = zoe.invoice().await?;
    ensure!(mail.text.contains(invoice["hosted_invoice_url"].as_str().unwrap()), "{}", mail.text);
    ensure!(mail.text.contains("n’a pas abouti") && !mail.text.contains("banque"), "{}", mail.text);
    // Stripe tries again by itself, and fails again.
    zoe.shop.client.advance(8 * DAY).await?;
    zoe.rests("exhausted").await?;
    ensure!(zoe.charged().await?.len() == 2 && zoe.queued().await? == 1);
    // A card that is saved later is charged once, and pays.
    let later = zoe.saves_card(CARDS[2], "succeed").await?;
    zoe.rests("paid").await?;
    ensure!(zoe.charged().await?.last() == Some(&later) && zoe.charged().await?.len() == 3);
    ensure!(zoe.invoice().await?["status"] == "paid" && zoe.queued().await? == 1);
    zoe.shop.access_in(ZOE, "active").await?;
    zoe.mail().await?;
    zoe.leaves().await
}

#[tokio::test]
async fn the_second_of_four_pays_whatever_comes_thirty_two_times_at_once() -> Result<()> {
    let zoe = Customer::of("recovery-second").await?;
    zoe.does(&zoe.usual, "decline:insufficient_funds").await?;
    for number in [CARDS[0], CARDS[1], CARDS[2]] {
        zoe.saves_card(number, "succeed").await?;
    }
    zoe.shop.client.fake("POST", "events", &json!({"duplicate": 32, "shuffle": true})).await?;
    zoe.shop.client.advance(NEXT_PERIOD).await?;
    zoe.rests("paid").await?;
    zoe.shop.client.fake("POST", "events", &json!({"duplicate": 1})).await?;
    zoe.shop.access_in(ZOE, "active").await?;
    zoe.shop.access_at_rest().await?;
    ensure!(zoe.charged().await?.len() == 1, "{:?}", zoe.charges().await?);
    ensure!(zoe.invoice().await?["status"] == "paid" && zoe.queued().await? == 0);
    // No mail about it follows, and the next ones work.
    zoe.shop.still_sells().await?;
    ensure!(zoe.queued().await? == 0 && zoe.shop.client.parked().await?.is_empty());
    zoe.leaves().await
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_looking_and_never_by_a_second_key() -> Result<()> {
    let zoe = Customer::of("recovery-lost").await?;
    zoe.does(&zoe.usual, "decline:insufficient_funds").await?;
    zoe.saves_card(CARDS[0], "succeed").await?;
    let lost = json!({"method": "POST", "path_prefix": "/v1/invoices", "kind": "lose_answer", "times": 1});
    zoe.shop.client.fake("POST", "faults", &lost).await?;
    zoe.shop.client.advance(NEXT_PERIOD).await?;
    zoe.rests("paid").await?;
    let keys: BTreeSet<String> = zoe.charges().await?.into_iter().map(|(_, key)| key).collect();
    ensure!(keys.len() == 1 && zoe.queued().await? == 0, "{keys:?}");
    // The connection broke before anything happened: the same key, once more.
    zoe.does(&zoe.usual, "decline:insufficient_funds").await?;
    let broke = json!({"method": "POST", "path_prefix": "/v1/invoices", "kind": "fail_before", "times": 1});
    zoe.shop.client.fake("POST", "faults", &broke).await?;
    zoe.shop.client.advance(NEXT_PERIOD).await?;
    zoe.rests("paid").await?;
    let charges = zoe.charges().await?;
    let of_second: Vec<&String> = charges.iter().map(|(_, key)| key).filter(|key| !keys.contains(*key)).collect();
    ensure!(of_second.len() == 2 && of_second[0] == of_second[1], "{charges:?}");
    ensure!(zoe.queued().await? == 0);
    zoe.leaves().await
}

#[tokio::test]
async fn a_failure_that_stripe_keeps_is_left_to_the_owner_and_the_customer_is_told_once() -> Result<()> {
    let zoe = Customer::of("recovery-kept").await?;
    zoe.does(&zoe.usual, "decline:insufficient_funds").await?;
    zoe.saves_card(CARDS[0], "succeed").await?;
    zoe.saves_card(CARDS[1], "succeed").await?;
    let kept = json!({"method": "POST", "path_prefix": "/v1/invoices", "kind": "500_stored", "times": 1});
    zoe.shop.client.fake("POST", "faults", &kept).await?;
    zoe.shop.client.advance(NEXT_PERIOD).await?;
    zoe.rests("unknown").await?;
    let parked = zoe.shop.client.parked().await?;
    ensure!(parked.len() == 1 && parked[0]["reason"].as_str().unwrap().contains("charge_unknown"), "{parked:?}");
    let keys: BTreeSet<String> = zoe.charges().await?.into_iter().map(|(_, key)| key).collect();
    ensure!(keys.len() == 1, "no second key: {keys:?}");
    zoe.mail().await?;
    // The owner has it paid; the mark goes.
    let invoice = zoe.invoice().await?["id"].as_str().unwrap().to_owned();
    let paid = [("paid_out_of_band", "true")];
    ensure!(zoe.shop.client.stripe("POST", &format!("invoices/{invoice}/pay"), &paid, None).await?.0 == 200);
    zoe.rests("paid").await?;
    ensure!(zoe.shop.client.parked().await?.is_empty() && zoe.queued().await? == 1);
    zoe.leaves().await
}

#[tokio::test]
async fn one_card_saved_twice_is_one_and_a_lost_one_is_never_charged_again() -> Result<()> {
    let zoe = Customer::of("recovery-same").await?;
    zoe.does(&zoe.usual, "decline:insufficient_funds").await?;
    let lost = [
        zoe.saves_card(CARDS[0], "decline:lost_card").await?,
        zoe.saves_card(CARDS[0], "decline:lost_card").await?,
        zoe.saves_card("4242424242424242", "succeed").await?,
    ];
    let expired = [("type", "card"), ("card[number]", CARDS[2]), ("card[exp_year]", "2025"), ("card[exp_month]", "1")];
    zoe.saves(&expired, "succeed").await?;
    zoe.shop.client.advance(NEXT_PERIOD).await?;
    zoe.rests("exhausted").await?;
    let charged = zoe.charged().await?;
    ensure!(charged.len() == 1 && lost[..2].contains(&charged[0]), "{charged:?}");
    ensure!(zoe.queued().await? == 1);
    // Another card pays this one and the next; the lost one is left alone.
    let good = zoe.saves_card(CARDS[1], "succeed").await?;
    zoe.rests("paid").await?;
    zoe.shop.client.advance(NEXT_PERIOD).await?;
    zoe.rests("paid").await?;
    let charged = zoe.charged().await?;
    ensure!(charged[1..] == [good.clone(), good], "{charged:?}");
    ensure!(zoe.queued().await? == 1);
    zoe.leaves().await
}

#[tokio::test]
async fn the_bank_asks_for_the_customer_who_gets_one_mail_with_the_link() -> Result<()> {
    let zoe = Customer::of("recovery-confirm").await?;
    zoe.does(&zoe.usual, "decline:authentication_required").await?;
    zoe.saves_card(CARDS[0], "requires_action").await?;
    zoe.saves_card(CARDS[1], "decline:authentication_required").await?;
    zoe.shop.client.fake("POST", "events", &json!({"shuffle": true, "duplicate": 2})).await?;
    zoe.shop.client.advance(NEXT_PERIOD).await?;
    zoe.rests("needs_customer").await?;
    let mail = zoe.mail().await?;
    let invoice = zoe.invoice().await?;
    ensure!(mail.subject.contains("confirmer") && mail.text.contains("banque"), "{}", mail.text);
    ensure!(mail.text.contains(invoice["hosted_invoice_url"].as_str().unwrap()), "{}", mail.text);
    ensure!(zoe.charged().await?.len() == 2 && zoe.queued().await? == 1);
    zoe.leaves().await
}

#[tokio::test]
async fn a_debit_is_waited_for_and_nobody_is_written_to_before_it_fails() -> Result<()> {
    let zoe = Customer::of("recovery-debit").await?;
    zoe.does(&zoe.usual, "decline:insufficient_funds").await?;
    let account = [("type", "sepa_debit"), ("sepa_debit[iban]", "FR1420041010050500013M02606")];
    zoe.saves(&account, "processing_then_fail").await?;
    zoe.shop.client.advance(NEXT_PERIOD).await?;
    zoe.rests("processing").await?;
    zoe.shop.client.advance(2 * DAY).await?;
    zoe.shop.client.invoke("sweep", &json!({"older_than_seconds": 0})).await?;
    zoe.rests("processing").await?;
    ensure!(zoe.charged().await?.len() == 1 && zoe.queued().await? == 0);
    zoe.shop.client.advance(5 * DAY).await?;
    zoe.rests("exhausted").await?;
    zoe.mail().await?;
    ensure!(zoe.charged().await?.len() == 1 && zoe.queued().await? == 1);
    zoe.leaves().await
}

#[tokio::test]
async fn what_was_paid_or_cancelled_before_the_event_came_is_left_alone() -> Result<()> {
    let zoe = Customer::of("recovery-late").await?;
    zoe.does(&zoe.usual, "decline:insufficient_funds").await?;
    zoe.saves_card(CARDS[0], "decline:generic_decline").await?;
    let client = &zoe.shop.client;
    client.fake("POST", "events", &json!({"hold": true})).await?;
    client.advance(NEXT_PERIOD).await?;
    let pays = async |invoice: &str| {
        let outside = [("paid_out_of_band", "true")];
        client.stripe("POST", &format!("invoices/{invoice}/pay"), &outside, None).await
    };
    let first = zoe.shop.wait_for("the renewal's invoice", async |_: &Shop| {
        Ok(Some(zoe.invoice().await?).filter(|invoice| invoice["status"] == "open" && invoice["attempted"] == true))
    });
    let first = first.await?["id"].as_str().unwrap().to_owned();
    ensure!(pays(&first).await?.0 == 200);
    client.fake("POST", "events", &json!({"hold": false, "shuffle": true})).await?;
    zoe.rests("paid").await?;
    ensure!(zoe.queued().await? == 0 && zoe.charged().await?.iter().all(String::is_empty), "only by hand");
    client.fake("POST", "events", &json!({"hold": true, "shuffle": false})).await?;
    // It ends half an hour after its invoice was charged in vain: before anybody here may hear of either, by an event or at night.
    let path = format!("subscriptions/{}", zoe.subscription);
    let (_, stands) = client.stripe("GET", &path, &[], None).await?;
    let end = stands["items"]["data"][0]["current_period_end"].as_i64().context("a period")?;
    let ends = [("cancel_at", (end + 3 * HOUR / 2).to_string())];
    let ends = ends.each_ref().map(|(name, value)| (*name, value.as_str()));
    ensure!(client.stripe("POST", &path, &ends, None).await?.0 == 200);
    client.advance(NEXT_PERIOD).await?;
    let second = zoe.shop.wait_for("the next invoice", async |_: &Shop| {
        Ok(Some(zoe.invoice().await?).filter(|invoice| invoice["id"] != first && invoice["attempted"] == true))
    });
    ensure!(second.await?["status"] == "open");
    ensure!(client.stripe("GET", &path, &[], None).await?.1["status"] == "canceled");
    client.fake("POST", "events", &json!({"hold": false})).await?;
    zoe.rests("closed").await?;
    ensure!(zoe.queued().await? == 0 && zoe.charged().await?.len() == 1, "{:?}", zoe.charges().await?);
    zoe.leaves().await
}
