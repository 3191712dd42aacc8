//! Files that may be larger than memory, on their way to the archive.
//!
//! The name of a file may hold its hash, and S3 checks the hash before it keeps a byte. Neither is known before the last row
//! is written, so the file is spooled first: written to a place of its own, then stored from there in one request.

use std::{
    future::Future,
    io::{self, Read, Write},
};

use sha2::{Digest, Sha256};

use super::{Archive, Document};
use crate::outcome::ServiceError;

/// A place for one file: written once, from its beginning to its end, then read as often as need be.
pub trait Spool: Write + Send + Sync {
    /// What was written, from its beginning.
    ///
    /// # Errors
    /// When the place cannot be read.
    fn reader(&mut self) -> io::Result<impl Read + Send>;
}

/// In memory, for files that are known to be small.
impl Spool for Vec<u8> {
    fn reader(&mut self) -> io::Result<impl Read + Send> {
        Ok(self.as_slice())
    }
}

/// A file that was spooled.
#[derive(Debug)]
pub struct SpooledFile<S> {
    /// The document that it becomes: its key, hash and size.
    pub document: Document,
    /// The content type: `text/csv; charset=utf-8`.
    pub content_type: &'static str,
    /// Its bytes.
    pub spool: S,
}

/// A spool that knows hash and size of what is written to it.
#[derive(Debug)]
pub struct HashingSpool<S> {
    spool: S,
    hash: Sha256,
    size: u64,
}

impl<S: Spool> HashingSpool<S> {
    /// An empty one.
    pub fn new(spool: S) -> Self {
        Self { spool, hash: Sha256::new(), size: 0 }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When its last bytes cannot be written.
    pub fn finish(mut self, key: String, content_type: &'static str) -> io::Result<SpooledFile<S>> {
        self.spool.flush()?;
        let document = Document { key, sha256: hex::encode(self.hash.finalize()), size: self.size };
        Ok(SpooledFile { document, content_type, spool: self.spool })
    }
}

impl<S: Spool> Write for HashingSpool<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.spool.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or(bytes));
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.spool.flush()
    }
}

/// An archive that takes files larger than memory.
pub trait LargeArchive: Archive {
    /// Where such a file lies until it is stored.
    type Spool: Spool;

    /// A place for one more file.
    ///
    /// # Errors
    /// When there is none.
    fn spool(&self) -> io::Result<Self::Spool>;

    /// As [`Archive::store`], for a file that documents no single sale: written unless its key exists. Returns the
    /// document that is now stored under the key.
    fn store_spooled(
        &self,
        file: &SpooledFile<Self::Spool>,
    ) -> impl Future<Output = Result<Document, ServiceError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::sha256;

    /// Takes three bytes at a time, as a full disk or a socket may.
    struct Narrow(Vec<u8>);

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let some = bytes.get(..3).unwrap_or(bytes);
            self.0.write(some)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Spool for Narrow {
        fn reader(&mut self) -> io::Result<impl Read + Send> {
            Ok(self.0.as_slice())
        }
    }

    #[test]
    fn hash_and_size_are_those_of_what_was_written() {
        let mut spool = HashingSpool::new(Narrow(Vec::new()));
        spool.write_all(b"a row and ").unwrap();
        spool.write_all(b"another").unwrap();
        let mut file = spool.finish("ledger/x.csv".to_owned(), "text/csv").unwrap();
        assert_eq!(file.document, Document::of("ledger/x.csv", b"a row and another"));
        assert_eq!(file.document.sha256, sha256(b"a row and another"));
        for _ in 0..2 {
            assert_eq!(io::read_to_string(file.spool.reader().unwrap()).unwrap(), "a row and another");
        }
    }
}
