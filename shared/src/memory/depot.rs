//! In-memory output: an archive that keeps the first bytes, and a mail transport that counts its mails.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use super::{Fault, FaultPlan, locked};
use crate::{
    archive::{Archive, Document, File, sha256},
    mail::{
        MailId,
        outbox::{MailTransport, OutgoingEmail, SendResult},
    },
    outcome::{Reason, ServiceError},
};

/// An archive.
#[derive(Debug, Default)]
pub struct InMemoryArchive {
    pub(super) files: Mutex<BTreeMap<String, Vec<u8>>>,
    weather: Arc<FaultPlan>,
}

impl InMemoryArchive {
    /// An empty archive under this fault plan.
    pub fn new(weather: Arc<FaultPlan>) -> Self {
        Self { files: Mutex::default(), weather }
    }

    /// The hash of a file, if it is kept.
    pub fn hash_of(&self, key: &str) -> Option<String> {
        locked(&self.files).get(key).map(|bytes| sha256(bytes))
    }

    /// What is stored, by key.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        locked(&self.files).clone()
    }
}

impl Archive for InMemoryArchive {
    async fn store(&self, file: &File) -> Result<Document, ServiceError> {
        self.weather.call("the archive", || {
            let mut files = locked(&self.files);
            let bytes = files.entry(file.key.clone()).or_insert_with(|| file.bytes.clone());
            Ok(Document { key: file.key.clone(), sha256: sha256(bytes), size: bytes.len() as u64 })
        })
    }

    async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, ServiceError> {
        self.weather.call("the archive", || Ok(locked(&self.files).get(key).cloned()))
    }
}

/// A mail transport.
#[derive(Debug, Default)]
pub struct InMemoryTransport {
    letters: Mutex<Vec<MailId>>,
    weather: Arc<FaultPlan>,
}

impl InMemoryTransport {
    /// An empty transport with this fault plan.
    pub fn new(weather: Arc<FaultPlan>) -> Self {
        Self { letters: Mutex::default(), weather }
    }

    /// The accepted mails, in order, with repetitions.
    pub fn letters(&self) -> Vec<MailId> {
        locked(&self.letters).clone()
    }
}

impl MailTransport for InMemoryTransport {
    async fn post(&self, letter: &OutgoingEmail) -> SendResult {
        match self.weather.next() {
            Some(Fault::Before) => SendResult::Transient("throttled".to_owned()),
            Some(Fault::Refused) => SendResult::Permanent(Reason::new("mail_refused", "it refuses for good")),
            trouble => {
                locked(&self.letters).push(letter.id.clone());
                match trouble {
                    None => SendResult::Accepted(format!("message-{}", letter.id)),
                    Some(_) => SendResult::Ambiguous("the answer was lost".to_owned()),
                }
            }
        }
    }
}
