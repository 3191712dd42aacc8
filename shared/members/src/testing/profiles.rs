//! The contract of every directory of profiles, run against the one in memory and the real one.
//!
//! Each part creates its own members, named after `run`, so that the contract can run against a table in use.

use std::{future::Future, pin::Pin, task::Poll};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::profile::{
    Field, Language, Profile, ProfileId,
    account::AccountId,
    change::{self, Updated},
    directory::{Commit, Committed, Directory, Entry, Holder, Leaving, Taken},
    email::EmailKey,
    handle::{HandleKey, RESERVED_FOR},
    input, notice,
    pace::{APART, Joined, Reported},
    recent::{Recent, RecentKey},
    search::Query,
};
use comptoir::outcome::ServiceError;

/// The start time of the contract.
pub fn start() -> Timestamp {
    Timestamp::constant(1_795_257_000, 0)
}

/// A name part unique to a member: letters only, so that handles of different members never look alike.
fn letters(n: usize) -> String {
    const LETTERS: [char; 10] = ['a', 'b', 'd', 'e', 'f', 'g', 'h', 'k', 'p', 's'];
    n.to_string().chars().filter_map(|digit| LETTERS.get(usize::try_from(digit.to_digit(10)?).ok()?)).collect()
}

/// The identity with the verified address of an ID token, unless overridden.
pub fn signed_in(identity: &Value, arguments: &Value) -> Value {
    let mut identity = identity.clone();
    let written = arguments.pointer("/input/email").filter(|email| email.is_string());
    if let (Some(claims), Some(email)) = (identity.pointer_mut("/claims").and_then(Value::as_object_mut), written)
        && !claims.contains_key("email")
    {
        claims.insert("email".to_owned(), email.clone());
        claims.insert("email_verified".to_owned(), json!(true));
    }
    identity
}

/// A new profile of member `n` with this handle.
///
/// # Panics
/// The handle is invalid.
#[expect(clippy::panic, reason = "a sample that does not stand is a broken test")]
pub fn new_profile(run: &str, n: usize, handle: &str) -> Updated {
    let input = json!({
        "handle": handle, "firstName": "Zoé", "lastName": format!("Lefèvre {}", letters(n)),
        "email": format!("{run}.{n}@example.org"), "skills": [{ "name": "Rust", "level": "EXPERT", "years": 8 }],
    });
    let draft = input::draft(&input).unwrap_or_else(|wrong| panic!("{wrong:?}"));
    let id = ProfileId(format!("{run}-{n:04}"));
    change::create(draft, id, &format!("sub-{run}-{n}"), Language::Fr, start())
}

/// The profile after a change in API form.
///
/// # Panics
/// The change is invalid.
#[expect(clippy::panic, reason = "a sample that does not stand is a broken test")]
pub fn changed(current: &Profile, input: &Value, now: Timestamp) -> Updated {
    let change = input::change(input, None).unwrap_or_else(|wrong| panic!("{wrong:?}"));
    change::update(current, change, current.version, now).unwrap_or_else(|wrong| panic!("{wrong:?}"))
}

/// The commit of a decision.
pub fn commit(updated: &Updated, before: Option<&Profile>) -> Commit {
    let profile = updated.profile.clone();
    let event = if before.is_none() { notice::Event::Created } else { notice::Event::Changed };
    Commit {
        entry: Entry {
            version: profile.version,
            at: profile.updated_at,
            by: format!("member/{}", profile.owner),
            changes: updated.changes.clone(),
        },
        notices: notice::of_change(event, before, &profile, &updated.changes, &Reported::AtOnce),
        moves: updated.moves.clone(),
        profile,
        upload: None,
        pool: Some("eu-west-3_test".to_owned()),
    }
}

/// Runs all of these concurrently, each as far as it can before the next.
pub async fn together<T>(mut all: Vec<Pin<Box<dyn Future<Output = T> + '_>>>) -> Vec<T> {
    let mut done: Vec<Option<T>> = all.iter().map(|_| None).collect();
    std::future::poll_fn(move |context| {
        for (work, result) in all.iter_mut().zip(&mut done).filter(|(_, result)| result.is_none()) {
            if let Poll::Ready(value) = work.as_mut().poll(context) {
                *result = Some(value);
            }
        }
        if done.iter().any(Option::is_none) {
            return Poll::Pending;
        }
        Poll::Ready(done.drain(..).flatten().collect())
    })
    .await
}

