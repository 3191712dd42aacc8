//! The documents of a month in the order of the books, a few in memory at a time.

use std::collections::VecDeque;

use jiff::civil::Date;

use super::{AT_ONCE, Listing, read, together};
use crate::{archive::Archive, invoice::Invoice, numbering::InvoiceNumber, outcome::ServiceError};

const WHAT: &str = "the archive";

/// A document's place in the files of a month: by day, and by number within its day. Shorter numbers of a series come first:
/// 9999, then 10000.
pub(in crate::accounting) fn place(invoice: &Invoice) -> (Date, usize, InvoiceNumber) {
    (invoice.issued_on, invoice.number.0.len(), invoice.number.clone())
}

/// The next documents of one series.
struct Series<'a> {
    keys: Box<dyn Iterator<Item = String> + Send + 'a>,
    ready: VecDeque<Invoice>,
}

/// Reads the documents of a listing in order.
///
/// Within a series numbers rise and days never go back, so the next document of all is the first of one of the series:
/// they are merged, and nothing is sorted.
pub(in crate::accounting) struct Ordered<'a, A> {
    archive: &'a A,
    series: Vec<Series<'a>>,
    last: Option<(Date, usize, InvoiceNumber)>,
}

impl<'a, A: Archive> Ordered<'a, A> {
    /// From the first document on.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn of(archive: &'a A, listing: &'a Listing<'a>) -> Result<Self, ServiceError> {
        let mut series: Vec<Series<'a>> = Vec::new();
        for listed in &listing.series {
            series.push(Series { keys: Box::new(listing.keys_of(listed)), ready: VecDeque::new() });
        }
        // Which series these are of is not known, so nothing is known of their order: they are read once for it.
        let mut others = Vec::with_capacity(listing.others.len());
        for keys in listing.others.chunks(AT_ONCE) {
            for (key, read) in keys.iter().zip(together(keys.iter().map(|key| one(archive, key))).await) {
                others.push((place(&read?), key.clone()));
            }
        }
        others.sort();
        series.push(Series { keys: Box::new(others.into_iter().map(|(_, key)| key)), ready: VecDeque::new() });
        Ok(Self { archive, series, last: None })
    }

    /// The next document.
    ///
    /// # Errors
    /// When the archive does not answer. Permanent: what is stored under a key is not its document
    /// (`snapshot_unreadable`, `snapshot_newer`, `snapshot_misplaced`), or the days of a series go back (`order_broken`).
    pub async fn next(&mut self) -> Result<Option<Invoice>, ServiceError> {
        for series in &mut self.series {
            if series.ready.is_empty() {
                let keys: Vec<String> = series.keys.by_ref().take(AT_ONCE).collect();
                for read in together(keys.iter().map(|key| one(self.archive, key))).await {
                    series.ready.push_back(read?);
                }
            }
        }
        let first = self.series.iter_mut().filter(|series| !series.ready.is_empty());
        let first = first.min_by_key(|series| series.ready.front().map(place));
        let Some(invoice) = first.and_then(|series| series.ready.pop_front()) else { return Ok(None) };
        let place = place(&invoice);
        if self.last.as_ref().is_some_and(|last| *last > place) {
            let detail = format!(
                "{} is dated {}, before the document that comes before it: one of the two was changed; verify the month \
                 (infra/OPERATIONS.md)",
                invoice.number, invoice.issued_on
            );
            return Err(ServiceError::permanent(WHAT, "order_broken", detail));
        }
        self.last = Some(place);
        Ok(Some(invoice))
    }
}

/// The document under a key.
async fn one(archive: &impl Archive, key: &str) -> Result<Invoice, ServiceError> {
    let bytes = archive.read(key).await?;
    let bytes = bytes.ok_or_else(|| ServiceError::transient(WHAT, format!("{key} is listed and cannot be read")))?;
    let read = read(key, bytes).map(|(invoice, _)| invoice);
    read.map_err(|code| {
        let fix = match code {
            "snapshot_newer" => "was written by a later version of Comptoir; deploy that version",
            _ => "is not the snapshot of that document; restore its first version, which the lock kept",
        };
        ServiceError::permanent(WHAT, code, format!("{key} {fix}"))
    })
}
