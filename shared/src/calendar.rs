//! Quiet days: week-ends and public holidays in France. What takes something away from a customer waits for a working day.
//!
//! Dated law is data: [`HOLIDAYS`] are those of Code du travail, art. L3133-1, [`REGIONAL`] those that a part of France has
//! beside them.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, Weekday, time},
    tz::TimeZone,
};

use crate::seller::Seller;

/// The day of a holiday in each year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// The same day of the same month.
    On(i8, i8),
    /// So many days after Easter Sunday.
    Easter(i64),
}

/// Public holidays everywhere in France (Code du travail, art. L3133-1).
const HOLIDAYS: [When; 11] = [
    When::On(1, 1),
    When::Easter(1),
    When::On(5, 1),
    When::On(5, 8),
    When::Easter(39),
    When::Easter(50),
    When::On(7, 14),
    When::On(8, 15),
    When::On(11, 1),
    When::On(11, 11),
    When::On(12, 25),
];

/// A part of France with holidays of its own.
struct Region {
    /// The prefixes of its postal codes.
    postal_codes: &'static [&'static str],
    holidays: &'static [When],
}

/// Alsace and Moselle: Code du travail, art. L3134-13 (Good Friday only where a Protestant church stands: kept everywhere, because
/// a quiet day too many does no harm). Overseas: the abolition of slavery, Code du travail, art. L3422-2; in Mayotte and La Réunion
/// likewise.
const REGIONAL: [Region; 8] = [
    Region { postal_codes: &["57", "67", "68"], holidays: &[When::Easter(-2), When::On(12, 26)] },
    // Before Guadeloupe, whose prefix is theirs too.
    Region { postal_codes: &["97133"], holidays: &[When::On(10, 9)] },
    Region { postal_codes: &["97150"], holidays: &[When::On(5, 28)] },
    Region { postal_codes: &["971"], holidays: &[When::On(5, 27)] },
    Region { postal_codes: &["972"], holidays: &[When::On(5, 22)] },
    Region { postal_codes: &["973"], holidays: &[When::On(6, 10)] },
    Region { postal_codes: &["974"], holidays: &[When::On(12, 20)] },
    Region { postal_codes: &["976"], holidays: &[When::On(4, 27)] },
];

/// When a working day begins for what waited for it.
const MORNING: i8 = 9;

/// The longest run of quiet days that is looked for; there are four at most in a row.
const MOST_QUIET: usize = 14;

/// Where the seller is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Days begin and end here.
    pub time_zone: TimeZone,
    /// The postal code, for the holidays of a part of France.
    pub postal_code: String,
}

impl Place {
    /// The seller's.
    pub fn of(seller: &Seller) -> Self {
        Self { time_zone: seller.time_zone.clone(), postal_code: seller.party.postal_code.clone() }
    }

    /// Whether this is a day on which nothing is taken away: a week-end or a public holiday.
    pub fn is_quiet(&self, day: Date) -> bool {
        matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) || is_holiday(day, &self.postal_code)
    }

    /// `day`, or the first working day after it.
    pub fn working_day(&self, day: Date) -> Date {
        let mut days = std::iter::successors(Some(day), |day| day.tomorrow().ok()).take(MOST_QUIET);
        days.find(|day| !self.is_quiet(*day)).unwrap_or(day)
    }

    /// When something may be taken away: `now` on a working day, else the next one at nine in the morning.
    pub fn working_time(&self, now: Timestamp) -> Timestamp {
        let today = now.to_zoned(self.time_zone.clone()).date();
        let day = self.working_day(today);
        if day == today {
            return now;
        }
        let at = day.to_datetime(time(MORNING, 0, 0, 0)).to_zoned(self.time_zone.clone()).ok();
        at.map_or(now, |at| at.timestamp())
    }
}

/// Whether a day is a public holiday in France, or in the part of it that has this postal code.
pub fn is_holiday(day: Date, postal_code: &str) -> bool {
    let has = |region: &&Region| region.postal_codes.iter().any(|prefix| postal_code.starts_with(prefix));
    let own = REGIONAL.iter().find(has).map(|region| region.holidays).unwrap_or_default();
    HOLIDAYS.iter().chain(own).any(|when| when.is(day))
}

impl When {
    fn is(self, day: Date) -> bool {
        match self {
            Self::On(month, of_month) => (day.month(), day.day()) == (month, of_month),
            Self::Easter(days) => {
                let then = easter(day.year())
                    .and_then(|easter| easter.checked_add(SignedDuration::from_hours(24 * days)).ok());
                then == Some(day)
            }
        }
    }
}