/// Checks `directory` against the whole contract. `run` is lower-case letters, unique to each run.
///
/// # Errors
/// The directory does not answer.
///
/// # Panics
/// The contract is violated.
pub async fn contract(directory: &impl Directory, run: &str) -> Result<(), ServiceError> {
    one_of_many_claims_a_handle(directory, &format!("{run}a")).await?;
    guards_belong_to_one_profile(directory, &format!("{run}b")).await?;
    a_freed_handle_leads_there_for_thirty_days(directory, &format!("{run}d")).await?;
    a_stale_version_writes_nothing(directory, &format!("{run}e")).await?;
    pages_hold_each_once(directory, &format!("{run}f")).await?;
    a_notice_collects_changes(directory, &format!("{run}h")).await?;
    one_of_many_notes_follows(directory, &format!("{run}i")).await?;
    who_leaves_leaves_nothing(directory, &format!("{run}g")).await
}

/// Members who claim one handle concurrently.
const CLAIMANTS: usize = 64;

async fn one_of_many_claims_a_handle(directory: &impl Directory, run: &str) -> Result<(), ServiceError> {
    comptoir::testing::readme::says(CLAIMANTS, "members claim one handle at once");
    let handle = format!("{run}-handle");
    let wanted: Vec<Commit> = (0..CLAIMANTS).map(|n| commit(&new_profile(run, n, &handle), None)).collect();
    let claims =
        wanted.iter().map(|one| -> Pin<Box<dyn Future<Output = _> + '_>> { Box::pin(directory.commit(one, start())) });
    let mut won = 0;
    for found in together(claims.collect()).await {
        match found? {
            Committed::Done => won += 1,
            found => assert_eq!(found, Committed::Taken(Taken { handle: true, ..Taken::default() })),
        }
    }
    assert_eq!(won, 1, "one of {CLAIMANTS} claims of a handle wins");
    let mut kept = 0;
    for one in &wanted {
        let found = directory.by_id(&one.profile.id).await?;
        assert_eq!(found, directory.by_owner(&one.profile.owner).await?, "what lost left no guard behind");
        kept += usize::from(found.is_some());
    }
    assert_eq!(kept, 1, "what lost left no profile behind");
    Ok(())
}

async fn guards_belong_to_one_profile(directory: &impl Directory, run: &str) -> Result<(), ServiceError> {
    let first = new_profile(run, 1, &format!("{run}-one"));
    assert_eq!(directory.commit(&commit(&first, None), start()).await?, Committed::Done);
    let mut second = new_profile(run, 2, &format!("{run}-two"));
    second.profile.email = first.profile.email.to_uppercase();
    second.moves = change::moves(None, &second.profile);
    let taken = directory.commit(&commit(&second, None), start()).await?;
    assert_eq!(taken, Committed::Taken(Taken { email: true, ..Taken::default() }));
    let mut third = new_profile(run, 3, &format!("{run}-three"));
    third.profile.owner.clone_from(&first.profile.owner);
    let taken = directory.commit(&commit(&third, None), start()).await?;
    assert_eq!(taken, Committed::Taken(Taken { owner: true, ..Taken::default() }));
    assert_eq!(directory.by_id(&second.profile.id).await?, None);
    assert_eq!(directory.by_id(&third.profile.id).await?, None);
    let found = directory.commit(&commit(&first, None), start()).await?;
    assert_eq!(found, Committed::Moved(Some(Box::new(first.profile.clone()))), "a new profile is new once");
    Ok(())
}

async fn a_freed_handle_leads_there_for_thirty_days(directory: &impl Directory, run: &str) -> Result<(), ServiceError> {
    let (old, new) = (format!("{run}-old"), format!("{run}-new"));
    let first = new_profile(run, 1, &old);
    directory.commit(&commit(&first, None), start()).await?;
    let moved = changed(&first.profile, &json!({ "handle": new }), start());
    assert_eq!(directory.commit(&commit(&moved, Some(&first.profile)), start()).await?, Committed::Done);
    let over = start() + RESERVED_FOR;
    let last = over - SignedDuration::from_secs(1);
    let found = directory.by_handle(&HandleKey::of(&old), last).await?;
    assert_eq!(found.map(|profile| profile.handle), Some(Some(new.clone())), "the old handle leads to the new");
    assert_eq!(directory.by_handle(&HandleKey::of(&old), over).await?, None);
    let second = commit(&new_profile(run, 2, &old), None);
    let early = directory.commit(&second, last).await?;
    assert_eq!(early, Committed::Taken(Taken { handle: true, ..Taken::default() }));
    // The previous owner may take it back during the grace period, and releases the other by that.
    let back = changed(&moved.profile, &json!({ "handle": old }), last);
    assert_eq!(directory.commit(&commit(&back, Some(&moved.profile)), last).await?, Committed::Done);
    assert_eq!(directory.by_handle(&HandleKey::of(&old), over).await?.map(|profile| profile.version), Some(3));
    let again = changed(&back.profile, &json!({ "handle": new }), last);
    assert_eq!(directory.commit(&commit(&again, Some(&back.profile)), last).await?, Committed::Done);
    assert_eq!(directory.commit(&second, last + RESERVED_FOR).await?, Committed::Done, "free after thirty days");
    let found = directory.by_handle(&HandleKey::of(&old), last + RESERVED_FOR).await?;
    assert_eq!(found.map(|profile| profile.id), Some(second.profile.id));
    Ok(())
}

async fn a_stale_version_writes_nothing(directory: &impl Directory, run: &str) -> Result<(), ServiceError> {
    let first = new_profile(run, 1, &format!("{run}-one"));
    directory.commit(&commit(&first, None), start()).await?;
    let one = changed(&first.profile, &json!({ "headline": "one" }), start());
    let other = changed(
        &first.profile,
        &json!({ "handle": format!("{run}-other"), "email": format!("{run}@example.net") }),
        start(),
    );
    let (one, other) = (commit(&one, Some(&first.profile)), commit(&other, Some(&first.profile)));
    assert_eq!(directory.commit(&one, start()).await?, Committed::Done);
    let found = directory.commit(&other, start()).await?;
    assert_eq!(found, Committed::Moved(Some(Box::new(one.profile.clone()))));
    let key = HandleKey::of(&format!("{run}-other"));
    assert_eq!(directory.by_handle(&key, start()).await?, None, "a refused commit leaves no guard behind");
    let history = directory.history(&first.profile.id, None, 10).await?;
    assert_eq!(history.entries.iter().map(|entry| entry.version).collect::<Vec<_>>(), [2, 1]);
    let page = directory.history(&first.profile.id, None, 1).await?;
    let rest = directory.history(&first.profile.id, page.next.as_deref(), 1).await?;
    assert_eq!(rest.entries.iter().map(|entry| entry.version).collect::<Vec<_>>(), [1]);
    let before_the_first = directory.history(&first.profile.id, Some("1"), 10).await?;
    assert!(before_the_first.entries.is_empty() && before_the_first.next.is_none(), "a cursor of the caller's making");
    Ok(())
}

async fn pages_hold_each_once(directory: &impl Directory, run: &str) -> Result<(), ServiceError> {
    for n in 0..7 {
        let mut one = new_profile(run, n, &format!("{run}-{}", letters(n + 100)));
        one.profile.headline = Some(format!("{run} headline"));
        if n == 3 {
            one.profile.skills.clear();
        }
        directory.commit(&commit(&one, None), start()).await?;
    }
    let blank = Profile::blank(
        ProfileId(format!("{run}-blank")),
        &format!("sub-{run}-blank"),
        &format!("{run}@example.org"),
        Language::Fr,
        start(),
    );
    let moves = change::moves(None, &blank);
    let updated = Updated { profile: blank, changes: Vec::new(), moves };
    directory.commit(&commit(&updated, None), start()).await?;
    for (skill, text, expected) in [
        (None, Some(run.to_owned()), 7),
        (Some("RUST"), Some(format!("{run} head")), 6),
        (Some("cobol"), Some(run.to_owned()), 0),
    ] {
        let query = Query::new(skill, text.as_deref(), None).unwrap_or_default();
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = directory.search(&query, after.as_deref(), 3).await?;
            assert!(page.entries.len() <= 3);
            found.extend(page.entries.into_iter().map(|profile| profile.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let pages = found.len();
        found.sort();
        found.dedup();
        assert_eq!((pages, found.len()), (expected, expected), "{query:?}");
    }
    Ok(())
}

/// Commits a change of `before` whose notices collect changes since version 2.
///
/// # Errors
/// The directory does not answer.
pub async fn collected(
    directory: &impl Directory,
    before: &Profile,
    headline: &str,
) -> Result<(Profile, Committed), ServiceError> {
    let updated = changed(before, &json!({ "headline": headline }), start());
    let due = start().saturating_add(APART).unwrap_or(start());
    let joined = Reported::Together(Joined { version: 2, due, fields: vec![Field::Headline] });
    let notices = notice::of_change(notice::Event::Changed, Some(before), &updated.profile, &updated.changes, &joined);
    let commit = Commit { notices, ..commit(&updated, Some(before)) };
    Ok((updated.profile, directory.commit(&commit, start()).await?))
}

async fn a_notice_collects_changes(directory: &impl Directory, run: &str) -> Result<(), ServiceError> {
    let made = new_profile(run, 1, &format!("{run}-collects"));
    directory.commit(&commit(&made, None), start()).await?;
    let (second, committed) = collected(directory, &made.profile, "a").await?;
    assert_eq!(committed, Committed::Done);
    let (third, committed) = collected(directory, &second, "b").await?;
    assert_eq!(committed, Committed::Done, "the notice is queued anew");
    let (_, stale) = collected(directory, &second, "c").await?;
    assert_eq!(stale, Committed::Moved(Some(Box::new(third))));
    Ok(())
}

async fn one_of_many_notes_follows(directory: &impl Directory, run: &str) -> Result<(), ServiceError> {
    let key = RecentKey::of(run);
    assert_eq!(directory.recent(&key).await?, Recent::default());
    for version in 1..=2 {
        let next = directory.recent(&key).await?.export(start()).unwrap_or_default();
        assert_eq!(next.version, version);
        let notes = (0..4)
            .map(|_| -> Pin<Box<dyn Future<Output = _> + '_>> { Box::pin(directory.note(&key, &next, start())) })
            .collect();
        let mut noted = 0;
        for followed in together(notes).await {
            noted += u32::from(followed?);
        }
        assert_eq!(noted, 1, "one of those who read the same record");
        assert_eq!(directory.recent(&key).await?, next);
    }
    Ok(())
}

async fn who_leaves_leaves_nothing(directory: &impl Directory, run: &str) -> Result<(), ServiceError> {
    let first = new_profile(run, 1, &format!("{run}-one"));
    directory.commit(&commit(&first, None), start()).await?;
    let moved = changed(&first.profile, &json!({ "handle": format!("{run}-two") }), start());
    directory.commit(&commit(&moved, Some(&first.profile)), start()).await?;
    let key = EmailKey::of(&first.profile.email);
    let holder = Holder { profile: first.profile.id.clone(), pool: Some("eu-west-3_test".to_owned()) };
    assert_eq!(directory.holder(&key).await?, Some(holder));
    let beside = directory.beside(&first.profile.id, &[2, 1]).await?;
    assert_eq!(beside.handles, [HandleKey::of(&format!("{run}-one")).0]);
    assert_eq!((beside.uploads.len(), beside.notices.len()), (0, 4), "two notices of each version");
    let stale = Leaving { profile: first.profile.clone(), notices: Vec::new(), account: None };
    let found = directory.leave(&stale, start()).await?;
    assert_eq!(found, Committed::Moved(Some(Box::new(moved.profile.clone()))));
    let notices = notice::of_leave(&moved.profile, start());
    let account = Some(AccountId { pool: "eu-west-3_test".to_owned(), sub: moved.profile.owner.clone() });
    let leaving = Leaving { profile: moved.profile.clone(), notices, account };
    assert_eq!(directory.leave(&leaving, start()).await?, Committed::Done);
    assert_eq!(directory.leave(&leaving, start()).await?, Committed::Done, "leaving is told once, however often");
    let id = &moved.profile.id;
    assert!(
        directory
            .leavers()
            .await?
            .iter()
            .any(|leaver| leaver.id == *id && leaver.left_at == start() && leaver.account == leaving.account)
    );
    assert_eq!(directory.holder(&key).await?, None);
    assert_eq!(directory.by_id(id).await?, None);
    assert_eq!(directory.by_owner(&moved.profile.owner).await?, None);
    let late = changed(&moved.profile, &json!({ "headline": "late" }), start());
    assert_eq!(directory.commit(&commit(&late, Some(&moved.profile)), start()).await?, Committed::Moved(None));
    while !directory.erase(id).await? {}
    assert!(directory.erase(id).await?);
    directory.erased(id).await?;
    assert!(!directory.leavers().await?.iter().any(|leaver| leaver.id == *id && leaver.left_at == start()));
    assert!(directory.history(id, None, 10).await?.entries.is_empty());
    for handle in [format!("{run}-one"), format!("{run}-two")] {
        assert_eq!(directory.by_handle(&HandleKey::of(&handle), start()).await?, None);
    }
    let mut again = new_profile(run, 1, &format!("{run}-one"));
    again.profile.id = ProfileId(format!("{run}-again"));
    let refused = directory.commit(&commit(&again, None), start()).await?;
    assert_eq!(refused, Committed::Moved(None), "who left gets no other profile for the life of a token");
    again.profile.owner = format!("sub-{run}-again");
    assert_eq!(directory.commit(&commit(&again, None), start()).await?, Committed::Done, "all guards are free");
    Ok(())
}
