//! Opening a Checkout page: what is sold, to whom, and where the customer returns to.
//!
//! Somebody has one subscription and one open page at most: a page that is open already ends when another is opened, and who
//! is subscribed is sent to the portal instead.

use comptoir::outcome::ServiceError;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::{
    address,
    catalogue::Catalogue,
    desk::{NotDone, Refused},
    person::{OpenCheckout, Person, PersonId},
    store::{AccessStore, Begun, Committed, RequestStore},
    stripe::{Billing, Buyer, CheckoutPage, Expired, Made, NewCheckout},
};

/// How often the page of somebody is written again when others do so at the same time.
const ATTEMPTS: u32 = 12;

/// A wish to buy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutRequest {
    /// The price at Stripe.
    pub price: String,
    /// Who buys, where that is known.
    pub email: Option<String>,
    /// Where to go after paying.
    pub success_url: String,
    /// Where to go after giving up.
    pub cancel_url: String,
    /// The sender's key for this wish.
    pub idempotency_key: String,
}

/// A page to pay on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// `cs_...`.
    pub session: String,
    /// Its address.
    pub url: String,
}

impl CheckoutRequest {
    /// A hash of all that is wished, without the key.
    fn digest(&self) -> String {
        let email = self.email.as_deref().map(|email| email.trim().to_lowercase()).unwrap_or_default();
        hash(&[&self.price, &email, &self.success_url, &self.cancel_url])
    }
}

/// Opens a page, or answers as it did when the same key was used first.
///
/// # Errors
/// Why there is none, or that a service failed: the same request may be made again.
pub async fn open<S: AccessStore + RequestStore, B: Billing>(
    wish: &CheckoutRequest,
    (store, billing): (&S, &B),
    catalogue: &Catalogue,
    development: bool,
    now: Timestamp,
) -> Result<Opened, NotDone> {
    let Some(plan) = catalogue.sold_at(&wish.price) else { return Err(Refused::UnknownPrice.into()) };
    for (field, url) in [("success_url", &wish.success_url), ("cancel_url", &wish.cancel_url)] {
        if !address::is_on(url, &catalogue.origins, development) {
            return Err(Refused::OriginNotAllowed(field).into());
        }
    }
    let buyer = match &wish.email {
        Some(email) => Some((PersonId::of(email).ok_or(Refused::NoAddress)?, email.trim())),
        None => None,
    };
    match store.begin(&wish.idempotency_key, &wish.digest(), now).await? {
        Begun::Fresh => {}
        Begun::Answered { session, url } => return Ok(Opened { session, url }),
        Begun::InFlight => return Err(Refused::InFlight.into()),
        Begun::Another => return Err(Refused::KeyReused.into()),
    }
    let made = make(wish, plan.trial_days, buyer, (store, billing), now).await;
    match &made {
        Ok(page) => store.answered(&wish.idempotency_key, &page.session, &page.url).await?,
        // Nothing was made under this key: it may be used again when that has changed.
        Err(NotDone::Refused(_)) => store.forget(&wish.idempotency_key).await?,
        // The page may have been made. The key stays, and Stripe answers it as it did the first time.
        Err(NotDone::Failed(_)) => store.release(&wish.idempotency_key).await?,
    }
    made.map(|page| Opened { session: page.session, url: page.url })
}

async fn make<S: AccessStore, B: Billing>(
    wish: &CheckoutRequest,
    trial_days: u32,
    buyer: Option<(PersonId, &str)>,
    (store, billing): (&S, &B),
    now: Timestamp,
) -> Result<CheckoutPage, NotDone> {
    let mut page = None;
    for attempt in 0..ATTEMPTS {
        let standing = match &buyer {
            Some((id, _)) => store.person(id).await?,
            None => None,
        };
        let (person, version) = match (standing, &buyer) {
            (Some(standing), _) => (Some(standing.person), standing.version),
            (None, Some((_, email))) => (Some(Person::new(email)), 0),
            (None, None) => (None, 0),
        };
        if person.as_ref().is_some_and(Person::is_subscribed) {
            give_up(page.as_ref(), billing).await?;
            return Err(Refused::AlreadySubscribed.into());
        }
        let asked = asked(wish, trial_days, person.as_ref());
        let made = match &page {
            Some(made) => made,
            None => match (billing.open_checkout(&asked, &key(&asked)).await?, &buyer, &person) {
                (Made::Page(made), ..) => page.insert(made),
                // They go on by their address; if somebody else writes meanwhile, the next round sees it.
                (Made::NoCustomer, Some((id, _)), Some(person)) => {
                    store.save_person(id, &Person { customer: None, ..person.clone() }, version).await?;
                    continue;
                }
                (Made::Wrong(field), ..) => return Err(Refused::NotTaken(field).into()),
                (Made::NoCustomer, ..) => {
                    let text = "it does not know a customer whom nobody named";
                    return Err(ServiceError::permanent("Stripe's API", "stripe_refused", text).into());
                }
            },
        };
        let (Some((id, _)), Some(person)) = (&buyer, person) else { return Ok(made.clone()) };
        if let Some(former) =
            person.checkout.as_ref().filter(|former| former.session != made.session && former.expires_at > now)
            && is_bought(&former.session, billing).await?
        {
            give_up(Some(made), billing).await?;
            return Err(Refused::AlreadySubscribed.into());
        }
        let checkout = OpenCheckout { session: made.session.clone(), expires_at: made.expires_at };
        let next = Person { checkout: Some(checkout), ..person };
        match store.save_person(id, &next, version).await? {
            Committed::Done => return Ok(made.clone()),
            Committed::Conflict => store.pause(attempt).await,
        }
    }
    Err(ServiceError::transient("the plans", "others opened a page for the same person each time it was tried").into())
}

