//! The Access table on DynamoDB.
//!
//! | key | what |
//! | --- | --- |
//! | `ACCESS#sub_1`, `-` | a subscription: how often it was woken, whose it is, whether work on it is open |
//! | `RECOVERY#in_1`, `-` | an unpaid invoice: what was tried with what, and whether work on it is open (`recoveries.rs`) |
//! | `RECOVERY#cus_1`, `-` | a customer of one: what is never charged again, woken when a method comes |
//! | `EPISODE#cus_1`, `-` | a customer who owes something: what was done about it (`episodes.rs`) |
//! | `PERSON#hash`, `-` | somebody: what they have, with its version, and their tokens |
//! | `PERSON#hash`, `USE#id` | a use of tokens, beside who used them |
//! | `CUSTOMER#cus_1`, `-` | who a customer of Stripe's is |
//! | `GRANT#in_1`, `-` | an invoice that brought its tokens |
//! | `JOIN#hash`, `-` | the wish that somebody who pays becomes a member, and how it ended (`joins.rs`) |
//! | `CHECKOUT#key`, `-` | a request for a Checkout page; expires |

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    operation::transact_write_items::TransactWriteItemsError,
    types::{CancellationReason, Put, TransactWriteItem, Update},
};
use comptoir::{
    app::AppMessage,
    outcome::{Reason, ServiceError},
    record::{NEEDS, VERSION},
};
use comptoir_aws::{
    app_messages,
    conditional::{OURS, settle},
    item::{
        self, CLOSE, Item, PARK, below, cancelled, condition_failed, data, is_contention, item as new, json, new_item,
        number, place, read_number, read_text, text, trouble,
    },
};
use comptoir_plans::{
    person::{Person, PersonId},
    steps::Does,
    store::{
        AccessStore, Adopted, Committed, Grant, GrantResult, PersonVersion, SECOND, StoredPerson, StoredSubscription,
        UseResult, Wakes,
    },
    tokens::Use,
};
use jiff::Timestamp;

use crate::wakes::{ACCESS, DynamoWakes, WHAT, waking};

const PERSON: &str = "PERSON";
const CUSTOMER: &str = "CUSTOMER";
const GRANT: &str = "GRANT";
const USE: &str = "USE";

/// The source named on a subscription that is parked.
pub(crate) const SOURCE: &str = "access-worker";

/// The shortest and the longest of the random pauses after a conflict.
const PAUSE: Duration = Duration::from_millis(15);
const LONGEST_PAUSE: Duration = Duration::from_millis(400);

/// The Access table.
#[derive(Debug, Clone)]
pub struct DynamoAccess {
    pub(crate) client: Client,
    pub(crate) table: String,
    /// Where messages for the seller's app are queued; nowhere if it is told nothing.
    told: Option<String>,
}

/// What a transaction came to.
pub(crate) enum Ended {
    Done,
    /// The places of the writes whose conditions failed; none if others wrote the same items at the same time.
    Refused(Vec<CancellationReason>),
}

