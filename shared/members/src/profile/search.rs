//! Member search: the query, matching profiles, and the cursor, which is valid for its own query only.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    Profile, Status, skills, text,
    violation::{Code, Violation},
};

/// Most profiles on one page.
pub const LARGEST_PAGE: u32 = 50;
/// Default page size.
pub const USUAL_PAGE: u32 = 20;
/// Most bytes of a search term.
pub const LONGEST: usize = 200;
/// Most bytes of a cursor.
const LONGEST_CURSOR: usize = 1024;

/// A query; profiles must match all of it. In normal form.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Query {
    /// A skill's key.
    pub skill: Option<String>,
    /// A prefix of a word in the handle, the names or the headline.
    pub text: Option<String>,
    /// The availability.
    pub availability: Option<Status>,
}

impl Query {
    /// The query in normal form.
    ///
    /// # Errors
    /// A term is too long, or contains invisible characters.
    pub fn new(
        skill: Option<&str>,
        prefix: Option<&str>,
        availability: Option<Status>,
    ) -> Result<Self, Vec<Violation>> {
        let mut violations = Vec::new();
        let mut plain = |value: Option<&str>, path: &str| {
            let value = value.map(str::trim).filter(|value| !value.is_empty())?;
            if value.len() > LONGEST {
                violations.push(Violation::new(Code::TooLong, path, value).with(LONGEST));
                return None;
            }
            if let Some(code) = text::unfit(value, false) {
                violations.push(Violation::new(code, path, value));
            }
            Some(skills::key(value))
        };
        let query = Self { skill: plain(skill, "skill"), text: plain(prefix, "text"), availability };
        if violations.is_empty() { Ok(query) } else { Err(violations) }
    }

    /// Whether a profile matches. A blank profile matches nothing.
    pub fn finds(&self, profile: &Profile) -> bool {
        !profile.is_blank()
            && self.skill.as_ref().is_none_or(|skill| profile.skills.iter().any(|one| skills::key(&one.name) == *skill))
            && self.text.as_ref().is_none_or(|text| words(profile).iter().any(|word| word.starts_with(text)))
            && self.availability.is_none_or(|wanted| {
                profile.availability.as_ref().is_some_and(|availability| availability.status == wanted)
            })
    }

    /// The fingerprint of the query in its cursors.
    pub fn fingerprint(&self) -> String {
        let canonical = serde_json::to_vec(self).unwrap_or_default();
        Sha256::digest(canonical).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The search terms of a profile: the words of its handle, names and headline, each with the rest of its field, so that
/// `jean l` finds Jean Luc.
pub fn words(profile: &Profile) -> BTreeSet<String> {
    let fields = [&profile.handle, &profile.first_name, &profile.last_name, &profile.headline];
    let whole = profile.full_name();
    let texts = fields.into_iter().flatten().map(String::as_str).chain([whole.as_str()]);
    texts.flat_map(|text| tails(&skills::key(text))).collect()
}

/// `jean luc` and `luc` of `jean luc`.
fn tails(text: &str) -> Vec<String> {
    let starts = text.split_whitespace().scan(text, |rest, word| {
        let at = rest.find(word)?;
        let from = rest.get(at..)?;
        *rest = from.get(word.len()..)?;
        Some(from.to_owned())
    });
    starts.collect()
}

/// A cursor, as a client carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    /// The query's fingerprint.
    of: String,
    /// The last position, as the directory encodes it.
    after: String,
}

/// The cursor for this position; `of` identifies the list: a query's fingerprint, a profile's history.
pub fn cursor(of: &str, after: &str) -> String {
    let cursor = Cursor { of: of.to_owned(), after: after.to_owned() };
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).unwrap_or_default())
}

/// The position in a cursor of `of`. It is not a secret: a forged cursor only starts elsewhere in the same list.
///
/// # Errors
/// It is a cursor of another list, or malformed.
pub fn place(of: &str, cursor: &str) -> Result<String, Violation> {
    let foreign = || Violation::new(Code::CursorForeign, "cursor", cursor);
    if cursor.len() > LONGEST_CURSOR {
        return Err(foreign());
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| foreign())?;
    let read: Cursor = serde_json::from_slice(&bytes).map_err(|_| foreign())?;
    if read.of == of { Ok(read.after) } else { Err(foreign()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_goes_on_with_its_own_search_alone() {
        let rust = Query::new(Some("Rust"), None, None).unwrap();
        let same = Query::new(Some(" ＲＵＳＴ "), Some(" "), None).unwrap();
        let sql = Query::new(Some("SQL"), None, None).unwrap();
        let cursor = cursor(&rust.fingerprint(), "p1");
        assert_eq!(place(&same.fingerprint(), &cursor).as_deref(), Ok("p1"));
        assert_eq!(place(&sql.fingerprint(), &cursor).map_err(|wrong| wrong.code), Err(Code::CursorForeign));
        for bad in ["", "x", "e30", &"a".repeat(2000)] {
            assert!(place(&rust.fingerprint(), bad).is_err());
        }
    }

    #[test]
    fn words_are_found_by_how_they_begin() {
        assert_eq!(tails("jean luc le gall"), ["jean luc le gall", "luc le gall", "le gall", "gall"]);
        assert!(tails("").is_empty());
    }
}
