//! An invoice that is to be paid, and the methods of its customer, as far as recovery needs them of Stripe.

use std::future::Future;

use comptoir::{outcome::ServiceError, stripe::object::Reference};
use serde::Deserialize;

use super::decline::Decline;
use crate::stripe::{InvoiceSettings, List, Subscription};

/// An object, or its id alone where it was not expanded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Expanded<T> {
    /// The object.
    Object(T),
    /// The id.
    Id(String),
}

impl<T> Expanded<T> {
    /// The object, if it was expanded.
    pub fn object(&self) -> Option<&T> {
        match self {
            Self::Object(object) => Some(object),
            Self::Id(_) => None,
        }
    }
}

/// An invoice, with its customer, its subscription and its payments.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Debt {
    /// `in_...`.
    pub id: String,
    /// `open`, `paid`, `void`, `uncollectible`, `draft`.
    pub status: Option<String>,
    /// Stripe's own number of it.
    pub number: Option<String>,
    /// When it was made, in seconds.
    pub created: Option<i64>,
    /// What is still to be paid, in Stripe's minor units.
    pub amount_remaining: i64,
    /// ISO 4217 in small letters.
    pub currency: String,
    /// `charge_automatically`, or `send_invoice`: the customer pays it by themselves.
    pub collection_method: Option<String>,
    /// Whether Stripe tried to charge it.
    #[serde(default)]
    pub attempted: bool,
    /// The page on which the customer pays it.
    pub hosted_invoice_url: Option<String>,
    /// Who is to pay.
    pub customer: Option<Expanded<Debtor>>,
    /// The invoice's own method.
    pub default_payment_method: Option<Reference>,
    /// What it is for.
    pub parent: Option<Parent>,
    /// The tries to pay it.
    pub payments: Option<List<Payment>>,
}

/// What an invoice is for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Parent {
    /// A subscription.
    pub subscription_details: Option<Details>,
}

/// The subscription that an invoice is for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Details {
    /// The subscription.
    pub subscription: Option<Expanded<Subscription>>,
}

/// A customer who is to pay.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Debtor {
    /// `cus_...`.
    pub id: String,
    /// E-mail.
    pub email: Option<String>,
    /// The name.
    pub name: Option<String>,
    /// Languages, the first one preferred.
    #[serde(default)]
    pub preferred_locales: Option<Vec<String>>,
    /// The customer's usual method.
    pub invoice_settings: Option<InvoiceSettings>,
    /// Whether the customer was deleted.
    #[serde(default)]
    pub deleted: bool,
}

/// A payment of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Payment {
    /// What pays.
    pub payment: Paying,
}

/// What pays.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Paying {
    /// The intent; none where another kind of payment pays.
    pub payment_intent: Option<Expanded<Intent>>,
}

/// A payment intent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Intent {
    /// `processing`, `requires_action`, `requires_payment_method`, and others.
    pub status: String,
    /// The method that is tried.
    pub payment_method: Option<Reference>,
    /// Why the last try failed.
    pub last_payment_error: Option<PaymentError>,
}

/// Why a try failed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PaymentError {
    /// Stripe's code.
    pub code: Option<String>,
    /// The bank's code.
    pub decline_code: Option<String>,
    /// What Stripe advises.
    pub advice_code: Option<String>,
    /// What the network advises.
    pub network_advice_code: Option<String>,
    /// The method.
    pub payment_method: Option<Method>,
}

/// A method of payment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Method {
    /// `pm_...`.
    pub id: String,
    /// A card.
    pub card: Option<Instrument>,
    /// A SEPA direct debit.
    pub sepa_debit: Option<Instrument>,
}

/// A card or an account behind a method.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Instrument {
    /// The same for the same card or account, however often it was saved.
    pub fingerprint: Option<String>,
    /// The last month of a card.
    pub exp_month: Option<i8>,
    /// Its year.
    pub exp_year: Option<i16>,
}

