//! Mails: the outbox, delivery events, and the capabilities to store and send mails.
//!
//! A mail has a deterministic id, so it cannot be queued twice; sending claims it first (`dispatch`), because the mail
//! service has no idempotency key. `compose` writes its text, `delivery` handles what happens afterwards.

#[cfg(feature = "mail-compose")]
pub mod compose;
mod declaration_mail;
pub mod delivery;
mod digest_mail;
pub mod dispatch;
mod dunning_mail;
mod envelope;
mod invoice_mail;
mod notice_mail;
pub mod outbox;
pub mod quota;
mod recovery_mail;
mod renewal_mail;
mod trial_mail;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::{
    archive::Document,
    invoice::{
        Invoice,
        print::{self, Page},
    },
    numbering::InvoiceNumber,
    seller::Seller,
};
pub use declaration_mail::{DeclarationMail, DeclarationOutcome};
pub use digest_mail::{DigestLine, DigestMail};
pub use dunning_mail::{Bill, Consequence, DunningMail};
pub use invoice_mail::InvoiceMail;
pub use notice_mail::{FIELDS, NoticeEvent, NoticeMail};
pub use recovery_mail::RecoveryMail;
pub use renewal_mail::RenewalMail;
pub use trial_mail::TrialMail;

/// The tag that a mail is sent with, and that its delivery events carry.
pub const TAG: &str = "mail";

/// The headers of every mail beside its addresses and its subject: which one it is, and that a machine wrote it, so that no
/// machine answers it (RFC 3834, section 5; Exchange heeds the last).
pub fn headers(id: &MailId) -> [(&'static str, &str); 3] {
    [("X-Comptoir-Mail-Id", &id.0), ("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "All")]
}

/// Lines of the sale that a mail lists; it gives the number of the others.
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

impl MailId {
    /// The mail that delivers this document.
    pub fn of_document(number: &InvoiceNumber) -> Self {
        Self(format!("invoice/{number}"))
    }

    /// The one mail about an unpaid invoice of Stripe's, `in_...`.
    pub fn of_recovery(invoice: &str) -> Self {
        Self(format!("recovery/{invoice}"))
    }

    /// A mail about what a consumer declared, `termination/<id>`: that it was received, or what became of it later.
    pub fn of_declaration(kind: &str, id: &str, later: Option<&str>) -> Self {
        Self(later.map_or_else(|| format!("{kind}/{id}"), |later| format!("{kind}/{id}/{later}")))
    }

    /// The one mail about a step of an episode of unpaid invoices.
    pub fn of_dunning(episode: &str, step: u32) -> Self {
        Self(format!("dunning/{episode}/{step}"))
    }

    /// The one mail about the end of a trial of the subscription `sub_...`.
    pub fn of_trial_ending(subscription: &str) -> Self {
        Self(format!("trial/{subscription}/ending"))
    }

    /// The one mail about the renewal of a subscription `sub_...` at the end of a period, `2027-11-21`.
    pub fn of_renewal(subscription: &str, period: &str) -> Self {
        Self(format!("renewal/{subscription}/{period}"))
    }

    /// The kind of record. Notices, records for the team and messages for its room have kinds of their own, so that a
    /// role that may queue one of them can queue nothing else.
    pub fn kind(&self) -> &'static str {
        match self.0.split('/').next() {
            Some("profile") if self.0.ends_with("/team") => "TEAM",
            Some("dunning" | "profile" | "recovery" | "renewal" | "team" | "termination" | "trial" | "withdrawal") => {
                "NOTICE"
            }
            Some("slack") => "SLACK",
            _ => "MAIL",
        }
    }

    /// Whether it delivers a document. Anything else is a notice: it lies in a table of its own, is sent by a function of
    /// its own, and never holds up a document.
    pub fn delivers_document(&self) -> bool {
        self.kind() == "MAIL"
    }

    /// Whether it is a notice about a member's profile, to the member or to the team.
    pub fn is_about_member(&self) -> bool {
        self.0.starts_with("profile/")
    }

    /// The id in the form of a tag: SES allows letters, digits, `_` and `-` only.
    pub fn tag(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }

    /// The id in a tag, if it has one.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let id = String::from_utf8(URL_SAFE_NO_PAD.decode(tag).ok()?).ok()?;
        (!id.is_empty()).then_some(Self(id))
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
    /// The reply-to address.
    pub reply_to: Option<String>,
    /// Its content.
    #[serde(deserialize_with = "content")]
    pub content: Content,
    /// Its attachment, if any.
    pub attachment: Option<Attachment>,
    /// When it was queued.
    pub queued_at: Timestamp,
}

/// The subject of a mail, and its values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum Content {
    /// It delivers an invoice or a credit note.
    Invoice(InvoiceMail),
    /// It reports an event of a profile to the member.
    Notice(NoticeMail),
    /// It reports events of profiles to the team.
    Digest(DigestMail),
    /// It asks for the payment of an invoice.
    Recovery(RecoveryMail),
    /// It announces that a contract renews itself.
    Renewal(RenewalMail),
    /// It says what became of what a consumer declared.
    Declaration(DeclarationMail),
    /// It asks for the payment of several, and says what they lead to.
    Dunning(DunningMail),
    /// It says when a trial ends.
    Trial(TrialMail),
}

/// Reads the content. Mails queued when there was only one kind do not name their kind.
fn content<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Content, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    let read = match value.get("about") {
        Some(_) => Content::deserialize(value),
        None => InvoiceMail::deserialize(value).map(Content::Invoice),
    };
    read.map_err(D::Error::custom)
}

