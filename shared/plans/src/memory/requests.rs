//! Requests for Checkout pages in memory.

use comptoir::{
    memory::{locked, pass_the_turn},
    outcome::ServiceError,
};
use jiff::Timestamp;

use super::{InMemoryAccess, Request, WHAT};
use crate::store::{Begun, IN_FLIGHT_SECONDS, RequestStore};

impl RequestStore for InMemoryAccess {
    async fn begin(&self, key: &str, digest: &str, now: Timestamp) -> Result<Begun, ServiceError> {
        pass_the_turn().await;
        self.faults.call(WHAT, || {
            let rows = &mut *locked(&self.rows);
            let Some(request) = rows.requests.get_mut(key) else {
                rows.requests.insert(key.to_owned(), Request { digest: digest.to_owned(), since: now, answer: None });
                return Ok(Begun::Fresh);
            };
            Ok(match &request.answer {
                _ if request.digest != digest => Begun::Another,
                Some((session, url)) => Begun::Answered { session: session.clone(), url: url.clone() },
                None if now.duration_since(request.since).as_secs() < IN_FLIGHT_SECONDS => Begun::InFlight,
                None => {
                    request.since = now;
                    Begun::Fresh
                }
            })
        })
    }

    async fn answered(&self, key: &str, session: &str, url: &str) -> Result<(), ServiceError> {
        pass_the_turn().await;
        self.faults.call(WHAT, || {
            if let Some(request) = locked(&self.rows).requests.get_mut(key) {
                request.answer = Some((session.to_owned(), url.to_owned()));
            }
            Ok(())
        })
    }

    async fn release(&self, key: &str) -> Result<(), ServiceError> {
        pass_the_turn().await;
        self.faults.call(WHAT, || {
            if let Some(request) = locked(&self.rows).requests.get_mut(key) {
                request.since = Timestamp::UNIX_EPOCH;
            }
            Ok(())
        })
    }

    async fn forget(&self, key: &str) -> Result<(), ServiceError> {
        pass_the_turn().await;
        self.faults.call(WHAT, || {
            locked(&self.rows).requests.remove(key);
            Ok(())
        })
    }
}
