//! A calendar month: the period of every file for the accountant.

use std::{fmt, str::FromStr};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A month of a year, written `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    /// Its first day.
    first: Date,
}

/// Text that is not a month.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("month = \"{0}\" is no month: write the year, a dash and two digits, such as 2026-11")]
pub struct InvalidMonth(pub String);

impl Month {
    /// The month of a day.
    pub fn of(day: Date) -> Self {
        Self { first: day.first_of_month() }
    }

    /// The month before this one.
    pub fn before(self) -> Self {
        // The calendar's first day has no previous day, so its month is returned unchanged.
        Self::of(self.first.yesterday().unwrap_or(self.first))
    }

    /// The month after this one.
    pub fn after(self) -> Self {
        // The calendar's last day has no next day, so its month is returned unchanged.
        Self::of(self.last_day().tomorrow().unwrap_or(self.first))
    }

    /// Its first day.
    pub fn first_day(self) -> Date {
        self.first
    }

    /// Its last day.
    pub fn last_day(self) -> Date {
        self.first.last_of_month()
    }

    /// Whether `day` lies in it.
    pub fn contains(self, day: Date) -> bool {
        Self::of(day) == self
    }

    /// The folder of its files: `2026/11`.
    pub fn path(self) -> String {
        format!("{:04}/{:02}", self.first.year(), self.first.month())
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.first.year(), self.first.month())
    }
}

impl FromStr for Month {
    type Err = InvalidMonth;

    fn from_str(text: &str) -> Result<Self, InvalidMonth> {
        let first = format!("{text}-01").parse::<Date>().ok().map(Self::of);
        // Accept only the canonical form: a month must be written as DynamoDB's `begins_with` matches it.
        first.filter(|month| month.to_string() == text).ok_or_else(|| InvalidMonth(text.chars().take(32).collect()))
    }
}

impl TryFrom<String> for Month {
    type Error = InvalidMonth;

    fn try_from(text: String) -> Result<Self, InvalidMonth> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_month_is_read_and_written() {
        let month: Month = "2026-11".parse().unwrap();
        assert_eq!((month.to_string().as_str(), month.path().as_str()), ("2026-11", "2026/11"));
        assert!(month.contains(date(2026, 11, 1)) && month.contains(date(2026, 11, 30)));
        assert!(!month.contains(date(2026, 12, 1)) && !month.contains(date(2025, 11, 15)));
        assert_eq!(month.before().to_string(), "2026-10");
        let january: Month = "2027-01".parse().unwrap();
        assert_eq!((january.before().to_string(), january.before().after()), ("2026-12".to_owned(), january));
        assert_eq!((january.first_day(), january.last_day()), (date(2027, 1, 1), date(2027, 1, 31)));
    }

    #[test]
    fn what_is_no_month_is_told_with_the_way_to_write_one() {
        for bad in [
            "",
            "2026",
            "2026-13",
            "2026-00",
            "26-11",
            "11-2026",
            "2026-1",
            "2026-11-01",
            "novembre",
            "2026/11",
            " 2026-11",
        ] {
            let error = bad.parse::<Month>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("month = \"{bad}\"")) && error.ends_with("such as 2026-11"), "{error}");
        }
        assert!(serde_json::from_str::<Month>("\"2026-13\"").unwrap_err().to_string().contains("2026-13"));
    }
}
