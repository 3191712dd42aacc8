//! Wakes the work on a subscription that an event is about, before anything else is done with the event: if that fails, Stripe
//! delivers it again. Only where plans are sold.

use comptoir::{outcome::ServiceError, settings::SettingsReader, stripe::object::Event};
use comptoir_plans::{store::Wakes, stored::CachedCatalogue, wake};
use jiff::Timestamp;

/// Plans, as far as events concern them.
#[derive(Debug)]
pub struct Access<A, S> {
    /// The subscriptions.
    pub wakes: A,
    /// The plans.
    pub plans: CachedCatalogue<S>,
}

impl<A: Wakes, S: SettingsReader> Access<A, S> {
    /// Whether any plan is sold.
    ///
    /// # Errors
    /// When the store does not answer, or the plans cannot be read.
    pub async fn sells(&self, now: Timestamp) -> Result<bool, ServiceError> {
        Ok(!self.plans.get(now).await?.plans.is_empty())
    }

    /// Wakes the subscription that `event` is about, if it is about one; whether it did.
    ///
    /// # Errors
    /// When a store fails.
    pub async fn wake(&self, event: &Event<'_>, livemode: bool, now: Timestamp) -> Result<bool, ServiceError> {
        let Some(subscription) = wake::subscription(event, livemode) else { return Ok(false) };
        if !self.sells(now).await? {
            return Ok(false);
        }
        self.wakes.wake(&subscription, now).await?;
        Ok(true)
    }
}
