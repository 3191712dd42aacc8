//! The values of a digest for the team: kept in the outbox without its lines, composed when it is sent.

use serde::{Deserialize, Serialize};

#[cfg(feature = "mail-compose")]
use super::FIELDS;
use super::{MailId, NoticeEvent};

/// A digest as it is stored, and as the templates read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestMail {
    /// `fr` or `en`.
    pub language: String,
    /// The platform's name.
    pub seller_name: String,
    /// `#rrggbb`.
    pub accent: String,
    /// The notices that it contains.
    pub notices: Vec<MailId>,
    /// Their contents; read when it is sent, and never stored.
    #[serde(skip)]
    pub lines: Vec<DigestLine>,
}

/// One profile, as one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DigestLine {
    /// What happened; of several events, the most significant.
    pub event: NoticeEvent,
    /// The member's name, or handle; empty where neither is known.
    pub name: String,
    /// The profile's handle, or its id while it has none.
    pub profile: String,
    /// Every field that changed, with the API's names; empty for a deleted profile.
    pub changes: Vec<String>,
}

#[cfg(feature = "mail-compose")]
impl DigestMail {
    /// A digest that uses every part of the templates.
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
