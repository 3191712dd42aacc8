//! Handles a request to rebuild the ledger from the archive: a person asks, nothing else does.

use comptoir::{
    accounting::rebuild::{Finding, KnownMails, Rebuild, Rebuilt, RestoreLedger, Wish},
    archive::spool::LargeArchive,
    billing::ledger::Ledger,
    clock::Clock,
    outcome::ServiceError,
    settings::{self, SettingsReader},
    timing::OPERATION_SECONDS,
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::handler::{Exporter, Found, RebuildRequest};

/// The result, for the person who asked.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct RebuildAnswer {
    /// Whether what is missing was written.
    pub written: bool,
    /// Documents in the archive.
    pub documents: usize,
    /// Documents of which the ledger lacks, or lacked, something.
    pub missing: usize,
    /// Invoices of which the ledger knows, or knew, less credited than was.
    pub credited: usize,
    /// Counters that are, or were, behind.
    pub counters: Vec<Behind>,
    /// Whether the table has, or had, no identity of the books.
    pub begins: bool,
    /// Documents that are being issued at this moment.
    pub in_flight: usize,
    /// Documents whose numbers are of another pattern than the settings have.
    pub uncounted: usize,
    /// Why nothing was written.
    pub refusals: Vec<Found>,
    /// What stands otherwise, and was left.
    pub differences: Vec<Found>,
    /// Mails of which nobody knows whether they were sent.
    pub mails: Vec<String>,
    /// What no archive can tell.
    pub unknown: Vec<&'static str>,
    /// Run it again: it goes on where it stopped.
    pub unfinished: bool,
    /// Whether something waits for a person.
    pub waits: bool,
}

/// A counter that is behind.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Behind {
    /// Its series.
    pub series: String,
    /// Its last number.
    pub from: u64,
    /// The archive's last number.
    pub to: u64,
}

impl From<Rebuilt> for RebuildAnswer {
    fn from(rebuilt: Rebuilt) -> Self {
        let found = |findings: Vec<Finding>| {
            let found = findings.into_iter();
            found.map(|one| Found { text: one.text(), code: one.code, subject: one.subject }).collect()
        };
        let (unknown, waits) = (rebuilt.unknown().to_vec(), rebuilt.waits());
        let behind = rebuilt.counters.into_iter();
        let behind = behind.map(|one| Behind { series: one.series.0, from: one.from, to: one.to });
        Self {
            written: rebuilt.written,
            documents: rebuilt.documents,
            missing: rebuilt.missing,
            credited: rebuilt.credited,
            counters: behind.collect(),
            begins: rebuilt.begins,
            in_flight: rebuilt.in_flight,
            uncounted: rebuilt.uncounted,
            refusals: found(rebuilt.refusals),
            differences: found(rebuilt.differences),
            mails: rebuilt.mails.into_iter().map(|mail| mail.0).collect(),
            unknown,
            unfinished: rebuilt.unfinished,
            waits,
        }
    }
}

/// What to do where the table may not be written.
const NOT_ALLOWED: &str = "this function may write the Billing table only while the stack's parameter RebuildBilling is yes: \
    deploy with it, do it again, deploy without it (infra/OPERATIONS.md)";

/// An error with what the owner can do about it: without a word about the parameter, a refused write is a riddle.
pub fn explained(error: ServiceError, dry_run: bool) -> ServiceError {
    let denied = !dry_run && error.is_permanent() && error.reason().code == "access_denied";
    let ServiceError { what, detail, kind } = error;
    ServiceError { what, detail: if denied { format!("{detail}; {NOT_ALLOWED}") } else { detail }, kind }
}

impl<L: Ledger + RestoreLedger + KnownMails, A: LargeArchive, S: SettingsReader, C: Clock> Exporter<L, A, S, C> {
    /// Rebuilds the ledger, until shortly before `deadline`.
    ///
    /// # Errors
    /// When a service fails; rebuilding again is harmless, and goes on.
    pub async fn rebuild(
        &self,
        request: RebuildRequest,
        request_id: &str,
        deadline: Timestamp,
    ) -> Result<RebuildAnswer, ServiceError> {
        let RebuildRequest { dry_run, without } = request;
        let settings = settings::newest(&self.settings).await?;
        // A document takes some operations, each of which may take its whole time.
        let reserve = SignedDuration::from_secs(6 * OPERATION_SECONDS.cast_signed());
        let rebuild = Rebuild {
            ledger: &self.ledger,
            archive: &self.archive,
            mails: &self.ledger,
            clock: &self.clock,
            settings: &settings,
            deadline: deadline.saturating_sub(reserve).unwrap_or(deadline),
        };
        let rebuilt = rebuild.run(&Wish { write: !dry_run, without }).await;
        let rebuilt = rebuilt.map_err(|error| explained(error, dry_run)).inspect_err(|error| {
            tracing::error!(request_id, "not rebuilt: {error}");
        })?;
        for finding in rebuilt.refusals.iter().chain(&rebuilt.differences) {
            let (subject, reason) = (&finding.subject, finding.code);
            tracing::error!(request_id, subject, reason, "{}", finding.text());
        }
        let Rebuilt { documents, missing, written, unfinished, .. } = rebuilt;
        let (refusals, differences, mails) = (rebuilt.refusals.len(), rebuilt.differences.len(), rebuilt.mails.len());
        tracing::info!(
            request_id,
            documents,
            missing,
            refusals,
            differences,
            mails,
            dry_run,
            written,
            unfinished,
            "rebuild examined"
        );
        Ok(rebuilt.into())
    }
}

#[cfg(test)]
mod tests {
    use comptoir::numbering::InvoiceNumber;

    use super::*;
    use crate::handler::{Request, tests::exporter};

    fn request(text: &str) -> RebuildRequest {
        serde_json::from_str::<Request>(text).unwrap().rebuild.unwrap()
    }

    #[test]
    fn it_writes_only_if_that_is_said() {
        assert!(request(r#"{"rebuild":{}}"#).dry_run);
        let wish = request(r#"{"rebuild":{"dry_run":false,"without":["2026-11-0003"]}}"#);
        assert!(!wish.dry_run && wish.without.contains(&InvoiceNumber("2026-11-0003".to_owned())));
        for bad in [r#"{"rebuild":{"write":true}}"#, r#"{"rebuild":true}"#] {
            assert!(serde_json::from_str::<Request>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_write_that_is_not_allowed_names_the_parameter() {
        let denied = || ServiceError::permanent("the ledger", "access_denied", "AccessDeniedException");
        assert!(explained(denied(), false).to_string().contains("RebuildBilling"));
        let other = ServiceError::permanent("the ledger", "table_missing", "ResourceNotFoundException");
        for (error, dry_run) in [(denied(), true), (other, false)] {
            assert!(!explained(error, dry_run).to_string().contains("RebuildBilling"));
        }
    }

    #[tokio::test]
    async fn books_that_have_not_begun_lack_nothing() {
        let exporter = exporter("2026-12-01T03:00:00Z");
        let answer = exporter.rebuild(request(r#"{"rebuild":{"dry_run":false}}"#), "r", Timestamp::MAX).await.unwrap();
        assert!(answer.written && !answer.waits && answer.unknown.is_empty(), "{answer:?}");
        let late = exporter.rebuild(request(r#"{"rebuild":{}}"#), "r", exporter.clock.0).await.unwrap();
        assert!(!late.unfinished, "there was nothing to begin: {late:?}");
    }
}
