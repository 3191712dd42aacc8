//! The contract of the messages for the seller's app: what keeps them, in memory or on DynamoDB, keeps this.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{
    app::{
        AppMessage, Topic,
        delivery::{AppMessages, Queued, Written},
    },
    outcome::{Reason, ServiceError},
};

/// Keeps the contract, for messages of this name; `queue` queues one as its cause does.
///
/// # Errors
/// When the store fails.
///
/// # Panics
/// When the contract is not kept.
pub async fn contract(
    messages: &impl AppMessages,
    queue: impl AsyncFn(&AppMessage) -> Result<(), ServiceError>,
    name: &str,
) -> Result<(), ServiceError> {
    let now = Timestamp::constant(1_795_257_000, 0);
    let later = now + SignedDuration::from_mins(15);
    let reason = Reason::new("app_refuses", "the app answered 500");
    let of = |n: u32| AppMessage::new(Topic::AccessGranted, &[&format!("{name}{n}")], now, &json!({"n": n}));
    let read = async |message: &AppMessage| messages.message(&message.id).await;
    let (first, second) = (of(1), of(2));
    assert_eq!(read(&first).await?, None);
    queue(&first).await?;
    queue(&second).await?;
    let new = Queued { message: first.clone(), attempts: 0, began: now, due_at: None, woken: false, waits: true };
    assert_eq!(read(&first).await?, Some(new.clone()));
    assert!(new.is_due(now));

    let again = Written::Again { due: later, sent: true, reason: &reason };
    assert!(messages.note(&new, &again, now).await?);
    assert!(!messages.note(&new, &again, now).await?, "somebody wrote in between");
    let tried = read(&first).await?.unwrap();
    assert_eq!((tried.attempts, tried.due_at, tried.began), (1, Some(later), now));
    assert!(!tried.is_due(now) && tried.is_due(later));
    let put_off = Written::Again { due: later, sent: false, reason: &reason };
    assert!(messages.note(&tried, &put_off, now).await?);
    assert_eq!(read(&first).await?.unwrap().attempts, 1, "it was not sent");
    queue(&first).await?;
    assert_eq!(read(&first).await?.unwrap().attempts, 1, "its cause cannot queue it twice");
    assert!(messages.note(&tried, &Written::Delivered, later).await?);
    let delivered = read(&first).await?.unwrap();
    assert_eq!((delivered.attempts, delivered.due_at, delivered.waits), (2, None, false));
    assert!(!messages.note(&delivered, &Written::Delivered, later).await?, "what is delivered stays so");
    assert!(!messages.note(&delivered, &Written::Parked { sent: true, reason: &reason }, later).await?);

    let waits = read(&second).await?.unwrap();
    assert!(messages.note(&waits, &Written::Parked { sent: true, reason: &reason }, later).await?);
    let parked = read(&second).await?.unwrap();
    assert_eq!((parked.attempts, parked.waits), (1, false));
    assert!(!messages.note(&parked, &again, later).await?, "what is parked waits for a person");

    let third = of(3);
    queue(&third).await?;
    assert!(messages.give_up(&third.id, &reason, later).await?);
    assert!(!messages.give_up(&third.id, &reason, later).await?, "once");
    assert!(!messages.give_up(&first.id, &reason, later).await?, "it was delivered");
    assert!(!messages.give_up("nothing", &reason, later).await?);
    assert!(!read(&third).await?.unwrap().waits);
    Ok(())
}
