//! The fields of a profile by name: what a client selects, what a change touches, what a role may see.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Profile;

/// A field of a profile, named as the API names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "each is the field of `Profile` of the same name, and told there")]
pub enum Field {
    Id,
    Handle,
    FirstName,
    LastName,
    Email,
    Phone,
    Headline,
    Bio,
    Skills,
    Links,
    Location,
    Availability,
    Languages,
    Avatar,
    Cv,
    Version,
    CreatedAt,
    UpdatedAt,
}

impl Field {
    /// Every field, in the order of the API.
    pub const ALL: [Self; 18] = [
        Self::Id,
        Self::Handle,
        Self::FirstName,
        Self::LastName,
        Self::Email,
        Self::Phone,
        Self::Headline,
        Self::Bio,
        Self::Skills,
        Self::Links,
        Self::Location,
        Self::Availability,
        Self::Languages,
        Self::Avatar,
        Self::Cv,
        Self::Version,
        Self::CreatedAt,
        Self::UpdatedAt,
    ];

    /// The fields that a change may touch: all but those that the service sets itself.
    pub const CONTENT: [Self; 14] = {
        let [_id, content @ .., _version, _created_at, _updated_at] = Self::ALL;
        content
    };

    /// `firstName`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Handle => "handle",
            Self::FirstName => "firstName",
            Self::LastName => "lastName",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Headline => "headline",
            Self::Bio => "bio",
            Self::Skills => "skills",
            Self::Links => "links",
            Self::Location => "location",
            Self::Availability => "availability",
            Self::Languages => "languages",
            Self::Avatar => "avatar",
            Self::Cv => "cv",
            Self::Version => "version",
            Self::CreatedAt => "createdAt",
            Self::UpdatedAt => "updatedAt",
        }
    }

    /// The value of this field, as the API writes it.
    pub fn of(self, profile: &Profile) -> Value {
        let value = match self {
            Self::Id => serde_json::to_value(&profile.id),
            Self::Handle => serde_json::to_value(&profile.handle),
            Self::FirstName => serde_json::to_value(&profile.first_name),
            Self::LastName => serde_json::to_value(&profile.last_name),
            Self::Email => serde_json::to_value(&profile.email),
            Self::Phone => serde_json::to_value(&profile.phone),
            Self::Headline => serde_json::to_value(&profile.headline),
            Self::Bio => serde_json::to_value(&profile.bio),
            Self::Skills => serde_json::to_value(&profile.skills),
            Self::Links => serde_json::to_value(&profile.links),
            Self::Location => serde_json::to_value(&profile.location),
            Self::Availability => serde_json::to_value(&profile.availability),
            Self::Languages => serde_json::to_value(&profile.languages),
            Self::Avatar => serde_json::to_value(&profile.avatar),
            Self::Cv => serde_json::to_value(&profile.cv),
            Self::Version => serde_json::to_value(profile.version),
            Self::CreatedAt => serde_json::to_value(profile.created_at),
            Self::UpdatedAt => serde_json::to_value(profile.updated_at),
        };
        // Serializing these types cannot fail: their keys are strings and their numbers integers.
        value.unwrap_or_default()
    }
}
