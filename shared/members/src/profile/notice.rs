//! Notices to the member and the team about a profile. Values only: a notice is queued in the same write as the change
//! it reports, and its id is the idempotency key, so that it is sent once. Wording and sending live with the mails.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Field, Language, Profile, ProfileId,
    change::FieldChange,
    email::EmailKey,
    pace::{Joined, Reported},
};
pub use comptoir::mail::NoticeEvent as Event;
use comptoir::{
    mail::{Content, Mail, MailId, NoticeMail},
    seller::Seller,
    team::TeamNotice,
    text::filled,
};

/// The recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "to")]
pub enum Audience {
    /// The member, at this address.
    Member {
        /// The address.
        email: String,
        /// The language.
        language: Language,
    },
    /// The team, on its own channels.
    Team,
}

/// A notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// `profile/<id>/<version>/member`, `profile/<id>/<version>/team`.
    pub id: String,
    /// The recipient.
    pub audience: Audience,
    /// What happened.
    pub event: Event,
    /// The profile.
    pub profile: ProfileId,
    /// Its handle, if it has one.
    pub handle: Option<String>,
    /// The member's name, as far as known.
    pub name: String,
    /// The changed fields; empty for a deletion.
    pub fields: Vec<Field>,
    /// The time.
    pub at: Timestamp,
    /// When it is sent, if it collects changes until then: it is queued anew with each.
    pub due: Option<Timestamp>,
}

/// The recipients of a change, as suffixes of notice ids.
const MEMBER: &str = "member";
const MEMBER_BEFORE: &str = "member-before";
const TEAM: &str = "team";

fn id(profile: &ProfileId, version: u32, whom: &str) -> String {
    format!("profile/{profile}/{version}/{whom}")
}

/// Every possible notice of this version of a profile.
pub fn ids(profile: &ProfileId, version: u32) -> [MailId; 3] {
    [MEMBER, MEMBER_BEFORE, TEAM].map(|whom| MailId(id(profile, version, whom)))
}

/// The notices of a created or changed profile, when they are `reported`. If the address changed, the previous one is
/// notified too, and at once: an attacker who takes over the account does not control that mailbox.
pub fn of_change(
    event: Event,
    before: Option<&Profile>,
    after: &Profile,
    changes: &[FieldChange],
    reported: &Reported,
) -> Vec<Notice> {
    if changes.is_empty() {
        return Vec::new();
    }
    let changed: Vec<Field> = changes.iter().map(|change| change.field).collect();
    let mut notices = match reported {
        Reported::AtOnce => pair(event, after, after.version, &changed, after.updated_at),
        Reported::Together(Joined { version, due, fields }) => {
            let mut notices = pair(event, after, *version, fields, after.updated_at);
            notices.iter_mut().for_each(|notice| notice.due = Some(*due));
            notices
        }
    };
    let moved = before.filter(|before| EmailKey::of(&before.email) != EmailKey::of(&after.email));
    if let Some(before) = moved {
        let audience = Audience::Member { email: before.email.clone(), language: after.written_to_in() };
        // What is reported to the new address alone would be what an attacker changed first.
        let fields = match reported {
            Reported::Together(joined) => &joined.fields,
            Reported::AtOnce => &changed,
        };
        notices.push(notice(event, after, after.version, MEMBER_BEFORE, audience, fields, after.updated_at));
    }
    notices
}

/// The notices of a deleted profile.
pub fn of_leave(profile: &Profile, now: Timestamp) -> Vec<Notice> {
    pair(Event::Deleted, profile, profile.version.saturating_add(1), &[], now)
}

fn pair(event: Event, profile: &Profile, version: u32, fields: &[Field], at: Timestamp) -> Vec<Notice> {
    let member = Audience::Member { email: profile.email.clone(), language: profile.written_to_in() };
    vec![
        notice(event, profile, version, MEMBER, member, fields, at),
        notice(event, profile, version, TEAM, Audience::Team, fields, at),
    ]
}

