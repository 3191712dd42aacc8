//! The sales and refunds of a world, with the events and answers of a Stripe that knows them.

use std::sync::Arc;

use comptoir::{
    sale::SaleKey,
    seller::SettingsDocument,
    stripe::{
        object::{CreditNote, Intent, ItemTax, LineItem, Session, StripeInvoice, StripeRefund, TaxRate},
        reader::SessionsOf,
    },
    testing::{FRANCHISE_TOML, STANDARD_TOML},
};
use fastrand::Rng;
use jiff::Timestamp;

use crate::plan::Plan;

/// Moments just before the date in Paris changes in a special way: a night, a month's end, a year's end, both changes
/// of the hour, a leap day.
const EVES: [&str; 7] = [
    "2026-06-15T21:59:57Z",
    "2026-11-30T22:59:57Z",
    "2026-12-31T22:59:57Z",
    "2026-03-29T00:59:57Z",
    "2026-10-25T00:59:57Z",
    "2028-02-29T22:59:57Z",
    "2026-11-21T10:00:00Z",
];

/// The sellers: one without VAT, one whose prices include it, and one whose VAT Stripe computes.
const SELLERS: usize = 3;

/// The versions of the settings that a seller saves one after the other. Some change their regime on the day after the
/// world's start; with the second version they have moved, and have another colour.
pub fn versions(seller: usize, start: i64, rng: &mut Rng) -> Vec<SettingsDocument> {
    let toml = if seller == 0 { FRANCHISE_TOML } else { STANDARD_TOML }.to_owned();
    let toml = match seller {
        STRIPE_TAX => toml.replace("\"standard\"", "\"stripe_tax\"").replace("rate = \"20\"", ""),
        _ if rng.bool() => {
            let turn = Timestamp::from_millisecond(start).unwrap().in_tz("Europe/Paris").unwrap().date().tomorrow();
            let later = match seller {
                0 => "regime = \"standard\"\nnumber = \"FR11123456782\"\nrate = \"20\"",
                _ => "regime = \"franchise\"",
            };
            let later = format!("[[vat]]\nfrom = \"{}\"\n{later}\n\n[invoice]", turn.unwrap());
            toml.replace("[vat]", "[[vat]]").replace("[invoice]", &later)
        }
        _ => toml,
    };
    let moved = format!("{}\n[look]\naccent = \"#aa0000\"\n", toml.replace("line1 = \"", "line1 = \"2, "));
    [toml, moved].map(|toml| SettingsDocument::from_toml(&toml).unwrap().whole()).to_vec()
}

/// The one whose VAT Stripe computes.
const STRIPE_TAX: usize = 2;

/// How Stripe represents a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A session without an invoice.
    Session,
    /// A session with an invoice; the invoice is billed.
    Both,
    /// A session that gets its invoice later; the invoice is billed.
    Later,
    /// An invoice without a session.
    Invoice,
}

/// A sale, as it happened.
#[derive(Debug, Clone)]
pub struct Sold {
    /// Its number in this world.
    pub n: usize,
    /// Its representation in Stripe.
    pub way: Way,
    /// The amount paid.
    pub total: i64,
    /// The tax included, if Stripe computed it.
    pub tax: Option<i64>,
    /// Whether an invoice is possible.
    pub fit: bool,
    /// Whether its buyer gave an email address.
    pub email: bool,
    /// Whether its invoice names the payment intent.
    pub names_intent: bool,
    /// Its time, in milliseconds.
    pub at: i64,
}

impl Sold {
    /// Its key.
    pub fn key(&self) -> SaleKey {
        SaleKey(if self.way == Way::Session { self.session() } else { self.invoice() })
    }

    fn session(&self) -> String {
        format!("cs_{}", self.n)
    }

    fn invoice(&self) -> String {
        format!("in_{}", self.n)
    }
}

/// A refund, as it happened.
#[derive(Debug, Clone)]
pub struct Repaid {
    /// Its key.
    pub key: String,
    /// Its sale.
    pub sale: usize,
    /// The amount refunded.
    pub amount: i64,
    /// Whether Stripe made a credit note with it.
    pub noted: bool,
    /// Its time, in milliseconds.
    pub at: i64,
}

