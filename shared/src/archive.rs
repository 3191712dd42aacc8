//! The archive capability: documents are written once and kept for as long as the law requires.

use std::future::Future;

use sha2::{Digest, Sha256};

use serde::{Deserialize, Serialize};

use crate::outcome::ServiceError;

/// A document stored in the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// The storage key: `invoices/2026/11/2026-11-0042-DUPONT.pdf`.
    pub key: String,
    /// SHA-256 hash, in hexadecimal.
    pub sha256: String,
    /// Size in bytes.
    pub size: u64,
}

impl Document {
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
}

impl File {
    /// The document that this file becomes.
    pub fn document(&self) -> Document {
        Document { key: self.key.clone(), sha256: sha256(&self.bytes), size: self.bytes.len() as u64 }
    }
}

/// The SHA-256 hash in hexadecimal, the form that the archive and the ledger use.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Stores documents.
pub trait Archive: Send + Sync {
    /// Writes a file unless its key exists (conditional write) and returns the document now stored under the key: after
    /// a template change between two deliveries, that is the document of the first.
    fn store(&self, file: &File) -> impl Future<Output = Result<Document, ServiceError>> + Send;

    /// Reads a file; `None` if it does not exist.
    fn read(&self, key: &str) -> impl Future<Output = Result<Option<Vec<u8>>, ServiceError>> + Send;
}
