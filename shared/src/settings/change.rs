//! What may be saved: facts that documents were made of do not change afterwards, and of two people who change the
//! same version one wins and the other is told.

use jiff::{Timestamp, civil::Date};

use super::{SaveResult, SettingsReader, SettingsWriter, StoredSettings, WHAT};
use crate::{
    outcome::ServiceError,
    seller::{InvalidSettings, Problem, Settings, SettingsDocument},
};

/// A wish to save settings.
#[derive(Debug, Clone)]
pub struct Change {
    /// The new document.
    pub document: SettingsDocument,
    /// The version that it was made from; without it, whatever stands is replaced.
    pub seen: Option<u64>,
    /// Who saves: an opaque name.
    pub by: String,
    /// The change is meant for the past too: sales that have no document yet are made under it. Documents keep theirs.
    pub past: bool,
}

/// Settings that were saved, or stood already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saved {
    /// Their version.
    pub version: u64,
    /// Whether they differ from the version before.
    pub changed: bool,
}

/// Why settings were not saved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSaved {
    /// What is wrong with them.
    #[error(transparent)]
    Invalid(#[from] InvalidSettings),
    /// Someone saved in the meantime.
    #[error("version {0} was saved in the meantime; look at it, then save again")]
    Conflict(u64),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] ServiceError),
}

/// Saves the settings as the next version. The same document as the newest saves nothing, so a repetition is harmless.
///
/// # Errors
/// What is wrong with the document, that another version stands, or that the store failed.
pub async fn save(
    store: &(impl SettingsReader + SettingsWriter),
    change: Change,
    now: Timestamp,
) -> Result<Saved, NotSaved> {
    let after = Settings::of(&change.document)?;
    let document = serde_json::to_string(&change.document.whole())
        .map_err(|error| ServiceError::permanent(WHAT, "record_unwritable", error.to_string()))?;
    let newest = store.newest().await?;
    let standing = newest.as_ref().map_or(0, |newest| newest.version);
    if newest.as_ref().is_some_and(|newest| newest.document == document) {
        return Ok(Saved { version: standing, changed: false });
    }
    if change.seen.is_some_and(|seen| seen != standing) {
        return Err(NotSaved::Conflict(standing));
    }
    let mut problems = Vec::new();
    if let Some(books) = store.books().await? {
        if books != after.siren() {
            let fix =
                format!("write {books}: the books belong to it, and another legal person needs a stack of its own");
            problems.push(Problem { field: "seller.siren".to_owned(), value: after.siren().to_owned(), fix });
        }
        // Settings that nobody can read are replaced by ones that everybody can.
        if let Some(before) = newest.as_ref().and_then(|newest| newest.read().ok())
            && !change.past
        {
            let today = after.day_of(now).max(before.day_of(now));
            problems.extend(forbidden(&before, &after, today));
        }
    }
    if !problems.is_empty() {
        return Err(InvalidSettings(problems).into());
    }
    commit(store, StoredSettings { version: standing + 1, document, saved_at: now, saved_by: change.by }).await
}

/// Saves `next`, the version after the one that was read.
///
/// # Errors
/// That another version was saved in the meantime, or that the store failed.
pub async fn commit(store: &(impl SettingsReader + SettingsWriter), next: StoredSettings) -> Result<Saved, NotSaved> {
    match store.save(&next).await? {
        SaveResult::Saved => Ok(Saved { version: next.version, changed: true }),
        SaveResult::Conflict => {
            let standing = store.newest().await?;
            // Our own save, whose answer was lost, is no conflict.
            match standing {
                Some(standing) if standing.document == next.document => {
                    Ok(Saved { version: standing.version, changed: true })
                }
                standing => Err(NotSaved::Conflict(standing.map_or(0, |standing| standing.version))),
            }
        }
    }
}