/// Ends a page; whether what was bought on it lives. Its events may not have arrived, neither those of its end.
async fn is_bought(session: &str, billing: &impl Billing) -> Result<bool, ServiceError> {
    match billing.expire_checkout(session).await? {
        Expired::Over => Ok(false),
        Expired::Paid(None) => Ok(true),
        Expired::Paid(Some(subscription)) => {
            Ok(billing.subscription(&subscription).await?.is_some_and(|bought| !bought.status.is_final()))
        }
    }
}

async fn give_up(page: Option<&CheckoutPage>, billing: &impl Billing) -> Result<(), ServiceError> {
    match page {
        Some(page) => billing.expire_checkout(&page.session).await.map(|_| ()),
        None => Ok(()),
    }
}

/// What Stripe is asked for. A trial is given once.
fn asked(wish: &CheckoutRequest, trial_days: u32, person: Option<&Person>) -> NewCheckout {
    let customer = person.and_then(|person| person.customer.clone()).map(Buyer::Customer);
    let address = wish.email.as_ref().map(|email| Buyer::Address(email.trim().to_owned()));
    NewCheckout {
        price: wish.price.clone(),
        buyer: customer.or(address),
        success_url: wish.success_url.clone(),
        cancel_url: wish.cancel_url.clone(),
        trial_days: if person.is_some_and(|person| person.subscribed_before) { 0 } else { trial_days },
        reference: reference(&wish.idempotency_key),
    }
}

/// The longest reference that Stripe takes (docs.stripe.com/api/checkout/sessions/create, `client_reference_id`).
const LONGEST_REFERENCE: usize = 200;

/// The sender's key, by which the page is found at Stripe; its hash where it is too long.
fn reference(key: &str) -> String {
    if key.len() <= LONGEST_REFERENCE { key.to_owned() } else { hash(&[key]) }
}

/// The key of a page at Stripe: what is asked for may have changed since the sender's key was used first, as when a customer
/// was deleted, and Stripe refuses a key with other parameters.
fn key(asked: &NewCheckout) -> String {
    let NewCheckout { price, buyer, success_url, cancel_url, trial_days, reference } = asked;
    let (customer, address) = match buyer {
        Some(Buyer::Customer(customer)) => (customer.as_str(), ""),
        Some(Buyer::Address(address)) => ("", address.as_str()),
        None => ("", ""),
    };
    hash(&[price, customer, address, success_url, cancel_url, &trial_days.to_string(), reference])
}

fn hash(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_string());
        hash.update([b':']);
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod gone;
#[cfg(test)]
mod tests {
    use comptoir::memory::{Fault, FaultPlan, at_once};

    use super::*;
    use crate::{
        memory::{InMemoryAccess, SmallStripe, catalogue, subscription},
        refresh::refresh,
        store::Wakes,
    };

    fn now() -> Timestamp {
        "2026-11-27T10:00:00Z".parse().unwrap()
    }

    pub(super) fn wish(key: &str) -> CheckoutRequest {
        CheckoutRequest {
            price: "price_essai".to_owned(),
            email: Some("zoe@example.org".to_owned()),
            success_url: "https://example.org/merci".to_owned(),
            cancel_url: "https://example.org/".to_owned(),
            idempotency_key: key.to_owned(),
        }
    }

    #[derive(Default)]
    pub(super) struct Shop {
        pub(super) store: InMemoryAccess,
        pub(super) stripe: SmallStripe,
    }

    impl Shop {
        pub(super) fn open(&self, wish: &CheckoutRequest) -> Result<Opened, NotDone> {
            at_once(open(wish, (&self.store, &self.stripe), &catalogue(), false, now()))
        }

        pub(super) fn subscribes(&self, status: &str) {
            self.sees(subscription("sub_1", "cus_1", "zoe@example.org", status, "price_essai"));
        }

        pub(super) fn sees(&self, subscription: crate::stripe::Subscription) {
            self.stripe.put(subscription);
            at_once(self.store.wake("sub_1", now())).unwrap();
            let done = at_once(refresh("sub_1", &self.store, &self.stripe, &catalogue(), now()));
            assert_eq!(done.outcome, comptoir::outcome::Outcome::Done);
        }
    }

