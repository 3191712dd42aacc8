//! An event's body, with arbitrary answers of Stripe to further queries.

use comptoir::{
    announced::open_since,
    memory::{InMemoryStore, at_once},
    outcome::ServiceError,
    payment::{PaymentLog, Received},
    receive::receive,
    sale::{Sale, SaleKey},
    seller::Seller,
    stripe::{
        classify,
        object::{
            BalanceTransaction, CreditLine, CreditNote, Event, Intent, InvoiceLine, InvoicePayment, LineItem,
            PaymentMethod, Session, StripeCustomer, StripeInvoice, StripeRefund, Subscription, TaxRate,
        },
        reader::{SessionsOf, StripeReader},
    },
    testing::sale,
};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{papers, stands};

/// Three days after the sample sale, so that a refund no longer waits for its sale.
const NOW: Timestamp = Timestamp::constant(1_795_516_200, 0);

/// A sale before the event, for refunds to refer to: session, payment intent, and the invoice of the sample objects.
const BEFORE: [(&str, &str); 2] = [("cs_before", "pi_before"), ("in_before", "pi_invoiced")];

/// The body, and after a zero byte an object of Stripe's answers by query; without one, queries to Stripe fail.
pub fn body(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let body = parts.next().unwrap_or_default();
    let stripe = Answers(parts.next().and_then(|answers| serde_json::from_slice(answers).ok()));
    // The webhook rejects anything else before.
    let Ok(text) = std::str::from_utf8(body) else { return };
    let event = match classify::read(body) {
        Ok(event) => event,
        Err(reason) => return stands(&reason),
    };
    // The input selects the sellers, so that a run of one input stays short.
    let sellers = papers::sellers();
    for place in [data.len() % sellers.len(), 0] {
        received(&event, text, &sellers[place], &stripe);
    }
}

fn received(event: &Event<'_>, text: &str, seller: &Seller, stripe: &Answers) {
    let books = InMemoryStore::default();
    for (key, intent) in BEFORE {
        let sale = Sale {
            key: SaleKey(key.to_owned()),
            event: format!("evt_of_{key}"),
            payment_intent: Some(intent.to_owned()),
            ..sale()
        };
        at_once(books.record(&sale, NOW)).unwrap();
    }
    assert!(open_since(text, NOW) <= NOW, "open since a time to come");
    let known = books.announcements();
    let deliver = || at_once(receive(event, text, false, seller.charges_vat(), &books, stripe, NOW));
    let first = deliver();
    match &first {
        Ok(Received::Recorded { sale, .. }) => assert!(books.sales().iter().any(|known| known.key.0 == *sale)),
        Ok(Received::Refunded { refund, .. }) => assert!(books.refunds().iter().any(|known| known.key.0 == *refund)),
        Ok(Received::Parked(reason)) => {
            stands(reason);
            // For sales of other sellers no buyer data are kept.
            let kept = |body: &str| body == text || body.is_empty() && reason.code.starts_with("sold_by_");
            assert!(books.parked_events().iter().any(|parked| kept(&parked.body)), "parked, and not kept");
        }
        Ok(Received::Ignored(reason)) => {
            stands(reason);
            assert_eq!((books.announcements(), books.parked_events().len()), (known, 0), "ignored, and yet kept");
        }
        Ok(Received::ParkedBefore(reason)) => stands(reason),
        Ok(Received::Announced) => panic!("announced, and no question was cut off"),
        Ok(Received::AlreadyRecorded { .. }) => assert!(books.sales().len() == BEFORE.len(), "new, and told as known"),
        Err(failure) => assert!(!failure.detail.is_empty()),
    }
    let stand = || (books.sales(), books.refunds(), books.parked_events(), books.announcements());
    let standing = stand();
    let second = deliver();
    assert_eq!(standing, stand(), "the same event again changed something");
    assert!(!matches!(second, Ok(Received::Recorded { .. } | Received::Refunded { .. })), "twice: {second:?}");
    for sale in books.sales() {
        let Some(original) = papers::invoice(&sale, seller) else { continue };
        let refunds = books.refunds().into_iter().filter(|refund| refund.sale == sale.key);
        papers::credits(&refunds.collect::<Vec<_>>(), &original, seller);
    }
}

/// A Stripe that returns the answers of the input.
struct Answers(Option<Value>);

impl Answers {
    fn to<T: DeserializeOwned>(&self, question: &str) -> Result<Option<T>, ServiceError> {
        match self.0.as_ref().and_then(|answers| answers.get(question)) {
            None | Some(Value::Null) => Ok(None),
            Some(answer) => serde_json::from_value(answer.clone())
                .map(Some)
                .map_err(|_| ServiceError::transient("Stripe's API", "the answer cannot be read")),
        }
    }
}

impl StripeReader for Answers {
    fn can_ask(&self) -> bool {
        self.0.is_some()
    }

    async fn session(&self, _: &str) -> Result<Option<Session>, ServiceError> {
        self.to("session")
    }

    async fn session_lines(&self, _: &str) -> Result<Option<Vec<LineItem>>, ServiceError> {
        self.to("session_lines")
    }

    async fn invoice_lines(&self, _: &str) -> Result<Option<Vec<InvoiceLine>>, ServiceError> {
        self.to("invoice_lines")
    }

    async fn tax_rate(&self, _: &str) -> Result<Option<TaxRate>, ServiceError> {
        self.to("tax_rate")
    }

    async fn refunds_of(&self, _: &str) -> Result<Option<Vec<StripeRefund>>, ServiceError> {
        self.to("refunds")
    }

    async fn sessions(&self, _: SessionsOf<'_>) -> Result<Option<Vec<Session>>, ServiceError> {
        self.to("sessions")
    }

    async fn invoice(&self, _: &str) -> Result<Option<StripeInvoice>, ServiceError> {
        self.to("invoice")
    }

    async fn invoice_payments(&self, _: &str) -> Result<Option<Vec<InvoicePayment>>, ServiceError> {
        self.to("invoice_payments")
    }

    async fn invoices_paid_by(&self, _: &str) -> Result<Option<Vec<String>>, ServiceError> {
        self.to("invoices")
    }

    async fn credit_notes_of(&self, _: &str) -> Result<Option<Vec<CreditNote>>, ServiceError> {
        self.to("credit_notes")
    }

    async fn credit_note_lines(&self, _: &str) -> Result<Option<Vec<CreditLine>>, ServiceError> {
        self.to("credit_note_lines")
    }

    async fn subscription(&self, _: &str) -> Result<Option<Subscription>, ServiceError> {
        self.to("subscription")
    }

    async fn customer(&self, _: &str) -> Result<Option<StripeCustomer>, ServiceError> {
        self.to("customer")
    }

    async fn payment_intent(&self, _: &str) -> Result<Option<Intent>, ServiceError> {
        self.to("payment_intent")
    }

    async fn payment_method(&self, _: &str) -> Result<Option<PaymentMethod>, ServiceError> {
        self.to("payment_method")
    }

    async fn settlement(&self, _: &str) -> Result<Option<Option<BalanceTransaction>>, ServiceError> {
        self.to("settlement").map(|settled: Option<BalanceTransaction>| settled.map(Some))
    }
}
