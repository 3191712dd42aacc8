//! Somebody who buys: known by an e-mail address, without case.

use std::fmt;

use comptoir::{email::mailable, text::looks_like_email};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{access::Access, stripe::Subscription};

/// An opaque id of somebody: a hash of the address, so that neither keys nor logs hold it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonId(String);

impl PersonId {
    /// The id of who has this address; `None` if it is none.
    pub fn of(address: &str) -> Option<Self> {
        let address = address.trim();
        if !looks_like_email(address) {
            return None;
        }
        // The domain as mail knows it; other addresses as they are.
        let written = mailable(address).unwrap_or_else(|_| address.to_owned()).to_lowercase();
        Some(Self(hex::encode(Sha256::digest(written.as_bytes()))))
    }

    /// An id that was stored; `None` if it is none.
    pub fn stored(text: &str) -> Option<Self> {
        let hash = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        hash.then(|| Self(text.to_owned()))
    }

    /// As a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is known of somebody who buys, beside tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The address, as it was given first.
    pub email: String,
    /// The customer at Stripe.
    #[serde(default)]
    pub customer: Option<String>,
    /// The subscription that access comes from.
    #[serde(default)]
    pub current: Option<Current>,
    /// What it gives.
    #[serde(default)]
    pub access: Access,
    /// The Checkout page that is open.
    #[serde(default)]
    pub checkout: Option<OpenCheckout>,
    /// Whether there ever was a subscription that was more than begun: a trial is given once.
    #[serde(default)]
    pub subscribed_before: bool,
    /// The subscription for which it was last wished that they become a member: once for each, so that who has left since stays
    /// away whatever events of it still come.
    #[serde(default)]
    pub joined_by: Option<String>,
}

/// A subscription that access comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Current {
    /// `sub_...`.
    pub subscription: String,
    /// When it began.
    pub created: Timestamp,
    /// Whether it is over.
    pub over: bool,
    /// Whether its first payment is not made: another one may take its place.
    #[serde(default)]
    pub begun_only: bool,
}

/// A Checkout page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCheckout {
    /// `cs_...`.
    pub session: String,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

impl Person {
    /// Somebody of whom nothing but an address is known.
    pub fn new(email: &str) -> Self {
        Self {
            email: email.trim().to_owned(),
            customer: None,
            current: None,
            access: Access::default(),
            checkout: None,
            subscribed_before: false,
            joined_by: None,
        }
    }

    /// Whether access comes from the same subscription as it did.
    pub fn counts_as(&self, before: Option<&Current>) -> bool {
        self.current.as_ref().map(|current| &current.subscription) == before.map(|current| &current.subscription)
    }

    /// Whether there is a subscription that could be paid, so that a second would be paid twice.
    pub fn is_subscribed(&self) -> bool {
        self.current.as_ref().is_some_and(|current| !current.over && !current.begun_only)
    }
}

/// What a subscription is to somebody who may have others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Access comes from it.
    Current,
    /// It is over, or was only begun, and another one counts.
    Past,
    /// Another one was there before it and is not over: it is cancelled.
    Second,
    /// It was there before the one that counted until now, which is a second one.
    Earlier,
}

/// The place of `subscription` beside the one that counts.
pub fn place(current: Option<&Current>, subscription: &Subscription) -> Place {
    let Some(current) = current.filter(|current| current.subscription != subscription.id) else {
        return Place::Current;
    };
    let order = (crate::stripe::seconds(subscription.created), subscription.id.as_str());
    let later = order > (current.created, current.subscription.as_str());
    match (current.over || current.begun_only, subscription.status.is_final()) {
        // The newest of those that are over says how it ended.
        (true, true) if !later || !current.over => Place::Past,
        (true, _) => Place::Current,
        (false, true) => Place::Past,
        (false, false) if later => Place::Second,
        // One that is only begun gives way.
        (false, false) if subscription.status == crate::stripe::Status::Incomplete => Place::Second,
        (false, false) => Place::Earlier,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::subscription;

    #[test]
    fn an_address_in_any_case_is_one_person() {
        let one = PersonId::of("Zoe@Example.org").unwrap();
        assert_eq!(PersonId::of(" zoe@example.ORG "), Some(one.clone()));
        assert_eq!(PersonId::of("Zoé@Exämple.org"), PersonId::of("zoé@exämple.org"));
        assert_eq!(PersonId::of("a@exämple.org"), PersonId::of("a@xn--exmple-cua.org"));
        assert_ne!(PersonId::of("zoé@example.org"), Some(one.clone()));
        assert_eq!((PersonId::of(""), PersonId::of("zoe"), PersonId::of("a b@example.org")), (None, None, None));
        assert!(!one.to_string().contains("zoe"));
    }

    #[test]
    fn of_two_that_live_the_earlier_one_counts_in_either_order() {
        let current = |over, begun_only| Current {
            subscription: "sub_2".to_owned(),
            created: crate::stripe::seconds(1_795_257_000),
            over,
            begun_only,
        };
        let other = |status: &str, created| {
            let mut other = subscription("sub_1", "cus_1", "a@example.org", status, "price_solo");
            other.created = created;
            other
        };
        let (before, after) = (1_795_256_000, 1_795_258_000);
        for (standing, status, created, expected) in [
            (current(false, false), "active", after, Place::Second),
            (current(false, false), "incomplete", after, Place::Second),
            (current(false, false), "active", before, Place::Earlier),
            (current(false, false), "incomplete", before, Place::Second),
            (current(false, false), "canceled", after, Place::Past),
            (current(true, false), "active", before, Place::Current),
            (current(true, false), "canceled", before, Place::Past),
            (current(true, false), "canceled", after, Place::Current),
            (current(false, true), "active", after, Place::Current),
            (current(false, true), "canceled", after, Place::Past),
        ] {
            assert_eq!(place(Some(&standing), &other(status, created)), expected, "{standing:?} {status} {created}");
        }
        let same = subscription("sub_2", "cus_1", "a@example.org", "canceled", "price_solo");
        assert_eq!((place(Some(&current(false, false)), &same), place(None, &same)), (Place::Current, Place::Current));
    }
}
