//! Accounts in memory.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use jiff::Timestamp;

use crate::profile::account::{AccountId, Accounts, Attributes};
use comptoir::{
    memory::{FaultPlan, locked, pass_the_turn},
    outcome::ServiceError,
};

/// The accounts of all pools. Of one that is not confirmed, the attribute `unconfirmed_since` says since when.
#[derive(Debug, Default)]
pub struct InMemoryAccounts {
    accounts: Mutex<BTreeMap<(String, String), Attributes>>,
    faults: Arc<FaultPlan>,
}

impl InMemoryAccounts {
    /// No accounts, under this fault plan.
    pub fn new(faults: Arc<FaultPlan>) -> Self {
        Self { accounts: Mutex::default(), faults }
    }

    /// Somebody signs up.
    pub fn open(&self, id: &AccountId, attributes: Attributes) {
        locked(&self.accounts).insert((id.pool.clone(), id.sub.clone()), attributes);
    }

    async fn call<T>(
        &self,
        work: impl FnOnce(&mut BTreeMap<(String, String), Attributes>) -> T,
    ) -> Result<T, ServiceError> {
        pass_the_turn().await;
        self.faults.call("the sign-in", || Ok(work(&mut locked(&self.accounts))))
    }
}

impl Accounts for InMemoryAccounts {
    async fn attributes(&self, id: &AccountId) -> Result<Option<Attributes>, ServiceError> {
        self.call(|accounts| accounts.get(&(id.pool.clone(), id.sub.clone())).cloned()).await
    }

    async fn delete_unconfirmed(&self, pool: &str, before: Timestamp) -> Result<usize, ServiceError> {
        self.call(|accounts| {
            let count = accounts.len();
            accounts.retain(|(of, _), attributes| {
                let made: Option<Timestamp> = attributes.get("unconfirmed_since").and_then(|at| at.parse().ok());
                of != pool || made.is_none_or(|made| made >= before)
            });
            count.saturating_sub(accounts.len())
        })
        .await
    }

    async fn delete(&self, id: &AccountId) -> Result<(), ServiceError> {
        self.call(|accounts| drop(accounts.remove(&(id.pool.clone(), id.sub.clone())))).await
    }
}
