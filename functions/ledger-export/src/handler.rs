//! Handles an export request: the schedule requests the previous month, a person names one.

use std::collections::BTreeSet;

use comptoir::{
    accounting::{
        Month,
        export::{NotExported, export},
        verify::verify,
    },
    archive::spool::LargeArchive,
    billing::ledger::Ledger,
    clock::Clock,
    numbering::InvoiceNumber,
    outcome::ServiceError,
    seller::Settings,
    settings::{self, SettingsReader},
};
use comptoir_edge::telemetry::count;
use jiff::{civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

const SERVICE: &str = "ledger-export";

/// The request. A misspelt key is an error, and does not export last month.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The month; if not given, the previous one, and to verify, that of yesterday.
    pub month: Option<Month>,
    /// Verify the month's documents instead of exporting them.
    #[serde(default)]
    pub verify: bool,
    /// Rebuild the ledger from all of the archive instead.
    pub rebuild: Option<RebuildRequest>,
    /// Look for what is over its legal term instead.
    pub term: Option<TermRequest>,
    /// Say what is held about a buyer instead.
    pub about: Option<AboutRequest>,
}

/// The request to rebuild the ledger. A misspelt key is an error, and writes nothing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RebuildRequest {
    /// Only say what would be written; the default.
    #[serde(default = "yes")]
    pub dry_run: bool,
    /// Numbers whose snapshots are lost for good.
    #[serde(default)]
    pub without: BTreeSet<InvoiceNumber>,
}

/// The request to say what is held about a buyer. Nothing is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AboutRequest {
    /// The buyer's address.
    pub email: String,
    /// Where an answer said to go on.
    #[serde(default)]
    pub after: Option<String>,
}

/// Without the address, which is in no log.
impl std::fmt::Debug for AboutRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AboutRequest")
    }
}

/// The request to look for what is over its legal term. A misspelt key is an error, and ends nothing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TermRequest {
    /// Only say what is over; the default.
    #[serde(default = "yes")]
    pub dry_run: bool,
}

fn yes() -> bool {
    true
}

/// The result, for a person who invoked it by hand.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The month.
    pub month: Month,
    /// Number of invoices and credit notes.
    pub invoices: usize,
    /// The keys of the files in the archive.
    pub files: Vec<String>,
    /// Document numbers missing from the journal: in another currency, without an exchange rate. The first thousand.
    pub unconverted: Vec<String>,
    /// How many there are.
    pub unconverted_count: usize,
    /// Numbers within a series that have no document anywhere.
    pub gaps: Vec<String>,
}

/// The result of a verification, for a person who invoked it by hand.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The month.
    pub month: Month,
    /// How many documents were verified.
    pub documents: usize,
    /// What is wrong, by number.
    pub findings: Vec<Found>,
}

/// What is wrong with one document.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Its number, or the key of an object that names none.
    pub subject: String,
    /// A stable code.
    pub code: &'static str,
    /// One sentence.
    pub text: &'static str,
}

/// The dependencies of an export.
#[derive(Debug)]
pub struct Exporter<L, A, S, C> {
    /// The ledger, which knows what must be in the archive.
    pub ledger: L,
    /// The archive.
    pub archive: A,
    /// The clock.
    pub clock: C,
    /// The owner's settings.
    pub settings: S,
}

impl<L: Ledger, A: LargeArchive, S: SettingsReader, C: Clock> Exporter<L, A, S, C> {
    /// The newest settings, once there are any.
    async fn settings(&self) -> Result<Option<Settings>, ServiceError> {
        self.settings.newest().await?.map(|stored| stored.read()).transpose()
    }

    /// Without settings nothing can have been issued, unless they were lost with their table.
    ///
    /// # Errors
    /// Held: the archive has documents.
    async fn is_new(&self) -> Result<(), ServiceError> {
        let documents = self.archive.list("books/", None, 1).await?;
        if documents.is_empty() { Ok(()) } else { Err(settings::missing()) }
    }

    /// The day at the seller's place.
    pub(crate) fn today(&self, settings: Option<&Settings>) -> Date {
        let now = self.clock.now();
        settings.map_or_else(|| now.to_zoned(TimeZone::UTC).date(), |settings| settings.day_of(now))
    }

    /// Verifies the month.
    ///
    /// # Errors
    /// When a service fails; verifying again is harmless.
    pub async fn verify(&self, request: Request, request_id: &str) -> Result<Verdict, ServiceError> {
        let settings = self.settings().await?;
        let today = self.today(settings.as_ref());
        let month = request.month.unwrap_or_else(|| Month::of(today.yesterday().unwrap_or(today)));
        let Some(settings) = settings else {
            self.is_new().await?;
            tracing::info!(request_id, %month, "no settings are saved, and nothing was ever issued");
            return Ok(Verdict { month, documents: 0, findings: Vec::new() });
        };
        let verified =
            verify(&self.ledger, &self.archive, &settings, month, self.clock.now()).await.inspect_err(|error| {
                tracing::error!(request_id, %month, "not verified: {error}");
            })?;
        for finding in &verified.findings {
            count(SERVICE, "Parked", 1);
            let (subject, reason) = (&finding.subject, finding.code);
            tracing::error!(request_id, %month, subject, reason, "not as issued: {}", finding.text());
        }
        tracing::info!(request_id, %month, documents = verified.documents, findings = verified.findings.len(), "verified");
        let found = verified.findings.into_iter();
        let found = found.map(|one| Found { text: one.text(), code: one.code, subject: one.subject });
        Ok(Verdict { month, documents: verified.documents, findings: found.collect() })
    }

