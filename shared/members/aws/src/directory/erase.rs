//! Erases a deleted member's data: all items under their profile, the items these reference elsewhere, and notices
//! still queued about earlier changes.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    operation::delete_item::DeleteItemError,
    types::{AttributeValue, Delete, TransactWriteItem},
};

use super::{
    DynamoDirectory,
    rows::{Place, WHAT},
};
use comptoir::{mail::MailId, outcome::ServiceError};
use comptoir_aws::item::{Item, cancelled, place, read_number, read_text, text, trouble};
use comptoir_members::profile::{ProfileId, handle::HandleKey, notice};

/// Items of a profile erased at once: each adds up to three others, and a transaction holds a hundred.
const AT_ONCE: i32 = 24;

type Key = HashMap<String, AttributeValue>;

impl DynamoDirectory {
    pub(super) async fn erase_some(&self, id: &ProfileId) -> Result<bool, ServiceError> {
        let found = self
            .client
            .query()
            .table_name(&self.profiles)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(Place::profile(id).pk))
            .projection_expression("pk, sk, kind, version, handle")
            .consistent_read(true)
            .limit(AT_ONCE)
            .send()
            .await
            .map_err(|error| trouble(WHAT, &error))?;
        // Only deleted profiles are erased; the profile itself goes with the transaction that records the deletion.
        let items: Vec<Item> = found.items.unwrap_or_default();
        let items: Vec<&Item> = items.iter().filter(|item| read_text(item, "kind") != Some("PROFILE")).collect();
        if items.is_empty() {
            return Ok(true);
        }
        let mut goes: Vec<(&str, Key)> = Vec::new();
        for item in items {
            match read_text(item, "kind") {
                Some("HISTORY") => {
                    let version: u32 = read_number(item, "version").unwrap_or_default();
                    goes.extend(notice::ids(id, version).map(|notice| (self.notices.as_str(), notice_key(&notice))));
                }
                Some("ANNOUNCED") => {
                    let upload = read_text(item, "sk").and_then(|sk| sk.strip_prefix("UPLOAD#"));
                    goes.extend(upload.map(|upload| (self.profiles.as_str(), Place::upload(upload).key())));
                }
                Some("GIVEN_UP") => {
                    if let Some(handle) = read_text(item, "handle") {
                        self.free_handle(&HandleKey(handle.to_owned()), id).await?;
                    }
                }
                _ => {}
            }
            // Last, because it references the others.
            goes.push((self.profiles.as_str(), item.iter().filter(is_key).map(owned).collect()));
        }
        let writes = goes.into_iter().map(|(table, key)| {
            let delete = Delete::builder().table_name(table).set_key(Some(key)).build();
            delete.map(|delete| TransactWriteItem::builder().delete(delete).build())
        });
        let writes = writes
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| ServiceError::permanent(WHAT, "request_invalid", error.to_string()))?;
        match self.transact(writes).await? {
            None => Ok(false),
            Some(reasons) => Err(cancelled(WHAT, &reasons)),
        }
    }

    /// Releases a handle that the profile gave up, unless another profile took it since.
    async fn free_handle(&self, handle: &HandleKey, id: &ProfileId) -> Result<(), ServiceError> {
        let freed = self
            .client
            .delete_item()
            .table_name(&self.profiles)
            .set_key(Some(Place::handle(handle).key()))
            .condition_expression("profile = :profile")
            .expression_attribute_values(":profile", text(&id.0))
            .send()
            .await;
        match freed {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(trouble(WHAT, &error)),
        }
    }

    pub(super) async fn delete(&self, place: &Place) -> Result<(), ServiceError> {
        let delete = self.client.delete_item().table_name(&self.profiles).set_key(Some(place.key()));
        delete.send().await.map(drop).map_err(|error| trouble(WHAT, &error))
    }
}

fn notice_key(id: &MailId) -> Key {
    place(id.kind(), &id.0)
}

fn is_key((name, _): &(&String, &AttributeValue)) -> bool {
    matches!(name.as_str(), "pk" | "sk")
}

fn owned((name, value): (&String, &AttributeValue)) -> (String, AttributeValue) {
    (name.clone(), value.clone())
}
