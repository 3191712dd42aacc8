//! The records of unpaid invoices in the Access table, and the mails about them in the Notices table: one transaction.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use comptoir::{
    app::AppMessage,
    mail::{Mail, outbox::TOLD_KEPT},
    outcome::ServiceError,
    record::{NEEDS, VERSION},
    sweep::partition,
};
use comptoir_aws::{
    conditional::{OURS, settle},
    item::{CLOSE, Item, PARK, condition_failed, data, expiry, json, number, place, read_number, text},
    outbox::queued,
};
use comptoir_plans::{
    recovery::{
        record::{Recovery, State},
        store::{Change, RecoveryStore, StoredRecovery, Then},
    },
    store::{AccessStore, Committed, Wakes},
};
use jiff::Timestamp;

use crate::{
    table::{DynamoAccess, Ended, SOURCE, unwritable},
    wakes::{RECOVERY, WHAT, waking_dunning},
};

/// The records, and where mails are queued.
#[derive(Debug, Clone)]
pub struct DynamoRecoveries {
    pub(crate) access: DynamoAccess,
    notices: String,
}

impl DynamoRecoveries {
    /// Those in the Access table, with the Notices table of this name.
    pub fn new(access: DynamoAccess, notices: String) -> Self {
        Self { access, notices }
    }

    /// The same for a function that writes to nobody.
    pub fn without_mails(access: DynamoAccess) -> Self {
        Self::new(access, String::new())
    }

    /// The write of the record itself.
    fn record(&self, change: &Change<'_>, now: Timestamp) -> Result<Update, ServiceError> {
        let over = matches!(change.recovery.state, State::Paid | State::Closed);
        let place = (self.access.table.as_str(), RECOVERY, change.invoice);
        let data = json(change.recovery, WHAT)?;
        writing(place, (change.read.version, change.read.wakes), data, (&change.then, over), now)
    }

    /// The customer's item: from now on a new method wakes it, and these instruments are left alone.
    fn debtor(&self, customer: &str, never: &[&str]) -> Result<Update, ServiceError> {
        let add = if never.is_empty() { "" } else { " ADD never :never" };
        let set = "SET kind = :kind, v = if_not_exists(v, :v), needs = if_not_exists(needs, :needs)";
        let update = Update::builder()
            .table_name(&self.access.table)
            .set_key(Some(place(RECOVERY, customer)))
            .update_expression(format!("{set}{add}"))
            .expression_attribute_values(":kind", text(RECOVERY))
            .expression_attribute_values(":v", number(VERSION))
            .expression_attribute_values(":needs", number(NEEDS));
        let update = match never {
            [] => update,
            never => {
                let never = never.iter().map(|&instrument| instrument.to_owned()).collect();
                update.expression_attribute_values(":never", AttributeValue::Ss(never))
            }
        };
        update.build().map_err(|error| unwritable(&error))
    }

    /// Commits `writes`, of which the first is that of the record, with its mail.
    pub(crate) async fn commit(
        &self,
        writes: Vec<TransactWriteItem>,
        mail: Option<&Mail>,
        now: Timestamp,
    ) -> Result<Committed, ServiceError> {
        self.commit_telling(writes, (mail, None), now).await
    }

    /// The same, with what the seller's app is told.
    async fn commit_telling(
        &self,
        writes: Vec<TransactWriteItem>,
        (mail, tells): (Option<&Mail>, Option<&AppMessage>),
        now: Timestamp,
    ) -> Result<Committed, ServiceError> {
        let Some(mail) = mail else {
            return Ok(match self.access.transact_telling(writes, tells).await? {
                Ended::Done => Committed::Done,
                Ended::Refused(_) => Committed::Conflict,
            });
        };
        let place = writes.len();
        let with_mail = [writes.clone(), vec![self.mail(mail, now)?]].concat();
        let ended = match self.access.transact_telling(with_mail, tells).await? {
            // The mail was queued by a record that was lost since: nobody gets it again.
            Ended::Refused(reasons) if condition_failed(&reasons, place) && !condition_failed(&reasons, 0) => {
                self.access.transact_telling(writes, tells).await?
            }
            ended => ended,
        };
        Ok(match ended {
            Ended::Done => Committed::Done,
            Ended::Refused(_) => Committed::Conflict,
        })
    }