/// Easter Sunday of a year, by the anonymous Gregorian algorithm (Meeus, Astronomical Algorithms, chapter 8).
pub fn easter(year: i16) -> Option<Date> {
    let year = i32::from(year);
    let (a, b, c) = (year % 19, year / 100, year % 100);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - b / 4 - g + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 19 * l) / 433;
    let month = (h + l - 7 * m + 90) / 25;
    let day = (h + l - 7 * m + 33 * month + 19) % 32;
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn paris() -> Place {
        Place { time_zone: TimeZone::get("Europe/Paris").unwrap(), postal_code: "34000".to_owned() }
    }

    fn holidays(year: i16, postal_code: &str) -> Vec<String> {
        let days = date(year, 1, 1).series(jiff::ToSpan::days(1)).take_while(|day| day.year() == year);
        days.filter(|day| is_holiday(*day, postal_code)).map(|day| day.strftime("%m-%d").to_string()).collect()
    }

    /// data.gouv.fr, "Jours fériés en France", metropole.
    #[test]
    fn the_holidays_are_those_that_are_published() {
        for (year, published) in [
            (2024, "01-01 04-01 05-01 05-08 05-09 05-20 07-14 08-15 11-01 11-11 12-25"),
            (2025, "01-01 04-21 05-01 05-08 05-29 06-09 07-14 08-15 11-01 11-11 12-25"),
            (2026, "01-01 04-06 05-01 05-08 05-14 05-25 07-14 08-15 11-01 11-11 12-25"),
            (2027, "01-01 03-29 05-01 05-06 05-08 05-17 07-14 08-15 11-01 11-11 12-25"),
            (2028, "01-01 04-17 05-01 05-08 05-25 06-05 07-14 08-15 11-01 11-11 12-25"),
            // Ascension is the first of May.
            (2008, "01-01 03-24 05-01 05-08 05-12 07-14 08-15 11-01 11-11 12-25"),
        ] {
            assert_eq!(holidays(year, "34000").join(" "), published, "{year}");
        }
        let own = |postal_code: &str| {
            let everywhere = holidays(2026, "34000");
            holidays(2026, postal_code)
                .into_iter()
                .filter(|day| !everywhere.contains(day))
                .collect::<Vec<_>>()
                .join(" ")
        };
        for (postal_code, days) in [
            ("67000", "04-03 12-26"),
            ("57000", "04-03 12-26"),
            ("97110", "05-27"),
            ("97133", "10-09"),
            ("97150", "05-28"),
            ("97200", "05-22"),
            ("97300", "06-10"),
            ("97400", "12-20"),
            ("97600", "04-27"),
            ("75001", ""),
        ] {
            assert_eq!(own(postal_code), days, "{postal_code}");
        }
    }

    #[test]
    fn easter_is_a_sunday_of_spring_as_in_published_tables() {
        for (year, month, day) in [
            (1818, 3, 22),
            (1954, 4, 18),
            (1961, 4, 2),
            (1981, 4, 19),
            (2000, 4, 23),
            (2011, 4, 24),
            (2019, 4, 21),
            (2038, 4, 25),
            (2049, 4, 18),
            (2076, 4, 19),
            (2285, 3, 22),
        ] {
            assert_eq!(easter(year), Some(date(year, month, day)));
        }
        for year in 1900..2200 {
            let day = easter(year).unwrap();
            assert!(day.weekday() == Weekday::Sunday && day >= date(year, 3, 22) && day <= date(year, 4, 25), "{day}");
        }
    }

    #[test]
    fn what_waits_for_a_working_day_waits_until_its_morning_in_the_sellers_time() {
        let at = |now: &str| paris().working_time(now.parse().unwrap()).to_string();
        for (now, then) in [
            ("2026-11-27T15:00:00Z", "2026-11-27T15:00:00Z"),
            // Saturday begins at 23:00 UTC.
            ("2026-11-27T23:30:00Z", "2026-11-30T08:00:00Z"),
            ("2026-11-29T22:59:59Z", "2026-11-30T08:00:00Z"),
            ("2026-11-29T23:00:00Z", "2026-11-29T23:00:00Z"),
            // Easter: from Saturday to Tuesday, in summer time.
            ("2026-04-04T10:00:00Z", "2026-04-07T07:00:00Z"),
            // Christmas on a Friday.
            ("2026-12-25T10:00:00Z", "2026-12-28T08:00:00Z"),
        ] {
            assert_eq!(at(now), then, "{now}");
        }
        let reunion = Place { time_zone: TimeZone::get("Indian/Reunion").unwrap(), postal_code: "97400".to_owned() };
        let then = reunion.working_time("2027-12-19T21:00:00Z".parse().unwrap()).to_string();
        assert_eq!(then, "2027-12-21T05:00:00Z", "a Monday, its own holiday");
    }
}
