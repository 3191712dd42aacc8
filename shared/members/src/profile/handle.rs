//! The handle: the name in a profile's URL, unique by appearance.
//!
//! A handle is compared by its key: case and compatibility forms folded (Unicode Standard Annex 15, 31), then mapped to
//! confusable skeletons (Unicode Technical Standard 39). `paypal` and `раураl` have one key.

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
/// How long a released handle still redirects to its member, and is reserved.
pub const RESERVED_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Rounds of mapping and folding until a key is stable; two suffice for every character of Unicode 16.
const ROUNDS: usize = 4;

/// Reserved words, one a line: our own names, roles, parts of URLs and lookalikes.
const RESERVED: &str = include_str!("reserved.txt");

/// The key that handles are compared by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HandleKey(pub String);

impl std::fmt::Display for HandleKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl HandleKey {
    /// The key of any spelling of a handle, even of an invalid one.
    pub fn of(handle: &str) -> Self {
        // A skeleton may have a capital or a compatibility form, which folds again and has a skeleton of its own.
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

/// Who owns a handle, or did: the item whose existence reserves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HandleGuard {
    /// The key, shared by lookalikes.
    pub key: HandleKey,
    /// The profile.
    pub profile: ProfileId,
    /// When it was released, if it was.
    pub released_at: Option<Timestamp>,
}

impl HandleGuard {
    /// Whether `profile` may take the handle at `now`: it is theirs, or the grace period is over.
    pub fn admits(&self, profile: &ProfileId, now: Timestamp) -> bool {
        self.profile == *profile || !self.leads(now)
    }

    /// Whether the handle resolves to its profile at `now`.
    pub fn leads(&self, now: Timestamp) -> bool {
        self.released_at.is_none_or(|released| now.duration_since(released) < RESERVED_FOR)
    }
}

/// `value` with case and compatibility forms folded.
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
/// It is too short or too long, has other characters, mixes scripts, or is reserved.
pub fn read(value: &str, path: &str) -> Result<String, Violation> {
    let violation = |code| Err(Violation::new(code, path, value));
    // Far more than any spelling of thirty characters has: longer input is not worth folding.
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

/// Letters with their marks and digits, with single separators between.
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

/// The keys of reserved words, computed once: a few hundred foldings are too slow per request.
static RESERVED_SHAPES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let words = RESERVED.lines().map(str::trim).filter(|word| !word.is_empty() && !word.starts_with('#'));
    words.map(shape).collect()
});

/// The key of reserved words: the digit one matches an i as well as the l that the tables map it to.
fn shape(word: &str) -> String {
    HandleKey::of(word).0.replace('l', "i")
}

/// Whether `letters`, a handle without separators, looks like a reserved word, with or without a number after it.
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
