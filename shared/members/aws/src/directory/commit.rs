//! Transactions: a profile with its guards, its history and its notices; a deletion; and an upload beside its profile.

use std::time::Duration;

use aws_sdk_dynamodb::{
    error::BuildError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        CancellationReason, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
        Update,
        builders::{ConditionCheckBuilder, DeleteBuilder, PutBuilder, UpdateBuilder},
    },
};
use jiff::Timestamp;

use super::{
    DynamoDirectory,
    rows::{self, Place, WHAT},
};
use comptoir::{app::AppMessage, outcome::ServiceError};
use comptoir_aws::{
    app_messages,
    item::{Item, cancelled, condition_failed, data, is_contention, json, number, text, trouble},
};
use comptoir_members::profile::{
    Profile, ProfileId,
    change::{GuardMove, moves},
    directory::{Commit, Committed, Directory, Leaving, Taken},
    notice::Notice,
    recent::{Recent, RecentKey},
    told,
    upload::Upload,
};

/// Waits after a conflict: another writer holds the same guard or profile, and finishes shortly.
const CONFLICT_PAUSES: [Duration; 6] = [
    Duration::from_millis(20),
    Duration::from_millis(60),
    Duration::from_millis(150),
    Duration::from_millis(300),
    Duration::from_millis(600),
    Duration::from_millis(1000),
];

/// The meaning of a write's failed condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// The profile is at another version.
    Version,
    /// A profile of this id was deleted.
    Left,
    /// The handle is taken.
    Handle,
    /// The address is taken.
    Email,
    /// The member has a profile.
    Owner,
    /// The notice that collects changes is being sent, or was.
    Notice,
    /// Cannot happen, and must not go unnoticed.
    Never,
}

/// The writes of one transaction, each with the meaning of its failed condition.
#[derive(Debug, Default)]
struct Step {
    writes: Vec<(TransactWriteItem, Stands)>,
}

impl Step {
    fn put(&mut self, stands: Stands, put: PutBuilder) -> Result<(), ServiceError> {
        let put = built(put.return_values_on_condition_check_failure(OLD).build())?;
        self.writes.push((TransactWriteItem::builder().put(put).build(), stands));
        Ok(())
    }

    fn update(&mut self, stands: Stands, update: UpdateBuilder) -> Result<(), ServiceError> {
        let update = built(update.return_values_on_condition_check_failure(OLD).build())?;
        self.writes.push((TransactWriteItem::builder().update(update).build(), stands));
        Ok(())
    }

    fn delete(&mut self, stands: Stands, delete: DeleteBuilder) -> Result<(), ServiceError> {
        let delete = built(delete.return_values_on_condition_check_failure(OLD).build())?;
        self.writes.push((TransactWriteItem::builder().delete(delete).build(), stands));
        Ok(())
    }

    fn check(&mut self, stands: Stands, check: ConditionCheckBuilder) -> Result<(), ServiceError> {
        let check = built(check.build())?;
        self.writes.push((TransactWriteItem::builder().condition_check(check).build(), stands));
        Ok(())
    }

    /// The failed condition, with its item.
    fn failed<'a>(&self, reasons: &'a [CancellationReason]) -> Vec<(Stands, Option<&'a Item>)> {
        let places = self.writes.iter().enumerate().filter(|(place, _)| condition_failed(reasons, *place));
        places.map(|(place, (_, stands))| (*stands, reasons.get(place).and_then(CancellationReason::item))).collect()
    }
}

const OLD: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;
const NEW: &str = "attribute_not_exists(pk)";
const OURS: &str = "attribute_not_exists(pk) OR profile = :profile";
/// A notice that nobody began to send. Sending takes `woken_at` away, and giving it back `claimed_by`; `wakes` stays.
const COLLECTS: &str = "attribute_not_exists(pk) OR (attribute_exists(open_shard) AND attribute_not_exists(wakes) \
     AND attribute_not_exists(claimed_by))";

fn built<T>(built: Result<T, BuildError>) -> Result<T, ServiceError> {
    built.map_err(|error| ServiceError::permanent(WHAT, "request_invalid", error.to_string()))
}

