//! The template's schedules: which of them fell due while the clock was moved.

use anyhow::{Context, bail};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

/// A schedule of the template.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// `cron(minute hour day month weekday year)`, as EventBridge Scheduler reads it.
    pub expression: String,
    /// The zone of its hours.
    pub zone: String,
    /// What the function is given.
    pub input: String,
}

/// The times of a schedule.
#[derive(Debug)]
struct Cron {
    fields: [Field; 4],
    zone: TimeZone,
}

/// The values of one field; every one if `None`.
#[derive(Debug)]
struct Field(Option<Vec<i8>>);

impl Schedule {
    /// Whether it comes after one time, up to another.
    ///
    /// # Errors
    /// When its expression is none that is read here.
    pub fn comes(&self, after: Timestamp, until: Timestamp) -> anyhow::Result<bool> {
        let cron = self.read()?;
        let minute = SignedDuration::from_mins(1);
        let mut at = Timestamp::from_second(after.as_second().div_euclid(60) * 60)?.checked_add(minute)?;
        while at <= until {
            if cron.fits(&at.to_zoned(cron.zone.clone())) {
                return Ok(true);
            }
            at = at.checked_add(minute)?;
        }
        Ok(false)
    }

    fn read(&self) -> anyhow::Result<Cron> {
        let inner = self.expression.strip_prefix("cron(").and_then(|rest| rest.strip_suffix(')'));
        let parts: Vec<&str> = inner.unwrap_or_default().split_whitespace().collect();
        let [minute, hour, day, month, "?" | "*", "*"] = parts.as_slice() else {
            bail!(
                "the local runner does not read the schedule {}: teach it in infra/local/src/schedule.rs",
                self.expression
            );
        };
        let fields = [Field::read(minute, 59)?, Field::read(hour, 23)?, Field::read(day, 31)?, Field::read(month, 12)?];
        let zone = TimeZone::get(&self.zone).with_context(|| format!("{} is no time zone", self.zone))?;
        Ok(Cron { fields, zone })
    }
}

impl Cron {
    fn fits(&self, at: &Zoned) -> bool {
        let [minute, hour, day, month] = &self.fields;
        minute.has(at.minute()) && hour.has(at.hour()) && day.has(at.day()) && month.has(at.month())
    }
}

impl Field {
    /// `*`, `?`, `5`, `1,15`, `1-5` or `0/15`.
    fn read(text: &str, most: i8) -> anyhow::Result<Self> {
        if matches!(text, "*" | "?") {
            return Ok(Self(None));
        }
        let number = |text: &str| text.parse::<i8>().with_context(|| format!("{text} in a schedule is no number"));
        let mut values = Vec::new();
        for part in text.split(',') {
            if let Some((begin, step)) = part.split_once('/') {
                let begin = if begin == "*" { 0 } else { number(begin)? };
                let step = usize::try_from(number(step)?)?;
                values.extend((begin..=most).step_by(step.max(1)));
            } else if let Some((begin, end)) = part.split_once('-') {
                values.extend(number(begin)?..=number(end)?);
            } else {
                values.push(number(part)?);
            }
        }
        Ok(Self(Some(values)))
    }

    fn has(&self, value: i8) -> bool {
        self.0.as_ref().is_none_or(|values| values.contains(&value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comes(expression: &str, zone: &str, after: &str, until: &str) -> bool {
        let schedule = Schedule { expression: expression.to_owned(), zone: zone.to_owned(), input: String::new() };
        schedule.comes(after.parse().unwrap(), until.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_schedule_comes_between_two_times() {
        let quarter = "cron(0/15 * * * ? *)";
        assert!(!comes(quarter, "UTC", "2026-11-27T10:00:00Z", "2026-11-27T10:14:59Z"));
        assert!(comes(quarter, "UTC", "2026-11-27T10:00:00Z", "2026-11-27T10:15:00Z"));
        assert!(comes("cron(* * * * ? *)", "UTC", "2026-11-27T10:00:59Z", "2026-11-27T10:01:00Z"));
        let night = "cron(40 3 * * ? *)";
        assert!(comes(night, "Europe/Paris", "2026-11-27T02:39:00Z", "2026-11-27T02:40:00Z"));
        assert!(!comes(night, "Europe/Paris", "2026-11-27T03:39:00Z", "2026-11-27T03:41:00Z"));
        let month = "cron(0 3 1 * ? *)";
        assert!(comes(month, "UTC", "2026-11-27T10:00:00Z", "2026-12-01T03:00:00Z"));
        assert!(!comes(month, "UTC", "2026-11-27T10:00:00Z", "2026-12-01T02:59:00Z"));
    }

    #[test]
    fn what_is_not_read_is_an_error() {
        let schedule = |expression: &str| Schedule {
            expression: expression.to_owned(),
            zone: "UTC".to_owned(),
            input: String::new(),
        };
        for expression in ["rate(1 minute)", "cron(0 3 ? * MON *)", "cron(0 3)", "cron(x * * * ? *)"] {
            assert!(schedule(expression).comes(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH).is_err(), "{expression}");
        }
    }
}
