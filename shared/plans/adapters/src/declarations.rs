//! What consumers declared, in the Access table, and the mails about it in the Notices table: one transaction.
//!
//! | key | what |
//! | --- | --- |
//! | `DECLARATION#id`, `-` | a declaration, with its version, and whether work on it is open |
//! | `DECLARATION#day-2026-12-01`, `-` | how many were taken on a day; expires |
//! | `DECLARATION#day-2026-12-01-hash`, `-` | the same about one address |

use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use comptoir::{
    outcome::ServiceError,
    record::{NEEDS, VERSION},
    sweep::partition,
};
use comptoir_aws::{
    conditional::OURS,
    item::{CLOSE, PARK, condition_failed, data, expiry, item as new, json, number, opened, place, read_number, text},
};
use comptoir_plans::{
    declaration::{
        record::Declaration,
        store::{Change, DeclarationStore, Declared, MOST_A_DAY, MOST_A_DAY_EACH, StoredDeclaration, Then},
    },
    person::PersonId,
    store::{AccessStore, Committed},
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    recoveries::{DynamoRecoveries, updating},
    table::{Ended, SOURCE, unwritable},
    wakes::{WHAT, due_since},
};

/// The kind of a declaration's item.
pub const DECLARATION: &str = "DECLARATION";

/// Counts one more on a day.
const COUNT: &str = "SET kind = :kind, v = if_not_exists(v, :v), needs = if_not_exists(needs, :needs), \
                     expires_at = if_not_exists(expires_at, :end) ADD taken :one";

/// How long a day's count is kept.
const COUNT_KEPT: SignedDuration = SignedDuration::from_hours(72);

/// How often it is tried to keep one while others do.
const AT_ONCE: u32 = 8;

/// How long a declaration is kept as a proof: five years, in which what it was about can be claimed (C. civ. 2224).
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 366 * 5);

fn update(table: &str, change: &Change<'_>, now: Timestamp) -> Result<Update, ServiceError> {
    let set = "#data = :data, #version = :next";
    let expression = match &change.then {
        Then::Rest => format!("SET {set} REMOVE {CLOSE}, parked_source, parked_reason, parked_at"),
        Then::Until(_) => format!("SET {set}, open_since = :until, open_shard = :shard REMOVE woken_at, wakes"),
        Then::Park(_) => format!("{PARK}, {set} REMOVE {CLOSE}"),
    };
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(place(DECLARATION, change.id)))
        .update_expression(expression)
        .condition_expression(format!("#version = :version AND {OURS}"))
        .expression_attribute_names("#data", "data")
        .expression_attribute_names("#version", "version")
        .expression_attribute_values(":data", json(change.declaration, WHAT)?)
        .expression_attribute_values(":version", number(change.version))
        .expression_attribute_values(":next", number(change.version.saturating_add(1)))
        .expression_attribute_values(":ours", number(VERSION));
    let update = match &change.then {
        Then::Rest => update,
        Then::Until(at) => update
            .expression_attribute_values(":until", number(at.as_second()))
            .expression_attribute_values(":shard", text(partition(DECLARATION, change.id))),
        Then::Park(reason) => update
            .expression_attribute_values(":source", text(SOURCE))
            .expression_attribute_values(":reason", text(reason.to_string()))
            .expression_attribute_values(":at", text(now.to_string())),
    };
    update.build().map_err(|error| unwritable(&error))
}

/// Counts one more of a name, unless there are so many.
fn count(table: &str, name: &str, most: u64, now: Timestamp) -> Result<Update, ServiceError> {
    let count = Update::builder()
        .table_name(table)
        .set_key(Some(place(DECLARATION, name)))
        .update_expression(COUNT)
        .condition_expression("attribute_not_exists(taken) OR taken < :most")
        .expression_attribute_values(":kind", text(DECLARATION))
        .expression_attribute_values(":v", number(VERSION))
        .expression_attribute_values(":needs", number(NEEDS))
        .expression_attribute_values(":end", expiry(now, COUNT_KEPT))
        .expression_attribute_values(":one", number(1))
        .expression_attribute_values(":most", number(most));
    count.build().map_err(|error| unwritable(&error))
}

impl DeclarationStore for DynamoRecoveries {
    async fn declare(&self, id: &str, declaration: &Declaration, now: Timestamp) -> Result<Declared, ServiceError> {
        let mut item = new(DECLARATION, id);
        item.insert("data".to_owned(), json(declaration, WHAT)?);
        item.insert("version".to_owned(), number(1));
        item.insert("expires_at".to_owned(), expiry(now, KEPT));
        let person = PersonId::of(&declaration.statement.email);
        item.extend(person.as_ref().map(|person| ("person".to_owned(), text(person.as_str()))));
        item.extend(opened(DECLARATION, id, now));
        let put = Put::builder().table_name(&self.access.table).set_item(Some(item));
        let put = put.condition_expression("attribute_not_exists(pk)").build().map_err(|error| unwritable(&error))?;
        let day = format!("day-{}", now.strftime("%F"));
        let theirs = format!("{day}-{}", person.as_ref().map_or("", PersonId::as_str));
        let writes = vec![
            TransactWriteItem::builder().put(put).build(),
            updating(count(&self.access.table, &day, MOST_A_DAY, now)?),
            updating(count(&self.access.table, &theirs, MOST_A_DAY_EACH, now)?),
        ];
        // Those who declare at the same moment count on the same day.
        for attempt in 0..AT_ONCE {
            match self.access.transact(writes.clone()).await? {
                Ended::Done => return Ok(Declared::New),
                Ended::Refused(reasons) if condition_failed(&reasons, 0) => return Ok(Declared::Before),
                Ended::Refused(reasons) if condition_failed(&reasons, 1) || condition_failed(&reasons, 2) => {
                    return Ok(Declared::TooMany);
                }
                Ended::Refused(_) => self.access.pause(attempt).await,
            }
        }
        Err(ServiceError::transient(WHAT, "others declared at the same moment, each time it was tried"))
    }

    async fn declaration(&self, id: &str) -> Result<Option<StoredDeclaration>, ServiceError> {
        let Some(item) = self.access.read(place(DECLARATION, id)).await? else { return Ok(None) };
        if !item.contains_key("data") {
            return Ok(None);
        }
        Ok(Some(StoredDeclaration {
            declaration: data(&item, WHAT)?,
            version: read_number(&item, "version").unwrap_or_default(),
            open_since: due_since(&item),
        }))
    }

    async fn change(&self, change: &Change<'_>, now: Timestamp) -> Result<Committed, ServiceError> {
        let record = update(&self.access.table, change, now)?;
        self.commit(vec![updating(record)], change.mail, now).await
    }
}
