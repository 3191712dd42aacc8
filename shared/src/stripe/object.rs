//! The fields of Stripe's objects that a sale needs, and nothing else. Everything that may be absent is optional,
//! unknown fields are ignored, and the shapes before and after 2025-03-31.basil are both read.

mod credit_note;
mod event;
mod head;
mod intent;
mod invoice;
mod party;
mod reference;
mod refund;
mod session;
mod shipping;
mod tax;

pub use credit_note::{CreditLine, CreditNote, CreditRefund};
pub use event::{Event, EventData};
pub use head::{FieldLabel, FieldValue, InvoiceField, SessionField};
pub use intent::{BalanceTransaction, Intent, IntentCharge, MethodOptions, PaymentIntent, SettledCharge};
pub use invoice::{
    DiscountAmount, InvoiceLine, InvoiceParent, InvoicePayment, PaymentReference, PretaxCredit, StatusTransitions,
    StripeInvoice, SubscriptionDetails,
};
pub use party::{
    AccountReference, Address, AutomaticTax, BillingDetails, CustomerDetails, ManagedPayments, PaymentMethod,
    StripeCustomer, Subscription, TaxId,
};
pub use reference::{List, Reference, is_id};
pub use refund::{Charge, Dispute, StripeRefund};
pub use session::{Collected, InvoiceCreation, LineItem, Session, TotalDetails};
pub use shipping::{Shipping, ShippingCost};
pub use tax::{ItemTax, RateDetails, TaxAmount, TaxRate};

#[cfg(test)]
mod tests;