    #[test]
    fn the_same_key_is_answered_alike_and_another_wish_under_it_is_refused() {
        let shop = Shop::default();
        let first = shop.open(&wish("k1")).unwrap();
        assert_eq!(shop.open(&wish("k1")), Ok(first));
        let capitals = CheckoutRequest { email: Some(" ZOE@example.org".to_owned()), ..wish("k1") };
        assert!(shop.open(&capitals).is_ok(), "an address has no case");
        let other = CheckoutRequest { price: "price_solo".to_owned(), ..wish("k1") };
        assert_eq!(shop.open(&other), Err(Refused::KeyReused.into()));
        let somebody = CheckoutRequest { email: Some("ada@example.org".to_owned()), ..wish("k1") };
        assert_eq!(shop.open(&somebody), Err(Refused::KeyReused.into()));
        assert_eq!(shop.stripe.asked().len(), 1);
    }

    #[test]
    fn of_several_pages_of_one_person_the_last_one_is_open() {
        let shop = Shop::default();
        let [_, _, last] = ["k1", "k2", "k3"].map(|key| shop.open(&wish(key)).unwrap());
        assert_eq!(shop.stripe.open_pages(), [last.session]);
    }

    #[test]
    fn who_is_subscribed_or_has_paid_a_moment_ago_gets_no_second_page() {
        let shop = Shop::default();
        let first = shop.open(&wish("k1")).unwrap();
        shop.stripe.pay(&first.session, "sub_1");
        shop.stripe.put(subscription("sub_1", "cus_1", "zoe@example.org", "active", "price_essai"));
        assert_eq!(shop.open(&wish("k2")), Err(Refused::AlreadySubscribed.into()), "its events have not arrived");
        assert_eq!(shop.stripe.open_pages(), [first.session]);
        let shop = Shop::default();
        for status in ["trialing", "active", "past_due", "unpaid", "paused"] {
            shop.subscribes(status);
            assert_eq!(shop.open(&wish(status)), Err(Refused::AlreadySubscribed.into()), "{status}");
        }
        assert_eq!(shop.stripe.asked(), [], "nothing is made at Stripe");
        shop.subscribes("canceled");
        assert!(shop.open(&wish("active")).is_ok(), "a key that made nothing may be used again");
    }

    #[test]
    fn who_has_bought_and_cancelled_may_buy_again_at_once() {
        let shop = Shop::default();
        let first = shop.open(&wish("k1")).unwrap();
        shop.stripe.pay(&first.session, "sub_1");
        shop.subscribes("active");
        shop.subscribes("canceled");
        assert!(shop.open(&wish("k2")).is_ok());
    }

    #[test]
    fn a_trial_is_given_once() {
        let shop = Shop::default();
        shop.open(&wish("k1")).unwrap();
        shop.subscribes("canceled");
        shop.open(&wish("k2")).unwrap();
        let asked = shop.stripe.asked();
        assert_eq!((asked[0].trial_days, asked[1].trial_days), (14, 0));
        assert_eq!(asked[0].buyer, Some(Buyer::Address("zoe@example.org".to_owned())));
        assert_eq!(asked[1].buyer, Some(Buyer::Customer("cus_1".to_owned())), "the same customer");
    }

    #[test]
    fn bad_wishes_make_nothing_and_keep_their_key() {
        let shop = Shop::default();
        for (bad, why) in [
            (CheckoutRequest { price: "price_other".to_owned(), ..wish("k") }, Refused::UnknownPrice),
            (CheckoutRequest { email: Some("zoe".to_owned()), ..wish("k") }, Refused::NoAddress),
            (
                CheckoutRequest { success_url: "https://evil.example/".to_owned(), ..wish("k") },
                Refused::OriginNotAllowed("success_url"),
            ),
            (
                CheckoutRequest { cancel_url: "http://localhost:3000/".to_owned(), ..wish("k") },
                Refused::OriginNotAllowed("cancel_url"),
            ),
        ] {
            assert_eq!(shop.open(&bad), Err(why.into()));
        }
        assert!(shop.stripe.asked().is_empty());
        assert!(shop.open(&wish("k")).is_ok());
    }

    #[test]
    fn every_call_may_fail_and_the_same_request_is_made_again() {
        for fault in [Fault::Before, Fault::After] {
            for call in 0..24 {
                for of_stripe in [false, true] {
                    let (stripe, store) = match of_stripe {
                        true => (FaultPlan::with(call, fault), FaultPlan::default()),
                        false => (FaultPlan::default(), FaultPlan::with(call, fault)),
                    };
                    let shop = Shop { store: InMemoryAccess::under(store), stripe: SmallStripe::under(stripe) };
                    let later = |times| now() + jiff::SignedDuration::from_secs(times * IN_FLIGHT);
                    let mut last = None;
                    for key in ["k1", "k2"] {
                        let mut answers = (0..4).map(|times| {
                            at_once(open(&wish(key), (&shop.store, &shop.stripe), &catalogue(), false, later(times)))
                        });
                        last = Some(answers.find_map(Result::ok).unwrap().session);
                    }
                    assert_eq!(shop.stripe.open_pages(), Vec::from_iter(last), "{fault:?} {call} {of_stripe}");
                    assert_eq!(shop.stripe.asked().len(), 2, "{fault:?} {call} {of_stripe}");
                }
            }
        }
    }

    const IN_FLIGHT: i64 = crate::store::IN_FLIGHT_SECONDS;
}
