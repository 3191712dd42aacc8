//! Member profiles: what a profile is, what its members may write, who may do and see what, and what is told of it.
//!
//! Values here are valid by construction: `input` reads what a client sent and holds it against the rules, one file a
//! rule; `change` decides what becomes of a profile; `directory` is the capability to keep profiles; `service` answers
//! the operations of the GraphQL API; `publish` tells its subscribers. Sending notices, signing addresses of files and reading
//! images live elsewhere.

pub mod access;
pub mod availability;
pub mod change;
mod code;
pub mod directory;
pub mod email;
pub mod field;
pub mod form;
pub mod handle;
pub mod input;
pub mod language;
pub mod links;
pub mod location;
pub mod names;
pub mod notice;
pub mod phone;
pub mod publish;
pub mod search;
mod sentences;
pub mod service;
pub mod skills;
pub mod text;
pub mod upload;
pub mod violation;
mod visible;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use availability::{Availability, Status};
pub use field::Field;
pub use language::Language;
pub use links::{Link, LinkKind};
pub use location::Location;
pub use skills::{Level, Skill};

/// A profile's id: random, and the same for as long as the profile exists.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProfileId(pub String);

impl std::fmt::Display for ProfileId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A file of a profile that was checked and is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptFile {
    /// Where it lies: `profiles/<id>/avatar/<random>`.
    pub key: String,
    /// `image/webp`.
    pub content_type: String,
    /// Bytes.
    pub size: u64,
    /// Where its thumbnail lies; pictures only.
    pub thumbnail: Option<String>,
}

/// A member's profile. What the API calls its fields is how serde writes them; `owner`, `language` and `touched` are kept
/// beside and never shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Which.
    pub id: ProfileId,
    /// The name in its address, in normal form (`handle`); none until the member chose one.
    pub handle: Option<String>,
    /// Given name; none until the member wrote it.
    pub first_name: Option<String>,
    /// Family name; none until the member wrote it.
    pub last_name: Option<String>,
    /// Where mail goes (`email`).
    pub email: String,
    /// E.164: `+33612345678`.
    pub phone: Option<String>,
    /// One line about the member.
    pub headline: Option<String>,
    /// Some paragraphs about the member.
    pub bio: Option<String>,
    /// What the member can do, in the member's order.
    pub skills: Vec<Skill>,
    /// Where else the member is found.
    pub links: Vec<Link>,
    /// Where the member works from.
    pub location: Option<Location>,
    /// When the member is free.
    pub availability: Option<Availability>,
    /// BCP 47 tags, the best spoken first.
    pub languages: Vec<String>,
    /// The picture.
    pub avatar: Option<KeptFile>,
    /// The curriculum vitae.
    pub cv: Option<KeptFile>,
    /// 1 when created, one more with each change.
    pub version: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The `sub` of the member whose it is (OpenID Connect Core, section 2).
    pub owner: String,
    /// The language of the request that created it.
    pub language: Language,
    /// The version in which each field last changed; fields that never did are absent.
    pub touched: BTreeMap<Field, u32>,
}

impl Profile {
    /// The profile of somebody who signed up and wrote nothing yet. `email` is in the form that [`email::Email`] keeps.
    pub fn blank(id: ProfileId, owner: &str, email: &str, language: Language, now: Timestamp) -> Self {
        Self {
            id,
            handle: None,
            first_name: None,
            last_name: None,
            email: email.to_owned(),
            phone: None,
            headline: None,
            bio: None,
            skills: Vec::new(),
            links: Vec::new(),
            location: None,
            availability: None,
            languages: Vec::new(),
            avatar: None,
            cv: None,
            version: 1,
            created_at: now,
            updated_at: now,
            owner: owner.to_owned(),
            language,
            touched: BTreeMap::new(),
        }
    }

    /// Whether nothing was written yet but the address: such a profile is found by nobody.
    pub fn is_blank(&self) -> bool {
        self.handle.is_none()
    }

    /// The language to write to the member in: the first they speak that we do, else the one they came with.
    pub fn written_to_in(&self) -> Language {
        Language::spoken(self.languages.iter().map(String::as_str)).unwrap_or(self.language)
    }

    /// Both names, as far as they are known.
    pub fn full_name(&self) -> String {
        let names: Vec<&str> = [&self.first_name, &self.last_name].into_iter().flatten().map(String::as_str).collect();
        names.join(" ")
    }
}