impl DynamoDirectory {
    pub(super) async fn write_commit(&self, commit: &Commit, now: Timestamp) -> Result<Committed, ServiceError> {
        let profile = &commit.profile;
        let id = &profile.id;
        let mut step = Step::default();
        if profile.version == 1 {
            step.put(Stands::Version, self.put(rows::profile(profile)?).condition_expression(NEW))?;
            // The id of a deleted profile is never reused: its files may not be erased yet.
            step.check(Stands::Left, self.check(&Place::leaver(id)).condition_expression(NEW))?;
            // Nor does who left come back with an old token.
            let recent = Place::recent(&RecentKey::of(&profile.owner));
            step.check(Stands::Left, self.check(&recent).condition_expression("attribute_not_exists(gone_at)"))?;
            let owner = self.put(rows::guard(&Place::owner(&profile.owner), id));
            step.put(Stands::Owner, owner.condition_expression(NEW))?;
        } else {
            step.update(Stands::Version, self.change(profile)?)?;
        }
        step.put(Stands::Never, self.put(rows::history(id, &commit.entry)?).condition_expression(NEW))?;
        for moving in &commit.moves {
            self.shift(&mut step, moving, commit, now)?;
        }
        self.tell(&mut step, &commit.notices).await?;
        if profile.version == 1 {
            self.tell_app(&mut step, &told::joined(profile, now))?;
        }
        if let Some(upload) = &commit.upload {
            step.delete(Stands::Never, self.away(&Place::upload(upload)))?;
            step.delete(Stands::Never, self.away(&Place::upload_of(id, upload)))?;
        }
        let Some(reasons) = self.send(&step).await? else { return Ok(Committed::Done) };
        let failed = step.failed(&reasons);
        let stands = |what| failed.iter().any(|(stands, _)| *stands == what);
        if stands(Stands::Version) {
            return self.moved(id, &failed).await;
        }
        let taken =
            Taken { handle: stands(Stands::Handle), email: stands(Stands::Email), owner: stands(Stands::Owner) };
        if stands(Stands::Left) {
            Ok(Committed::Moved(None))
        } else if !taken.any() && stands(Stands::Notice) {
            Ok(Committed::NoticeSent)
        } else if taken.any() {
            Ok(Committed::Taken(taken))
        } else {
            Err(cancelled(WHAT, &reasons))
        }
    }

    /// Deletes the profile with its guards, and adds its id to the leavers.
    pub(super) async fn write_leave(&self, leaving: &Leaving, now: Timestamp) -> Result<Committed, ServiceError> {
        let profile = &leaving.profile;
        let id = &profile.id;
        let mut step = Step::default();
        let gone = self.away(&Place::profile(id)).condition_expression("version = :version");
        step.delete(Stands::Version, gone.expression_attribute_values(":version", number(profile.version)))?;
        step.put(Stands::Left, self.put(rows::leaver(leaving, now)).condition_expression(NEW))?;
        let key = RecentKey::of(&profile.owner);
        step.put(Stands::Never, self.put(rows::recent(&key, &Recent::of_leaver(now), now)?))?;
        let mut places = vec![Place::owner(&profile.owner)];
        // Every guard that a profile takes when created is released when it is deleted.
        places.extend(moves(None, profile).iter().filter_map(|claim| match claim {
            GuardMove::ClaimHandle(key) => Some(Place::handle(key)),
            GuardMove::ClaimEmail(key) => Some(Place::email(key)),
            GuardMove::ReleaseHandle(_) | GuardMove::FreeEmail(_) => None,
        }));
        for place in &places {
            step.delete(Stands::Never, self.ours(self.away(place), id))?;
        }
        self.tell(&mut step, &leaving.notices).await?;
        self.tell_app(&mut step, &told::left(profile, now))?;
        let Some(reasons) = self.send(&step).await? else { return Ok(Committed::Done) };
        let failed = step.failed(&reasons);
        if failed.iter().any(|(stands, _)| *stands == Stands::Left) {
            Ok(Committed::Done)
        } else if failed.iter().any(|(stands, _)| *stands == Stands::Version) {
            self.moved(id, &failed).await
        } else {
            Err(cancelled(WHAT, &reasons))
        }
    }

    pub(super) async fn write_upload(&self, upload: &Upload) -> Result<(), ServiceError> {
        let mut step = Step::default();
        // No upload is announced for a deleted profile: it would never be erased.
        let there = self.check(&Place::profile(&upload.profile)).condition_expression("attribute_exists(pk)");
        step.check(Stands::Version, there)?;
        for item in rows::upload(upload)? {
            step.put(Stands::Never, self.put(item))?;
        }
        match self.send(&step).await? {
            None => Ok(()),
            Some(reasons) => Err(cancelled(WHAT, &reasons)),
        }
    }

    fn shift(&self, step: &mut Step, moving: &GuardMove, commit: &Commit, now: Timestamp) -> Result<(), ServiceError> {
        let id = &commit.profile.id;
        match moving {
            GuardMove::ClaimHandle(key) => {
                let claim = self.put(rows::guard(&Place::handle(key), id));
                let claim = claim
                    .condition_expression(format!("{OURS} OR released_at <= :free"))
                    .expression_attribute_values(":profile", text(&id.0))
                    .expression_attribute_values(":free", rows::free_if_released_by(now));
                step.put(Stands::Handle, claim)
            }
            GuardMove::ReleaseHandle(key) => {
                let release = Update::builder()
                    .table_name(&self.profiles)
                    .set_key(Some(Place::handle(key).key()))
                    .update_expression("SET released_at = :at, expires_at = :expires")
                    .condition_expression("profile = :profile")
                    .expression_attribute_values(":profile", text(&id.0))
                    .expression_attribute_values(":at", rows::released(now))
                    .expression_attribute_values(":expires", rows::unguarded_after(now));
                let release = TransactWriteItem::builder().update(built(release.build())?).build();
                step.writes.push((release, Stands::Never));
                step.put(Stands::Never, self.put(rows::given_up(id, key)))
            }
            GuardMove::ClaimEmail(key) => {
                let claim = self.put(rows::proof(key, commit)).condition_expression(OURS);
                step.put(Stands::Email, claim.expression_attribute_values(":profile", text(&id.0)))
            }
            GuardMove::FreeEmail(key) => step.delete(Stands::Never, self.ours(self.away(&Place::email(key)), id)),
        }
    }

