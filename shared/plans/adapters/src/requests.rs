//! Requests for Checkout pages by their sender's key, in the Access table.

use comptoir::outcome::ServiceError;
use comptoir_aws::{
    conditional::{Updated, settle, update},
    item::{expiry, item as new, number, place, read_number, read_text, text, trouble},
};
use comptoir_plans::store::{Begun, IN_FLIGHT_SECONDS, REQUESTS_KEPT_HOURS, RequestStore};
use jiff::{SignedDuration, Timestamp};

use crate::{table::DynamoAccess, wakes::WHAT};

const CHECKOUT: &str = "CHECKOUT";

impl RequestStore for DynamoAccess {
    async fn begin(&self, key: &str, digest: &str, now: Timestamp) -> Result<Begun, ServiceError> {
        let mut item = new(CHECKOUT, key);
        item.insert("digest".to_owned(), text(digest));
        item.insert("since".to_owned(), number(now.as_second()));
        item.insert("expires_at".to_owned(), expiry(now, SignedDuration::from_hours(REQUESTS_KEPT_HOURS)));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        // Boxed, because the combined state of all steps in one future exceeds the compiler's default limit.
        match Box::pin(put.condition_expression("attribute_not_exists(pk)").send()).await {
            Ok(_) => return Ok(Begun::Fresh),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) => {}
            Err(error) => return Err(trouble(WHAT, &error)),
        }
        // One that was left behind is taken over; by one of those who try.
        let take = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(place(CHECKOUT, key)))
            .update_expression("SET since = :now")
            .condition_expression("digest = :digest AND attribute_not_exists(#session) AND since <= :before")
            .expression_attribute_names("#session", "session")
            .expression_attribute_values(":digest", text(digest))
            .expression_attribute_values(":now", number(now.as_second()))
            .expression_attribute_values(":before", number(now.as_second().saturating_sub(IN_FLIGHT_SECONDS)));
        let standing = match update(WHAT, take).await? {
            Updated::Done => return Ok(Begun::Fresh),
            Updated::Refused(standing) => standing.unwrap_or_default(),
        };
        let read = |name| read_text(&standing, name).map(str::to_owned);
        Ok(match (read("session"), read("url")) {
            _ if read("digest").is_none_or(|known| known != digest) => Begun::Another,
            (Some(session), Some(url)) => Begun::Answered { session, url },
            // Our own request, whose answer was lost and which the SDK sent again, looks the same: it is asked again soon.
            _ if read_number::<i64>(&standing, "since").is_some() => Begun::InFlight,
            _ => Begun::Another,
        })
    }

    async fn answered(&self, key: &str, session: &str, url: &str) -> Result<(), ServiceError> {
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(place(CHECKOUT, key)))
            .update_expression("SET #session = :session, #url = :url")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#session", "session")
            .expression_attribute_names("#url", "url")
            .expression_attribute_values(":session", text(session))
            .expression_attribute_values(":url", text(url));
        settle(WHAT, answer).await.map(drop)
    }

    async fn release(&self, key: &str) -> Result<(), ServiceError> {
        let release = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(place(CHECKOUT, key)))
            .update_expression("SET since = :long_ago")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":long_ago", number(0));
        settle(WHAT, release).await.map(drop)
    }

    async fn forget(&self, key: &str) -> Result<(), ServiceError> {
        let delete = self.client.delete_item().table_name(&self.table).set_key(Some(place(CHECKOUT, key)));
        Box::pin(delete.send()).await.map(drop).map_err(|error| trouble(WHAT, &error))
    }
}
