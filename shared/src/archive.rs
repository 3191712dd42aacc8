//! The archive capability: documents are written once and kept for as long as the law requires. Files that may be larger
//! than memory are in `spool`.

pub mod spool;

use std::future::Future;

use sha2::{Digest, Sha256};

use serde::{Deserialize, Serialize};

use crate::outcome::ServiceError;

/// A document stored in the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// The storage key: `invoices/2026/11/2026-11-0042.pdf`.
    pub key: String,
    /// SHA-256 hash, in hexadecimal.
    pub sha256: String,
    /// Size in bytes.
    pub size: u64,
}

impl Document {
    /// The document that these bytes are under a key.
    pub fn of(key: &str, bytes: &[u8]) -> Self {
        Self { key: key.to_owned(), sha256: sha256(bytes), size: bytes.len() as u64 }
    }

    /// Whether `bytes` match the stored hash, so that the document mailed is the one issued.
    pub fn is(&self, bytes: &[u8]) -> bool {
        bytes.len() as u64 == self.size && sha256(bytes) == self.sha256
    }
}

/// A file to archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The storage key.
    pub key: String,
    /// The content type: `application/pdf`.
    pub content_type: &'static str,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The sale or refund that it documents: stored with it, because another sale's document must never pass for it.
    pub sale: Option<String>,
}

impl File {
    /// The document that this file becomes.
    pub fn document(&self) -> Document {
        Document::of(&self.key, &self.bytes)
    }
}

/// The SHA-256 hash in hexadecimal, the form that the archive and the ledger use.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The error for a key under which another sale's document is stored.
pub fn conflict(key: &str) -> ServiceError {
    let text = format!("{key} documents another sale: its number was given twice, see infra/OPERATIONS.md");
    ServiceError::permanent("the archive", "archive_conflict", text)
}

/// Stores documents.
pub trait Archive: Send + Sync {
    /// Writes a file unless its key exists (conditional write) and returns the document now stored under the key: after
    /// a template change between two deliveries, that is the document of the first.
    ///
    /// Permanent error `archive_conflict`: what is stored under the key documents another sale.
    fn store(&self, file: &File) -> impl Future<Output = Result<Document, ServiceError>> + Send;

    /// Reads a file; `None` if it does not exist.
    fn read(&self, key: &str) -> impl Future<Output = Result<Option<Vec<u8>>, ServiceError>> + Send;

    /// The document stored under a key, without reading it where the store knows its hash; `None` if there is none.
    fn look(&self, key: &str) -> impl Future<Output = Result<Option<Document>, ServiceError>> + Send;

    /// The first keys that begin with `prefix`, in order, after the key `after`; at most `limit`, and at most 1,000.
    fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<String>, ServiceError>> + Send;
}
