//! Mails: what waits in the outbox, what may happen to it, and the capabilities to keep and to send it.
//!
//! A mail has a deterministic id, so it cannot be queued twice; sending claims it first (`dispatch`), because the mail
//! service has no idempotency key. How its text is composed lives in `compose`, what becomes of it afterwards in `delivery`.

pub mod address;
#[cfg(feature = "mail-compose")]
pub mod compose;
pub mod delivery;
pub mod dispatch;
mod invoice_mail;
mod notice_mail;
pub mod outbox;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::{
    archive::Document,
    invoice::{
        Invoice,
        print::{self, Page},
    },
    outcome::Reason,
    seller::Seller,
    team::DigestMail,
};
use address::{Unmailable, mailable};
pub use invoice_mail::InvoiceMail;
pub use notice_mail::{FIELDS, NoticeEvent, NoticeMail};

/// The tag a mail is sent with, which the events about it carry back.
pub const TAG: &str = "mail";

/// Bytes of text in one encoded word: 60 characters of base64, with their frame 72.
const LONGEST_WORD: usize = 45;

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

impl MailId {
    /// What kind of record it is: notices, what waits for the team and what goes to its room are kept under kinds of their
    /// own, so that whoever may queue one of them can queue nothing else.
    pub fn kind(&self) -> &'static str {
        match self.0.split('/').next() {
            Some("profile") if self.0.ends_with("/team") => "TEAM",
            Some("profile" | "team") => "NOTICE",
            Some("slack") => "SLACK",
            _ => "MAIL",
        }
    }

    /// Whether it is a notice about a member's profile, to the member or to the team.
    pub fn is_about_member(&self) -> bool {
        self.0.starts_with("profile/")
    }

    /// The id as a tag may carry it: SES allows letters, digits, `_` and `-` only.
    pub fn tag(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }

    /// The id that a tag carries, if it carries one.
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
    /// Where answers go.
    pub reply_to: Option<String>,
    /// What it says.
    #[serde(deserialize_with = "content")]
    pub content: Content,
    /// What it brings, if it brings something.
    pub attachment: Option<Attachment>,
    /// When it was queued.
    pub queued_at: Timestamp,
}

/// What a mail is about, and the values that it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum Content {
    /// It brings an invoice or a credit note.
    Invoice(InvoiceMail),
    /// It tells what happened to a profile.
    Notice(NoticeMail),
    /// It tells the team what happened to profiles.
    Digest(DigestMail),
}

/// Reads a content. Mails queued before there was more than one kind do not say which they are.
fn content<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Content, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    let read = match value.get("about") {
        Some(_) => Content::deserialize(value),
        None => InvoiceMail::deserialize(value).map(Content::Invoice),
    };
    read.map_err(D::Error::custom)
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

    /// The sender as a header shows it, `"Name" <address>`, with nothing in the name that could end it early and the domain
    /// in ASCII. A name that is not ASCII is written in encoded words, as SES wants it (RFC 2047, section 2: at most 75
    /// characters each).
    pub fn sender(&self) -> String {
        let from = in_ascii(&self.from);
        let name: String = self.from_name.chars().filter(|c| !c.is_control() && !"\"\\<>".contains(*c)).collect();
        if name.is_ascii() {
            return format!("\"{name}\" <{from}>");
        }
        let mut words = vec![String::new()];
        for c in name.chars() {
            if words.last().is_none_or(|word| word.len() + c.len_utf8() > LONGEST_WORD) {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.push(c);
            }
        }
        let encoded: Vec<String> = words.iter().map(|word| format!("=?UTF-8?B?{}?=", STANDARD.encode(word))).collect();
        format!("{} <{from}>", encoded.join(" "))
    }

    /// Where answers go, with the domain in ASCII.
    pub fn answers(&self) -> Option<String> {
        self.reply_to.as_deref().map(in_ascii)
    }

    /// The recipient as SES takes it.
    ///
    /// # Errors
    /// Why the mail cannot be sent to anyone: the mail is parked with this reason before it is tried.
    pub fn recipient(&self) -> Result<String, Reason> {
        let to = self.to.as_deref().map(str::trim).filter(|to| !to.is_empty());
        let billed = matches!(self.content, Content::Invoice(_));
        let Some(to) = to else {
            let text = if billed {
                "customer.email is missing, so the invoice was issued but not mailed; send it by hand from the archive"
            } else {
                "a notice has nobody to go to; remove it"
            };
            return Err(Reason::new("recipient_missing", text));
        };
        mailable(to).map_err(|why| if billed { not_billed_to(why) } else { not_told(why) })
    }

    /// Why the mail cannot be sent to anyone, if it cannot.
    pub fn undeliverable(&self) -> Option<Reason> {
        self.recipient().err()
    }
}

