//! What of the archive is over its term: looked for by years (`survey`); its last links noted, then its rows in the ledger given
//! their end (`conclude`).
//!
//! Nothing is deleted from the archive here, and no function may: the owner deletes a year, which S3's lock allows by then.

use std::{collections::BTreeMap, future::Future};

use jiff::{Timestamp, civil::Date};

use super::{
    Month,
    snapshots::{AT_ONCE, Listing, patterns_of, read, together},
};
use crate::{
    archive::Archive,
    billing::issue::series_of,
    clock::Clock,
    invoice::Invoice,
    numbering::Series,
    outcome::ServiceError,
    seller::Settings,
    term::{
        is_over,
        links::{Gone, Link, YearOfLinks},
    },
};

/// A year of documents that may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverYear {
    /// How many documents it still has, and the last link of each of its series.
    pub links: YearOfLinks,
    /// Its documents.
    pub documents: usize,
    /// Documents of another pattern of numbers than the settings have for their day: their series have no link.
    pub unlinked: usize,
    /// Whether its links are noted.
    pub noted: bool,
}

/// Looks for what is over its term today, the oldest year first.
///
/// # Errors
/// When the archive does not answer, or a last document cannot be read: nothing of its year may go then.
pub async fn survey(archive: &impl Archive, settings: &Settings, today: Date) -> Result<Vec<OverYear>, ServiceError> {
    let gone = Gone::read(archive).await?;
    let mut years: BTreeMap<i16, OverYear> = BTreeMap::new();
    let mut after: Option<String> = None;
    while let Some(first) = archive.list("books/", after.as_deref(), 1).await?.pop() {
        let folder = first.strip_prefix("books/").and_then(|rest| rest.get(..7)).unwrap_or_default();
        let Ok(month) = folder.replace('/', "-").parse::<Month>() else {
            // What is no folder of a month is found by a verification.
            after = Some(first);
            continue;
        };
        if !is_over(month.first_day(), today) {
            break;
        }
        let year = month.first_day().year();
        let over = years.entry(year).or_insert_with(|| OverYear {
            links: YearOfLinks { year, links: Vec::new() },
            documents: 0,
            unlinked: 0,
            noted: gone.covers(month.first_day()),
        });
        survey_month(archive, settings, month, over).await?;
        after = Some(format!("books/{}0", month.path()));
    }
    Ok(years.into_values().collect())
}

/// Gives records an end.
pub trait Expire: Send + Sync {
    /// Lets the record of a document, and of its sale or refund, expire at this time, unless it is parked, which is work, or has an
    /// end already. Doing it twice changes nothing.
    fn expire(&self, invoice: &Invoice, at: Timestamp) -> impl Future<Output = Result<(), ServiceError>> + Send;
}

/// Notes the last links of what is over its term, then lets its records in the ledger expire at `at`; whether all of it was done
/// before `deadline`.
///
/// # Errors
/// When a store fails; doing it again is harmless.
pub async fn conclude(
    over: &[OverYear],
    ledger: &impl Expire,
    archive: &impl Archive,
    settings: &Settings,
    (clock, deadline): (&impl Clock, Timestamp),
    at: Timestamp,
) -> Result<bool, ServiceError> {
    for year in over {
        year.links.note(archive).await?;
    }
    for year in over {
        let months = (1..=12).filter_map(|month| Date::new(year.links.year, month, 1).ok()).map(Month::of);
        for month in months {
            let listing = Listing::of(archive, month, patterns_of(settings, month)).await?;
            let mut keys = listing.keys();
            loop {
                let group: Vec<String> = keys.by_ref().take(AT_ONCE).collect();
                if group.is_empty() {
                    break;
                }
                if clock.now() >= deadline {
                    return Ok(false);
                }
                for done in together(group.iter().map(|key| expire(key, ledger, archive, at))).await {
                    done?;
                }
            }
        }
    }
    Ok(true)
}

/// One document; what cannot be read has no record that is known here.
async fn expire(key: &str, ledger: &impl Expire, archive: &impl Archive, at: Timestamp) -> Result<(), ServiceError> {
    let Some(bytes) = archive.read(key).await? else { return Ok(()) };
    match read(key, bytes) {
        Ok((invoice, _)) => ledger.expire(&invoice, at).await,
        Err(_) => Ok(()),
    }
}

async fn survey_month(
    archive: &impl Archive,
    settings: &Settings,
    month: Month,
    over: &mut OverYear,
) -> Result<(), ServiceError> {
    let listing = Listing::of(archive, month, patterns_of(settings, month)).await?;
    over.documents += listing.keys().count();
    over.unlinked += listing.others.len();
    let mut last: BTreeMap<Series, Link> = BTreeMap::new();
    for listed in &listing.series {
        let Some(key) = listing.keys_of(listed).last() else { continue };
        let Some(bytes) = archive.read(&key).await? else { continue };
        let (invoice, snapshot) = read(&key, bytes).map_err(|code| {
            let text = format!("{key} is not the document that was issued: verify its month first");
            ServiceError::permanent("the archive", code, text)
        })?;
        let pattern = series_of(&invoice, settings);
        let day = invoice.issued_on;
        let Some(n) = pattern.n_of_key(day, &pattern.archive_key(day, &invoice.number)) else { continue };
        let (series, kind) = (pattern.series(day), invoice.draft.kind);
        last.insert(series.clone(), Link { series, kind, n, sha256: snapshot.sha256(), issued_on: day });
    }
    for (series, link) in last {
        over.links.links.retain(|known| known.series != series);
        over.links.links.push(link);
    }
    Ok(())
}