impl DynamoAccess {
    /// The table with this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table, told: None }
    }

    /// The same, which queues messages for the seller's app in this table.
    pub fn telling(self, told: Option<String>) -> Self {
        Self { told, ..self }
    }

    pub(crate) async fn read(&self, key: Item) -> Result<Option<Item>, ServiceError> {
        item::read(&self.client, &self.table, key, WHAT).await
    }

    pub(crate) async fn transact(&self, writes: Vec<TransactWriteItem>) -> Result<Ended, ServiceError> {
        // Boxed, because the combined state of all steps in one future exceeds the compiler's default limit.
        let sent = Box::pin(self.client.transact_write_items().set_transact_items(Some(writes)).send()).await;
        let Err(error) = sent else { return Ok(Ended::Done) };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(refused)) => {
                let reasons = refused.cancellation_reasons();
                let any = (0..reasons.len()).any(|place| condition_failed(reasons, place));
                if any || is_contention(reasons) {
                    Ok(Ended::Refused(reasons.to_vec()))
                } else {
                    Err(cancelled(WHAT, reasons))
                }
            }
            _ => Err(trouble(WHAT, &error)),
        }
    }

    /// Commits `writes` together with the message for the seller's app, where there is one and it is told anything. A message
    /// that stands already was queued by a record that was lost since: it is not told again.
    pub(crate) async fn transact_telling(
        &self,
        writes: Vec<TransactWriteItem>,
        message: Option<&AppMessage>,
    ) -> Result<Ended, ServiceError> {
        let (Some(table), Some(message)) = (&self.told, message) else { return self.transact(writes).await };
        let place = writes.len();
        let with_message = [writes.clone(), vec![app_messages::queueing(table, message)?]].concat();
        match self.transact(with_message).await? {
            Ended::Refused(reasons)
                if condition_failed(&reasons, place) && !(0..place).any(|place| condition_failed(&reasons, place)) =>
            {
                self.transact(writes).await
            }
            ended => Ok(ended),
        }
    }

    fn put(&self, item: Item) -> Result<TransactWriteItem, ServiceError> {
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        let put = put.condition_expression("attribute_not_exists(pk)").build();
        Ok(TransactWriteItem::builder().put(put.map_err(|error| unwritable(&error))?).build())
    }

    /// Writes somebody if this version stands; `ends_tokens` takes what is left.
    fn write_person(
        &self,
        id: &PersonId,
        (person, version): (&Person, PersonVersion),
        ends_tokens: bool,
    ) -> Result<TransactWriteItem, ServiceError> {
        let tokens = if ends_tokens { ":zero" } else { "if_not_exists(tokens, :zero)" };
        let ends_at = person.ends_at();
        let end = if ends_at.is_some() { ", expires_at = :end" } else { " REMOVE expires_at" };
        let set = format!(
            "SET kind = :kind, v = :v, needs = :needs, #data = :data, #version = :next, tokens = {tokens}{end}"
        );
        let condition =
            if version == 0 { "attribute_not_exists(pk)".to_owned() } else { format!("#version = :seen AND {OURS}") };
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(place(PERSON, id.as_str())))
            .update_expression(set)
            .condition_expression(condition)
            .expression_attribute_names("#data", "data")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":kind", text(PERSON))
            .expression_attribute_values(":v", number(VERSION))
            .expression_attribute_values(":needs", number(NEEDS))
            .expression_attribute_values(":data", json(person, WHAT)?)
            .expression_attribute_values(":next", number(version + 1))
            .expression_attribute_values(":zero", number(0));
        let update = match version {
            0 => update,
            seen => update
                .expression_attribute_values(":seen", number(seen))
                .expression_attribute_values(":ours", number(VERSION)),
        };
        let update = ends_at
            .iter()
            .fold(update, |update, end| update.expression_attribute_values(":end", number(end.as_second())));
        Ok(TransactWriteItem::builder().update(update.build().map_err(|error| unwritable(&error))?).build())
    }

    /// Changes a balance if it is still `before`, and the person still of this version where one is given.
    fn write_balance(
        &self,
        id: &PersonId,
        (before, after): (u64, u64),
        version: Option<PersonVersion>,
    ) -> Result<TransactWriteItem, ServiceError> {
        let same = if version.is_some() { " AND #version = :version" } else { "" };
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(place(PERSON, id.as_str())))
            .update_expression("SET tokens = :after")
            .condition_expression(format!("tokens = :before{same} AND {OURS}"))
            .set_expression_attribute_names(version.map(|_| [("#version".to_owned(), "version".to_owned())].into()))
            .expression_attribute_values(":after", number(after))
            .expression_attribute_values(":before", number(before))
            .expression_attribute_values(":ours", number(VERSION));
        let update = version
            .into_iter()
            .fold(update, |update, version| update.expression_attribute_values(":version", number(version)));
        Ok(TransactWriteItem::builder().update(update.build().map_err(|error| unwritable(&error))?).build())
    }
}

pub(crate) fn unwritable(error: &aws_sdk_dynamodb::error::BuildError) -> ServiceError {
    ServiceError::permanent(WHAT, "record_unwritable", error.to_string())
}