impl PaymentError {
    /// Why it failed, in codes.
    pub fn decline(&self) -> Decline {
        Decline::of(self.code.as_deref(), self.decline_code.as_deref())
            .advised(self.advice_code.as_deref(), self.network_advice_code.as_deref())
    }
}

impl Method {
    /// What is tried once: the card or the account behind the method, or the method where none is known.
    pub fn instrument(&self) -> &str {
        let behind = self.card.as_ref().or(self.sepa_debit.as_ref());
        behind.and_then(|behind| behind.fingerprint.as_deref()).unwrap_or(&self.id)
    }

    /// Whether the card is good in this month.
    pub fn is_good_in(&self, year: i16, month: i8) -> bool {
        let end = self.card.as_ref().and_then(|card| Some((card.exp_year?, card.exp_month?)));
        end.is_none_or(|end| end >= (year, month))
    }
}

impl Debt {
    /// Its subscription.
    pub fn subscription(&self) -> Option<&Subscription> {
        self.parent.as_ref()?.subscription_details.as_ref()?.subscription.as_ref()?.object()
    }

    /// Its subscription, to be completed.
    pub fn subscription_mut(&mut self) -> Option<&mut Subscription> {
        match self.parent.as_mut()?.subscription_details.as_mut()?.subscription.as_mut()? {
            Expanded::Object(subscription) => Some(subscription),
            Expanded::Id(_) => None,
        }
    }

    /// Its customer.
    pub fn debtor(&self) -> Option<&Debtor> {
        self.customer.as_ref()?.object()
    }

    /// The intents that pay it.
    pub fn intents(&self) -> impl Iterator<Item = &Intent> {
        let payments = self.payments.iter().flat_map(|payments| &payments.data);
        payments.filter_map(|payment| payment.payment.payment_intent.as_ref()?.object())
    }

    /// Whether a bank is at it.
    pub fn is_processing(&self) -> bool {
        self.intents().any(|intent| intent.status == "processing")
    }

    /// The method that the customer has to confirm a payment with.
    pub fn to_confirm(&self) -> Option<&str> {
        let intent = self.intents().find(|intent| intent.status == "requires_action")?;
        intent.payment_method.as_ref().map(Reference::id)
    }

    /// What Stripe charges of itself: the method of the invoice, of the subscription, of the customer.
    pub fn usual_method(&self) -> Option<&str> {
        let own = self.default_payment_method.as_ref();
        let of_subscription = self.subscription().and_then(|of| of.default_payment_method.as_ref());
        let of_customer = self.debtor().and_then(|of| of.invoice_settings.as_ref()?.default_payment_method.as_ref());
        own.or(of_subscription).or(of_customer).map(Reference::id)
    }
}

/// What became of a charge that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Charged {
    /// The invoice is paid.
    Paid,
    /// Stripe took it, and the invoice is still open: a bank is at it.
    Open,
    /// The bank declined, or wants the customer to confirm.
    Declined(Decline),
    /// Stripe will not charge this method for this invoice. Nothing was charged.
    Refused(u16),
    /// Nobody knows: no answer came, or Stripe failed, or it is busy with the very same request.
    Unknown(String),
    /// Stripe keeps a failure of its own under the key, and answers it again: nothing more is learned by asking.
    FailureKept,
}

/// Stripe, as far as recovery needs it.
pub trait Collecting: Send + Sync {
    /// The invoice as it stands; `None` if Stripe does not know it.
    fn debt(&self, invoice: &str) -> impl Future<Output = Result<Option<Debt>, ServiceError>> + Send;

    /// The customer's open invoices.
    fn open_debts(&self, customer: &str) -> impl Future<Output = Result<Vec<String>, ServiceError>> + Send;

    /// The customer's methods, in the order in which they are tried.
    fn methods(&self, customer: &str) -> impl Future<Output = Result<Vec<Method>, ServiceError>> + Send;

    /// Charges an invoice to a method: once for each invoice and instrument, however often it is asked for.
    fn charge(
        &self,
        invoice: &str,
        instrument: &str,
        method: &str,
    ) -> impl Future<Output = Result<Charged, ServiceError>> + Send;
}
