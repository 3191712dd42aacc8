//! Member profiles: their fields, the rules for each, access to them, and notices and events of changes.
//!
//! Values here are valid by construction: `input` parses client input against the rules, one file a rule; `change`
//! decides changes of a profile; `directory` is the capability to store profiles; `service` answers the operations of
//! the GraphQL API; `publish` notifies its subscribers. Sending notices, signing file URLs and decoding images live
//! elsewhere.

pub mod access;
pub mod account;
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
pub mod pace;
pub mod phone;
pub mod publish;
pub mod recent;
pub mod search;
mod sentences;
pub mod service;
pub mod skills;
pub mod text;
pub mod told;
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
pub use pace::Pace;
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

/// A verified, stored file of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptFile {
    /// Its key: `profiles/<id>/avatar/<random>`.
    pub key: String,
    /// `image/webp`.
    pub content_type: String,
    /// Size in bytes.
    pub size: u64,
    /// Key of its thumbnail; pictures only.
    pub thumbnail: Option<String>,
}

/// A member's profile. Serde writes the fields under their API names; `owner`, `language`, `touched` and `pace` are
/// stored only, never shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// The id.
    pub id: ProfileId,
    /// The name in its URL, in normal form (`handle`); none until the member chose one.
    pub handle: Option<String>,
    /// Given name; none until the member wrote it.
    pub first_name: Option<String>,
    /// Family name; none until the member wrote it.
    pub last_name: Option<String>,
    /// The e-mail address (`email`).
    pub email: String,
    /// E.164: `+33612345678`.
    pub phone: Option<String>,
    /// One line about the member.
    pub headline: Option<String>,
    /// Some paragraphs about the member.
    pub bio: Option<String>,
    /// What the member can do, in the member's order.
    pub skills: Vec<Skill>,
    /// The member's other pages on the web.
    pub links: Vec<Link>,
    /// Where the member works from.
    pub location: Option<Location>,
    /// The availability.
    pub availability: Option<Availability>,
    /// BCP 47 tags, the best spoken first.
    pub languages: Vec<String>,
    /// The picture.
    pub avatar: Option<KeptFile>,
    /// The curriculum vitae.
    pub cv: Option<KeptFile>,
    /// 1 when created, incremented by each change.
    pub version: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The `sub` of the owner (OpenID Connect Core, section 2).
    pub owner: String,
    /// The language of the request that created it.
    pub language: Language,
    /// The version that last changed each field; unchanged fields are absent.
    pub touched: BTreeMap<Field, u32>,
    /// How fast it changes, and how its notices are spaced.
    #[serde(default, skip_serializing_if = "Pace::is_default")]
    pub pace: Pace,
    /// The fields that a newer version stored: kept as they are when this version changes the profile.
    #[serde(flatten)]
    pub rest: serde_json::Map<String, serde_json::Value>,
}

impl Profile {
    /// The blank profile of a new user. `email` is in the form that [`email::Email`] stores.
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
            pace: Pace::default(),
            rest: serde_json::Map::new(),
        }
    }

    /// Whether nothing but the address was written yet: search does not find such a profile.
    pub fn is_blank(&self) -> bool {
        self.handle.is_none()
    }

    /// The language for mail to the member: the first supported one they speak, else that of their first request.
    pub fn written_to_in(&self) -> Language {
        Language::spoken(self.languages.iter().map(String::as_str)).unwrap_or(self.language)
    }

    /// Both names, as far as known.
    pub fn full_name(&self) -> String {
        let names: Vec<&str> = [&self.first_name, &self.last_name].into_iter().flatten().map(String::as_str).collect();
        names.join(" ")
    }
}
