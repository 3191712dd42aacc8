//! What Stripe answers when it is asked.

use comptoir::stripe::object::Reference;
use comptoir_plans::{
    recovery::debt::Paying as PaidBy,
    recovery::debt::{Debt, Debtor, Details, Expanded, Instrument, Intent, Method, Parent, Payment, PaymentError},
    stripe::{
        Customer, Invoice, InvoiceSettings, Item, Line, List, Period, Price, PriceDetails, Pricing, Subscriber,
        Subscription,
    },
};

use super::{Bill, Card, Stripe};

fn by_id(id: &str) -> Reference {
    Reference::Id(id.to_owned())
}

impl Card {
    /// As Stripe says it.
    pub fn method(&self) -> Method {
        let behind =
            Instrument { fingerprint: self.fingerprint.clone(), exp_month: self.year.map(|_| 11), exp_year: self.year };
        let (card, sepa_debit) = if self.year.is_some() { (Some(behind), None) } else { (None, Some(behind)) };
        Method { id: self.id.clone(), card, sepa_debit }
    }
}

impl Stripe {
    /// A subscription with its customer.
    pub fn subscription(&self, place: usize) -> Subscription {
        let sub = &self.subs[place];
        let customer = &self.customers[sub.customer];
        let (start, end) = sub.span;
        Subscription {
            id: sub.id.clone(),
            customer: Subscriber::Customer(Customer {
                id: customer.id.clone(),
                email: Some(customer.email.clone()),
                deleted: false,
                name: None,
                preferred_locales: None,
                invoice_settings: None,
            }),
            status: sub.status.clone(),
            created: sub.created / 1_000,
            items: List {
                data: vec![Item {
                    price: Price::Id(sub.price.to_owned()),
                    quantity: Some(1),
                    current_period_start: Some(start / 1_000),
                    current_period_end: Some(end / 1_000),
                }],
                has_more: false,
            },
            default_payment_method: None,
            trial_start: None,
            trial_end: sub.trial_end.map(|at| at / 1_000),
            cancel_at: None,
            cancel_at_period_end: false,
            discounts: None,
            automatic_tax: None,
            ended_at: sub.ended_at.map(|at| at / 1_000),
            current_period_start: None,
            current_period_end: None,
        }
    }

    /// The invoices of a subscription with one of these statuses, the newest first.
    pub fn invoices(&self, sub: usize, statuses: &[&str]) -> Vec<Invoice> {
        let of_it = self.bills.iter().filter(|bill| bill.sub == sub && statuses.contains(&bill.status));
        of_it.rev().take(20).map(Bill::invoice).collect()
    }

    /// An invoice with its customer, its subscription and the intent that pays it.
    pub fn debt(&self, place: usize) -> Debt {
        let bill = &self.bills[place];
        let customer = &self.customers[self.subs[bill.sub].customer];
        let error = bill.intent.error.as_ref().map(|(code, decline_code, card)| PaymentError {
            code: Some((*code).to_owned()),
            decline_code: decline_code.map(str::to_owned),
            payment_method: Some(card.method()),
            advice_code: None,
            network_advice_code: None,
        });
        let intent = Intent {
            status: bill.intent.status.to_owned(),
            payment_method: bill.intent.method.as_deref().map(by_id),
            last_payment_error: error,
        };
        Debt {
            id: bill.id.clone(),
            status: Some(bill.status.to_owned()),
            number: Some(format!("A-{place}")),
            amount_remaining: if bill.status == "paid" { 0 } else { bill.amount },
            currency: "eur".to_owned(),
            collection_method: Some("charge_automatically".to_owned()),
            attempted: bill.attempt_count > 0,
            hosted_invoice_url: Some("https://invoice.stripe.com/i/1".to_owned()),
            customer: Some(Expanded::Object(Debtor {
                id: customer.id.clone(),
                email: Some(customer.email.clone()),
                name: None,
                preferred_locales: None,
                invoice_settings: Some(InvoiceSettings {
                    default_payment_method: customer.usual.as_deref().map(by_id),
                }),
                deleted: false,
            })),
            default_payment_method: None,
            parent: Some(Parent {
                subscription_details: Some(Details {
                    subscription: Some(Expanded::Object(self.subscription(bill.sub))),
                }),
            }),
            created: None,
            payments: Some(List {
                data: vec![Payment { payment: PaidBy { payment_intent: Some(Expanded::Object(intent)) } }],
                has_more: false,
            }),
        }
    }

    /// The customer's open invoices.
    pub fn open_bills(&self, customer: usize) -> Vec<String> {
        let of_it = self.bills.iter().filter(|bill| bill.is_open() && self.subs[bill.sub].customer == customer);
        of_it.map(|bill| bill.id.clone()).collect()
    }
}

impl Bill {
    /// As Stripe lists it.
    pub fn invoice(&self) -> Invoice {
        let (start, end) = self.span;
        Invoice {
            id: self.id.clone(),
            status: Some(self.status.to_owned()),
            billing_reason: Some(self.reason.to_owned()),
            amount_paid: None,
            lines: List {
                data: vec![Line {
                    quantity: Some(self.quantity),
                    period: Some(Period { start: start / 1_000, end: end / 1_000 }),
                    pricing: Some(Pricing { price_details: Some(PriceDetails { price: Some(by_id(self.price)) }) }),
                    price: None,
                    proration: false,
                    parent: None,
                }],
                has_more: false,
            },
        }
    }
}
