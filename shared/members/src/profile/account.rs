//! Accounts at the sign-in: who still has one, and the end of one.
//!
//! A profile belongs to the `sub` of an account, and its address was proven by that account. The pool that keeps the
//! accounts is read from the caller's token: the function's environment does not name it.

use std::{collections::BTreeMap, future::Future};

use comptoir::outcome::ServiceError;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// An account: its pool, `eu-west-3_Ab12`, and its `sub`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountId {
    /// The user pool.
    pub pool: String,
    /// The `sub`.
    pub sub: String,
}

/// The pool in a token's issuer, `https://cognito-idp.eu-west-3.amazonaws.com/eu-west-3_Ab12`.
pub fn pool_of(issuer: &str) -> Option<&str> {
    let pool = issuer.strip_prefix("https://cognito-idp.")?.rsplit_once('/')?.1;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (!pool.is_empty() && pool.chars().all(plain)).then_some(pool)
}

/// What the sign-in knows of somebody: `email`, `name`, `locale`; and [`INVITED`].
pub type Attributes = BTreeMap<String, String>;

/// The attribute of an account whose invitation nobody has answered: its address is not proven by it.
pub const INVITED: &str = "invited";

/// Whether somebody has signed in to an account with these attributes, and so proven its address.
pub fn is_answered(attributes: &Attributes) -> bool {
    !attributes.contains_key(INVITED)
}

/// How long an account may stay unconfirmed. Until it is confirmed or gone, nobody else signs up with its address.
pub const UNCONFIRMED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// The accounts of user pools.
pub trait Accounts: Send + Sync {
    /// What the pool knows of this account; `None` once there is no such account or pool.
    fn attributes(&self, id: &AccountId) -> impl Future<Output = Result<Option<Attributes>, ServiceError>> + Send;

    /// Deletes the account; idempotent.
    fn delete(&self, id: &AccountId) -> impl Future<Output = Result<(), ServiceError>> + Send;

    /// Deletes accounts of this pool that were made before this time and never confirmed: some hundred at a time. Returns
    /// how many.
    fn delete_unconfirmed(
        &self,
        pool: &str,
        before: Timestamp,
    ) -> impl Future<Output = Result<usize, ServiceError>> + Send;
}

/// Deletes accounts that were not confirmed in time; run on a schedule. Returns how many.
///
/// # Errors
/// The pool does not answer; the next run goes on.
pub async fn forget_unconfirmed(accounts: &impl Accounts, pool: &str, now: Timestamp) -> Result<usize, ServiceError> {
    let before = now.saturating_sub(UNCONFIRMED_FOR).unwrap_or(Timestamp::MIN);
    accounts.delete_unconfirmed(pool, before).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_read_of_its_issuer_alone() {
        assert_eq!(pool_of("https://cognito-idp.eu-west-3.amazonaws.com/eu-west-3_Ab12"), Some("eu-west-3_Ab12"));
        for other in [
            "",
            "https://cognito",
            "https://evil.example/eu-west-3_Ab12",
            "https://cognito-idp.x/",
            "https://cognito-idp.x/a\"b",
        ] {
            assert_eq!(pool_of(other), None, "{other}");
        }
    }
}
