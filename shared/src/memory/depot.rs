//! In-memory output: an archive that keeps the first bytes, and a mail transport that counts its mails.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use super::{Fault, FaultPlan, locked};
use crate::{
    archive::{Archive, Document, File, conflict, sha256},
    mail::{
        MailId,
        outbox::{MailTransport, OutgoingEmail, SendResult},
    },
    outcome::{Reason, ServiceError},
};

/// What is stored under a key.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) bytes: Vec<u8>,
    sale: Option<String>,
}

/// An archive.
#[derive(Debug, Default)]
pub struct InMemoryArchive {
    pub(super) files: Mutex<BTreeMap<String, Stored>>,
    weather: Arc<FaultPlan>,
}

impl InMemoryArchive {
    /// An empty archive under this fault plan.
    pub fn new(weather: Arc<FaultPlan>) -> Self {
        Self { files: Mutex::default(), weather }
    }

    /// The hash of a file, if it is kept.
    pub fn hash_of(&self, key: &str) -> Option<String> {
        locked(&self.files).get(key).map(|stored| sha256(&stored.bytes))
    }

    /// What is stored, by key.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        locked(&self.files).iter().map(|(key, stored)| (key.clone(), stored.bytes.clone())).collect()
    }
}

impl Archive for InMemoryArchive {
    async fn store(&self, file: &File) -> Result<Document, ServiceError> {
        self.weather.call("the archive", || {
            let mut files = locked(&self.files);
            let new = || Stored { bytes: file.bytes.clone(), sale: file.sale.clone() };
            let stored = files.entry(file.key.clone()).or_insert_with(new);
            if stored.sale != file.sale {
                return Err(conflict(&file.key));
            }
            let bytes = &stored.bytes;
            Ok(Document { key: file.key.clone(), sha256: sha256(bytes), size: bytes.len() as u64 })
        })
    }

    async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, ServiceError> {
        self.weather.call("the archive", || Ok(locked(&self.files).get(key).map(|stored| stored.bytes.clone())))
    }

    async fn look(&self, key: &str) -> Result<Option<Document>, ServiceError> {
        self.weather.call("the archive", || {
            let files = locked(&self.files);
            let document = |stored: &Stored| Document {
                key: key.to_owned(),
                sha256: sha256(&stored.bytes),
                size: stored.bytes.len() as u64,
            };
            Ok(files.get(key).map(document))
        })
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, ServiceError> {
        self.weather.call("the archive", || {
            let files = locked(&self.files);
            let keys =
                files.keys().filter(|key| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after));
            Ok(keys.take(limit.min(1000)).cloned().collect())
        })
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