/// An event of Stripe's.
#[derive(Debug, Clone)]
pub struct Told {
    /// Its id.
    pub id: String,
    /// Its body as posted.
    pub body: Arc<str>,
    /// Its time, in milliseconds.
    pub at: i64,
}

/// The history of a world.
#[derive(Debug)]
pub struct Shop {
    /// The start, in milliseconds.
    pub start: i64,
    /// The index of the seller.
    pub seller: usize,
    /// The sales.
    pub sales: Vec<Sold>,
    /// The refunds.
    pub refunds: Vec<Repaid>,
    /// Stripe's events.
    pub events: Vec<Told>,
}

impl Shop {
    /// The shop of a plan.
    pub fn of(plan: &Plan, rng: &mut Rng) -> Self {
        let eve: Timestamp = EVES[rng.usize(..EVES.len())].parse().unwrap();
        let seller = rng.usize(..SELLERS);
        let mut shop = Self { start: eve.as_millisecond(), seller, sales: vec![], refunds: vec![], events: vec![] };
        let count = [1, 1, 2, 2, 3, 6][rng.usize(..6)];
        for n in 0..count {
            shop.sell(n, rng);
        }
        let limit = plan.sales;
        shop.sales.truncate(limit);
        shop.refunds.retain(|refund| refund.sale < limit);
        shop.events.retain(|event| event.id.split('_').nth(1).and_then(|n| n.parse::<usize>().ok()).unwrap() < limit);
        shop
    }

    fn sell(&mut self, n: usize, rng: &mut Rng) {
        let total = rng.i64(1..20_000);
        let tax = (self.seller == STRIPE_TAX && total > 100).then_some((total + 3) / 6);
        let sold = Sold {
            n,
            way: [Way::Session, Way::Session, Way::Both, Way::Later, Way::Invoice][rng.usize(..5)],
            total,
            tax,
            fit: rng.u8(..16) != 0 && (self.seller != STRIPE_TAX || tax.is_some()),
            email: rng.u8(..16) != 0,
            names_intent: rng.bool(),
            at: self.start + rng.i64(0..6_000),
        };
        let session = session(&sold, sold.way == Way::Both);
        match sold.way {
            Way::Session => {
                if rng.u8(..4) == 0 {
                    let unpaid = session.replace("\"paid\"", "\"unpaid\"");
                    self.tell(n, "checkout.session.completed", &unpaid, sold.at);
                    self.tell(n, "checkout.session.async_payment_succeeded", &session, sold.at + rng.i64(0..5_000));
                } else {
                    self.tell(n, "checkout.session.completed", &session, sold.at);
                    if rng.u8(..4) == 0 {
                        self.tell(n, "checkout.session.async_payment_succeeded", &session, sold.at);
                    }
                }
            }
            Way::Both | Way::Later => {
                self.tell(n, "checkout.session.completed", &session, sold.at);
                self.tell(n, "invoice.paid", &invoice(&sold), sold.at + rng.i64(0..4_000));
            }
            Way::Invoice => self.tell(n, "invoice.paid", &invoice(&sold), sold.at),
        }
        let mut left = sold.total;
        for turn in 0..[0, 0, 1, 1, 2, 3][rng.usize(..6)] {
            let too_much = rng.u8(..24) == 0;
            let amount = if too_much { left + 1 } else { [left, rng.i64(1..=left.max(1))][rng.usize(..2)] };
            if amount == 0 || (amount > left && !too_much) {
                continue;
            }
            left = (left - amount).max(0);
            let key = format!("re_{n}x{turn}");
            let at = sold.at + rng.i64(0..3_000);
            self.repay(&sold, Repaid { key, sale: n, amount, noted: false, at }, rng);
        }
        self.sales.push(sold);
    }

