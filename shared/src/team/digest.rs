//! The content of a digest: one line per profile, with all its changes since the last digest.

use std::collections::BTreeMap;

use super::TeamNotice;
use crate::{
    mail::{DigestLine, FIELDS, NoticeEvent},
    text::filled,
};

/// Longest message for the room, in characters. Slack truncates a message at 40,000.
const LONGEST: usize = 30_000;

/// The lines of a digest of these notices, ordered by each profile's first change.
pub fn lines(mut notices: Vec<TeamNotice>) -> Vec<DigestLine> {
    notices.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut lines: Vec<DigestLine> = Vec::new();
    for notice in notices {
        let handle = notice.handle.unwrap_or_default();
        let place = *places.entry(notice.profile.clone()).or_insert(lines.len());
        let before = lines.get(place).map(|line| (line.event, line.changes.clone()));
        let (event, mut changes) = before.unwrap_or((notice.event, Vec::new()));
        changes.extend(notice.changes);
        let event = match (event, notice.event) {
            (_, NoticeEvent::Deleted) | (NoticeEvent::Deleted, _) => NoticeEvent::Deleted,
            (NoticeEvent::Created, _) | (_, NoticeEvent::Created) => NoticeEvent::Created,
            (NoticeEvent::Changed, NoticeEvent::Changed) => NoticeEvent::Changed,
        };
        let changed = FIELDS.iter().filter(|field| changes.iter().any(|change| change == *field));
        let line = DigestLine {
            event,
            // Its current handle.
            name: filled(Some(&notice.name)).unwrap_or_else(|| handle.clone()),
            profile: filled(Some(&handle)).unwrap_or(notice.profile),
            changes: match event {
                NoticeEvent::Deleted => Vec::new(),
                _ => changed.map(|field| (*field).to_owned()).collect(),
            },
        };
        match lines.get_mut(place) {
            Some(known) => *known = line,
            None => lines.push(line),
        }
    }
    lines
}

/// Escapes text for Slack: the three characters that would begin a link, a mention or an entity are escaped
/// (docs.slack.dev, "Formatting message text"), and it ends before Slack would truncate it.
pub fn room_text(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for (count, c) in text.trim().chars().enumerate() {
        if count == LONGEST {
            written.push('…');
            break;
        }
        match c {
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            other => written.push(other),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{DigestMail, MailId};
    use jiff::Timestamp;

    fn notice(profile: &str, second: i64, event: NoticeEvent, changes: &[&str]) -> TeamNotice {
        TeamNotice {
            id: MailId(format!("profile/{profile}/{second}/team")),
            event,
            profile: profile.to_owned(),
            handle: Some(profile.to_owned()).filter(|_| second > 1),
            name: "Zoé".to_owned(),
            changes: changes.iter().map(|&field| field.to_owned()).collect(),
            at: Timestamp::from_second(second).unwrap(),
        }
    }

    #[test]
    fn a_profile_has_one_line_however_often_it_changed() {
        use NoticeEvent::{Changed, Created, Deleted};
        let told = lines(vec![
            notice("b", 5, Changed, &["bio"]),
            notice("a", 4, Changed, &["phone"]),
            notice("a", 2, Created, &["email", "handle"]),
            notice("b", 3, Changed, &["skills", "bio"]),
            notice("c", 6, Changed, &["bio"]),
            notice("c", 7, Deleted, &[]),
        ]);
        let short: Vec<_> =
            told.iter().map(|line| (line.profile.as_str(), line.event, line.changes.join(" "))).collect();
        let expected = [
            ("a", Created, "handle email phone".to_owned()),
            ("b", Changed, "bio skills".to_owned()),
            ("c", Deleted, String::new()),
        ];
        assert_eq!(short, expected);
        assert!(lines(Vec::new()).is_empty());
    }

    #[test]
    fn what_is_kept_says_nothing_of_anybody() {
        let lines = lines(vec![notice("p", 2, NoticeEvent::Changed, &["bio"])]);
        let digest = DigestMail {
            language: "fr".to_owned(),
            seller_name: "Atelier".to_owned(),
            accent: "#1f3a5f".to_owned(),
            notices: vec![MailId("profile/p/2/team".to_owned())],
            lines,
        };
        let kept = serde_json::to_string(&digest).unwrap();
        assert!(!kept.contains("Zoé") && !kept.contains("bio"), "{kept}");
        let read: DigestMail = serde_json::from_str(&kept).unwrap();
        assert_eq!(read, DigestMail { lines: Vec::new(), ..digest });
    }

    #[test]
    fn nobody_is_called_and_nothing_is_cut_off() {
        assert_eq!(
            room_text(" <!channel> & <https://evil.example|here>\n"),
            "&lt;!channel&gt; &amp; &lt;https://evil.example|here&gt;"
        );
        let long = room_text(&"é".repeat(50_000));
        assert!(long.ends_with('…') && long.chars().count() == LONGEST + 1);
    }
}
