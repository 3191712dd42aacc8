//! When a member is free to take on work.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::violation::{Code, Violation};

/// Whether a member is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Now.
    Available,
    /// From a day on.
    From,
    /// Not now, but open to offers.
    Busy,
    /// Not at all.
    Unavailable,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Available, Self::From, Self::Busy, Self::Unavailable];

    /// The name in the API: `AVAILABLE`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Available => "AVAILABLE",
            Self::From => "FROM",
            Self::Busy => "BUSY",
            Self::Unavailable => "UNAVAILABLE",
        }
    }
}

/// When a member is free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Availability {
    /// The status.
    pub status: Status,
    /// The start date; with [`Status::From`] only.
    pub from: Option<Date>,
}

/// Validates the two together.
///
/// # Errors
/// The date is invalid, missing with `FROM`, or present with another status.
pub fn read(status: Status, from: Option<&str>, path: &str) -> Result<Availability, Violation> {
    let place = format!("{path}.from");
    let written = from.unwrap_or_default();
    let day = from.map(day).transpose().map_err(|()| Violation::new(Code::DateMalformed, &place, written))?;
    if day.is_some() != (status == Status::From) {
        return Err(Violation::new(Code::DateMisplaced, place, written));
    }
    Ok(Availability { status, from: day })
}

/// A date as `YYYY-MM-DD` only: the meaning of a time or an offset would be ambiguous.
fn day(written: &str) -> Result<Date, ()> {
    let plain = written.len() == 10 && written.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if plain { written.parse().map_err(|_| ()) } else { Err(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_goes_with_from_alone() {
        let read = |status, from| read(status, from, "availability").map_err(|wrong| wrong.code);
        assert!(read(Status::From, Some("2027-02-28")).is_ok());
        assert!(read(Status::Available, None).is_ok());
        for (status, from, code) in [
            (Status::From, None, Code::DateMisplaced),
            (Status::Busy, Some("2027-02-28"), Code::DateMisplaced),
            (Status::From, Some("2027-02-29"), Code::DateMalformed),
            (Status::From, Some("28/02/2027"), Code::DateMalformed),
            (Status::From, Some("2027-02-28T10:00Z"), Code::DateMalformed),
            (Status::From, Some(""), Code::DateMalformed),
        ] {
            assert_eq!(read(status, from), Err(code), "{status:?} {from:?}");
        }
    }
}
