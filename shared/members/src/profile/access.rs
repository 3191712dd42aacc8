//! Access control: operations and visible fields by role. The schema repeats it for AppSync; this is authoritative.
//!
//! A member is identified by the `sub` and groups of their token. Programs sign with IAM and may run only the
//! operations listed for them. All others have no access.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Field, Profile, account::pool_of};

/// A group of members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// Has a profile, and writes it.
    Freelancer,
    /// Team: sees every profile in full.
    Team,
    /// Administrator: may also change and delete profiles.
    Admin,
}

impl Group {
    /// Every group.
    pub const ALL: [Self; 3] = [Self::Freelancer, Self::Team, Self::Admin];

    /// The name in Cognito: `freelancer`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Freelancer => "freelancer",
            Self::Team => "team",
            Self::Admin => "admin",
        }
    }
}

/// An operation, named as in the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the operation of the API of the same name, and told in the schema")]
pub enum Operation {
    CreateProfile,
    UpdateProfile,
    DeleteProfile,
    RequestUpload,
    ConfirmUpload,
    Me,
    Profile,
    ProfileByHandle,
    SearchProfiles,
    ProfileHistory,
    ExportMyData,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 11] = [
        Self::CreateProfile,
        Self::UpdateProfile,
        Self::DeleteProfile,
        Self::RequestUpload,
        Self::ConfirmUpload,
        Self::Me,
        Self::Profile,
        Self::ProfileByHandle,
        Self::SearchProfiles,
        Self::ProfileHistory,
        Self::ExportMyData,
    ];

    /// `createProfile`.
    pub fn name(self) -> &'static str {
        match self {
            Self::CreateProfile => "createProfile",
            Self::UpdateProfile => "updateProfile",
            Self::DeleteProfile => "deleteProfile",
            Self::RequestUpload => "requestUpload",
            Self::ConfirmUpload => "confirmUpload",
            Self::Me => "me",
            Self::Profile => "profile",
            Self::ProfileByHandle => "profileByHandle",
            Self::SearchProfiles => "searchProfiles",
            Self::ProfileHistory => "profileHistory",
            Self::ExportMyData => "exportMyData",
        }
    }

    /// The operation of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }
}

/// Programs that may call the API: the name of each one's IAM role, and its operations.
pub type Programs = BTreeMap<String, BTreeSet<Operation>>;

/// The caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A user with a token of the user pool.
    Member {
        /// The `sub`, unique to the user.
        sub: String,
        /// The groups.
        groups: BTreeSet<Group>,
        /// The user pool that issued the token.
        pool: Option<String>,
        /// Their address, if the token has it and says that it is verified: ID tokens do, access tokens do not.
        email: Option<String>,
    },
    /// One of our own programs.
    Iam {
        /// The role it runs under.
        role: String,
        /// Its operations.
        may: BTreeSet<Operation>,
    },
}

/// The caller may not do this. Gives no details: it must not reveal to them what exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not allowed")]
pub struct Denied;

impl Caller {
    /// The caller in an AppSync event's `identity`: a Cognito token with its `sub`, `groups` that may be null, and
    /// `claims`; or an IAM identity with its `userArn`, of this `account`. AppSync has verified either.
    ///
    /// # Errors
    /// There is none, as with an API key, it is of another kind, or it is a program that is not listed.
    pub fn read(identity: &Value, programs: &Programs, account: &str) -> Result<Self, Denied> {
        let Value::Object(identity) = identity else { return Err(Denied) };
        match (text(identity, "sub"), text(identity, "userArn")) {
            (Some(sub), None) => Self::member(sub, identity),
            (None, Some(arn)) => {
                let role = role(arn, account).ok_or(Denied)?;
                let may = programs.get(role).cloned().ok_or(Denied)?;
                Ok(Self::Iam { role: role.to_owned(), may })
            }
            _ => Err(Denied),
        }
    }

