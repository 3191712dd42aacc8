//! The nightly comparison of subscriptions with Stripe: what events did not bring is seen here, and looked at again.

use comptoir::outcome::ServiceError;
use jiff::Timestamp;

use crate::{
    access,
    catalogue::Catalogue,
    store::{Known, KnownSubscriptions, Wakes},
    stripe::Subscription,
    trial,
};

/// What a look at a listed subscription came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// It is as it was seen, or no plan, or in hand.
    Same,
    /// It was not as Stripe has it, or not known: it is looked at again.
    Mended,
    /// Its trial ends soon, and nobody was told: it is looked at again.
    TrialEnds,
}

/// Compares one listed subscription with what is known of it, and wakes the work on it where they differ.
///
/// # Errors
/// When the store does not answer.
pub async fn compare(
    listed: &Subscription,
    store: &(impl KnownSubscriptions + Wakes),
    catalogue: &Catalogue,
    now: Timestamp,
) -> Result<Compared, ServiceError> {
    let sold = access::is_sold(listed, catalogue);
    let compared = match store.known(&listed.id).await? {
        Known::InHand => Compared::Same,
        // One that ended before it was known here gave nothing.
        Known::No if sold && !listed.status.is_final() => Compared::Mended,
        Known::No => Compared::Same,
        // Looked at and left alone: of no plan, or over before it was known.
        Known::Seen { as_seen: None, .. } if !sold || listed.status.is_final() => Compared::Same,
        Known::Seen { as_seen, .. } if as_seen.as_deref() != Some(&listed.as_seen()) => Compared::Mended,
        Known::Seen { trial_told: false, .. } if sold && trial::ends_soon(listed, now).is_some() => Compared::TrialEnds,
        Known::Seen { .. } => Compared::Same,
    };
    if compared != Compared::Same {
        store.wake(&listed.id, now).await?;
    }
    Ok(compared)
}

#[cfg(test)]
mod tests {
    use comptoir::memory::at_once;

    use super::*;
    use crate::{
        memory::{InMemoryAccess, SmallStripe, catalogue, subscription},
        refresh::refresh,
    };

    const NOW: Timestamp = Timestamp::constant(1_795_257_600, 0);

    #[test]
    fn only_what_differs_is_looked_at_again() {
        let (store, stripe) = (InMemoryAccess::default(), SmallStripe::default());
        let listed = |status: &str| subscription("sub_1", "cus_1", "zoe@example.org", status, "price_solo");
        let compared = |listed: &Subscription| at_once(compare(listed, &store, &catalogue(), NOW)).unwrap();
        let refreshed = |status: &str| {
            stripe.put(listed(status));
            at_once(refresh("sub_1", &store, &stripe, &catalogue(), NOW)).outcome
        };
        assert_eq!(compared(&listed("canceled")), Compared::Same, "over before it was known");
        assert_eq!(compared(&listed("active")), Compared::Mended, "never heard of");
        assert_eq!(compared(&listed("past_due")), Compared::Same, "in hand");
        refreshed("active");
        assert_eq!(compared(&listed("active")), Compared::Same);
        // A list names the customer by id alone.
        let mut by_id = listed("active");
        by_id.customer = crate::stripe::Subscriber::Id("cus_1".to_owned());
        assert_eq!(compared(&by_id), Compared::Same);
        for status in ["past_due", "canceled"] {
            assert_eq!(compared(&listed(status)), Compared::Mended, "{status}");
            refreshed(status);
            assert_eq!(compared(&listed(status)), Compared::Same, "{status}");
        }
        let other = subscription("sub_2", "cus_2", "ada@example.org", "active", "price_extra");
        assert_eq!(compared(&other), Compared::Same, "no plan");
    }

    #[test]
    fn a_trial_whose_end_nobody_told_is_found() {
        let (store, stripe) = (InMemoryAccess::default(), SmallStripe::default());
        let mut trial = subscription("sub_1", "cus_1", "zoe@example.org", "trialing", "price_essai");
        trial.trial_end = Some(NOW.as_second() + 2 * 24 * 3600);
        trial.trial_start = Some(NOW.as_second() - 12 * 24 * 3600);
        at_once(store.wake("sub_1", NOW)).unwrap();
        stripe.put(trial.clone());
        at_once(refresh("sub_1", &store, &stripe, &catalogue(), NOW));
        assert_eq!(at_once(compare(&trial, &store, &catalogue(), NOW)).unwrap(), Compared::TrialEnds);
        assert_eq!(store.open(), ["sub_1"]);
    }
}
