//! Two hundred payments by sixteen concurrent clients: no gap, no duplicate number, no mail sent twice.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::{collections::BTreeSet, sync::Arc};

use anyhow::{Result, ensure};
use comptoir::testing::readme::says;
use comptoir_local::checkout::{Checkout, Purchase};
use comptoir_tests::Shop;

const PAYMENTS: usize = 200;
const CLIENTS: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_payments_by_sixteen_clients_are_two_hundred_invoices() -> Result<()> {
    says(PAYMENTS, &format!("payments by {CLIENTS} clients at once"));
    let shop = Arc::new(Shop::open("crowd").await?);
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let shop = shop.clone();
        clients.spawn(async move {
            for n in (client..PAYMENTS).step_by(CLIENTS) {
                let email = Some(format!("customer-{n}@example.org"));
                let checkout = Checkout::of(&Purchase { email, ..Purchase::default() });
                shop.client.tell_stripe(&checkout).await?;
                let event = checkout.event("checkout.session.completed");
                // As Stripe does: until it receives 200.
                while shop.post(&event).await?.0 != 200 {}
            }
            anyhow::Ok(())
        });
    }
    while let Some(client) = clients.join_next().await {
        client??;
    }
    shop.wait_for("two hundred mails", async |shop: &Shop| {
        Ok((shop.bundle.mailbox().count() >= PAYMENTS).then_some(()))
    })
    .await?;
    let numbers = shop.numbers().await?;
    let last = |number: &String| number.rsplit('-').next().and_then(|n| n.parse::<usize>().ok());
    let counted: BTreeSet<usize> = numbers.iter().filter_map(last).collect();
    ensure!(numbers.len() == PAYMENTS && counted == (1..=PAYMENTS).collect(), "numbers 1..{PAYMENTS} without a gap");
    let mails = shop.mails().await?;
    let recipients: BTreeSet<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    ensure!(mails.len() == PAYMENTS && recipients.len() == PAYMENTS, "each customer one mail, not {}", mails.len());
    ensure!(shop.client.parked().await?.is_empty());
    Ok(())
}
