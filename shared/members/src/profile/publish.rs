//! Change events for subscribers of the API: the changed fields, never their values. Subscribers query the current
//! values, subject to their access.
//!
//! Not everyone may see every field, and a field's name reveals that it changed: a change is published twice, once to
//! everyone and once to the team, whose list includes the contact fields. A change of contact fields alone goes to the
//! team only. Subscribers drop duplicates by version: no two changes of a profile share one.

use std::future::Future;

use serde::{Deserialize, Serialize};

use super::{Field, Language, Profile, ProfileId, access::is_contact, change::differences};
use comptoir::outcome::{Outcome, ServiceError};

/// A change event, as the API's `ProfileChangeInput` writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Announcement {
    /// The profile.
    pub id: ProfileId,
    /// The version made by the change; for a deletion, the one after the last.
    pub version: u32,
    /// The changed fields, in the order of the API; empty for a deletion.
    pub fields: Vec<Field>,
    /// Whether it is for the team only.
    pub for_team: bool,
}

/// Publishes to subscribers.
pub trait Subscribers: Send + Sync {
    /// Publishes one event to all current subscribers who may see it; there may be none.
    fn tell(&self, announcement: &Announcement) -> impl Future<Output = Result<(), ServiceError>> + Send;
}

/// The events of a profile's change. A profile counts as created when it first becomes visible: a blank one is hidden.
pub fn announcements(before: Option<&Profile>, after: Option<&Profile>) -> Vec<Announcement> {
    let found = |profile: Option<&Profile>| profile.filter(|profile| !profile.is_blank()).cloned();
    let (before, after) = (found(before), found(after));
    let (id, version, changed) = match (&before, &after) {
        (None, None) => return Vec::new(),
        (Some(before), None) => (&before.id, before.version.saturating_add(1), Vec::new()),
        (Some(before), Some(after)) => (&after.id, after.version, changed(before, after)),
        (None, Some(after)) => (&after.id, after.version, changed(&nothing(after), after)),
    };
    let left = after.is_none();
    let told = |for_team: bool| {
        let fields: Vec<Field> = changed.iter().copied().filter(|field| for_team || !is_contact(*field)).collect();
        (left || !fields.is_empty()).then(|| Announcement { id: id.clone(), version, fields, for_team })
    };
    [false, true].into_iter().filter_map(told).collect()
}

/// Publishes all events of a change. After a failure halfway, all are published again.
pub async fn publish(announcements: &[Announcement], subscribers: &impl Subscribers) -> Outcome {
    for announcement in announcements {
        if let Err(failure) = subscribers.tell(announcement).await {
            return failure.into();
        }
    }
    Outcome::Done
}

fn changed(before: &Profile, after: &Profile) -> Vec<Field> {
    differences(before, after).iter().map(|change| change.field).collect()
}

/// The blank profile.
fn nothing(profile: &Profile) -> Profile {
    Profile::blank(profile.id.clone(), &profile.owner, "", Language::default(), profile.created_at)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use jiff::Timestamp;

    use super::*;
    use comptoir::memory::at_once;

    fn blank() -> Profile {
        let id = ProfileId("p1".to_owned());
        Profile::blank(id, "sub-zoe", "zoe@example.org", Language::En, Timestamp::UNIX_EPOCH)
    }

    fn zoe() -> Profile {
        let named = |name: &str| Some(name.to_owned());
        Profile { handle: named("zoe"), first_name: named("Zoé"), version: 2, ..blank() }
    }

    fn told(before: Option<&Profile>, after: Option<&Profile>) -> Vec<(u32, Vec<&'static str>, bool)> {
        let names = |told: &Announcement| told.fields.iter().map(|field| field.name()).collect();
        announcements(before, after).iter().map(|told| (told.version, names(told), told.for_team)).collect()
    }

    #[test]
    fn everyone_hears_what_everyone_may_see_and_the_team_hears_all() {
        let mut after = Profile { version: 3, headline: Some("Rust".to_owned()), ..zoe() };
        assert_eq!(told(Some(&zoe()), Some(&after)), [(3, vec!["headline"], false), (3, vec!["headline"], true)]);
        after.phone = Some("+33612345678".to_owned());
        let both = [(3, vec!["headline"], false), (3, vec!["phone", "headline"], true)];
        assert_eq!(told(Some(&zoe()), Some(&after)), both);
        let contact = Profile { version: 3, email: "new@example.org".to_owned(), ..zoe() };
        assert_eq!(told(Some(&zoe()), Some(&contact)), [(3, vec!["email"], true)]);
    }

    #[test]
    fn nobody_hears_of_a_profile_that_nobody_finds() {
        let written = Profile { version: 2, bio: Some("Soon.".to_owned()), ..blank() };
        assert!(told(None, Some(&blank())).is_empty() && told(Some(&blank()), Some(&written)).is_empty());
        assert!(told(Some(&blank()), None).is_empty() && told(None, None).is_empty());
        let came = [(2, vec!["handle", "firstName"], false), (2, vec!["handle", "firstName", "email"], true)];
        assert_eq!(told(Some(&blank()), Some(&zoe())), came);
        assert_eq!(told(None, Some(&zoe())), came);
    }

    #[test]
    fn who_leaves_is_told_without_fields_and_what_did_not_change_is_not_told() {
        assert_eq!(told(Some(&zoe()), None), [(3, vec![], false), (3, vec![], true)]);
        let touched = Profile { version: 3, ..zoe() };
        assert!(told(Some(&zoe()), Some(&touched)).is_empty());
    }

    #[test]
    fn nothing_that_a_field_holds_is_written() {
        let after =
            Profile { version: 3, phone: Some("+33612345678".to_owned()), bio: Some("Secret.".to_owned()), ..zoe() };
        let written = serde_json::to_value(announcements(Some(&zoe()), Some(&after))).unwrap();
        let expected = serde_json::json!([
            {"id": "p1", "version": 3, "fields": ["bio"], "forTeam": false},
            {"id": "p1", "version": 3, "fields": ["phone", "bio"], "forTeam": true},
        ]);
        assert_eq!(written, expected);
    }

    /// Records all calls, except those that fail.
    #[derive(Default)]
    struct Hall {
        failing: usize,
        heard: Mutex<Vec<bool>>,
    }

    impl Subscribers for Hall {
        async fn tell(&self, announcement: &Announcement) -> Result<(), ServiceError> {
            let mut heard = self.heard.lock().unwrap();
            heard.push(announcement.for_team);
            if heard.len() == self.failing { Err(ServiceError::transient("the API", "away")) } else { Ok(()) }
        }
    }

    #[test]
    fn what_fails_half_way_is_to_be_told_again() {
        let told = announcements(Some(&zoe()), None);
        for failing in [1, 2] {
            let hall = Hall { failing, ..Hall::default() };
            assert!(matches!(at_once(publish(&told, &hall)), Outcome::Retry(_)));
            assert_eq!(hall.heard.lock().unwrap().len(), failing);
        }
        let hall = Hall::default();
        assert_eq!(at_once(publish(&told, &hall)), Outcome::Done);
        assert_eq!(*hall.heard.lock().unwrap(), [false, true]);
    }
}