fn recorded(item: &Item) -> Option<Use> {
    Some(Use { amount: read_number(item, "amount")?, left: read_number(item, "left")? })
}

impl Wakes for DynamoAccess {
    async fn wake(&self, subscription: &str, now: Timestamp) -> Result<(), ServiceError> {
        DynamoWakes::new(self.client.clone(), self.table.clone()).wake(subscription, now).await
    }

    async fn wake_recovery(&self, id: &str, only_known: bool, now: Timestamp) -> Result<(), ServiceError> {
        DynamoWakes::new(self.client.clone(), self.table.clone()).wake_recovery(id, only_known, now).await
    }
}

impl AccessStore for DynamoAccess {
    async fn person(&self, id: &PersonId) -> Result<Option<StoredPerson>, ServiceError> {
        let Some(item) = self.read(place(PERSON, id.as_str())).await? else { return Ok(None) };
        let version = read_number(&item, "version").unwrap_or_default();
        let tokens = read_number(&item, "tokens").unwrap_or_default();
        Ok(Some(StoredPerson { person: data(&item, WHAT)?, tokens, version }))
    }

    async fn customer(&self, customer: &str) -> Result<Option<PersonId>, ServiceError> {
        let Some(item) = self.read(place(CUSTOMER, customer)).await? else { return Ok(None) };
        Ok(read_text(&item, "person").and_then(PersonId::stored))
    }

    async fn save_person(
        &self,
        id: &PersonId,
        person: &Person,
        version: PersonVersion,
    ) -> Result<Committed, ServiceError> {
        let write = self.write_person(id, (person, version), false)?;
        Ok(match self.transact(vec![write]).await? {
            Ended::Done => Committed::Done,
            Ended::Refused(_) => Committed::Conflict,
        })
    }

    async fn subscription(&self, id: &str) -> Result<Option<StoredSubscription>, ServiceError> {
        let Some(item) = self.read(place(ACCESS, id)).await? else { return Ok(None) };
        Ok(Some(StoredSubscription {
            wakes: read_number(&item, "events").unwrap_or_default(),
            person: read_text(&item, "person").and_then(PersonId::stored),
            second_to: read_text(&item, "second_to").map(str::to_owned),
            held_back: read_text(&item, "held_back").and_then(Does::stored),
            trial_told: item.contains_key("trial_told"),
        }))
    }

    async fn adopt(&self, adopted: &Adopted<'_>, now: Timestamp) -> Result<Committed, ServiceError> {
        let owned = Update::builder()
            .table_name(&self.table)
            .set_key(Some(place(ACCESS, adopted.subscription)))
            .update_expression("SET person = :person")
            .condition_expression(format!("attribute_exists(pk) AND {OURS}"))
            .expression_attribute_values(":person", text(adopted.id.as_str()))
            .expression_attribute_values(":ours", number(VERSION))
            .build()
            .map_err(|error| unwritable(&error))?;
        let person = self.write_person(adopted.id, (adopted.person, adopted.version), adopted.ends_tokens)?;
        let mut writes = vec![TransactWriteItem::builder().update(owned).build(), person];
        if let Some(customer) = &adopted.person.customer {
            let mut item = new(CUSTOMER, customer);
            item.insert("person".to_owned(), text(adopted.id.as_str()));
            let put = Put::builder().table_name(&self.table).set_item(Some(item)).build();
            writes.push(TransactWriteItem::builder().put(put.map_err(|error| unwritable(&error))?).build());
        }
        if adopted.joins {
            let wish = crate::wishes::wishing(&self.table, adopted.id, adopted.subscription, now)?;
            writes.push(TransactWriteItem::builder().update(wish).build());
        }
        if let Some(other) = adopted.wakes_also {
            writes.push(TransactWriteItem::builder().update(waking(&self.table, other, now)?).build());
        }
        Ok(match self.transact_telling(writes, adopted.tells).await? {
            Ended::Done => Committed::Done,
            Ended::Refused(_) => Committed::Conflict,
        })
    }

