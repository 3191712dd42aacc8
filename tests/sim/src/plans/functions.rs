//! The handlers of the functions that plans have, as thin as the real ones and with the same order of steps.

use std::sync::{Arc, LazyLock};

use comptoir::{
    clock::Clock, outcome::Outcome, seller::Seller, stripe::classify, testing::FRANCHISE_TOML,
    timing::ONE_SUBSCRIPTION_SECONDS,
};
use comptoir_plans::{
    checkout::{self, CheckoutRequest},
    desk::{self, NotDone, Refused},
    recovery::{
        letter::Writer,
        work::{Tools, recover},
    },
    refresh::refresh,
    store::Wakes,
    wake,
};
use jiff::SignedDuration;

use super::{ports::Ports, sold::CATALOGUE, stripe::moment};

/// Who sells.
static SELLER: LazyLock<Seller> = LazyLock::new(|| Seller::from_toml(FRANCHISE_TOML).unwrap());

/// The result of an invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Whether an event is done.
    Answered(bool),
    /// What became of work.
    Worked(Outcome),
    /// A page, nothing, or that the same may be asked again.
    Page(Result<Option<String>, ()>),
    /// Whether a use was answered.
    Used(bool),
}

/// The webhook: one event, which wakes what it is about.
pub async fn webhook(ports: Ports, body: Arc<str>) -> Ended {
    let event = classify::read(body.as_bytes()).unwrap();
    let now = ports.now();
    let (subscription, unpaid) = (wake::subscription(&event, false), wake::unpaid(&event, false));
    if let Some(unpaid) = &unpaid
        && ports.wake_recovery(&unpaid.id, unpaid.only_known, now).await.is_err()
    {
        return Ended::Answered(false);
    }
    if let Some(subscription) = &subscription
        && ports.wake(subscription, now).await.is_err()
    {
        return Ended::Answered(false);
    }
    Ended::Answered(true)
}

/// The access-worker: one subscription, invoice or customer.
pub async fn worker(ports: Ports, id: String, deadline: i64) -> Ended {
    if id.starts_with("sub_") {
        let now = ports.now();
        let refreshed = refresh(&id, &ports, &ports, &*CATALOGUE, now).await;
        return Ended::Worked(refreshed.outcome);
    }
    let one = SignedDuration::from_secs(ONE_SUBSCRIPTION_SECONDS.cast_signed());
    let tools = Tools {
        store: &ports,
        billing: &ports,
        catalogue: &*CATALOGUE,
        writer: Writer { seller: &SELLER, local_host: None },
        clock: &ports,
        until: moment(deadline) - one,
    };
    Ended::Worked(recover(&id, &tools).await)
}

/// The door for Checkout.
pub async fn checkout(ports: Ports, (key, price, email): (String, &'static str, Option<String>)) -> Ended {
    let wish = CheckoutRequest {
        price: price.to_owned(),
        email,
        success_url: "https://example.org/merci".to_owned(),
        cancel_url: "https://example.org/".to_owned(),
        idempotency_key: key,
    };
    let now = ports.now();
    let opened = checkout::open(&wish, (&ports, &ports), &CATALOGUE, false, now).await;
    ports.note("answers", || format!("{opened:?}"));
    Ended::Page(match opened {
        Ok(page) => Ok(Some(page.session)),
        Err(NotDone::Failed(_) | NotDone::Refused(Refused::InFlight)) => Err(()),
        Err(NotDone::Refused(_)) => Ok(None),
    })
}

/// The door for tokens.
pub async fn use_tokens(ports: Ports, (email, id, amount): (String, String, u64)) -> Ended {
    let now = ports.now();
    let used = desk::use_tokens(&email, amount, &id, &ports, &CATALOGUE, now).await;
    ports.note("answers", || format!("{used:?}"));
    if let Ok(used) = &used {
        ports.world.witness(|witness, _, _| witness.answered(&email, &id, amount, used.left));
    }
    Ended::Used(!matches!(used, Err(NotDone::Failed(_))))
}