    /// Exports the month.
    ///
    /// # Errors
    /// When a service fails, or a document of the month is not archived yet. Lambda retries a scheduled export and finally sends it to the on-failure queue; exporting
    /// a month twice is idempotent.
    pub async fn handle(&self, request: Request, request_id: &str) -> Result<Answer, NotExported> {
        let settings = self.settings().await?;
        let today = self.today(settings.as_ref());
        let month = request.month.unwrap_or_else(|| Month::of(today).before());
        let Some(settings) = settings else {
            self.is_new().await?;
            tracing::info!(request_id, %month, "no settings are saved, and nothing was ever issued");
            let (files, unconverted, gaps) = Default::default();
            return Ok(Answer { month, invoices: 0, files, unconverted, unconverted_count: 0, gaps });
        };
        let exported = export(&self.ledger, &self.archive, &settings, month).await.inspect_err(|error| {
            let reason = error.code();
            tracing::error!(request_id, %month, reason, "not exported: {error}");
        })?;
        count(SERVICE, "LedgerExported", 1);
        if month.contains(today) {
            tracing::warn!(request_id, %month, "this month is not over: export it again when it is");
        }
        let named = |numbers: Vec<InvoiceNumber>| numbers.into_iter().map(|number| number.0).collect::<Vec<_>>();
        let (gaps, unconverted_count) = (named(exported.gaps), exported.unconverted.count);
        let unconverted = named(exported.unconverted.numbers);
        if unconverted_count > 0 {
            let numbers = unconverted.join(" ");
            tracing::warn!(
                request_id,
                %month,
                unconverted_count,
                numbers,
                "the journal lacks these: no rate to euros stands on them"
            );
        }
        if !gaps.is_empty() {
            count(SERVICE, "Parked", 1);
            let (numbers, reason) = (gaps.join(" "), "number_missing");
            tracing::error!(request_id, %month, numbers, reason, "neither the archive nor the ledger has these documents");
        }
        tracing::info!(request_id, %month, invoices = exported.invoices, "ledger exported");
        let files = exported.documents.into_iter().map(|document| document.key).collect();
        Ok(Answer { month, invoices: exported.invoices, files, unconverted, unconverted_count, gaps })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use comptoir::{
        archive::{Archive, File},
        clock::FixedClock,
        memory::{InMemoryArchive, InMemoryStore},
        testing::{STANDARD_TOML, saved_settings},
    };

    pub(crate) fn exporter(now: &str) -> Exporter<InMemoryStore, InMemoryArchive, InMemoryStore, FixedClock> {
        Exporter {
            ledger: InMemoryStore::default(),
            archive: InMemoryArchive::default(),
            clock: FixedClock(now.parse().unwrap()),
            settings: saved_settings(STANDARD_TOML),
        }
    }

    #[tokio::test]
    async fn the_schedule_means_the_month_before_in_the_seller_s_zone() {
        // 03:00 in Paris on the first.
        let exporter = exporter("2026-12-01T02:00:00Z");
        let request: Request = serde_json::from_str("{}").unwrap();
        let answer = exporter.handle(request, "r").await.unwrap();
        assert_eq!(answer.month.to_string(), "2026-11");
        assert_eq!(answer.files[1], "ledger/2026/11/journal-2026-11.txt");
        assert_eq!(exporter.archive.files().len(), 3);
    }

    #[tokio::test]
    async fn a_person_names_the_month() {
        let request: Request = serde_json::from_str(r#"{"month":"2026-07"}"#).unwrap();
        let answer = exporter("2026-12-15T12:00:00Z").handle(request, "r").await.unwrap();
        assert_eq!((answer.month.to_string().as_str(), answer.invoices), ("2026-07", 0));
    }

    #[tokio::test]
    async fn verifying_means_the_month_of_yesterday() {
        let request: Request = serde_json::from_str(r#"{"verify":true}"#).unwrap();
        let verdict = exporter("2026-12-01T03:00:00Z").verify(request, "r").await.unwrap();
        assert_eq!(
            (verdict.month.to_string().as_str(), verdict.documents, verdict.findings),
            ("2026-11", 0, Vec::new())
        );
    }

    #[tokio::test]
    async fn before_settings_are_saved_nothing_was_issued() {
        let exporter = Exporter { settings: InMemoryStore::default(), ..exporter("2026-12-01T02:00:00Z") };
        let request = || serde_json::from_str("{}").unwrap();
        assert_eq!(exporter.handle(request(), "r").await.unwrap().files, Vec::<String>::new());
        assert_eq!(exporter.verify(request(), "r").await.unwrap().documents, 0);
        let bytes = b"{}".to_vec();
        let key = "books/2026/11/2026-11-0001.json".to_owned();
        exporter.archive.store(&File { key, content_type: "application/json", bytes, sale: None }).await.unwrap();
        let lost = exporter.verify(request(), "r").await.unwrap_err();
        assert_eq!(lost.reason().code, "settings_missing", "they were lost with their table");
        assert!(exporter.handle(request(), "r").await.is_err());
    }

    #[test]
    fn what_names_no_month_is_refused() {
        for bad in [r#"{"month":"juillet"}"#, r#"{"mois":"2026-07"}"#] {
            assert!(serde_json::from_str::<Request>(bad).is_err(), "{bad}");
        }
    }
}