    async fn close(&self, subscription: &str, wakes: u64) -> Result<Committed, ServiceError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(place(ACCESS, subscription)))
            .update_expression(format!("REMOVE second_to, {CLOSE}"))
            .condition_expression("events = :seen")
            .expression_attribute_values(":seen", number(wakes));
        Ok(if settle(WHAT, update).await? { Committed::Done } else { Committed::Conflict })
    }

    async fn close_as(&self, subscription: &str, wakes: u64, seen: &str) -> Result<Committed, ServiceError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(place(ACCESS, subscription)))
            .update_expression(format!("SET as_seen = :as_seen REMOVE second_to, {CLOSE}"))
            .condition_expression("events = :seen")
            .expression_attribute_values(":seen", number(wakes))
            .expression_attribute_values(":as_seen", text(seen));
        Ok(if settle(WHAT, update).await? { Committed::Done } else { Committed::Conflict })
    }

    async fn mark_second(&self, subscription: &str, first: &str) -> Result<(), ServiceError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(place(ACCESS, subscription)))
            .update_expression("SET second_to = :first ADD events :one")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":first", text(first));
        settle(WHAT, update).await.map(drop)
    }

    async fn park(&self, subscription: &str, reason: &Reason, now: Timestamp) -> Result<(), ServiceError> {
        let told = if reason.code == SECOND { "second_to, " } else { "" };
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(place(ACCESS, subscription)))
            .update_expression(format!("{PARK} REMOVE {told}{CLOSE}"))
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":source", text(SOURCE))
            .expression_attribute_values(":reason", text(reason.to_string()))
            .expression_attribute_values(":at", text(now.to_string()));
        settle(WHAT, update).await.map(drop)
    }

    async fn grant(&self, grant: &Grant<'_>, now: Timestamp) -> Result<GrantResult, ServiceError> {
        let mut item = new(GRANT, grant.invoice);
        item.insert("person".to_owned(), text(grant.id.as_str()));
        item.insert("before".to_owned(), number(grant.before));
        item.insert("after".to_owned(), number(grant.after));
        item.insert("granted_at".to_owned(), text(now.to_string()));
        let balance = (grant.before, grant.after);
        let writes = vec![self.put(item)?, self.write_balance(grant.id, balance, Some(grant.version))?];
        Ok(match self.transact(writes).await? {
            Ended::Done => GrantResult::Done,
            Ended::Refused(reasons) if condition_failed(&reasons, 0) => GrantResult::Before,
            Ended::Refused(_) => GrantResult::Conflict,
        })
    }

    async fn use_tokens(
        &self,
        id: &PersonId,
        request: &str,
        used: Use,
        tells: Option<&AppMessage>,
        now: Timestamp,
    ) -> Result<UseResult, ServiceError> {
        let mut item = new_item(below(PERSON, id.as_str(), &format!("{USE}#{request}")), USE);
        item.insert("amount".to_owned(), number(used.amount));
        item.insert("left".to_owned(), number(used.left));
        item.insert("used_at".to_owned(), text(now.to_string()));
        let before = used.left.saturating_add(used.amount);
        let writes = vec![self.put(item)?, self.write_balance(id, (before, used.left), None)?];
        match self.transact_telling(writes, tells).await? {
            Ended::Done => Ok(UseResult::Done),
            Ended::Refused(reasons) if condition_failed(&reasons, 0) => {
                Ok(self.recorded_use(id, request).await?.map_or(UseResult::Conflict, UseResult::Before))
            }
            Ended::Refused(_) => Ok(UseResult::Conflict),
        }
    }

    async fn recorded_use(&self, id: &PersonId, request: &str) -> Result<Option<Use>, ServiceError> {
        let item = self.read(below(PERSON, id.as_str(), &format!("{USE}#{request}"))).await?;
        Ok(item.as_ref().and_then(recorded))
    }

    async fn pause(&self, attempt: u32) {
        let longest = PAUSE.saturating_mul(2_u32.saturating_pow(attempt.min(5))).min(LONGEST_PAUSE);
        tokio::time::sleep(longest.mul_f64(fastrand::f64())).await;
    }
}
