//! Charges an invoice: on Stripe's own schedule, by a call of ours under a key, or by the customer on Stripe's page.

use comptoir_plans::{
    recovery::{debt::Charged, decline::Decline},
    stripe::Status,
};

use super::{AtLast, Card, Charge, DAY, Does, End, KEYS_KEPT, Paying, Stripe, Timer};

/// What is kept under a key.
#[derive(Debug, Clone)]
pub struct Kept {
    method: String,
    answer: Charged,
    at: i64,
}

impl Stripe {
    /// A request of ours to charge. `keeps_failure` has Stripe fail after it began, with or without the effect.
    pub fn pay(&mut self, bill: usize, key: &str, method: &str, keeps_failure: Option<bool>, now: i64) -> Charged {
        self.bills[bill].asked.push((key.to_owned(), method.to_owned()));
        if let Some(kept) = self.keys.get(key).filter(|kept| now < kept.at + KEYS_KEPT) {
            return match &kept.answer {
                _ if kept.method != method => Charged::Refused(400),
                Charged::Unknown(_) => Charged::FailureKept,
                answer => answer.clone(),
            };
        }
        let failed = || Charged::Unknown("500".to_owned());
        let answer = match keeps_failure {
            Some(false) => failed(),
            Some(true) => {
                self.charged(bill, key, method, now);
                failed()
            }
            None => self.charged(bill, key, method, now),
        };
        self.keys.insert(key.to_owned(), Kept { method: method.to_owned(), answer: answer.clone(), at: now });
        answer
    }

    fn charged(&mut self, bill: usize, key: &str, method: &str, now: i64) -> Charged {
        let known = &self.bills[bill];
        let customer = &self.customers[self.subs[known.sub].customer];
        let card = customer.cards.iter().find(|card| card.id == method).cloned();
        let Some(card) = card.filter(|_| known.is_open() && !known.is_processing()) else {
            return Charged::Refused(400);
        };
        let any = self.bills[bill].attempt_count == 0;
        self.bills[bill].attempt_count += u32::from(any);
        match self.attempt(bill, &card, Some(key), now) {
            End::Paid => Charged::Paid,
            End::Debited => Charged::Open,
            End::Asked => Charged::Declined(Decline::of(Some("invoice_payment_intent_requires_action"), None)),
            End::Declined => {
                let (code, decline_code) = codes(card.does);
                Charged::Declined(Decline::of(Some(code), decline_code))
            }
        }
    }

    /// Charges a card, whoever asks for it.
    pub fn attempt(&mut self, bill: usize, card: &Card, key: Option<&str>, now: i64) -> End {
        let end = match card.does {
            Does::Pays => End::Paid,
            Does::Declines(_) => End::Declined,
            Does::Asks => End::Asked,
            Does::Debits { .. } => End::Debited,
        };
        let instrument = card.instrument().to_owned();
        let known = &mut self.bills[bill];
        let asks = end == End::Asked || card.does == Does::Declines("authentication_required");
        known.charges.push(Charge { key: key.map(str::to_owned), instrument, end, asks });
        let error = matches!(end, End::Declined).then(|| {
            let (code, decline_code) = codes(card.does);
            (code, decline_code, card.clone())
        });
        let status = match end {
            End::Paid => "succeeded",
            End::Declined => "requires_payment_method",
            End::Asked => "requires_action",
            End::Debited => "processing",
        };
        let method = (end != End::Declined).then(|| card.id.clone());
        known.intent = Paying { status, method, error, since: now };
        match (end, card.does) {
            (End::Paid, _) => self.settled(bill, now),
            (End::Debited, Does::Debits { pays, days }) => {
                self.timers.push((now + days * DAY, Timer::Bank(bill, pays)))
            }
            _ => self.failed(bill, end == End::Asked, now),
        }
        end
    }

    /// Stripe's own try, with the usual method.
    pub fn try_usual(&mut self, bill: usize, now: i64) {
        let known = &self.bills[bill];
        let sub = &self.subs[known.sub];
        if !known.is_open() || known.is_processing() || sub.status.is_final() {
            return;
        }
        let customer = &self.customers[sub.customer];
        let usual = customer.usual.clone();
        let card = customer.cards.iter().find(|card| Some(&card.id) == usual.as_ref()).cloned();
        self.bills[bill].attempt_count += 1;
        let count = self.bills[bill].attempt_count as usize;
        if count == 1 {
            self.bills[bill].first = card.as_ref().map(|card| (card.instrument().to_owned(), usual));
        } else {
            self.bills[bill].first = None;
        }
        let end = match &card {
            Some(card) => self.attempt(bill, card, None, now),
            None => {
                self.failed(bill, false, now);
                End::Declined
            }
        };
        if matches!(end, End::Paid | End::Debited) {
            return;
        }
        match self.retries.get(count - 1) {
            Some(days) => self.timers.push((now + days * DAY, Timer::Retry(bill))),
            None => self.give_up(bill, now),
        }
    }

    /// What a bank said days later.
    pub fn bank(&mut self, bill: usize, pays: bool, now: i64) {
        let known = &self.bills[bill];
        if !known.is_processing() {
            return;
        }
        if pays {
            self.bills[bill].intent.status = "succeeded";
            // What is void by now is not paid by that.
            if self.bills[bill].is_open() {
                self.settled(bill, now);
            }
            return;
        }
        let customer = &self.customers[self.subs[known.sub].customer];
        let method = known.intent.method.as_ref();
        let card = customer.cards.iter().find(|card| Some(&card.id) == method).cloned();
        let error = card.map(|card| ("card_declined", Some("insufficient_funds"), card));
        self.bills[bill].intent = Paying { status: "requires_payment_method", method: None, error, since: now };
        if self.bills[bill].is_open() {
            self.failed(bill, false, now);
        }
    }

    fn failed(&mut self, bill: usize, asks: bool, now: i64) {
        self.bills[bill].failed_at.get_or_insert(now);
        let sub = self.bills[bill].sub;
        if asks {
            self.tell_bill("invoice.payment_action_required", bill, now);
        }
        self.tell_bill("invoice.payment_failed", bill, now);
        if self.subs[sub].status == Status::Active {
            self.subs[sub].status = Status::PastDue;
            self.tell_sub("customer.subscription.updated", sub, now);
        }
    }

    fn give_up(&mut self, bill: usize, now: i64) {
        let sub = self.bills[bill].sub;
        if self.subs[sub].status.is_final() || self.subs[sub].status == Status::Incomplete {
            return;
        }
        match self.at_last {
            AtLast::Cancels => self.end(sub, Status::Canceled, now),
            AtLast::Unpaid => {
                self.subs[sub].status = Status::Unpaid;
                self.tell_sub("customer.subscription.updated", sub, now);
            }
            AtLast::Stays => {}
        }
    }
}

fn codes(does: Does) -> (&'static str, Option<&'static str>) {
    match does {
        Does::Declines("authentication_required") => ("authentication_required", Some("authentication_required")),
        Does::Declines("incorrect_number") => ("incorrect_number", None),
        Does::Declines(code) => ("card_declined", Some(code)),
        _ => ("card_declined", None),
    }
}
