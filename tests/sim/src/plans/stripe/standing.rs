//! How subscriptions and invoices stand: what begins, renews, is paid, and ends.

use comptoir_plans::stripe::Status;

use super::{Bill, DAY, HOUR, Paying, Stripe, Sub, Timer};

/// A subscription that begins.
#[derive(Debug, Clone, Copy)]
pub struct Beginning {
    /// The place of its customer.
    pub customer: usize,
    /// What for.
    pub price: &'static str,
    /// How many.
    pub quantity: u64,
    /// The length of a period.
    pub period: i64,
    /// Days of trial.
    pub trial_days: u32,
    /// Whether a period costs nothing.
    pub free: bool,
    /// Whether its first invoice is paid already, as on a page.
    pub paid: bool,
}

impl Stripe {
    /// Begins a subscription; its place.
    pub fn subscribe(&mut self, beginning: Beginning, now: i64) -> usize {
        let Beginning { customer, price, quantity, period, trial_days, free, paid } = beginning;
        let sub = self.subs.len();
        let trial_end = (trial_days > 0).then(|| now + i64::from(trial_days) * DAY);
        let end = trial_end.unwrap_or(now + period);
        let status = match trial_end {
            Some(_) => Status::Trialing,
            None if paid || free => Status::Active,
            None => Status::Incomplete,
        };
        self.subs.push(Sub {
            id: format!("sub_{sub}"),
            customer,
            status,
            created: now,
            price,
            quantity,
            period,
            span: (now, end),
            trial_end,
            ended_at: None,
            cancelled_by_us: false,
            seen_living: i64::MIN,
            free,
        });
        self.tell_sub("customer.subscription.created", sub, now);
        let amount = if trial_end.is_some() || free { 0 } else { 1_900 };
        let bill = self.bills.len();
        self.bill_for(sub, "subscription_create", amount, now);
        if paid || amount == 0 {
            self.settled(bill, now);
        } else {
            self.try_usual(bill, now);
            self.timers.push((now + 23 * HOUR, Timer::Lapse(sub)));
        }
        self.timers.push((end, Timer::Renew(sub)));
        sub
    }

    fn bill_for(&mut self, sub: usize, reason: &'static str, amount: i64, now: i64) {
        let of = &self.subs[sub];
        self.bills.push(Bill {
            id: format!("in_{}", self.bills.len()),
            sub,
            status: "open",
            reason,
            price: of.price,
            quantity: of.quantity,
            span: of.span,
            amount,
            attempt_count: 0,
            failed_at: None,
            first: None,
            intent: Paying { status: "requires_payment_method", method: None, error: None, since: now },
            charges: Vec::new(),
            asked: Vec::new(),
            over_since: None,
        });
    }

    /// A timer rings.
    pub fn rings(&mut self, timer: Timer, now: i64) {
        match timer {
            Timer::Renew(sub) => self.renew(sub, now),
            Timer::Collect(bill) => {
                // Of one that is unpaid, invoices stay drafts.
                let collects = !matches!(self.subs[self.bills[bill].sub].status, Status::Unpaid | Status::Canceled);
                if self.bills[bill].status == "draft" && collects {
                    self.bills[bill].status = "open";
                    match self.bills[bill].amount {
                        0 => self.settled(bill, now),
                        _ => self.try_usual(bill, now),
                    }
                }
            }
            Timer::Retry(bill) => self.try_usual(bill, now),
            Timer::Bank(bill, pays) => self.bank(bill, pays, now),
            Timer::Lapse(sub) => {
                if self.subs[sub].status == Status::Incomplete {
                    self.end(sub, Status::IncompleteExpired, now);
                    let of_it = (0..self.bills.len()).filter(|bill| self.bills[*bill].sub == sub);
                    for bill in of_it.collect::<Vec<_>>() {
                        self.close(bill, "void", now);
                    }
                }
            }
        }
    }

    fn renew(&mut self, sub: usize, now: i64) {
        let of = &mut self.subs[sub];
        if of.status.is_final() || of.status == Status::Incomplete || now > self.horizon {
            return;
        }
        of.span = (of.span.1, of.span.1 + of.period);
        // The end of a trial makes it active, before its first payment.
        if of.status == Status::Trialing {
            of.status = Status::Active;
        }
        let (next, amount) = (of.span.1, if of.free { 0 } else { 1_900 });
        self.tell_sub("customer.subscription.updated", sub, now);
        let bill = self.bills.len();
        self.bill_for(sub, "subscription_cycle", amount, now);
        self.bills[bill].status = "draft";
        self.timers.push((now + HOUR, Timer::Collect(bill)));
        self.timers.push((next, Timer::Renew(sub)));
    }

    /// An invoice is paid.
    pub fn settled(&mut self, bill: usize, now: i64) {
        self.close(bill, "paid", now);
        let sub = self.bills[bill].sub;
        if self.subs[sub].status == Status::Incomplete {
            self.subs[sub].status = Status::Active;
            self.tell_sub("customer.subscription.updated", sub, now);
        }
    }

    /// An invoice is paid, void or given up. A subscription that owes nothing more is active again.
    pub fn close(&mut self, bill: usize, status: &'static str, now: i64) {
        let known = &mut self.bills[bill];
        let may = match known.status {
            "open" | "draft" => true,
            "uncollectible" => matches!(status, "paid" | "void"),
            _ => false,
        };
        if !may {
            return;
        }
        known.status = status;
        if status == "paid" && known.intent.status != "succeeded" {
            known.intent.status = "canceled";
        }
        known.over_since.get_or_insert(now);
        let sub = known.sub;
        let kind = match status {
            "paid" => "invoice.paid",
            "void" => "invoice.voided",
            _ => "invoice.marked_uncollectible",
        };
        self.tell_bill(kind, bill, now);
        let owes = self.bills.iter().any(|other| other.sub == sub && other.is_open());
        if !owes && matches!(self.subs[sub].status, Status::PastDue | Status::Unpaid) {
            self.subs[sub].status = Status::Active;
            self.tell_sub("customer.subscription.updated", sub, now);
        }
    }

    /// A subscription ends.
    pub fn end(&mut self, sub: usize, status: Status, now: i64) {
        if self.subs[sub].status.is_final() {
            return;
        }
        self.subs[sub].status = status;
        self.subs[sub].ended_at = Some(now);
        for bill in self.bills.iter_mut().filter(|bill| bill.sub == sub) {
            bill.over_since.get_or_insert(now);
        }
        self.tell_sub("customer.subscription.deleted", sub, now);
    }

    /// Another number is subscribed to: what it costs within the period is invoiced, and brings nothing.
    pub fn resize(&mut self, sub: usize, quantity: u64, now: i64) {
        if self.subs[sub].status != Status::Active {
            return;
        }
        self.subs[sub].quantity = quantity;
        self.tell_sub("customer.subscription.updated", sub, now);
        let bill = self.bills.len();
        self.bill_for(sub, "subscription_update", 0, now);
        self.settled(bill, now);
    }
}