    fn repay(&mut self, sold: &Sold, mut refund: Repaid, rng: &mut Rng) {
        let (n, at) = (sold.n, refund.at);
        let object = refund_object(&refund, "succeeded");
        let charge = |list: &str| format!(r#"{{"id":"ch_{n}","refunds":{list}}}"#);
        match rng.u8(..5) {
            0 => {
                self.tell(n, "refund.created", &refund_object(&refund, "pending"), at);
                self.tell(n, "refund.updated", &object, at + 1_000);
            }
            1 => self.tell(n, "charge.refunded", &charge(&format!(r#"{{"data":[{object}]}}"#)), at),
            2 if rng.bool() => self.tell(n, "charge.refunded", &charge("null"), at + 4_000),
            3 if sold.way != Way::Session => {
                refund.noted = true;
                let note = note(&refund);
                self.tell(n, "credit_note.created", &note, at);
                self.tell(n, "refund.created", &object, at);
            }
            _ => {
                self.tell(n, "refund.created", &object, at);
                if rng.bool() {
                    self.tell(n, "refund.updated", &object, at);
                }
            }
        }
        if !self.events.iter().any(|event| event.body.contains(&refund.key)) {
            self.tell(n, "refund.created", &object, at);
        }
        self.refunds.push(refund);
    }

    fn tell(&mut self, n: usize, kind: &str, object: &str, at: i64) {
        let id = format!("evt_{n}_{}", self.events.len());
        let created = at / 1000;
        let body = format!(
            r#"{{"id":"{id}","type":"{kind}","created":{created},"livemode":false,"data":{{"object":{object}}}}}"#
        )
        .into();
        self.events.push(Told { id, body, at });
    }

    fn find(&self, id: &str) -> Option<&Sold> {
        let n: usize = id.split_once('_')?.1.parse().ok()?;
        self.sales.iter().find(|sold| sold.n == n)
    }

    /// The current state of a session: a later invoice appears after two seconds.
    pub fn session_now(&self, id: &str, now: i64) -> Option<Session> {
        let sold = self.find(id)?;
        serde_json::from_str(&session(sold, now > sold.at + 2_000)).ok()
    }

    /// The lines of a session.
    pub fn session_lines(&self, id: &str) -> Option<Vec<LineItem>> {
        let sold = self.find(id)?;
        Some(vec![LineItem {
            id: Some(format!("li_{}", sold.n)),
            description: Some("Formation".to_owned()),
            quantity: Some(1),
            amount_total: sold.total,
            amount_discount: 0,
            amount_tax: sold.tax.unwrap_or_default(),
            taxes: sold.tax.map(|amount| {
                let taxability_reason = Some("standard_rated".to_owned());
                vec![ItemTax { amount, rate: Some(tax_rate()), taxability_reason }]
            }),
        }])
    }

    /// The refunds of a charge.
    pub fn refunds_of(&self, charge: &str) -> Option<Vec<StripeRefund>> {
        let sold = self.find(charge)?;
        let of_sale = self.refunds.iter().filter(|refund| refund.sale == sold.n);
        Some(of_sale.map(|refund| serde_json::from_str(&refund_object(refund, "succeeded")).unwrap()).collect())
    }

    /// The invoices that an intent paid.
    pub fn invoices_paid_by(&self, intent: &str) -> Vec<String> {
        self.find(intent).filter(|sold| sold.way != Way::Session).map(Sold::invoice).into_iter().collect()
    }

    /// The sessions of a payment; there are no customers or subscriptions.
    pub fn sessions(&self, of: SessionsOf<'_>, now: i64) -> Option<Vec<Session>> {
        let SessionsOf::Intent(intent) = of else { return Some(Vec::new()) };
        let sold = self.find(intent)?;
        let made = if sold.way == Way::Invoice { None } else { self.session_now(&sold.session(), now) };
        Some(made.into_iter().collect())
    }

    /// An invoice; in this world it lists no payments.
    pub fn invoice_now(&self, id: &str) -> Option<StripeInvoice> {
        serde_json::from_str(&invoice(self.find(id)?)).ok()
    }

    /// A payment intent.
    pub fn intent(&self, id: &str) -> Option<Intent> {
        let sold = self.find(id)?;
        let object = format!(
            r#"{{"id":"{id}","status":"succeeded","capture_method":"automatic","amount":{0},"amount_received":{0}}}"#,
            sold.total
        );
        serde_json::from_str(&object).ok()
    }

    /// The credit notes of an invoice.
    pub fn credit_notes_of(&self, invoice: &str) -> Vec<CreditNote> {
        let Some(sold) = self.find(invoice) else { return Vec::new() };
        let noted = self.refunds.iter().filter(|refund| refund.sale == sold.n && refund.noted);
        noted.map(|refund| serde_json::from_str(&note(refund)).unwrap()).collect()
    }
}

/// A credit note whose one line is the amount of its refund.
fn note(refund: &Repaid) -> String {
    format!(
        r#"{{"id":"cn_{0}","invoice":"in_{1}","total":{2},"currency":"eur","type":"post_payment","status":"issued","created":{3},"refunds":[{{"refund":"{0}","amount_refunded":{2}}}],"lines":{{"data":[{{"amount":{2},"description":"Abonnement","invoice_line_item":"il_{1}"}}]}}}}"#,
        refund.key,
        refund.sale,
        refund.amount,
        refund.at / 1000
    )
}

fn refund_object(refund: &Repaid, status: &str) -> String {
    format!(
        r#"{{"id":"{}","object":"refund","amount":{},"currency":"eur","status":"{status}","payment_intent":"pi_{}","created":{}}}"#,
        refund.key,
        refund.amount,
        refund.sale,
        refund.at / 1000
    )
}

/// The one tax rate of this world.
pub fn tax_rate() -> TaxRate {
    TaxRate {
        inclusive: true,
        country: Some("FR".to_owned()),
        tax_type: Some("vat".to_owned()),
        effective_percentage: None,
        percentage: Some(20.into()),
    }
}

fn currency(sold: &Sold) -> &'static str {
    if sold.fit { "eur" } else { "zzz" }
}

fn email(sold: &Sold) -> String {
    if sold.email { format!("\"zoe{}@example.org\"", sold.n) } else { "null".to_owned() }
}

fn session(sold: &Sold, has_invoice: bool) -> String {
    let n = sold.n;
    let invoice = match sold.way {
        Way::Both | Way::Later if has_invoice => format!(r#""invoice":"in_{n}","#),
        Way::Both | Way::Later => r#""invoice_creation":{"enabled":true},"#.to_owned(),
        Way::Session | Way::Invoice => String::new(),
    };
    let details = sold.tax.map(|tax| format!(r#""total_details":{{"amount_tax":{tax}}},"#)).unwrap_or_default();
    format!(
        r#"{{"id":"cs_{n}",{invoice}"mode":"payment","payment_status":"paid","currency":"{}","amount_total":{},{details}"locale":"fr","payment_intent":"pi_{n}","customer_details":{{"name":"Zoé Lefèvre","email":{},"address":{{"line1":"12 rue de l’Été","postal_code":"75011","city":"Paris","country":"FR"}}}}}}"#,
        currency(sold),
        sold.total,
        email(sold)
    )
}

fn invoice(sold: &Sold) -> String {
    let n = sold.n;
    let total_tax = sold.tax.map(|tax| format!(r#""total_taxes":[{{"amount":{tax}}}],"#)).unwrap_or_default();
    let line_tax = sold.tax.map(|tax| {
        format!(
            r#""taxes":[{{"amount":{tax},"tax_behavior":"inclusive","tax_rate_details":{{"tax_rate":"txr_1"}},"taxability_reason":"standard_rated"}}],"#
        )
    });
    let line_tax = line_tax.unwrap_or_default();
    let intent = if sold.names_intent { format!(r#""payment_intent":"pi_{n}","#) } else { String::new() };
    format!(
        r#"{{"id":"in_{n}",{intent}"currency":"{}","total":{},"customer_name":"Zoé Lefèvre","customer_email":{},"customer_address":{{"line1":"12 rue de l’Été","postal_code":"75011","city":"Paris","country":"FR"}},"status_transitions":{{"paid_at":{}}},{total_tax}"lines":{{"data":[{{"id":"il_{n}","description":"Abonnement","quantity":1,{line_tax}"amount":{}}}]}}}}"#,
        currency(sold),
        sold.total,
        email(sold),
        sold.at / 1000,
        sold.total
    )
}
