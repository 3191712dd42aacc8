//! How an object holds others: by id, expanded, or in a list. An id is checked before anything else is done with it, because
//! it goes into paths of Stripe's API and into keys.

use serde::{Deserialize, Deserializer, de::Error};

/// Longest id in characters (docs.stripe.com/upgrades, "What changes does Stripe consider to be backward-compatible?").
const LONGEST_ID: usize = 255;

/// Whether this has the form of Stripe's ids: letters, digits and `_`, 255 at most.
pub fn is_id(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// An id, or the object itself where it is expanded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Reference {
    /// The id.
    Id(#[serde(deserialize_with = "checked")] String),
    /// The object.
    Object {
        /// Its id.
        #[serde(deserialize_with = "checked")]
        id: String,
    },
}

impl Reference {
    /// The id, in either form.
    pub fn id(&self) -> &str {
        match self {
            Self::Id(id) | Self::Object { id } => id,
        }
    }
}

fn checked<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let id = String::deserialize(deserializer)?;
    if is_id(&id) { Ok(id) } else { Err(D::Error::custom("no id of Stripe")) }
}

/// A list, or its first page.
#[derive(Debug, Clone, Deserialize)]
pub struct List<T> {
    /// The entries.
    #[serde(default = "Vec::new")]
    pub data: Vec<T>,
    /// Whether another page follows.
    #[serde(default)]
    pub has_more: bool,
}