/// An address of the seller's with its domain in ASCII. Whether it has such a form is checked when the seller file is read.
fn in_ascii(address: &str) -> String {
    mailable(address).unwrap_or_else(|_| address.to_owned())
}

/// Why an invoice is not mailed. The address is the customer's own, in Stripe; the reason does not repeat it.
fn not_billed_to(why: Unmailable) -> Reason {
    let fix = match why {
        Unmailable::LocalPart => "ask the customer for another address, and send the invoice by hand from the archive",
        Unmailable::Malformed | Unmailable::Domain => {
            "correct it in Stripe and send the invoice by hand from the archive"
        }
    };
    Reason::new(why.word(), format!("customer.email cannot be mailed to: {why}; {fix}"))
}

fn not_told(why: Unmailable) -> Reason {
    let text = format!(
        "a notice's address cannot be mailed to: {why}; correct it in the profile, or mail.team in seller.toml, and remove \
         the notice"
    );
    Reason::new(why.word(), text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        invoice::{InvoiceNumber, draft::draft},
        testing::{FRANCHISE_TOML, sale, words},
    };
    use jiff::civil::date;

    fn mail(from_name: &str) -> Mail {
        let seller = Seller::from_toml(FRANCHISE_TOML).unwrap();
        let issued_on = date(2026, 11, 21);
        let invoice = Invoice {
            number: InvoiceNumber("2026-11-0042".into()),
            issued_on,
            draft: draft(&sale(), &seller, issued_on).unwrap(),
        };
        let document = Document { key: "invoices/a.pdf".into(), sha256: String::new(), size: 1 };
        let page = print::page(&invoice, &seller.look, &words());
        Mail {
            from_name: from_name.into(),
            ..Mail::of_invoice(&invoice, &page, &document, &seller, Timestamp::UNIX_EPOCH)
        }
    }

    #[test]
    fn a_sender_stays_one_header_of_ascii() {
        assert_eq!(
            mail("Atelier \"X\" <a@b.fr>\r\nBcc: c@d.fr").sender(),
            "\"Atelier X a@b.frBcc: c@d.fr\" <facturation@example.org>"
        );
        assert_eq!(mail("Réunies").sender(), "=?UTF-8?B?UsOpdW5pZXM=?= <facturation@example.org>");
        let long = mail(&"é".repeat(60)).sender();
        assert!(long.is_ascii() && long.split(' ').all(|word| word.len() <= 75), "{long}");
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

    #[test]
    fn a_mail_to_nobody_says_so() {
        let mut mail = mail("Atelier");
        assert!(mail.recipient().is_ok());
        for (to, word) in [
            (None, "recipient_missing"),
            (Some(" "), "recipient_missing"),
            (Some("not an address"), "recipient_malformed"),
            (Some("jésus@example.org"), "recipient_not_ascii"),
            (Some("a@my_host.example"), "recipient_domain_invalid"),
        ] {
            mail.to = to.map(str::to_owned);
            let reason = mail.recipient().unwrap_err();
            assert_eq!(reason.word, word, "{to:?}");
            assert!(
                reason.text.contains("by hand from the archive") && !reason.text.contains("jésus"),
                "{}",
                reason.text
            );
        }
    }

    #[test]
    fn every_address_of_a_mail_leaves_in_ascii() {
        let mut mail = mail("Müller");
        mail.to = Some("Zoe@müller.example".into());
        mail.from = "rechnung@müller.example".into();
        assert_eq!(mail.recipient().as_deref(), Ok("Zoe@xn--mller-kva.example"));
        assert_eq!(mail.sender(), "=?UTF-8?B?TcO8bGxlcg==?= <rechnung@xn--mller-kva.example>");
        mail.reply_to = Some("hallo@müller.example".into());
        assert_eq!(mail.answers().as_deref(), Some("hallo@xn--mller-kva.example"));
    }
}
