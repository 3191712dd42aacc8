//! What people do in a seed: how they come to a subscription, which methods they have, what they change, what they use.

use fastrand::Rng;

use super::{
    plan::{Kind, Plan},
    sold::PRICES,
    stripe::{AtLast, Beginning, DAY, Does, HOUR, Stripe},
};

/// The end of a year, and of a month.
const STARTS: [i64; 2] = [1_795_257_000_000, 1_798_700_000_000];

/// What somebody does.
#[derive(Debug, Clone)]
pub enum Act {
    /// Asks for a Checkout page: person, key of the wish, price, and whether the address is given; this is the attempt.
    Open(usize, String, &'static str, bool, u32),
    /// Pays on a page: session and person.
    Pay(String, usize),
    /// Subscribes without a page: person, trial, price, whether it is free, how many.
    Subscribe(usize, u32, &'static str, bool, u64),
    /// Saves a method.
    Attach(usize, Option<String>, Option<i16>, Does),
    /// Removes a method.
    Detach(usize, usize),
    /// Makes another method the usual one.
    Prefer(usize, usize),
    /// Pays the oldest open invoice on Stripe's page.
    Hosted(usize),
    /// Ends the subscription.
    Cancel(usize),
    /// The owner closes the oldest open invoice: void, uncollectible, or paid out of band.
    Close(usize, &'static str),
    /// Subscribes to another number.
    Resize(usize, u64),
    /// Uses tokens: person, id, amount; this is the attempt.
    Use(usize, String, u64, u32),
}

/// A seed's story.
#[derive(Debug)]
pub struct Story {
    /// The first moment.
    pub start: i64,
    /// How long it is.
    pub length: i64,
    /// The length of a period.
    pub period: i64,
    /// E-mail addresses, one a person.
    pub people: Vec<String>,
    /// What is done, and when.
    pub acts: Vec<(i64, Act)>,
}

const CODES: [&str; 6] = [
    "insufficient_funds",
    "generic_decline",
    "lost_card",
    "stolen_card",
    "incorrect_number",
    "authentication_required",
];

impl Story {
    /// The story of a seed, and the account that it begins with.
    pub fn of(plan: &Plan, rng: &mut Rng) -> (Self, Stripe) {
        let start = STARTS[rng.usize(..2)] + rng.i64(0..DAY);
        let period = [7 * DAY, 30 * DAY][rng.usize(..2)];
        let length = period + rng.i64(2..12) * DAY;
        let retries = [vec![], vec![1, 3], vec![3, 5, 7]][rng.usize(..3)].clone();
        let at_last = [AtLast::Cancels, AtLast::Unpaid, AtLast::Stays][rng.usize(..3)];
        let stripe = Stripe::new(start + length, retries, at_last);
        let count = rng.usize(1..3).min(plan.people);
        let mut story = Self { start, length, period, people: Vec::new(), acts: Vec::new() };
        for person in 0..count {
            story.people.push(format!("p{person}@example.org"));
            story.comes(person, rng);
            story.lives(plan, person, rng);
        }
        (story, stripe)
    }

    fn moment(&self, rng: &mut Rng) -> i64 {
        self.start + rng.i64(0..self.length)
    }

    /// About when invoices are made and charged.
    fn critical(&self, rng: &mut Rng) -> i64 {
        let turn = [self.start, self.start + self.period, self.start + self.period + HOUR][rng.usize(..3)];
        turn + [rng.i64(0..20_000), rng.i64(0..300_000), rng.i64(0..3 * DAY)][rng.usize(..3)]
    }

    fn comes(&mut self, person: usize, rng: &mut Rng) {
        let price = PRICES[[0, 0, 1, 2, 3][rng.usize(..5)]];
        if rng.bool() {
            for (fingerprint, year, does) in methods(person, rng) {
                self.acts.push((self.start - DAY, Act::Attach(person, fingerprint, year, does)));
            }
            let trial = [0, 0, 0, 1, 7][rng.usize(..5)];
            let quantity = [1, 1, 3][rng.usize(..3)];
            let at = self.start + rng.i64(0..1_000);
            self.acts.push((at, Act::Subscribe(person, trial, price, rng.u8(..8) == 0, quantity)));
            if rng.u8(..4) > 0 {
                return;
            }
        }
        let wishes = rng.usize(1..4);
        let again = rng.bool();
        for wish in 0..wishes {
            // Two tabs, the same wish sent twice, or another one a day later.
            let at = self.start + [rng.i64(0..5_000), rng.i64(0..600_000), rng.i64(0..3 * DAY)][rng.usize(..3)];
            let key = format!("k{person}_{}", if again { 0 } else { wish });
            let price = if again { price } else { PRICES[rng.usize(..3)] };
            self.acts.push((at, Act::Open(person, key, price, rng.u8(..4) > 0, 0)));
        }
    }

    fn lives(&mut self, plan: &Plan, person: usize, rng: &mut Rng) {
        for (fingerprint, year, does) in methods(person, rng) {
            let at = self.critical(rng);
            if rng.bool() {
                self.acts.push((at, Act::Attach(person, fingerprint, year, does)));
            }
        }
        // They happen in a seed of their own only: a smaller run has fewer of them, and the same rest.
        let enabled = plan.mask & (1 << Kind::Meanwhile as u32) != 0;
        for _ in 0..rng.usize(..5) {
            let at = if rng.bool() { self.critical(rng) } else { self.moment(rng) };
            let act = match rng.u8(..9) {
                0 => Act::Cancel(person),
                1 => Act::Close(person, "void"),
                2 => Act::Close(person, "uncollectible"),
                3 => Act::Close(person, "paid"),
                4 => Act::Hosted(person),
                5 => Act::Detach(person, rng.usize(..6)),
                6 => Act::Prefer(person, rng.usize(..6)),
                7 => Act::Resize(person, rng.u64(1..4)),
                _ => Act::Hosted(person),
            };
            if enabled {
                self.acts.push((at, act));
            }
        }
        for burst in 0..rng.usize(..3) {
            let at = self.moment(rng);
            for _ in 0..rng.usize(1..14) {
                let id = format!("u{burst}_{}", rng.u8(..8));
                let amount = if rng.u8(..6) == 0 { rng.u64(1..40) } else { u64::from(id.len() as u8 % 3) + 1 };
                self.acts.push((at + rng.i64(0..400), Act::Use(person, id, amount, 0)));
            }
        }
    }
}

/// What somebody does while others are at work.
pub fn meanwhile(story: &Story, rng: &mut Rng) -> Act {
    let person = rng.usize(..story.people.len());
    match rng.u8(..8) {
        0 => Act::Cancel(person),
        1 => Act::Close(person, ["void", "uncollectible", "paid"][rng.usize(..3)]),
        2 => Act::Detach(person, rng.usize(..4)),
        3 => {
            let does = [Does::Pays, Does::Asks, Does::Declines("insufficient_funds")][rng.usize(..3)];
            Act::Attach(person, Some(format!("fp_late_{}", rng.u8(..4))), Some(2_034), does)
        }
        4 => Act::Use(person, format!("m{}", rng.u8(..4)), 1, 0),
        5 => Act::Prefer(person, rng.usize(..4)),
        _ => Act::Hosted(person),
    }
}

/// The methods of somebody: some saved twice, some expired, of every kind.
fn methods(person: usize, rng: &mut Rng) -> Vec<(Option<String>, Option<i16>, Does)> {
    let does: Vec<Does> = (0..6)
        .map(|_| match rng.u8(..10) {
            0 | 1 => Does::Pays,
            2 => Does::Asks,
            3 => Does::Debits { pays: rng.bool(), days: rng.i64(2..8) },
            _ => Does::Declines(CODES[rng.usize(..CODES.len())]),
        })
        .collect();
    (0..rng.usize(..6))
        .map(|n| {
            // The same card twice is the same card.
            let behind = if rng.u8(..4) == 0 { rng.usize(..3) } else { n };
            let debit = matches!(does[behind], Does::Debits { .. });
            let year = (!debit).then(|| if rng.u8(..8) == 0 { 2_025 } else { 2_034 });
            let fingerprint = (rng.u8(..8) > 0).then(|| format!("fp_{person}_{behind}"));
            (fingerprint, year, does[behind])
        })
        .collect()
}

/// Does what is done at Stripe alone.
pub fn act(story: &Story, stripe: &mut Stripe, act: &Act, now: i64) {
    let of = |person: usize, stripe: &mut Stripe| {
        let email = &story.people[person];
        let known = stripe.customers.iter().position(|customer| customer.email == *email);
        known.unwrap_or_else(|| stripe.customer_of(email))
    };
    match act {
        Act::Open(..) | Act::Use(..) => {}
        Act::Pay(session, person) => stripe.pay_on_page(session, &story.people[*person], story.period, now),
        Act::Subscribe(person, trial_days, price, free, quantity) => {
            let customer = of(*person, stripe);
            let beginning = Beginning {
                customer,
                price,
                quantity: *quantity,
                period: story.period,
                trial_days: *trial_days,
                free: *free,
                paid: false,
            };
            stripe.subscribe(beginning, now);
        }
        Act::Attach(person, fingerprint, year, does) => {
            let customer = of(*person, stripe);
            let behind = |card: &&super::stripe::Card| card.fingerprint.is_some() && card.fingerprint == *fingerprint;
            // The same card does the same.
            let known = stripe.customers.iter().flat_map(|customer| &customer.cards).find(behind);
            let (year, does) = known.map_or((*year, *does), |card| (card.year, card.does));
            stripe.attach(customer, fingerprint.clone(), year, does, now);
        }
        Act::Detach(person, n) => {
            let customer = of(*person, stripe);
            let known = &mut stripe.customers[customer];
            if *n < known.cards.len() {
                let gone = known.cards.remove(*n);
                known.usual = known.usual.take().filter(|usual| *usual != gone.id);
            }
        }
        Act::Prefer(person, n) => {
            let customer = of(*person, stripe);
            let known = &mut stripe.customers[customer];
            if let Some(card) = known.cards.get(*n) {
                known.usual = Some(card.id.clone());
            }
        }
        Act::Hosted(person) => {
            let customer = of(*person, stripe);
            if let Some(bill) = oldest(stripe, customer, true) {
                stripe.attach(customer, Some(format!("fp_hosted_{bill}")), Some(2_034), Does::Pays, now);
                let card = stripe.customers[customer].cards.last().cloned().unwrap();
                stripe.attempt(bill, &card, None, now);
            }
        }
        Act::Cancel(person) => {
            let customer = of(*person, stripe);
            let lives = stripe.subs.iter().position(|sub| sub.customer == customer && !sub.status.is_final());
            if let Some(sub) = lives {
                stripe.end(sub, comptoir_plans::stripe::Status::Canceled, now);
            }
        }
        Act::Close(person, status) => {
            let customer = of(*person, stripe);
            if let Some(bill) = oldest(stripe, customer, *status == "paid") {
                stripe.close(bill, status, now);
            }
        }
        Act::Resize(person, quantity) => {
            let customer = of(*person, stripe);
            let lives = stripe.subs.iter().position(|sub| sub.customer == customer && !sub.status.is_final());
            if let Some(sub) = lives {
                stripe.resize(sub, *quantity, now);
            }
        }
    }
}

/// The oldest open invoice; `settled` leaves out what a bank is at.
fn oldest(stripe: &Stripe, customer: usize, settled: bool) -> Option<usize> {
    stripe.bills.iter().position(|bill| {
        stripe.subs[bill.sub].customer == customer && bill.is_open() && !(settled && bill.is_processing())
    })
}
