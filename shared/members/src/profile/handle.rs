//! The handle: the name in a profile's address, one for each way it can look.
//!
//! A handle is compared by its key: case and compatibility forms folded (Unicode Standard Annex 15, 31), then drawn down
//! to the shapes that readers confuse (Unicode Technical Standard 39, skeletons). Whoever has `paypal` has `раураl`.

use std::{collections::BTreeSet, sync::LazyLock};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};
use unicode_security::{GeneralSecurityProfile, MixedScript, confusable_detection::skeleton};
use unicode_segmentation::UnicodeSegmentation;

use super::{
    ProfileId,
    violation::{Code, Violation},
};

/// Fewest characters.
pub const LEAST: usize = 3;
/// Most characters.
pub const MOST: usize = 30;
/// How long a handle that was given up still leads to its member, and to nobody else.
pub const RESERVED_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Rounds of drawing and folding until a key is its own; two do for every character of Unicode 16.
const ROUNDS: usize = 4;

/// Words that nobody may have, one a line: those of the house, of roles, of addresses and of what is mistaken for them.
const RESERVED: &str = include_str!("reserved.txt");

/// What handles are compared by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HandleKey(pub String);

impl std::fmt::Display for HandleKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl HandleKey {
    /// The key of any spelling of a handle, even of one that could not be had.
    pub fn of(handle: &str) -> Self {
        // A shape may have a capital or a compatibility form, which folds again, into what has a shape of its own.
        let mut key = folded(handle);
        for _ in 0..ROUNDS {
            let drawn: String = skeleton(&key).collect();
            let next: String = folded(&drawn).nfc().collect();
            if next == key {
                break;
            }
            key = next;
        }
        Self(key)
    }
}

/// Who has a handle, or had it: the item whose existence makes a handle theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HandleGuard {
    /// Which, with all that looks like it.
    pub key: HandleKey,
    /// Whose.
    pub profile: ProfileId,
    /// When it was given up, if it was.
    pub released_at: Option<Timestamp>,
}

impl HandleGuard {
    /// Whether `profile` may have the handle at `now`: it is theirs, or its time of grace is over.
    pub fn admits(&self, profile: &ProfileId, now: Timestamp) -> bool {
        self.profile == *profile || !self.leads(now)
    }

    /// Whether the handle leads to its profile at `now`.
    pub fn leads(&self, now: Timestamp) -> bool {
        self.released_at.is_none_or(|released| now.duration_since(released) < RESERVED_FOR)
    }
}

/// `value` without differences of case and of compatibility.
pub(super) fn folded(value: &str) -> String {
    if value.is_ascii() {
        return value.to_ascii_lowercase();
    }
    let fold = |text: String| caseless::default_case_fold_str(&text).nfkc().collect::<String>();
    fold(fold(value.nfkc().collect()))
}

/// The handle in normal form.
///
/// # Errors
/// It is too short or too long, has other signs, mixes scripts, or is reserved.
pub fn read(value: &str, path: &str) -> Result<String, Violation> {
    let violation = |code| Err(Violation::new(code, path, value));
    // Far above what any spelling of thirty characters has: longer ones are not worth folding.
    if value.len() > 1000 {
        return Err(Violation::new(Code::TooLong, path, value).with(MOST));
    }
    let handle = folded(value.trim().strip_prefix('@').unwrap_or(value.trim()));
    let length = handle.graphemes(true).count();
    if length == 0 {
        return violation(Code::Required);
    }
    if length < LEAST {
        return Err(Violation::new(Code::TooShort, path, value).with(LEAST));
    }
    // Marks are counted too, so that a handle of thirty letters cannot carry hundreds.
    if length > MOST || handle.chars().count() > 2 * MOST {
        return Err(Violation::new(Code::TooLong, path, value).with(MOST));
    }
    if !well_formed(&handle) {
        return violation(Code::HandleMalformed);
    }
    let letters: String = handle.chars().filter(|c| !is_sign(*c)).collect();
    if !letters.is_single_script() || !letters.chars().all(GeneralSecurityProfile::identifier_allowed) {
        return violation(Code::HandleMixedScripts);
    }
    if is_reserved(&letters) {
        return violation(Code::HandleReserved);
    }
    Ok(handle)
}

