//! The records of customers who owe something in the Access table, with the wakes of their subscriptions and the mails in the
//! Notices table: one transaction. The marks of trials likewise.

use aws_sdk_dynamodb::types::Update;
use comptoir::{mail::Mail, outcome::ServiceError, record::VERSION};
use comptoir_aws::{
    conditional::OURS,
    item::{Item, data, json, number, place, read_number, text},
};
use comptoir_plans::{
    dunning::{
        record::Episode,
        store::{EpisodeChange, EpisodeStore, StoredEpisode},
    },
    store::Committed,
    trial::TrialStore,
};
use jiff::Timestamp;

use crate::{
    recoveries::{DynamoRecoveries, updating, writing},
    table::unwritable,
    wakes::{ACCESS, EPISODE, WHAT, due_since, waking_held_back},
};

fn stored(item: &Item) -> Result<StoredEpisode, ServiceError> {
    let open_since = due_since(item);
    Ok(StoredEpisode {
        wakes: read_number(item, "events").unwrap_or_default(),
        seen: read_number(item, "seen").unwrap_or_default(),
        open_since,
        version: read_number(item, "version").unwrap_or_default(),
        episode: if item.contains_key("data") { data(item, WHAT)? } else { Episode::default() },
    })
}

impl EpisodeStore for DynamoRecoveries {
    async fn episode(&self, customer: &str) -> Result<Option<StoredEpisode>, ServiceError> {
        self.access.read(place(EPISODE, customer)).await?.as_ref().map(stored).transpose()
    }

    async fn change_episode(&self, change: &EpisodeChange<'_>, now: Timestamp) -> Result<Committed, ServiceError> {
        let table = self.access.table.as_str();
        let read = (change.read.version, change.read.wakes);
        let over = change.episode.opened_at.is_none();
        let record = json(change.episode, WHAT)?;
        let mut writes =
            vec![updating(writing((table, EPISODE, change.customer), read, record, (&change.then, over), now)?)];
        for subscription in change.woken() {
            let held_back = change.in_force(subscription);
            writes.push(updating(waking_held_back(table, subscription, held_back, now)?));
        }
        self.commit(writes, change.mail, now).await
    }
}

impl TrialStore for DynamoRecoveries {
    async fn told_of_trial(&self, subscription: &str, mail: &Mail, now: Timestamp) -> Result<(), ServiceError> {
        let mark = Update::builder()
            .table_name(&self.access.table)
            .set_key(Some(place(ACCESS, subscription)))
            .update_expression("SET trial_told = :now")
            .condition_expression(format!("attribute_exists(pk) AND attribute_not_exists(trial_told) AND {OURS}"))
            .expression_attribute_values(":now", text(now.to_string()))
            .expression_attribute_values(":ours", number(VERSION))
            .build()
            .map_err(|error| unwritable(&error))?;
        match self.commit(vec![updating(mark)], Some(mail), now).await? {
            Committed::Done => Ok(()),
            // Told by another worker, or contended: whoever refreshes again sees which.
            Committed::Conflict => Err(ServiceError::transient(WHAT, "another worker wrote at the same time")),
        }
    }
}
