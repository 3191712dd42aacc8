//! What is stored around a profile: announced uploads, handles that were given up, and queued notices.

use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::{
    DynamoDirectory,
    rows::{Place, WHAT},
};
use comptoir::outcome::ServiceError;
use comptoir_aws::item::{Item, data, place, read_text, text, trouble};
use comptoir_members::profile::{ProfileId, directory::Beside, notice};

/// Keys that DynamoDB reads at once.
const AT_ONCE: usize = 100;

impl DynamoDirectory {
    pub(super) async fn read_beside(&self, id: &ProfileId, versions: &[u32]) -> Result<Beside, ServiceError> {
        let mut beside = Beside::default();
        for item in self.under(id, "UPLOAD#").await? {
            let upload = read_text(&item, "sk").and_then(|sk| sk.strip_prefix("UPLOAD#"));
            if let Some(announced) = self.get(&Place::upload(upload.unwrap_or_default())).await? {
                beside.uploads.push(data(&announced, WHAT)?);
            }
        }
        let given_up = self.under(id, "HANDLE#").await?;
        beside.handles = given_up.iter().filter_map(|item| read_text(item, "handle").map(str::to_owned)).collect();
        let notices: Vec<_> = versions.iter().flat_map(|version| notice::ids(id, *version)).collect();
        for some in notices.chunks(AT_ONCE) {
            let keys = some.iter().map(|id| place(id.kind(), &id.0)).collect();
            let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
            let keys = keys.map_err(|error| ServiceError::permanent(WHAT, "request_invalid", error.to_string()))?;
            let read = self.client.batch_get_item().request_items(&self.notices, keys).send().await;
            let read = read.map_err(|error| trouble(WHAT, &error))?;
            // What is not answered now is left out: it is sent, and gone, within the week.
            let items = read.responses.unwrap_or_default().remove(&self.notices).unwrap_or_default();
            for item in &items {
                beside.notices.push(data(item, WHAT)?);
            }
        }
        Ok(beside)
    }

    async fn under(&self, id: &ProfileId, kind: &str) -> Result<Vec<Item>, ServiceError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.profiles)
            .key_condition_expression("pk = :pk AND begins_with(sk, :kind)")
            .expression_attribute_values(":pk", text(Place::profile(id).pk))
            .expression_attribute_values(":kind", text(kind))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(item.map_err(|error| trouble(WHAT, &error))?);
        }
        Ok(items)
    }
}