    /// Queues the notices. Their version is written once, and so are they, but for one that collects changes.
    async fn tell(&self, step: &mut Step, notices: &[Notice]) -> Result<(), ServiceError> {
        for notice in notices {
            let seller = match notice.for_team() {
                Some(_) => None,
                None => {
                    let settings = self.settings.get(notice.at).await?;
                    Some(settings.of_day(settings.day_of(notice.at)))
                }
            };
            let Some(item) = rows::notice(notice, seller.as_ref())? else { continue };
            let put = Put::builder().table_name(&self.notices).set_item(Some(item));
            match notice.due {
                None => step.put(Stands::Never, put)?,
                Some(_) => step.put(Stands::Notice, put.condition_expression(COLLECTS))?,
            }
        }
        Ok(())
    }

    /// Queues a message for the seller's app, if it is told anything. A profile begins once and ends once.
    fn tell_app(&self, step: &mut Step, message: &AppMessage) -> Result<(), ServiceError> {
        match &self.told {
            Some(table) => {
                let put = Put::builder().table_name(table).set_item(Some(app_messages::queued(message)?));
                step.put(Stands::Never, put)
            }
            None => Ok(()),
        }
    }

    /// Runs the transaction, retrying while it conflicts with others. Returns what cancelled it, if anything.
    async fn send(&self, step: &Step) -> Result<Option<Vec<CancellationReason>>, ServiceError> {
        self.transact(step.writes.iter().map(|(write, _)| write.clone()).collect()).await
    }

    /// The same for writes without conditions.
    pub(super) async fn transact(
        &self,
        writes: Vec<TransactWriteItem>,
    ) -> Result<Option<Vec<CancellationReason>>, ServiceError> {
        let mut detail = String::new();
        for pause in CONFLICT_PAUSES {
            let sent = self.client.transact_write_items().set_transact_items(Some(writes.clone())).send().await;
            let Err(error) = sent else { return Ok(None) };
            match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(refused)) => {
                    let reasons = refused.cancellation_reasons();
                    // During concurrent writes, the failed condition may change before the retry.
                    if !is_contention(reasons) {
                        return Ok(Some(reasons.to_vec()));
                    }
                    detail = cancelled(WHAT, reasons).detail;
                }
                Some(TransactWriteItemsError::TransactionInProgressException(_)) => {
                    "the same transaction is under way".clone_into(&mut detail);
                }
                _ => return Err(trouble(WHAT, &error)),
            }
            tokio::time::sleep(pause).await;
        }
        Err(ServiceError::transient(WHAT, detail))
    }

    /// The current profile: as returned with the failed condition, or read now.
    async fn moved(&self, id: &ProfileId, failed: &[(Stands, Option<&Item>)]) -> Result<Committed, ServiceError> {
        let stood = failed.iter().find(|(stands, _)| *stands == Stands::Version).and_then(|(_, item)| *item);
        let current = match stood.filter(|item| !item.is_empty()) {
            Some(item) => Some(data(item, WHAT)?),
            None => self.by_id(id).await?,
        };
        Ok(Committed::Moved(current.map(Box::new)))
    }

    /// An update of the stored profile. Not a put, which would drop the attributes that a newer version added; and the
    /// record keeps its versions, because it keeps that version's fields.
    fn change(&self, profile: &Profile) -> Result<UpdateBuilder, ServiceError> {
        let set = "SET #data = :data, version = :version";
        let listed = if profile.is_blank() { " REMOVE listed" } else { ", listed = :listed" };
        let update = Update::builder()
            .table_name(&self.profiles)
            .set_key(Some(Place::profile(&profile.id).key()))
            .update_expression(format!("{set}{listed}"))
            .condition_expression("version = :before")
            .expression_attribute_names("#data", "data")
            .expression_attribute_values(":data", json(profile, WHAT)?)
            .expression_attribute_values(":version", number(profile.version))
            .expression_attribute_values(":before", number(profile.version.saturating_sub(1)));
        Ok(if profile.is_blank() { update } else { update.expression_attribute_values(":listed", text(rows::LISTED)) })
    }

    fn put(&self, item: Item) -> PutBuilder {
        Put::builder().table_name(&self.profiles).set_item(Some(item))
    }

    fn away(&self, place: &Place) -> DeleteBuilder {
        Delete::builder().table_name(&self.profiles).set_key(Some(place.key()))
    }

    /// Only if it is this profile's.
    fn ours(&self, delete: DeleteBuilder, id: &ProfileId) -> DeleteBuilder {
        delete.condition_expression(OURS).expression_attribute_values(":profile", text(&id.0))
    }

    fn check(&self, place: &Place) -> ConditionCheckBuilder {
        ConditionCheck::builder().table_name(&self.profiles).set_key(Some(place.key()))
    }
}
