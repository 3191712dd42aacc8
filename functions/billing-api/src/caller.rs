//! Who asks: the seller's own site by its key, or a member by their own token, for themselves alone.

use comptoir::{
    clock::{Clock, MachineClock},
    outcome::ServiceError,
};
use comptoir_aws::secrets::SiteKeys;
use comptoir_edge::door::{Fields, Refusal, Request};
use comptoir_plans::person::PersonId;
use comptoir_signin::{
    accounts::{Accounts, MembersPool},
    token::{self, PoolKeys, Tokens},
};

/// Knows the keys of the seller's site and app.
pub trait Keys: Send + Sync {
    /// Whether this is one of them.
    fn know(&self, key: &str) -> impl Future<Output = Result<bool, ServiceError>> + Send;
}

impl Keys for SiteKeys {
    async fn know(&self, key: &str) -> Result<bool, ServiceError> {
        SiteKeys::know(self, key).await
    }
}

/// Knows members by their tokens.
pub trait Members: Send + Sync {
    /// The verified address of whoever has this token; `None`, for whatever reason, if it is not good.
    fn address(&self, token: &str) -> impl Future<Output = Result<Option<String>, ServiceError>> + Send;
}

/// The members of the stack's pool.
#[derive(Debug)]
pub struct Pool {
    /// Their tokens.
    pub tokens: Tokens<PoolKeys<MachineClock>>,
    /// Their accounts.
    pub accounts: MembersPool<MachineClock>,
}

impl Members for Pool {
    async fn address(&self, token: &str) -> Result<Option<String>, ServiceError> {
        // Cognito dates its tokens by the machine's time, wherever a bundle's clock was moved to.
        let Some(bearer) = self.tokens.bearer(token, MachineClock.now()).await? else { return Ok(None) };
        // A token outlives its account by an hour, and says what the address was: the pool says what is.
        let account = self.accounts.account(&bearer.username).await?;
        let account = account.filter(|account| account.enabled && account.sub == bearer.sub);
        Ok(account.and_then(|account| account.address))
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// The seller's site or app, for anybody.
    Site,
    /// A member, for themselves.
    Member {
        /// Their verified address.
        address: String,
        /// Who they are to plans.
        id: PersonId,
    },
}

impl Caller {
    /// Who sends this; `None` for everybody else.
    ///
    /// # Errors
    /// Keys, or the pool, cannot be read.
    pub async fn of(request: &Request, keys: &impl Keys, members: &impl Members) -> Result<Option<Self>, ServiceError> {
        let Some(secret) = request.bearer() else { return Ok(None) };
        if !token::is_one(secret) {
            return Ok(keys.know(secret).await?.then_some(Self::Site));
        }
        let address = members.address(secret).await?;
        Ok(address.and_then(|address| Some(Self::Member { id: PersonId::of(&address)?, address })))
    }

    /// The address that this is about, where it may be absent: a member's own.
    ///
    /// # Errors
    /// It is somebody else's, or no text.
    pub fn may_name(&self, fields: &mut Fields) -> Result<Option<String>, Refusal> {
        let named = fields.optional_text("email")?;
        match self {
            Self::Site => Ok(named),
            Self::Member { address, .. } => match named {
                Some(other) if !self.is(&other) => Err(not_yours("email")),
                _ => Ok(Some(address.clone())),
            },
        }
    }

    /// The address that this is about.
    ///
    /// # Errors
    /// It is absent though the site asks, it is somebody else's, or no text.
    pub fn names(&self, fields: &mut Fields) -> Result<String, Refusal> {
        match self {
            Self::Site => fields.text("email"),
            Self::Member { address, .. } => Ok(self.may_name(fields)?.unwrap_or_else(|| address.clone())),
        }
    }

    /// Whether this may ask about whoever has this address.
    fn is(&self, other: &str) -> bool {
        match self {
            Self::Site => true,
            // In a query `+` is a space, and no address has one.
            Self::Member { id, .. } => PersonId::of(&other.trim().replace(' ', "+")).as_ref() == Some(id),
        }
    }

    /// Whether this may ask about a customer who is this person.
    ///
    /// # Errors
    /// The customer is somebody else, or nobody.
    pub fn may_be(&self, customer: Option<&PersonId>) -> Result<(), Refusal> {
        match self {
            Self::Member { id, .. } if customer != Some(id) => Err(not_yours("customer")),
            _ => Ok(()),
        }
    }
}

/// A member asks about somebody else. Whether there is such a person is not said.
fn not_yours(field: &str) -> Refusal {
    let text = format!("a member's token is good for the member alone; leave {field} out, or write your own");
    Refusal { field: Some(field.to_owned()), ..Refusal::new(403, "not_yours", text) }
}
