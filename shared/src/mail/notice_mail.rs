//! The values of a notice about a profile: kept in the outbox, composed when it is sent.

use serde::{Deserialize, Serialize};

/// What happened to a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeEvent {
    /// It was created, or filled in for the first time.
    Created,
    /// It changed.
    Changed,
    /// It is being deleted, with all that belongs to it.
    Deleted,
}

/// The fields that a change may affect, by their API names; the templates have wording for each.
pub const FIELDS: [&str; 14] = [
    "handle",
    "firstName",
    "lastName",
    "email",
    "phone",
    "headline",
    "bio",
    "skills",
    "links",
    "location",
    "availability",
    "languages",
    "avatar",
    "cv",
];

impl NoticeEvent {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Created, Self::Changed, Self::Deleted];
}

/// The words and values of a notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeMail {
    /// `fr` or `en`.
    pub language: String,
    /// The platform's name.
    pub seller_name: String,
    /// The contact address for the reader.
    pub contact: String,
    /// `#rrggbb`.
    pub accent: String,
    /// What happened.
    pub event: NoticeEvent,
    /// The member's name, or handle; empty where neither is known.
    pub name: String,
    /// The profile's handle, or its id while it has none.
    pub profile: String,
    /// The fields that changed, with the API's names.
    pub changes: Vec<String>,
}

#[cfg(feature = "mail-compose")]
impl NoticeMail {
    /// A notice that uses every part of the templates.
    pub(super) fn sample(language: &str, event: NoticeEvent) -> Self {
        Self {
            language: language.to_owned(),
            seller_name: "Atelier Exemple".to_owned(),
            contact: "contact@example.org".to_owned(),
            accent: "#1f3a5f".to_owned(),
            event,
            name: "Camille Spécimen".to_owned(),
            profile: "camille".to_owned(),
            changes: FIELDS.map(str::to_owned).to_vec(),
        }
    }
}
