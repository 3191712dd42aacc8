//! The members, as far as somebody who pays becomes one of them: accounts at the sign-in, and blank profiles.

use comptoir::{
    clock::{Clock, MachineClock, SystemClock},
    outcome::ServiceError,
};
use comptoir_edge::random::random_name;
use comptoir_members::profile::{
    Language, ProfileId,
    directory::Directory,
    email::{self, EmailKey},
    service::{Newcomer, welcome},
};
use comptoir_members_aws::directory::DynamoDirectory;
use comptoir_plans::joining::{House, Invitation};
use comptoir_signin::accounts::{Accounts, Invited, MembersPool, Standing};

/// The members of the stack's pool.
#[derive(Debug)]
pub struct Members {
    /// Their accounts.
    pub accounts: MembersPool<MachineClock>,
    /// Their profiles.
    pub directory: DynamoDirectory,
}

/// The address by the members' rules, under which their profiles are found.
fn read(address: &str) -> Result<String, ServiceError> {
    email::read(address, "email").map_err(|_| {
        let text = "no member can have the address that was paid with; invite this customer with another one";
        ServiceError::permanent("the members", "address_unfit", text)
    })
}

impl House for Members {
    async fn has(&self, address: &str) -> Result<bool, ServiceError> {
        Ok(self.directory.holder(&EmailKey::of(&read(address)?)).await?.is_some())
    }

    async fn invite(&self, address: &str) -> Result<Invitation, ServiceError> {
        let address = read(address)?;
        if let Invited::Now(account) = self.accounts.invite(&address).await? {
            return Ok(Invitation::Sent { sub: account.sub });
        }
        let known = self.accounts.account(&address).await?;
        // It was there a moment ago: the next attempt knows more.
        let known = known.ok_or_else(|| ServiceError::transient("the sign-in", "an account is there and is not"))?;
        Ok(match (known.standing, known.address) {
            (Standing::Unconfirmed, _) => Invitation::Waiting,
            (_, None) => Invitation::Unproven,
            (standing, Some(_)) => Invitation::Known { sub: known.sub, answered: standing == Standing::Held },
        })
    }

    async fn welcome(&self, sub: &str, address: &str) -> Result<(), ServiceError> {
        let pool = Some(self.accounts.pool.as_str());
        // Nobody has said a language yet.
        let newcomer = Newcomer { sub, email: address, name: None, language: Language::default(), pool };
        welcome(&self.directory, ProfileId(random_name()), newcomer, SystemClock.now()).await.map(drop)
    }
}