/// A file of the archive attached to a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The name the reader sees.
    pub filename: String,
    /// Its key and its hash.
    pub document: Document,
}

impl Mail {
    /// The mail that delivers an invoice.
    pub fn of_invoice(invoice: &Invoice, page: &Page, document: &Document, seller: &Seller, now: Timestamp) -> Self {
        let french = page.language == "fr";
        let draft = &invoice.draft;
        let listed = draft.lines.iter().take(LISTED_LINES);
        Self {
            id: MailId::of_document(&invoice.number),
            to: draft.buyer.customer.email.clone(),
            from: seller.mail.from.clone(),
            from_name: seller.mail.from_name.clone(),
            reply_to: seller.mail.reply_to.clone(),
            content: Content::Invoice(InvoiceMail {
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
            }),
            attachment: Some(Attachment {
                filename: invoice.number.file_name(&draft.buyer.name),
                document: document.clone(),
            }),
            queued_at: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        billing::draft::draft,
        testing::{FRANCHISE_TOML, sale, words},
    };
    use jiff::civil::date;

    pub(super) fn mail(from_name: &str) -> Mail {
        let seller = Seller::from_toml(FRANCHISE_TOML).unwrap();
        let issued_on = date(2026, 11, 21);
        let invoice =
            Invoice::new(InvoiceNumber("2026-11-0042".into()), issued_on, draft(&sale(), &seller, issued_on).unwrap());
        let document = Document { key: "invoices/a.pdf".into(), sha256: String::new(), size: 1 };
        let page = print::page(&invoice, &seller.look, &words());
        Mail {
            from_name: from_name.into(),
            ..Mail::of_invoice(&invoice, &page, &document, &seller, Timestamp::UNIX_EPOCH)
        }
    }

    #[test]
    fn a_tag_carries_the_id_there_and_back() {
        let id = MailId("invoice/FA2026+1/0042".to_owned());
        let tag = id.tag();
        assert!(tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'));
        assert_eq!(MailId::of_tag(&tag), Some(id));
        for bad in ["", "not base64!", "_w"] {
            assert_eq!(MailId::of_tag(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_mail_queued_before_notices_came_is_still_read() {
        let mail = mail("Atelier");
        let mut kept = serde_json::to_value(&mail).unwrap();
        assert_eq!(serde_json::from_value::<Mail>(kept.clone()).unwrap(), mail);
        kept["content"].as_object_mut().unwrap().remove("about");
        assert_eq!(serde_json::from_value::<Mail>(kept).unwrap(), mail);
    }
}
