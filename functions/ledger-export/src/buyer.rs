//! Handles a request about a buyer's data: a person asks, nothing else does.

use comptoir::{
    accounting::buyer::about, archive::spool::LargeArchive, billing::ledger::Ledger, clock::Clock,
    outcome::ServiceError, settings::SettingsReader, timing::OPERATION_SECONDS,
};
use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::Serialize;
use serde_json::Value;

use crate::handler::{AboutRequest, Exporter};

/// What is held about a buyer: the export that they may ask for, and what may go.
#[derive(Debug, PartialEq, Serialize)]
pub struct AboutAnswer {
    /// Their documents.
    pub documents: Vec<HeldDocument>,
    /// The keys of the records of their sales and refunds in the Billing table, which the law keeps as long as the documents.
    pub records: Vec<String>,
    /// The keys of the mails in the Outbox table: each may go as soon as it is settled.
    pub mails: Vec<String>,
    /// The last day on which the law keeps any of it.
    pub kept_until: Option<Date>,
    /// Snapshots that could not be read.
    pub unread: Vec<String>,
    /// How many snapshots were looked at.
    pub looked_at: usize,
    /// Ask again with this as `after`: time was up.
    pub next: Option<String>,
}

/// A document of theirs.
#[derive(Debug, PartialEq, Serialize)]
pub struct HeldDocument {
    /// Its number.
    pub number: String,
    /// The last day on which the law keeps it.
    pub kept_until: Date,
    /// The key of its PDF.
    pub document: Option<String>,
    /// The key of its snapshot.
    pub snapshot: String,
    /// What it says about the buyer.
    pub buyer: Value,
}

impl<L: Ledger, A: LargeArchive, S: SettingsReader, C: Clock> Exporter<L, A, S, C> {
    /// Says what is held about a buyer.
    ///
    /// # Errors
    /// When the archive does not answer.
    pub async fn about(
        &self,
        request: AboutRequest,
        request_id: &str,
        deadline: Timestamp,
    ) -> Result<AboutAnswer, ServiceError> {
        let reserve = SignedDuration::from_secs(2 * OPERATION_SECONDS.cast_signed());
        let deadline = deadline.saturating_sub(reserve).unwrap_or(deadline);
        let found = about(&self.archive, &request.email, request.after, &self.clock, deadline).await?;
        tracing::info!(request_id, documents = found.held.len(), looked_at = found.looked_at, "a buyer asked");
        let documents = found.held.iter().map(|held| HeldDocument {
            number: held.invoice.number.0.clone(),
            kept_until: held.kept_until,
            document: held.document.clone(),
            snapshot: held.snapshot.clone(),
            buyer: serde_json::to_value(&held.invoice.draft.buyer).unwrap_or_default(),
        });
        Ok(AboutAnswer {
            documents: documents.collect(),
            records: found.records().into_iter().collect(),
            mails: found.held.iter().map(|held| format!("MAIL#{}", held.mail)).collect(),
            kept_until: found.held.iter().map(|held| held.kept_until).max(),
            unread: found.unread,
            looked_at: found.looked_at,
            next: found.next,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::{Request, tests::exporter};

    #[tokio::test]
    async fn nothing_is_held_about_a_stranger_and_no_log_names_them() {
        let request: Request = serde_json::from_str(r#"{"about":{"email":"zoe@example.org"}}"#).unwrap();
        assert!(!format!("{request:?}").contains("zoe"), "{request:?}");
        let answer = exporter("2026-12-01T03:00:00Z").about(request.about.unwrap(), "r", Timestamp::MAX).await.unwrap();
        assert!(answer.documents.is_empty() && answer.kept_until.is_none() && answer.next.is_none(), "{answer:?}");
        assert!(serde_json::from_str::<Request>(r#"{"about":{"mail":"zoe@example.org"}}"#).is_err());
    }
}
