//! The captured mails: kept for people and tests, and written as `.eml` files that any mail program opens.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_builder::MessageBuilder;
use mail_builder::headers::raw::Raw;
use serde::{Deserialize, Serialize};

use crate::lock::cannot_write;
use crate::private;

/// A captured mail, as `mailbox_url` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// The message id that the sender received.
    pub id: String,
    /// Recipients, separated by commas.
    pub to: String,
    /// Sender.
    pub from: String,
    /// Subject.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// Further headers.
    pub headers: BTreeMap<String, String>,
    /// Files.
    pub attachments: Vec<Attachment>,
    /// Its SES message tags, which SES repeats in each event.
    pub tags: BTreeMap<String, String>,
    /// The configuration set it was sent with.
    pub configuration_set: Option<String>,
    /// When it was sent, RFC 3339.
    pub sent_at: String,
}

/// An attachment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its name.
    pub filename: String,
    /// Its type.
    pub content_type: String,
    /// Its bytes, in base64.
    pub base64: String,
}

/// All mails of a bundle, oldest first.
#[derive(Debug)]
pub struct Mailbox {
    folder: PathBuf,
    mails: Mutex<Vec<Mail>>,
}

impl Mailbox {
    /// Opens the mailbox, with the mails of an earlier run.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(folder: PathBuf) -> anyhow::Result<Self> {
        private::folder(&folder).with_context(|| cannot_write(&folder))?;
        let files =
            fs::read_dir(&folder).with_context(|| cannot_write(&folder))?.filter_map(|entry| Some(entry.ok()?.path()));
        let json = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
        let mut mails: Vec<Mail> = json.filter_map(|path| serde_json::from_slice(&fs::read(path).ok()?).ok()).collect();
        mails.sort_by(|a, b| a.sent_at.cmp(&b.sent_at));
        Ok(Self { folder, mails: Mutex::new(mails) })
    }

    /// All mails, oldest first.
    pub fn all(&self) -> Vec<Mail> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Where a mail's `.eml` file is.
    pub fn eml(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.eml"))
    }

    /// Stores a mail.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, mail: Mail) -> anyhow::Result<()> {
        let eml = self.eml(&mail.id);
        write(&eml, &to_eml(&mail)?)?;
        write(&eml.with_extension("json"), &serde_json::to_vec(&mail)?)?;
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
        Ok(())
    }
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    private::write(path, bytes).with_context(|| cannot_write(path))
}

/// The mail in RFC 5322 format.
fn to_eml(mail: &Mail) -> anyhow::Result<Vec<u8>> {
    let sent = mail.sent_at.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_second);
    let mut message = MessageBuilder::new()
        .message_id(format!("{}@{}.amazonses.com", mail.id, crate::aws::REGION))
        .from(address(&mail.from))
        .to(mail.to.split(", ").map(address).collect::<Vec<_>>())
        .subject(mail.subject.as_str())
        .date(sent)
        .text_body(mail.text.as_str())
        .html_body(mail.html.as_str());
    for (name, value) in &mail.headers {
        message = message.header(name.as_str(), Raw::new(value.as_str()));
    }
    for attachment in &mail.attachments {
        let bytes = STANDARD.decode(&attachment.base64).context("an attachment is not base64")?;
        message = message.attachment(attachment.content_type.as_str(), attachment.filename.as_str(), bytes);
    }
    message.write_to_vec().context("the mail cannot be written as a message")
}

/// `Name <address>` or a bare address.
fn address(text: &str) -> mail_builder::headers::address::Address<'_> {
    match text.split_once('<') {
        Some((name, rest)) => {
            let name = name.trim().trim_matches('"');
            let address = rest.trim_end().trim_end_matches('>');
            if name.is_empty() { address.into() } else { (name, address).into() }
        }
        None => text.trim().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_becomes_a_message_that_a_mail_program_reads() {
        let mail = Mail {
            id: "0101".into(),
            to: "Zoé <zoe@example.com>, b@example.com".into(),
            from: "Atelier <atelier@example.com>".into(),
            subject: "Votre facture n° 1".into(),
            text: "Bonjour".into(),
            html: "<p>Bonjour</p>".into(),
            headers: BTreeMap::from([("X-Kind".to_owned(), "invoice".to_owned())]),
            attachments: vec![Attachment {
                filename: "1.pdf".into(),
                content_type: "application/pdf".into(),
                base64: STANDARD.encode("%PDF"),
            }],
            tags: BTreeMap::new(),
            configuration_set: None,
            sent_at: "2026-11-21T10:00:00Z".into(),
        };
        let eml = to_eml(&mail).unwrap();
        let read = mail_parser::MessageParser::default().parse(&eml).unwrap();
        assert_eq!(read.subject(), Some("Votre facture n° 1"));
        assert_eq!(read.from().unwrap().first().unwrap().address(), Some("atelier@example.com"));
        assert_eq!(read.to().unwrap().iter().count(), 2);
        assert_eq!(read.attachment(0).unwrap().contents(), b"%PDF");
        assert_eq!(read.header("X-Kind").unwrap().as_text(), Some("invoice"));
    }
}
