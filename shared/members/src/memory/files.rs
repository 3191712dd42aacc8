//! Files of members in memory; `directory` stores their announcements.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use jiff::Timestamp;

use crate::profile::upload::{Files, Kind, Target, Upload};
use comptoir::{
    memory::{FaultPlan, locked, pass_the_turn},
    outcome::ServiceError,
};

/// A store of members' files; its URLs are not real.
#[derive(Debug, Default)]
pub struct InMemoryFiles {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    faults: Arc<FaultPlan>,
}

impl InMemoryFiles {
    /// An empty store under this fault plan.
    pub fn new(faults: Arc<FaultPlan>) -> Self {
        Self { files: Mutex::default(), faults }
    }

    /// Uploads a file, as a client does with a signed URL.
    pub fn put(&self, key: &str, bytes: &[u8]) {
        locked(&self.files).insert(key.to_owned(), bytes.to_vec());
    }

    /// The keys of all files.
    pub fn keys(&self) -> Vec<String> {
        locked(&self.files).keys().cloned().collect()
    }

    async fn call<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> T) -> Result<T, ServiceError> {
        pass_the_turn().await;
        self.faults.call("the files", || Ok(work(&mut locked(&self.files))))
    }
}

impl Files for InMemoryFiles {
    async fn presign(&self, upload: &Upload, _: Timestamp) -> Result<Target, ServiceError> {
        Ok(Target { url: format!("memory:{}", upload.key()), headers: Vec::new() })
    }

    async fn signed(&self, key: &str, _: Kind, _: Timestamp) -> Result<String, ServiceError> {
        Ok(format!("memory:{key}"))
    }

    async fn read(&self, key: &str, largest: u64) -> Result<Option<Vec<u8>>, ServiceError> {
        let most = usize::try_from(largest).unwrap_or(usize::MAX).saturating_add(1);
        self.call(|files| files.get(key).map(|bytes| bytes.iter().copied().take(most).collect())).await
    }

    async fn keep(&self, key: &str, _: &str, bytes: &[u8]) -> Result<(), ServiceError> {
        self.call(|files| {
            files.insert(key.to_owned(), bytes.to_vec());
        })
        .await
    }

    async fn remove(&self, key: &str) -> Result<(), ServiceError> {
        self.call(|files| {
            files.remove(key);
        })
        .await
    }

    async fn remove_all(&self, prefix: &str) -> Result<(), ServiceError> {
        self.call(|files| files.retain(|key, _| !key.starts_with(prefix))).await
    }
}
