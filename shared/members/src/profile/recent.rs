//! What a member did in the last hour, as far as it is counted, and whether they left: one small record a member, kept for
//! a day. It is stored under a hash of the `sub`, so that it names nobody once the member is erased.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    upload::Upload,
    violation::{Code, Violation},
};

// The sentences say these numbers.

/// Files that a member may have announced and not yet confirmed.
pub const MOST_OPEN: usize = 10;
/// Confirmations of a member in an hour. Each may take seconds of a processor.
pub const MOST_CONFIRMED: usize = 20;
/// Exports of a member in an hour. Each reads the whole history.
pub const MOST_EXPORTED: usize = 6;

/// How long the record is kept after the last write: longer than what it counts, and than any token is valid (60 minutes,
/// `MembersClient` in the template).
pub const KEPT: SignedDuration = SignedDuration::from_hours(24);

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Under which a member's record is stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecentKey(pub String);

impl RecentKey {
    /// The key of this `sub`.
    pub fn of(sub: &str) -> Self {
        Self(URL_SAFE_NO_PAD.encode(Sha256::digest(sub.as_bytes())))
    }
}

/// An announced file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// The upload.
    pub id: String,
    /// Until when it counts.
    pub until: Timestamp,
}

/// The record.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Recent {
    /// Incremented by each write; 0 while there is no record.
    pub version: u32,
    /// Files announced and neither confirmed nor expired.
    pub open: Vec<Open>,
    /// When files were confirmed.
    pub confirmed: Vec<Timestamp>,
    /// When data was exported.
    pub exported: Vec<Timestamp>,
    /// When the member left.
    pub gone_at: Option<Timestamp>,
}

impl Recent {
    /// Counts an announcement.
    ///
    /// # Errors
    /// As many are open as may be.
    pub fn announce(&self, upload: &Upload, now: Timestamp) -> Result<Self, Violation> {
        let mut next = self.next(now);
        if let Some(first) = next.open.iter().map(|open| open.until).min().filter(|_| next.open.len() >= MOST_OPEN) {
            return Err(limited(Code::UploadsOpen, first));
        }
        next.open.push(Open { id: upload.id.clone(), until: upload.expires_at });
        Ok(next)
    }

    /// Counts a confirmation, which ends the announcement.
    ///
    /// # Errors
    /// There were as many in the hour as may be.
    pub fn confirm(&self, id: &str, now: Timestamp) -> Result<Self, Violation> {
        let mut next = self.next(now);
        count(&mut next.confirmed, MOST_CONFIRMED, Code::UploadsConfirmed, now)?;
        next.open.retain(|open| open.id != id);
        Ok(next)
    }

    /// Counts an export.
    ///
    /// # Errors
    /// There were as many in the hour as may be.
    pub fn export(&self, now: Timestamp) -> Result<Self, Violation> {
        let mut next = self.next(now);
        count(&mut next.exported, MOST_EXPORTED, Code::ExportsTaken, now)?;
        Ok(next)
    }

    /// What is kept of a member who left: that they did.
    pub fn of_leaver(now: Timestamp) -> Self {
        Self { version: 1, gone_at: Some(now), ..Self::default() }
    }

    /// The next record, without what counts no more.
    fn next(&self, now: Timestamp) -> Self {
        let within_hour = |at: &&Timestamp| now.duration_since(**at) < HOUR;
        Self {
            version: self.version.saturating_add(1),
            open: self.open.iter().filter(|open| open.until > now).cloned().collect(),
            confirmed: self.confirmed.iter().filter(within_hour).copied().collect(),
            exported: self.exported.iter().filter(within_hour).copied().collect(),
            gone_at: self.gone_at,
        }
    }
}

fn count(times: &mut Vec<Timestamp>, most: usize, code: Code, now: Timestamp) -> Result<(), Violation> {
    if let Some(first) = times.iter().min().filter(|_| times.len() >= most) {
        return Err(limited(code, first.saturating_add(HOUR).unwrap_or(now)));
    }
    times.push(now);
    Ok(())
}

/// That the limit is reached, and when to try again.
fn limited(code: Code, again: Timestamp) -> Violation {
    // Whole seconds, after the time itself.
    let again = Timestamp::from_second(again.as_second().saturating_add(1)).unwrap_or(again);
    Violation::new(code, "", "").with(again)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{ProfileId, upload::Kind};

    const NOW: Timestamp = Timestamp::constant(1_795_257_000, 0);

    fn upload(n: usize, now: Timestamp) -> Upload {
        let sum = crate::profile::upload::checksum(b"x");
        let told = ("image/png", 1, sum.as_str());
        crate::profile::upload::announce(&ProfileId("p1".into()), Kind::Avatar, told, &format!("u{n}"), now).unwrap()
    }

    fn later(minutes: i64) -> Timestamp {
        NOW + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn ten_are_open_until_one_is_confirmed_or_expires() {
        let mut recent = Recent::default();
        for n in 0..MOST_OPEN {
            recent = recent.announce(&upload(n, later(0)), later(0)).unwrap();
        }
        let refused = recent.announce(&upload(10, later(1)), later(1)).unwrap_err();
        assert_eq!(refused.code, Code::UploadsOpen);
        assert_eq!(refused.detail.parse::<Timestamp>().unwrap(), later(15) + SignedDuration::from_secs(1));
        let confirmed = recent.confirm("u3", later(1)).unwrap();
        assert!(confirmed.announce(&upload(10, later(1)), later(1)).is_ok());
        assert!(recent.announce(&upload(10, later(15)), later(15)).is_ok(), "they have expired");
    }

    #[test]
    fn an_hour_has_so_many_and_the_next_has_as_many() {
        let (mut recent, mut exported) = (Recent::default(), 0);
        for minute in 0..MOST_CONFIRMED {
            let now = later(i64::try_from(minute).unwrap());
            recent = recent.confirm("u", now).unwrap();
            if let Ok(next) = recent.export(now) {
                (recent, exported) = (next, exported + 1);
            }
        }
        assert_eq!(exported, MOST_EXPORTED);
        let refused = recent.confirm("u", later(59)).unwrap_err();
        assert_eq!(refused.code, Code::UploadsConfirmed);
        let again: Timestamp = refused.detail.parse().unwrap();
        assert_eq!(again, later(60) + SignedDuration::from_secs(1));
        assert!(recent.confirm("u", again).is_ok() && recent.export(again).is_ok());
        assert_eq!(recent.version as usize, MOST_CONFIRMED + MOST_EXPORTED);
    }
}
