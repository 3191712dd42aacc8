//! Mails: what waits in the outbox, what may happen to it, and the capabilities to keep and to send it.
//!
//! A mail has a deterministic id, so it cannot be queued twice; sending claims it first (`dispatch`), because the mail
//! service has no idempotency key. How its text is composed lives in `compose`.

#[cfg(feature = "mail-compose")]
pub mod compose;
pub mod dispatch;
mod invoice_mail;
pub mod outbox;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    archive::Document,
    invoice::{
        Invoice,
        print::{self, Page},
    },
    outcome::Reason,
    seller::Seller,
    text,
};
pub use invoice_mail::InvoiceMail;

/// Lines of the sale that a mail lists before it says how many more there are.
const LISTED_LINES: usize = 5;

/// A mail's id: what it is about, `invoice/2026-11-0042`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MailId(pub String);

impl std::fmt::Display for MailId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A mail to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Which.
    pub id: MailId,
    /// The recipient, if the payment page asked for one.
    pub to: Option<String>,
    /// The sender, `Name <address>` in its parts.
    pub from: String,
    /// The name before the sender's address.
    pub from_name: String,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// What it says.
    pub content: InvoiceMail,
    /// What it brings.
    pub attachment: Attachment,
    /// When it was queued.
    pub queued_at: Timestamp,
}

/// A file of the archive that a mail brings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The name the reader sees.
    pub filename: String,
    /// Where it lies and what its hash is.
    pub document: Document,
}

impl Mail {
    /// The mail that brings an invoice.
    pub fn of_invoice(invoice: &Invoice, page: &Page, document: &Document, seller: &Seller, now: Timestamp) -> Self {
        let french = page.language == "fr";
        let draft = &invoice.draft;
        let listed = draft.lines.iter().take(LISTED_LINES);
        Self {
            id: MailId(format!("invoice/{}", invoice.number)),
            to: draft.buyer.customer.email.clone(),
            from: seller.mail.from.clone(),
            from_name: seller.mail.from_name.clone(),
            reply_to: seller.mail.reply_to.clone(),
            content: InvoiceMail {
                language: page.language.clone(),
                seller_name: draft.seller.name.clone(),
                contact: draft.seller.email.clone(),
                accent: page.accent.clone(),
                customer_name: draft.buyer.name.clone(),
                title: page.title.clone(),
                number: page.number.clone(),
                total: page.total.1.clone(),
                issued_on: page.issued_on.clone(),
                lines: listed
                    .map(|line| (line.description.clone(), print::money(draft.money(line.gross), french)))
                    .collect(),
                more_lines: draft.lines.len().saturating_sub(LISTED_LINES),
            },
            attachment: Attachment {
                filename: invoice.number.file_name(&draft.buyer.name),
                document: document.clone(),
            },
            queued_at: now,
        }
    }

    /// Why the mail cannot be sent to anyone, if it cannot.
    pub fn undeliverable(&self) -> Option<Reason> {
        match self.to.as_deref() {
            None | Some("") => Some(Reason::new(
                "recipient_missing",
                "customer.email is missing, so the invoice was issued but not mailed; send it by hand from the archive",
            )),
            Some(to) if !text::looks_like_email(to) => Some(Reason::new(
                "recipient_malformed",
                "customer.email is not an e-mail address; correct it in Stripe and send the invoice by hand from the archive",
            )),
            Some(_) => None,
        }
    }
}
