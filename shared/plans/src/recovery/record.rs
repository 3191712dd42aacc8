//! The record of an unpaid invoice: what was tried with what, and what its customer was told.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    debt::{Debt, Method},
    decline::Decline,
};

/// How long Stripe answers a key as it did the first time: a day at least (docs.stripe.com/api/idempotent_requests), less an
/// hour for clocks and calls on their way.
pub const KEY_KEPT: SignedDuration = SignedDuration::from_hours(23);

/// The most charges for one invoice before its customer is told.
pub const MOST_CHARGES: usize = 5;

/// The most charges for one invoice in all: methods that came later are tried as well.
pub const MOST_CHARGES_EVER: usize = 10;

/// How far the recovery of an invoice is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// An event told of it.
    #[default]
    Noticed,
    /// Methods are tried.
    Trying,
    /// It is paid. Final.
    Paid,
    /// A bank is at it.
    Processing,
    /// No method paid, and one asks for the customer, who was told.
    NeedsCustomer,
    /// No method paid, and the customer was told.
    Exhausted,
    /// Nobody knows what became of a charge; the customer and the owner were told.
    Unknown,
    /// Nobody is asked for it any more: void, given up, its subscription over, or none of a plan. Only a payment
    /// changes that.
    Closed,
}

/// Whose attempt it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Ours.
    Us,
    /// Stripe's own.
    Stripe,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It may be on its way.
    Claimed,
    /// It paid.
    Paid,
    /// It did not.
    Declined(Decline),
    /// The customer has to confirm it.
    ActionRequired,
    /// A bank is at it.
    Processing,
    /// Nothing was charged.
    Skipped(String),
    /// Nobody knows.
    Unknown,
}

/// One instrument that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The card's or the account's fingerprint, or the method's id.
    pub instrument: String,
    /// The method that was charged.
    pub method: String,
    /// Whose it was.
    pub by: By,
    /// When it was claimed, or seen.
    pub at: Timestamp,
    /// What became of it.
    pub fate: Fate,
}

impl Attempt {
    /// Whether its end is not known yet.
    pub fn is_unsettled(&self) -> bool {
        matches!(self.fate, Fate::Claimed | Fate::Processing)
    }

    fn asks_for_customer(&self) -> bool {
        match &self.fate {
            Fate::ActionRequired => true,
            Fate::Declined(decline) => decline.asks_for_customer(),
            _ => false,
        }
    }
}

/// The recovery of an invoice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// How far it is.
    pub state: State,
    /// `cus_...`, once the invoice was fetched.
    pub customer: Option<String>,
    /// Every instrument that was tried, each once.
    pub attempts: Vec<Attempt>,
    /// Whether what Stripe charges of itself was noted: later it may be another method.
    pub noted: bool,
    /// When the customer was told.
    pub told_at: Option<Timestamp>,
}

impl Recovery {
    /// The attempt whose end is not known; there is one at most.
    pub fn unsettled(&self) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.is_unsettled())
    }

    /// Our own charges.
    pub fn charges(&self) -> usize {
        let ours = |attempt: &&Attempt| attempt.by == By::Us && !matches!(attempt.fate, Fate::Skipped(_));
        self.attempts.iter().filter(ours).count()
    }

    /// Whether this instrument was tried.
    pub fn tried(&self, instrument: &str) -> bool {
        self.attempts.iter().any(|attempt| attempt.instrument == instrument)
    }

    /// Whether any attempt asks for the customer.
    pub fn asks_for_customer(&self) -> bool {
        self.attempts.iter().any(Attempt::asks_for_customer)
    }

    /// Whether nobody knows what became of an attempt.
    pub fn is_unknown(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.fate == Fate::Unknown)
    }

    /// The instruments that are never charged again, for any invoice.
    pub fn never_again(&self) -> impl Iterator<Item = &str> {
        let hard = |attempt: &&Attempt| matches!(&attempt.fate, Fate::Declined(decline) if decline.is_hard());
        self.attempts.iter().filter(hard).map(|attempt| attempt.instrument.as_str())
    }

    /// Says what became of the attempt whose end was not known.
    pub fn settle(&mut self, fate: Fate) {
        if let Some(attempt) = self.attempts.iter_mut().find(|attempt| attempt.is_unsettled()) {
            attempt.fate = fate;
        }
    }

    /// Leaves a method out for good, though it was not tried: what comes later is tried as well, and this is none of it.
    pub fn leave_out(&mut self, method: &Method, now: Timestamp) {
        let (instrument, method) = (method.instrument().to_owned(), method.id.clone());
        self.attempts.push(Attempt {
            instrument,
            method,
            by: By::Us,
            at: now,
            fate: Fate::Skipped("limit".to_owned()),
        });
    }

    /// Notes what Stripe tried of itself: what it failed with, or at the first look the usual method where the invoice does not
    /// say. The usual one may be another by now, which was not tried.
    pub fn note(&mut self, debt: &Debt, methods: &[Method], now: Timestamp) {
        let errors = debt.intents().filter_map(|intent| intent.last_payment_error.as_ref());
        let mut seen: Vec<(String, String, Fate)> = Vec::new();
        for error in errors {
            if let Some(method) = &error.payment_method {
                seen.push((method.instrument().to_owned(), method.id.clone(), Fate::Declined(error.decline())));
            }
        }
        let instrument = |id: &str| {
            let known = methods.iter().find(|method| method.id == id);
            known.map_or_else(|| id.to_owned(), |method| method.instrument().to_owned())
        };
        if let Some(id) = debt.to_confirm() {
            seen.push((instrument(id), id.to_owned(), Fate::ActionRequired));
        }
        if let Some(id) = debt.usual_method().filter(|_| debt.attempted && !self.noted && seen.is_empty()) {
            seen.push((instrument(id), id.to_owned(), Fate::Declined(Decline::of(None, None))));
        }
        for (instrument, method, fate) in seen {
            if !self.tried(&instrument) {
                self.attempts.push(Attempt { instrument, method, by: By::Stripe, at: now, fate });
            }
        }
        self.noted = true;
    }
}