fn notice(
    event: Event,
    profile: &Profile,
    version: u32,
    whom: &str,
    audience: Audience,
    fields: &[Field],
    at: Timestamp,
) -> Notice {
    Notice {
        id: id(&profile.id, version, whom),
        audience,
        event,
        profile: profile.id.clone(),
        handle: profile.handle.clone(),
        name: profile.full_name(),
        fields: fields.to_vec(),
        at,
        due: None,
    }
}

impl Notice {
    /// The mail for the member; `None` if it is for the team. It names the changed fields but not their values: mail is
    /// no place for a phone number, and the previous address may belong to someone else.
    pub fn mail(&self, seller: &Seller) -> Option<Mail> {
        let Audience::Member { email, language } = &self.audience else { return None };
        let handle = self.handle.clone().unwrap_or_default();
        let content = NoticeMail {
            language: language.tag().to_owned(),
            seller_name: seller.party.name.clone(),
            contact: seller.party.email.clone(),
            accent: seller.look.accent.clone(),
            event: self.event,
            name: filled(Some(&self.name)).unwrap_or_else(|| handle.clone()),
            profile: filled(Some(&handle)).unwrap_or_else(|| self.profile.0.clone()),
            changes: self.names(),
        };
        Some(Mail {
            id: MailId(self.id.clone()),
            to: Some(email.clone()),
            from: seller.mail.from.clone(),
            from_name: seller.mail.from_name.clone(),
            reply_to: seller.mail.reply_to.clone(),
            content: Content::Notice(content),
            attachment: None,
            queued_at: self.at,
        })
    }

    /// The item queued for the team; `None` if it is for the member.
    pub fn for_team(&self) -> Option<TeamNotice> {
        (self.audience == Audience::Team).then(|| TeamNotice {
            id: MailId(self.id.clone()),
            event: self.event,
            profile: self.profile.0.clone(),
            handle: self.handle.clone(),
            name: self.name.clone(),
            changes: self.names(),
            at: self.at,
        })
    }

    fn names(&self) -> Vec<String> {
        self.fields.iter().map(|field| field.name().to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use comptoir::{mail, testing::FRANCHISE_TOML};

    fn told(audience: Audience) -> Notice {
        Notice {
            id: "profile/p1/2/member".to_owned(),
            audience,
            event: Event::Changed,
            profile: ProfileId("p1".to_owned()),
            handle: Some("zoe".to_owned()),
            name: "Zoé Lefèvre".to_owned(),
            fields: vec![Field::Phone],
            at: Timestamp::UNIX_EPOCH,
            due: None,
        }
    }

    #[test]
    fn a_mail_names_what_changed_and_not_what_it_holds() {
        let member = Audience::Member { email: "zoe@example.org".to_owned(), language: Language::En };
        let mail = told(member).mail(&Seller::from_toml(FRANCHISE_TOML).unwrap()).unwrap();
        assert_eq!((mail.id.0.as_str(), mail.to.as_deref()), ("profile/p1/2/member", Some("zoe@example.org")));
        let kept = serde_json::to_string(&mail).unwrap();
        assert!(kept.contains("phone") && !kept.contains("+336"), "{kept}");
        assert_eq!(serde_json::from_str::<Mail>(&kept).unwrap(), mail);
    }

    #[test]
    fn what_waits_for_the_team_names_fields_alone_and_is_no_mail() {
        let notice = told(Audience::Team);
        assert_eq!(notice.mail(&Seller::from_toml(FRANCHISE_TOML).unwrap()), None);
        let waiting = notice.for_team().unwrap();
        assert_eq!((waiting.profile.as_str(), waiting.changes.as_slice()), ("p1", &["phone".to_owned()][..]));
        assert!(!serde_json::to_string(&waiting).unwrap().contains("+336"));
        let member = Audience::Member { email: "zoe@example.org".to_owned(), language: Language::En };
        assert_eq!(told(member).for_team(), None);
    }

    #[test]
    fn every_field_that_changes_has_a_word() {
        assert_eq!(Field::CONTENT.map(Field::name), mail::FIELDS);
    }
}
