//! Gathers the notices of a batch that are for the team into one digest.

use std::time::Duration;

use comptoir::{
    clock::Clock,
    mail::{
        MailId,
        dispatch::{self, Dispatched},
        outbox::Outbox,
    },
    outcome::{Outcome, ServiceError},
    settings::SettingsReader,
    stream::{self, Record},
    team::{TeamNews, TeamRoom, gather},
    timing::{GATHER_SECONDS, OPERATION_SECONDS},
};
use comptoir_edge::telemetry::{count, held};
use jiff::{SignedDuration, Timestamp};

use crate::handler::{NoticeSender, SERVICE, TEAM, report};

/// The longest that gathering may take.
const GATHER: Duration = Duration::from_secs(GATHER_SECONDS);

/// Timeout of one operation.
const ONE_OPERATION: SignedDuration = SignedDuration::from_secs(OPERATION_SECONDS.cast_signed());

impl<O: Outbox + TeamNews, P, Q, R: TeamRoom, S: SettingsReader, C: Clock, T> NoticeSender<O, P, Q, R, S, C, T> {
    /// Gathers the notices still queued. The ids suffice: a notice's content is read when the digest is composed.
    pub async fn gather(&self, records: &[Record], request_id: &str, deadline: Timestamp) -> Outcome {
        let waiting = records.iter().filter(|record| record.kind() == Some(TEAM) && record.check().is_ok());
        let waiting: Vec<MailId> = waiting.filter_map(|record| Some(MailId(record.id()?.to_owned()))).collect();
        if waiting.is_empty() {
            return Outcome::AlreadyDone;
        }
        let told = async {
            let open = self.room.is_open().await?;
            let now = self.clock.now();
            let settings = self.settings.get(now).await?;
            let seller = settings.of_day(settings.day_of(now));
            gather(waiting.clone(), &seller, open, &self.notices, now).await
        };
        // A cut-off between two transactions, or in one that commits anyway, loses and repeats no notice.
        let told = tokio::time::timeout(GATHER, told).await;
        match told.unwrap_or_else(|_| Err(ServiceError::transient("the team's digest", "gathering took too long"))) {
            Ok(gathered) => {
                count(SERVICE, "TeamTold", gathered.told);
                tracing::info!(request_id, told = gathered.told, settled = gathered.settled, "gathered");
                Outcome::Done
            }
            Err(failure) if failure.is_permanent() => self.park_notices(&waiting, &failure, request_id, deadline).await,
            Err(failure) => {
                if held(SERVICE, &failure.reason()) {
                    tracing::error!(request_id, "held: {failure}");
                } else {
                    tracing::warn!(request_id, "to be tried again: {failure}");
                }
                Outcome::from(failure)
            }
        }
    }

    /// Parks notices that cannot be gathered. Those without time left, or that cannot be parked, are delivered again.
    async fn park_notices(
        &self,
        notices: &[MailId],
        failure: &ServiceError,
        request_id: &str,
        deadline: Timestamp,
    ) -> Outcome {
        for id in notices {
            let now = self.clock.now();
            let parked = match stream::in_time(now, ONE_OPERATION, deadline) {
                Ok(()) => dispatch::park(id, failure.reason(), &self.notices, now).await,
                Err(reason) => Dispatched::Later(reason),
            };
            report(&parked, request_id, &id.0);
            if let Dispatched::Later(reason) = parked {
                return Outcome::Retry(reason);
            }
        }
        Outcome::Reject(failure.reason())
    }
}
