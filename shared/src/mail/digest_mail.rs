//! What a digest for the team says, as values: kept in the outbox without its lines, composed when it is sent.

use serde::{Deserialize, Serialize};

#[cfg(feature = "mail-compose")]
use super::FIELDS;
use super::{MailId, NoticeEvent};

/// A digest as it is kept, and as the templates read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestMail {
    /// `fr` or `en`.
    pub language: String,
    /// Whose platform it is.
    pub seller_name: String,
    /// `#rrggbb`.
    pub accent: String,
    /// Which notices it tells.
    pub notices: Vec<MailId>,
    /// What they say; read when it is sent, and never kept.
    #[serde(skip)]
    pub lines: Vec<DigestLine>,
}

/// What happened to one profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DigestLine {
    /// What happened; where it was several things, the one that says most.
    pub event: NoticeEvent,
    /// The member's name, or handle; empty where neither is known.
    pub name: String,
    /// The profile's handle, or its id while it has none.
    pub profile: String,
    /// Every field that changed, as the API names them; none of a profile that is gone.
    pub changes: Vec<String>,
}

#[cfg(feature = "mail-compose")]
impl DigestMail {
    /// A digest that shows every part of the templates.
    pub(super) fn sample(language: &str) -> Self {
        let line = |event| DigestLine {
            event,
            name: "Camille Spécimen".to_owned(),
            profile: "camille".to_owned(),
            changes: FIELDS.map(str::to_owned).to_vec(),
        };
        Self {
            language: language.to_owned(),
            seller_name: "Atelier Exemple".to_owned(),
            accent: "#1f3a5f".to_owned(),
            notices: Vec::new(),
            lines: NoticeEvent::ALL.map(line).to_vec(),
        }
    }
}
