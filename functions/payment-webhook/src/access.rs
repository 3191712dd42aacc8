//! Wakes the work on a subscription or an unpaid invoice that an event is about, before anything else is done with the event:
//! if that fails, Stripe delivers it again. Only where plans are sold.

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
    /// Whether any plan is sold. That none is, is asked of the newest ones: what is not woken now is not woken again.
    ///
    /// # Errors
    /// When the store does not answer, or the plans cannot be read.
    pub async fn sells(&self, now: Timestamp) -> Result<bool, ServiceError> {
        Ok(!self.plans.get(now).await?.plans.is_empty() || !self.plans.newest(now).await?.plans.is_empty())
    }

    /// Wakes the subscription and the unpaid invoice that `event` is about, if it is about any; whether it did.
    ///
    /// # Errors
    /// When a store fails.
    pub async fn wake(&self, event: &Event<'_>, livemode: bool, now: Timestamp) -> Result<bool, ServiceError> {
        let (subscription, unpaid) = (wake::subscription(event, livemode), wake::unpaid(event, livemode));
        if (subscription.is_none() && unpaid.is_none()) || !self.sells(now).await? {
            return Ok(false);
        }
        if let Some(unpaid) = &unpaid {
            self.wakes.wake_recovery(&unpaid.id, unpaid.only_known, now).await?;
        }
        if let Some(subscription) = &subscription {
            self.wakes.wake(subscription, now).await?;
        }
        Ok(true)
    }
}
