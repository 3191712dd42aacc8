//! Somebody who buys: known by an e-mail address, without case.

use std::fmt;

use comptoir::{email::mailable, text::looks_like_email};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

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
        let (local, domain) = address.rsplit_once('@')?;
        // The domain as mail knows it, whatever stands before it; one that is none as it is.
        let known = mailable(&format!("a@{domain}")).ok();
        let domain = known.as_deref().and_then(|known| known.strip_prefix("a@")).unwrap_or(domain);
        // One letter is written in one way (RFC 6532, section 3.1), in small letters too.
        let written: String = format!("{local}@{domain}").nfc().collect::<String>().to_lowercase().nfc().collect();
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

/// Events of a payment may be late.
const A_DAY: SignedDuration = SignedDuration::from_hours(24);

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

    /// When what is known of them ends by itself: who opened a page and never bought is forgotten with it, a day later.
    pub fn ends_at(&self) -> Option<Timestamp> {
        let nobody = self.current.is_none() && self.customer.is_none() && !self.subscribed_before;
        let page = self.checkout.as_ref().filter(|_| nobody)?;
        page.expires_at.checked_add(A_DAY).ok()
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
        assert_eq!(
            PersonId::of("zoé@exämple.org"),
            PersonId::of("zoé@xn--exmple-cua.org"),
            "whatever stands before it"
        );
        assert_eq!(
            PersonId::of("zoe\u{301}@example.org"),
            PersonId::of("zoé@example.org"),
            "one letter, two spellings"
        );
        assert_eq!(PersonId::of("ZOE\u{301}@example.org"), PersonId::of("zoé@example.org"));
        assert_eq!(PersonId::of("zoé@exa\u{308}mple.org"), PersonId::of("zoé@exämple.org"));
        assert_ne!(PersonId::of("zoé@example.org"), Some(one.clone()));
        let plain = hex::encode(Sha256::digest(b"zoe@example.org"));
        assert_eq!(one.as_str(), plain, "as the owner reckons it by hand");
        assert_eq!((PersonId::of(""), PersonId::of("zoe"), PersonId::of("a b@example.org")), (None, None, None));
        assert!(!one.to_string().contains("zoe"));
    }

    #[test]
    fn who_opened_a_page_and_never_bought_is_forgotten() {
        let expires_at = crate::stripe::seconds(1_795_257_000);
        let page = OpenCheckout { session: "cs_1".to_owned(), expires_at };
        let looked = Person { checkout: Some(page), ..Person::new("a@example.org") };
        assert_eq!(looked.ends_at(), Some(crate::stripe::seconds(1_795_257_000 + 86_400)));
        let bought = Person { customer: Some("cus_1".to_owned()), ..looked.clone() };
        let had = Person { subscribed_before: true, ..looked };
        assert_eq!((bought.ends_at(), had.ends_at(), Person::new("a@example.org").ends_at()), (None, None, None));
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