/// The changes of facts until today that a seller who has issued documents makes by saying so alone.
fn forbidden(before: &Settings, after: &Settings, today: Date) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut refuse = |field: &str, value: &str, fix: String| {
        problems.push(Problem { field: field.to_owned(), value: value.to_owned(), fix });
    };
    let meant = "if sales that wait for their document are to be made under the new facts, save with \"past\": true (cargo \
                 settings import --past): documents keep theirs";
    if before.time_zone_name() != after.time_zone_name() {
        let fix = format!("leave {:?}: days and months so far began at its midnight; {meant}", before.time_zone_name());
        refuse("invoice.time_zone", after.time_zone_name(), fix);
    }
    let earliest = today.tomorrow().unwrap_or(today);
    let dated = |list: &str, as_before: &dyn Fn(Date) -> bool, turns: Vec<Date>| {
        let changed = turns.into_iter().filter(|day| *day <= today).chain([today]).find(|day| !as_before(*day))?;
        let from = if changed == Date::MIN { "the beginning".to_owned() } else { changed.to_string() };
        let fix = format!(
            "leave what applied until today, and write the change as a further [[{list}]] with from = \"{earliest}\" or \
             later: documents were made of the facts so far (they differ from {from} on); {meant}"
        );
        Some(fix)
    };
    let turns = |settings: &Settings| settings.tax_turns().collect::<Vec<_>>();
    let as_before = |day| before.taxed_alike(after, day);
    if let Some(fix) = dated("vat", &as_before, [turns(before), turns(after)].concat()) {
        refuse("vat", "", fix);
    }
    let turns = |settings: &Settings| settings.numbering_turns().collect::<Vec<_>>();
    let as_before = |day| before.numbered_alike(after, day);
    if let Some(fix) = dated("numbering", &as_before, [turns(before), turns(after)].concat()) {
        refuse("invoice.series", "", fix);
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        billing::{identity::Identity, ledger::Ledger},
        memory::{Fault, FaultPlan, InMemoryStore, at_once},
        testing::{FRANCHISE_TOML, STANDARD_TOML},
    };
    use std::sync::Arc;

    fn start() -> Timestamp {
        "2026-11-21T10:00:00Z".parse().unwrap()
    }

    fn change(toml: &str) -> Change {
        let document = SettingsDocument::from_toml(toml).unwrap();
        Change { document, seen: None, by: "owner".to_owned(), past: false }
    }

    fn saved(store: &InMemoryStore, toml: &str) -> Saved {
        at_once(save(store, change(toml), start())).unwrap()
    }

    fn refused(begun: bool, from: &str, to: &str) -> Vec<String> {
        let store = InMemoryStore::default();
        saved(&store, from);
        if begun {
            let siren = "123456782".to_owned();
            at_once(store.begin(&Identity { id: "books".to_owned(), siren, begun_at: start() })).unwrap();
        }
        match at_once(save(&store, change(to), start())) {
            Err(NotSaved::Invalid(invalid)) => invalid.0.iter().map(ToString::to_string).collect(),
            Err(other) => panic!("{other}"),
            Ok(_) => Vec::new(),
        }
    }

    #[test]
    fn versions_follow_one_another_and_all_are_kept() {
        let store = InMemoryStore::default();
        assert_eq!(saved(&store, FRANCHISE_TOML), Saved { version: 1, changed: true });
        assert_eq!(saved(&store, FRANCHISE_TOML), Saved { version: 1, changed: false });
        assert_eq!(saved(&store, &FRANCHISE_TOML.replace("contact@", "bonjour@")), Saved { version: 2, changed: true });
        let first = at_once(store.version(1)).unwrap().unwrap().read().unwrap();
        assert_eq!((first.version, first.newest().party.email.as_str()), (1, "contact@example.org"));
        assert_eq!(at_once(store.version(3)).unwrap(), None);
    }

    #[test]
    fn of_two_who_saw_the_same_version_one_wins() {
        let store = InMemoryStore::default();
        saved(&store, FRANCHISE_TOML);
        let of = |name: &str| Change { seen: Some(1), ..change(&FRANCHISE_TOML.replace("contact@", name)) };
        assert_eq!(at_once(save(&store, of("one@"), start())).unwrap().version, 2);
        assert_eq!(at_once(save(&store, of("two@"), start())), Err(NotSaved::Conflict(2)));
        assert_eq!(at_once(save(&store, of("one@"), start())).unwrap().version, 2, "the same again is no conflict");
    }

    #[test]
    fn a_save_whose_answer_is_lost_is_found_again() {
        for call in 0..2 {
            let store = InMemoryStore::new(Arc::new(FaultPlan::with(call, Fault::After)));
            assert!(matches!(at_once(save(&store, change(FRANCHISE_TOML), start())), Err(NotSaved::Store(_))));
            assert_eq!(saved(&store, FRANCHISE_TOML).version, 1, "call {call}");
        }
    }

    #[test]
    fn before_the_first_document_everything_may_change() {
        let other = STANDARD_TOML.replace("[invoice]", "[invoice]\nseries = \"F{year}-{number:5}\"");
        assert_eq!(refused(false, FRANCHISE_TOML, &other), Vec::<String>::new());
    }

    #[test]
    fn what_documents_were_made_of_stays() {
        let number = "regime = \"standard\"\nnumber = \"FR11123456782\"\nrate = \"20\"";
        let taxed = FRANCHISE_TOML.replace("regime = \"franchise\"", number);
        let later = |from: &str| {
            let list = format!("[[vat]]\nregime = \"franchise\"\n[[vat]]\nfrom = \"{from}\"\n{number}\n");
            FRANCHISE_TOML.replace("[vat]\nregime = \"franchise\"", &list)
        };
        let yearly = |from: &str| {
            let list = format!(
                "[[numbering]]\nfrom = \"{from}\"\nseries = \"F{{year}}-{{number:5}}\"\ncredit_series = \"A{{year}}-{{number:5}}\"\n"
            );
            format!("{FRANCHISE_TOML}\n{list}")
        };
        let place =
            |toml: &str| toml.replace("regime = \"franchise\"", "regime = \"franchise\"\nunknown_place = \"FR\"");
        assert_eq!(refused(true, FRANCHISE_TOML, &place(FRANCHISE_TOML)), Vec::<String>::new(), "what nobody said yet");
        assert!(!refused(true, &place(FRANCHISE_TOML), FRANCHISE_TOML).is_empty(), "and documents were made of then");
        for (to, expected) in [
            (
                FRANCHISE_TOML.replace("[invoice]", "[invoice]\ntime_zone = \"America/Martinique\""),
                Some("invoice.time_zone = "),
            ),
            (taxed.clone(), Some("vat: leave what applied until today")),
            (
                later("2026-11-21"),
                Some(
                    "vat: leave what applied until today, and write the change as a further [[vat]] with from = \"2026-11-22\"",
                ),
            ),
            (later("2026-11-22"), None),
            (FRANCHISE_TOML.replace("[invoice]", "[invoice]\nsupply = \"goods\""), Some("vat: leave")),
            (
                FRANCHISE_TOML.replace("[invoice]", "[invoice]\nseries = \"F{year}-{number:5}\""),
                Some("invoice.series: leave"),
            ),
            (yearly("2026-01-01"), Some("invoice.series: leave")),
            (yearly("2027-01-01"), None),
            (
                FRANCHISE_TOML.replace("123 456 782", "732 829 320"),
                Some("seller.siren = \"732829320\": write 123456782"),
            ),
            (FRANCHISE_TOML.replace("Montpellier", "Paris"), None),
        ] {
            let found = refused(true, FRANCHISE_TOML, &to);
            match expected {
                None => assert_eq!(found, Vec::<String>::new(), "{to}"),
                Some(expected) => assert!(found.iter().any(|one| one.starts_with(expected)), "{expected} in {found:?}"),
            }
        }
        let again = refused(true, &later("2026-11-01"), &later("2026-11-22"));
        assert!(again[0].contains("they differ from 2026-11-01 on"), "{again:?}");
    }
}
