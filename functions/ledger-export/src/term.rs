//! Handles a request about the end of the legal term: a person asks, nothing else does.

use comptoir::{
    accounting::term::{Expire, conclude, survey},
    archive::spool::LargeArchive,
    billing::ledger::Ledger,
    clock::Clock,
    outcome::ServiceError,
    settings::SettingsReader,
    term::kept_until,
    timing::OPERATION_SECONDS,
};
use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::Serialize;

use crate::{
    handler::{Exporter, TermRequest},
    rebuild::explained,
};

/// How long after a request records expire: time to think better of it.
const GRACE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The result, for the person who asked.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct TermAnswer {
    /// The years that are over their term, the oldest first.
    pub years: Vec<Over>,
    /// The day from which the documents of this year may go.
    pub this_year_from: Date,
    /// Whether the last links are noted and the records of the ledger expire.
    pub written: bool,
    /// Run it again: time was up.
    pub unfinished: bool,
}

/// A year that is over its term.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Over {
    /// The calendar year of issue.
    pub year: i16,
    /// Documents that it still has in the archive.
    pub documents: usize,
    /// Documents whose numbers are of another pattern than the settings have: no later number follows them.
    pub unlinked: usize,
    /// The last number of each series, and how many numbers it had.
    pub last: Vec<String>,
    /// Whether its last links were noted before, so that it may be deleted from the archive.
    pub noted: bool,
}

impl<L: Ledger + Expire, A: LargeArchive, S: SettingsReader, C: Clock> Exporter<L, A, S, C> {
    /// Says what is over its term; if that is wished, notes the last links and lets the records of the ledger expire.
    ///
    /// # Errors
    /// When a service fails; asking again is harmless, and goes on.
    pub async fn end_terms(
        &self,
        request: TermRequest,
        request_id: &str,
        deadline: Timestamp,
    ) -> Result<TermAnswer, ServiceError> {
        let settings = comptoir::settings::newest(&self.settings).await?;
        let (now, today) = (self.clock.now(), self.today(Some(&settings)));
        let over = survey(&self.archive, &settings, today).await?;
        let mut unfinished = false;
        if !request.dry_run {
            let reserve = SignedDuration::from_secs(6 * OPERATION_SECONDS.cast_signed());
            let deadline = deadline.saturating_sub(reserve).unwrap_or(deadline);
            let at = now.saturating_add(GRACE).unwrap_or(now);
            let done = conclude(&over, &self.ledger, &self.archive, &settings, (&self.clock, deadline), at).await;
            unfinished = !done.map_err(|error| explained(error, false)).inspect_err(|error| {
                tracing::error!(request_id, "the terms are not ended: {error}");
            })?;
        }
        let years = over.into_iter().map(|year| Over {
            year: year.links.year,
            documents: year.documents,
            unlinked: year.unlinked,
            last: year.links.links.iter().map(|link| format!("{} {}", link.series, link.n)).collect(),
            noted: year.noted,
        });
        let years: Vec<Over> = years.collect();
        tracing::info!(request_id, years = years.len(), dry_run = request.dry_run, unfinished, "terms looked at");
        let this_year_from = kept_until(today).tomorrow().unwrap_or(Date::MAX);
        Ok(TermAnswer { years, this_year_from, written: !request.dry_run, unfinished })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::handler::{Request, tests::exporter};

    fn request(text: &str) -> TermRequest {
        serde_json::from_str::<Request>(text).unwrap().term.unwrap()
    }

    #[tokio::test]
    async fn it_ends_terms_only_if_that_is_said_and_says_when_the_next_one_ends() {
        assert!(request(r#"{"term":{}}"#).dry_run && !request(r#"{"term":{"dry_run":false}}"#).dry_run);
        assert!(serde_json::from_str::<Request>(r#"{"term":{"write":true}}"#).is_err());
        let exporter = exporter("2026-12-01T03:00:00Z");
        let answer = exporter.end_terms(request(r#"{"term":{"dry_run":false}}"#), "r", Timestamp::MAX).await.unwrap();
        let this_year_from = date(2038, 1, 1);
        assert_eq!(answer, TermAnswer { years: Vec::new(), this_year_from, written: true, unfinished: false });
    }
}
