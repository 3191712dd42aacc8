//! An archive in memory, which keeps the first bytes.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
};

use super::{FaultPlan, locked};
use crate::{
    archive::{
        Archive, Document, File, conflict, sha256,
        spool::{LargeArchive, SpooledFile},
    },
    outcome::ServiceError,
};

/// What is stored under a key.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) bytes: Vec<u8>,
    pub(super) sale: Option<String>,
}

/// An archive.
#[derive(Debug, Default)]
pub struct InMemoryArchive {
    pub(super) files: Mutex<BTreeMap<String, Stored>>,
    faults: Arc<FaultPlan>,
}

impl InMemoryArchive {
    /// An empty archive under this fault plan.
    pub fn new(faults: Arc<FaultPlan>) -> Self {
        Self { files: Mutex::default(), faults }
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
        self.faults.call("the archive", || {
            let mut files = locked(&self.files);
            let new = || Stored { bytes: file.bytes.clone(), sale: file.sale.clone() };
            let stored = files.entry(file.key.clone()).or_insert_with(new);
            if stored.sale != file.sale {
                return Err(conflict(&file.key));
            }
            Ok(Document::of(&file.key, &stored.bytes))
        })
    }

    async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, ServiceError> {
        self.faults.call("the archive", || Ok(locked(&self.files).get(key).map(|stored| stored.bytes.clone())))
    }

    async fn look(&self, key: &str) -> Result<Option<Document>, ServiceError> {
        self.faults
            .call("the archive", || Ok(locked(&self.files).get(key).map(|stored| Document::of(key, &stored.bytes))))
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, ServiceError> {
        self.faults.call("the archive", || {
            let files = locked(&self.files);
            let keys =
                files.keys().filter(|key| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after));
            Ok(keys.take(limit.min(1000)).cloned().collect())
        })
    }
}

impl LargeArchive for InMemoryArchive {
    type Spool = Vec<u8>;

    fn spool(&self) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    async fn store_spooled(&self, file: &SpooledFile<Vec<u8>>) -> Result<Document, ServiceError> {
        let (key, bytes) = (file.document.key.clone(), file.spool.clone());
        self.store(&File { key, content_type: file.content_type, bytes, sale: None }).await
    }
}
