//! The archive, as a capability: documents that are written once and kept for as long as the law wants.

use std::future::Future;

use sha2::{Digest, Sha256};

use serde::{Deserialize, Serialize};

use crate::outcome::ServiceError;

/// A document that stands in the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Where: `invoices/2026/11/2026-11-0042-DUPONT.pdf`.
    pub key: String,
    /// Hash, in hexadecimal.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

impl Document {
    /// Whether these are its bytes: what was issued is what is mailed, whatever became of the archive since.
    pub fn is(&self, bytes: &[u8]) -> bool {
        bytes.len() as u64 == self.size && sha256(bytes) == self.sha256
    }
}

/// A file to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where.
    pub key: String,
    /// What kind: `application/pdf`.
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

/// A hash as the archive and the ledger write it: SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Keeps documents.
pub trait Archive: Send + Sync {
    /// Writes a file unless its key is taken, and tells what stands there now: after a change of template between two
    /// deliveries, that is the document of the first.
    fn store(&self, file: &File) -> impl Future<Output = Result<Document, ServiceError>> + Send;

    /// Reads a file; `None` if there is none.
    fn read(&self, key: &str) -> impl Future<Output = Result<Option<Vec<u8>>, ServiceError>> + Send;
}
