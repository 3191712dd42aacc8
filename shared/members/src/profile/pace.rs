//! How fast a profile may change, and how its notices are spaced: a change is reported at once, further ones within ten
//! minutes together, when the sweep next finds them due.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Field, change::FieldChange};

/// How many changes a profile takes in an hour.
pub const CHANGES_AN_HOUR: u32 = 60;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// The time from one notice to the next.
pub const APART: SignedDuration = SignedDuration::from_mins(10);

/// The pace of a profile, stored with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pace {
    /// When the hour began in which changes are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hour_from: Option<Timestamp>,
    /// The changes in that hour.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub changes: u32,
    /// From when on a change is reported at once again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_until: Option<Timestamp>,
    /// The notice that collects the changes until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined: Option<Joined>,
}

/// A notice that collects changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The version of the profile that began it; its id has it.
    pub version: u32,
    /// When it is sent.
    pub due: Timestamp,
    /// The fields that changed so far, each once.
    pub fields: Vec<Field>,
}

/// When the change of a version is reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reported {
    /// At once.
    AtOnce,
    /// Together with others.
    Together(Joined),
}

/// A profile changed too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyChanges {
    /// When the next change is taken.
    pub until: Timestamp,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(changes: &u32) -> bool {
    *changes == 0
}

/// A time after `from`, at the end of time at most.
fn after(from: Timestamp, duration: SignedDuration) -> Timestamp {
    from.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

impl Pace {
    /// Whether nothing is kept.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The pace after `changes` that make `version`, and when they are reported.
    ///
    /// # Errors
    /// The profile changed too often.
    pub fn change(
        &self,
        changes: &[FieldChange],
        version: u32,
        now: Timestamp,
    ) -> Result<(Self, Reported), TooManyChanges> {
        let hour_from = self.hour_from.filter(|from| now < after(*from, HOUR));
        let counted = if hour_from.is_some() { self.changes } else { 0 };
        if let Some(from) = hour_from.filter(|_| counted >= CHANGES_AN_HOUR) {
            return Err(TooManyChanges { until: after(from, HOUR) });
        }
        let fields = changes.iter().map(|change| change.field);
        let counted = Self {
            hour_from: Some(hour_from.unwrap_or(now)),
            changes: counted.saturating_add(1),
            quiet_until: self.quiet_until,
            joined: None,
        };
        if let Some(mut joined) = self.joined.clone().filter(|joined| now < joined.due) {
            for field in fields {
                if !joined.fields.contains(&field) {
                    joined.fields.push(field);
                }
            }
            return Ok((Self { joined: Some(joined.clone()), ..counted }, Reported::Together(joined)));
        }
        if let Some(due) = self.quiet_until.filter(|until| now < *until) {
            let joined = Joined { version, due, fields: fields.collect() };
            let next = Self { quiet_until: Some(after(due, APART)), joined: Some(joined.clone()), ..counted };
            return Ok((next, Reported::Together(joined)));
        }
        Ok((Self { quiet_until: Some(after(now, APART)), ..counted }, Reported::AtOnce))
    }

    /// The same pace without the notice that collects changes, because it was sent early.
    pub fn without_joined(&self) -> Self {
        Self { joined: None, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_795_257_000 + 60 * minutes).unwrap()
    }

    fn changes(field: Field) -> Vec<FieldChange> {
        vec![FieldChange { field, from: serde_json::Value::Null, to: serde_json::Value::Null }]
    }

    /// The notices of changes at these minutes: when each is sent, and its fields.
    fn notices(minutes: &[(i64, Field)]) -> Vec<(Timestamp, Vec<Field>)> {
        let mut pace = Pace::default();
        let mut sent: Vec<(Timestamp, Vec<Field>)> = Vec::new();
        for (version, (minute, field)) in (2..).zip(minutes) {
            let (next, reported) = pace.change(&changes(*field), version, at(*minute)).unwrap();
            pace = next;
            match reported {
                Reported::AtOnce => sent.push((at(*minute), vec![*field])),
                Reported::Together(joined) => {
                    sent.retain(|(due, _)| *due != joined.due);
                    sent.push((joined.due, joined.fields));
                }
            }
        }
        sent
    }

    #[test]
    fn a_change_is_reported_at_once_and_further_ones_together() {
        use Field::{Bio, Headline, Phone};
        let sent = notices(&[(0, Bio), (1, Phone), (2, Phone), (9, Headline)]);
        assert_eq!(sent, [(at(0), vec![Bio]), (at(10), vec![Phone, Headline])]);
        let sent = notices(&[(0, Bio), (1, Phone), (12, Headline), (13, Bio), (31, Phone)]);
        let expected =
            [(at(0), vec![Bio]), (at(10), vec![Phone]), (at(20), vec![Headline, Bio]), (at(31), vec![Phone])];
        assert_eq!(sent, expected);
        assert_eq!(notices(&[(0, Bio), (10, Bio)]).len(), 2, "ten minutes are over");
    }

    #[test]
    fn notices_are_ten_minutes_apart_whatever_a_member_does() {
        for step in 1..30 {
            let minutes: Vec<(i64, Field)> = (0..60).map(|n| (n * step, Field::Bio)).collect();
            let sent = notices(&minutes);
            for pair in sent.windows(2) {
                assert!(pair[1].0.duration_since(pair[0].0) >= APART, "every {step} minutes: {sent:?}");
            }
        }
    }

    #[test]
    fn a_profile_changes_sixty_times_an_hour_and_then_waits_for_the_hour_to_end() {
        let mut pace = Pace::default();
        for version in 2..2 + CHANGES_AN_HOUR {
            pace = pace.change(&changes(Field::Bio), version, at(5)).unwrap().0;
        }
        let refused = pace.change(&changes(Field::Bio), 99, at(64)).unwrap_err();
        assert_eq!(refused.until, at(65));
        assert_eq!(pace.change(&changes(Field::Bio), 99, at(65)).unwrap().0.changes, 1);
    }

    #[test]
    fn a_joined_notice_that_was_sent_early_is_followed_by_another() {
        let (pace, _) = Pace::default().change(&changes(Field::Bio), 2, at(0)).unwrap();
        let (pace, first) = pace.change(&changes(Field::Phone), 3, at(1)).unwrap();
        let (_, second) = pace.without_joined().change(&changes(Field::Headline), 4, at(2)).unwrap();
        let joined = |version, due, field| Reported::Together(Joined { version, due, fields: vec![field] });
        assert_eq!(first, joined(3, at(10), Field::Phone));
        assert_eq!(second, joined(4, at(20), Field::Headline));
        let kept = serde_json::to_string(&pace).unwrap();
        assert_eq!(serde_json::from_str::<Pace>(&kept).unwrap(), pace);
        assert!(Pace::default().is_default() && !pace.is_default());
    }
}