    fn member(sub: &str, identity: &Map<String, Value>) -> Result<Self, Denied> {
        let claims = identity.get("claims").and_then(Value::as_object).ok_or(Denied)?;
        // The token carries both twice; a mismatch means that the identity is forged.
        if text(claims, "sub").is_some_and(|claimed| claimed != sub) {
            return Err(Denied);
        }
        let told = identity.get("groups").filter(|groups| !groups.is_null()).or_else(|| claims.get("cognito:groups"));
        let told = told.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let is = |group: &Group| told.iter().any(|name| name.as_str() == Some(group.name()));
        // A boolean in tokens, and text with some providers.
        let verified = claims.get("email_verified").is_some_and(|told| *told == true || *told == "true");
        let email = text(claims, "email").filter(|_| verified).map(str::to_owned);
        let pool = text(identity, "issuer").and_then(pool_of).map(str::to_owned);
        Ok(Self::Member { sub: sub.to_owned(), groups: Group::ALL.into_iter().filter(is).collect(), pool, email })
    }

    /// The `sub`, if it is a member.
    pub fn sub(&self) -> Option<&str> {
        match self {
            Self::Member { sub, .. } => Some(sub),
            Self::Iam { .. } => None,
        }
    }

    /// The user pool, if it is a member.
    pub fn pool(&self) -> Option<&str> {
        match self {
            Self::Member { pool, .. } => pool.as_deref(),
            Self::Iam { .. } => None,
        }
    }

    /// The author in the history: `member/<sub>`, `iam/<role>`.
    pub fn label(&self) -> String {
        match self {
            Self::Member { sub, .. } => format!("member/{sub}"),
            Self::Iam { role, .. } => format!("iam/{role}"),
        }
    }
}

fn text<'a>(object: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    object.get(field).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The name of the role in `arn:aws:sts::123456789012:assumed-role/<name>/<session>`.
fn role<'a>(arn: &'a str, account: &str) -> Option<&'a str> {
    let mut parts = arn.splitn(6, ':');
    let (arn, _, service, _, of) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let mut path = parts.next()?.split('/');
    let ours = arn == "arn" && service == "sts" && !account.is_empty() && of == account;
    (ours && path.next()? == "assumed-role").then(|| path.next()).flatten()
}

/// Whether `caller` may do this to a profile of `owner`, or to none in particular.
///
/// # Errors
/// They may not.
pub fn may(caller: &Caller, operation: Operation, owner: Option<&str>) -> Result<(), Denied> {
    let allowed = match caller {
        // The history contains all that a profile ever said; programs may see less than that.
        Caller::Iam { may, .. } => may.contains(&operation) && operation != Operation::ProfileHistory,
        Caller::Member { sub, groups, .. } => {
            let own = owner == Some(sub.as_str());
            let is = |group| groups.contains(&group);
            match operation {
                Operation::CreateProfile | Operation::RequestUpload | Operation::ConfirmUpload => {
                    own && is(Group::Freelancer)
                }
                Operation::UpdateProfile => own && is(Group::Freelancer) || is(Group::Admin),
                // A member removed from every group can still see and delete their own data (GDPR, articles 15 and 17).
                Operation::Me | Operation::ExportMyData => own,
                Operation::DeleteProfile => own || is(Group::Admin),
                Operation::Profile | Operation::ProfileByHandle | Operation::SearchProfiles => {
                    own || !groups.is_empty()
                }
                Operation::ProfileHistory => is(Group::Admin),
            }
        }
    };
    if allowed { Ok(()) } else { Err(Denied) }
}

/// The fields of a profile of `owner` that `caller` sees: the address, the number and the CV, which has both, are visible
/// to its owner, the team and the admins only.
pub fn visible(caller: &Caller, owner: &str) -> BTreeSet<Field> {
    let all = match caller {
        Caller::Iam { .. } => false,
        Caller::Member { sub, groups, .. } => {
            sub == owner || groups.contains(&Group::Team) || groups.contains(&Group::Admin)
        }
    };
    Field::ALL.into_iter().filter(|field| all || !is_contact(*field)).collect()
}

/// Whether this is a contact field, which not everyone may see.
pub fn is_contact(field: Field) -> bool {
    matches!(field, Field::Email | Field::Phone | Field::Cv)
}

/// The profile as `caller` sees it, as the API writes it: hidden fields are null.
pub fn view(caller: &Caller, profile: &Profile) -> Map<String, Value> {
    let visible = visible(caller, &profile.owner);
    let shown = |field: Field| if visible.contains(&field) { field.of(profile) } else { Value::Null };
    Field::ALL.into_iter().map(|field| (field.name().to_owned(), shown(field))).collect()
}
