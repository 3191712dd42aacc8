//! The last link of each series of documents that went: its number and the hash of its snapshot, kept in the archive for ever.
//!
//! The chain of a series goes on from it, and so do its numbers, if the table is rebuilt after all documents of a series went. It
//! is noted before anything goes, once for each calendar year.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    archive::{Archive, File},
    invoice::Kind,
    numbering::Series,
    outcome::ServiceError,
};

/// Where the links lie: `ledger/gone/2026.json`.
const FOLDER: &str = "ledger/gone/";

/// Links read at once; there is one file a year.
const PAGE: usize = 1000;

/// The last document of a series in a year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The series.
    pub series: Series,
    /// Invoices or credit notes.
    pub kind: Kind,
    /// Its position.
    pub n: u64,
    /// The hash of its snapshot, which the next one of the series holds.
    pub sha256: String,
    /// When it was issued.
    pub issued_on: Date,
}

/// What is noted of one year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct YearOfLinks {
    /// The calendar year of issue.
    pub year: i16,
    /// The last link of each series.
    pub links: Vec<Link>,
}

/// All that went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gone {
    last: Option<i16>,
    links: BTreeMap<Series, Link>,
}

impl Gone {
    /// Reads what was noted.
    ///
    /// # Errors
    /// When the archive does not answer, or what it has there is nothing that this version wrote.
    pub async fn read(archive: &impl Archive) -> Result<Self, ServiceError> {
        let mut gone = Self::default();
        // One a year: a page is a thousand years.
        for key in archive.list(FOLDER, None, PAGE).await? {
            let Some(bytes) = archive.read(&key).await? else { continue };
            let noted: YearOfLinks = serde_json::from_slice(&bytes).map_err(|_| {
                let text = format!("{key} cannot be read: restore its first version, which the archive keeps");
                ServiceError::permanent("the archive", "links_unreadable", text)
            })?;
            gone.last = gone.last.max(Some(noted.year));
            for link in noted.links {
                let newer = gone.links.get(&link.series).is_none_or(|known| known.n < link.n);
                if newer {
                    gone.links.insert(link.series.clone(), link);
                }
            }
        }
        Ok(gone)
    }

    /// Whether documents of this day went, or are about to.
    pub fn covers(&self, day: Date) -> bool {
        self.last.is_some_and(|last| day.year() <= last)
    }

    /// The hash of the `n`th document of a series, if that is its last one that went.
    pub fn hash_of(&self, series: &Series, n: u64) -> Option<&str> {
        self.links.get(series).filter(|link| link.n == n).map(|link| link.sha256.as_str())
    }

    /// The last link of each series.
    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.links.values()
    }
}

impl YearOfLinks {
    /// Notes the links, unless those of this year are noted already, which then stand.
    ///
    /// # Errors
    /// When the archive does not take them.
    pub async fn note(&self, archive: &impl Archive) -> Result<(), ServiceError> {
        let bytes = serde_json::to_vec(self)
            .map_err(|error| ServiceError::permanent("the archive", "record_unwritable", error.to_string()))?;
        let key = format!("{FOLDER}{:04}.json", self.year);
        archive.store(&File { key, content_type: "application/json", bytes, sale: None }).await.map(drop)
    }
}