fn is_sign(c: char) -> bool {
    matches!(c, '-' | '_')
}

/// Letters, the marks on them and digits, with single signs between.
fn well_formed(handle: &str) -> bool {
    let parts: Vec<&str> = handle.split(is_sign).collect();
    let one = |part: &&str| {
        let group = |c: char| c.general_category_group();
        let starts = part.chars().next().is_some_and(|c| c.is_alphanumeric() && group(c) != GeneralCategoryGroup::Mark);
        starts
            && part.chars().all(|c| match group(c) {
                GeneralCategoryGroup::Letter | GeneralCategoryGroup::Mark => true,
                _ => c.is_ascii_digit(),
            })
    };
    parts.iter().all(one) && handle.chars().any(char::is_alphabetic)
}

/// The reserved words by their shape, drawn once: a few hundred foldings are not for every request.
static RESERVED_SHAPES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let words = RESERVED.lines().map(str::trim).filter(|word| !word.is_empty() && !word.starts_with('#'));
    words.map(shape).collect()
});

/// What reserved words are compared by: a digit one passes for an i as well as for the l that the tables draw it as.
fn shape(word: &str) -> String {
    HandleKey::of(word).0.replace('l', "i")
}

/// Whether `letters`, a handle without its signs, looks like a reserved word, with or without a number after it.
fn is_reserved(letters: &str) -> bool {
    let bare = letters.trim_end_matches(|c: char| c.is_ascii_digit());
    [letters, bare].into_iter().any(|letters| RESERVED_SHAPES.contains(&shape(letters)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_kept_in_normal_form() {
        for (written, kept) in [
            ("Zoe", "zoe"),
            ("@jean-paul", "jean-paul"),
            (" Zoé_L3 ", "zoé_l3"),
            ("ＺＯＥ", "zoe"),
            ("Straße", "strasse"),
            ("ИВАН", "иван"),
        ] {
            assert_eq!(read(written, "handle").as_deref(), Ok(kept), "{written}");
        }
    }

    #[test]
    fn handles_that_nobody_can_have() {
        for (written, code) in [
            ("", Code::Required),
            ("ab", Code::TooShort),
            ("abcdefghijklmnopqrstuvwxyzabcde", Code::TooLong),
            ("a--b", Code::HandleMalformed),
            ("-abc", Code::HandleMalformed),
            ("abc_", Code::HandleMalformed),
            ("a b c", Code::HandleMalformed),
            ("123", Code::HandleMalformed),
            ("zoe💥", Code::HandleMalformed),
            ("zo\u{202e}e", Code::HandleMalformed),
            ("zo\u{200b}e", Code::HandleMalformed),
            ("раypal", Code::HandleMixedScripts),
            ("admin", Code::HandleReserved),
            ("Adm1n", Code::HandleReserved),
            ("a-d-m-i-n", Code::HandleReserved),
            ("support24", Code::HandleReserved),
        ] {
            assert_eq!(read(written, "handle").map_err(|wrong| wrong.code), Err(code), "{written}");
        }
    }

    #[test]
    fn what_looks_alike_has_one_key() {
        for (one, other) in [
            ("раypal", "paypal"),
            ("сосо", "coco"),
            ("paypa1", "paypal"),
            ("g00gle", "google"),
            ("ZOE", "zoe"),
            ("ｚｏｅ", "zoe"),
            ("modem", "modern"),
        ] {
            assert_eq!(HandleKey::of(one), HandleKey::of(other), "{one} and {other}");
        }
        assert_ne!(HandleKey::of("zoe"), HandleKey::of("zoé"));
    }

    #[test]
    fn a_guard_lets_go_after_thirty_days() {
        let released: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let (owner, other) = (ProfileId("p1".into()), ProfileId("p2".into()));
        let mut guard = HandleGuard { key: HandleKey::of("zoe"), profile: owner.clone(), released_at: None };
        assert!(guard.admits(&owner, released) && !guard.admits(&other, released));
        guard.released_at = Some(released);
        let last = released + RESERVED_FOR - SignedDuration::from_secs(1);
        assert!(!guard.admits(&other, last) && guard.leads(last));
        assert!(guard.admits(&other, released + RESERVED_FOR) && !guard.leads(released + RESERVED_FOR));
    }
}