    fn mail(&self, mail: &Mail, now: Timestamp) -> Result<TransactWriteItem, ServiceError> {
        let mut item = queued(mail, SOURCE)?;
        // One that is parked from the start is kept until it is settled.
        if !item.contains_key("parked_at") {
            item.insert("expires_at".to_owned(), expiry(now, TOLD_KEPT));
        }
        let put = Put::builder().table_name(&self.notices).set_item(Some(item));
        let put = put.condition_expression("attribute_not_exists(pk)").build().map_err(|error| unwritable(&error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

/// The write of a record whose work is woken, on the version and the wakes that were read; one that is `over` is parked no more.
pub(crate) fn writing(
    (table, kind, id): (&str, &str, &str),
    (version, wakes): (u64, u64),
    data: AttributeValue,
    (then, over): (&Then<'_>, bool),
    now: Timestamp,
) -> Result<Update, ServiceError> {
    let set = "#data = :data, #version = :next";
    let unpark = if over { ", parked_source, parked_reason, parked_at" } else { "" };
    let (expression, in_between) = match then {
        Then::GoOn => (format!("SET {set}"), ""),
        Then::Rest => (format!("SET {set}, seen = :events REMOVE {CLOSE}{unpark}"), " AND events = :events"),
        Then::Until(_) => (
            format!("SET {set}, seen = :events, open_since = :until, open_shard = :shard REMOVE woken_at, wakes"),
            " AND events = :events",
        ),
        Then::Park(_) => (format!("{PARK}, {set} REMOVE {CLOSE}"), ""),
    };
    let read = if version == 0 { "attribute_not_exists(#version)" } else { "#version = :version" };
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(place(kind, id)))
        .update_expression(expression)
        .condition_expression(format!("{read}{in_between} AND {OURS}"))
        .expression_attribute_names("#data", "data")
        .expression_attribute_names("#version", "version")
        .expression_attribute_values(":data", data)
        .expression_attribute_values(":next", number(version.saturating_add(1)))
        .expression_attribute_values(":ours", number(VERSION));
    let update = match version {
        0 => update,
        version => update.expression_attribute_values(":version", number(version)),
    };
    let update = match in_between {
        "" => update,
        _ => update.expression_attribute_values(":events", number(wakes)),
    };
    let update = match then {
        Then::Until(at) => update
            .expression_attribute_values(":until", number(at.as_second()))
            .expression_attribute_values(":shard", text(partition(kind, id))),
        Then::Park(reason) => update
            .expression_attribute_values(":source", text(SOURCE))
            .expression_attribute_values(":reason", text(reason.to_string()))
            .expression_attribute_values(":at", text(now.to_string())),
        Then::GoOn | Then::Rest => update,
    };
    update.build().map_err(|error| unwritable(&error))
}

pub(crate) fn updating(update: Update) -> TransactWriteItem {
    TransactWriteItem::builder().update(update).build()
}

fn stored(item: &Item) -> Result<StoredRecovery, ServiceError> {
    let open_since = read_number(item, "open_since").and_then(|at| Timestamp::from_second(at).ok());
    Ok(StoredRecovery {
        wakes: read_number(item, "events").unwrap_or_default(),
        seen: read_number(item, "seen").unwrap_or_default(),
        open_since,
        swept: item.contains_key("woken_at"),
        version: read_number(item, "version").unwrap_or_default(),
        recovery: if item.contains_key("data") { data(item, WHAT)? } else { Recovery::default() },
    })
}

impl Wakes for DynamoRecoveries {
    async fn wake(&self, subscription: &str, now: Timestamp) -> Result<(), ServiceError> {
        self.access.wake(subscription, now).await
    }

    async fn wake_recovery(&self, id: &str, only_known: bool, now: Timestamp) -> Result<(), ServiceError> {
        self.access.wake_recovery(id, only_known, now).await
    }
}

impl RecoveryStore for DynamoRecoveries {
    async fn recovery(&self, id: &str) -> Result<Option<StoredRecovery>, ServiceError> {
        self.access.read(place(RECOVERY, id)).await?.as_ref().map(stored).transpose()
    }

    async fn never(&self, customer: &str) -> Result<BTreeSet<String>, ServiceError> {
        let item = self.access.read(place(RECOVERY, customer)).await?;
        let never = item.as_ref().and_then(|item| item.get("never")?.as_ss().ok());
        Ok(never.into_iter().flatten().cloned().collect())
    }

    async fn change(&self, change: &Change<'_>, now: Timestamp) -> Result<Committed, ServiceError> {
        let mut writes = vec![updating(self.record(change, now)?)];
        if let Some(customer) = change.debtor() {
            writes.push(updating(self.debtor(customer, &change.never)?));
        }
        if let Some(customer) = change.wakes_dunning() {
            writes.push(updating(waking_dunning(&self.access.table, customer, now)?));
        }
        self.commit_telling(writes, (change.mail, change.tells), now).await
    }

    async fn close_debtor(&self, customer: &str, read: &StoredRecovery) -> Result<Committed, ServiceError> {
        let update = self
            .access
            .client
            .update_item()
            .table_name(&self.access.table)
            .set_key(Some(place(RECOVERY, customer)))
            .update_expression(format!("SET seen = :events REMOVE {CLOSE}"))
            .condition_expression("events = :events")
            .expression_attribute_values(":events", number(read.wakes));
        Ok(if settle(WHAT, update).await? { Committed::Done } else { Committed::Conflict })
    }

    async fn breathe(&self, attempt: u32) {
        self.access.pause(attempt).await;
    }
}
