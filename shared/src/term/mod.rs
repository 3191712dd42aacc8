//! The end of the legal term: until when each kind of record is kept, and what stays for ever.
//!
//! Books and their evidence are kept for ten years from the end of the financial year (C. com., art. L123-22); afterwards nothing
//! justifies keeping whose names they hold (GDPR, art. 5, 1, e). A financial year of twelve months ends in the year of the
//! document or in the next, so a calendar year of documents is over at once, eleven years after its end. That is when the lock of
//! its last document ends, too. What the numbers need for ever names nobody: the counters, the identity of the books, and the last
//! link of each series (`links`).

pub mod links;

use jiff::civil::Date;

/// Calendar years from that of a document to the last in which it must be kept: one until its financial year has ended, and ten.
const YEARS: i16 = 11;

/// Something that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A document: its PDF, its snapshot, its row, and what marks its sale or refund as billed. By its day of issue.
    Document(Date),
    /// A recorded sale or refund, by the day of issue of its document, if it has one.
    Basis(Option<Date>),
    /// A month's files for the accountant, by the last day of the month.
    Files(Date),
    /// A parked event, by the day on which it was settled, if it is.
    ParkedEvent(Option<Date>),
    /// The counter of a series.
    Counter,
    /// The identity of the books.
    Identity,
    /// The last number and hash of what went.
    Link,
    /// The seller's own facts.
    Settings,
}

/// How long something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Through this day; from the next one on it may go, and should.
    Until(Date),
    /// For as long as somebody has to deal with it.
    WhileOpen,
    /// For ever: a number could be given twice without it, and it names no customer.
    Always,
}

impl Subject {
    /// How long it is kept.
    pub fn kept(self) -> Kept {
        match self {
            Self::Document(day) | Self::Basis(Some(day)) | Self::Files(day) => Kept::Until(kept_until(day)),
            Self::ParkedEvent(Some(settled)) => {
                let days = crate::payment::SETTLED_KEPT.as_hours() / 24;
                Kept::Until(settled.saturating_add(jiff::Span::new().try_days(days).unwrap_or_default()))
            }
            Self::Basis(None) | Self::ParkedEvent(None) => Kept::WhileOpen,
            Self::Counter | Self::Identity | Self::Link | Self::Settings => Kept::Always,
        }
    }
}

/// The last day on which a document of this day is kept.
pub fn kept_until(day: Date) -> Date {
    Date::new(day.year().saturating_add(YEARS), 12, 31).unwrap_or(Date::MAX)
}

/// Whether a document of this day may go.
pub fn is_over(day: Date, today: Date) -> bool {
    kept_until(day) < today
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    /// Every day of issue, with every financial year of twelve months that it may lie in, until 2040.
    #[test]
    fn nothing_goes_before_its_term_and_a_year_goes_at_once() {
        let mut day = date(2026, 1, 1);
        while day < date(2041, 1, 1) {
            let until = kept_until(day);
            for last_month in 1..=12 {
                let ends = |year: i16| date(year, last_month, 1).last_of_month();
                let year_end = if day <= ends(day.year()) { ends(day.year()) } else { ends(day.year() + 1) };
                let law = date(year_end.year() + 10, year_end.month(), 1).last_of_month();
                assert!(law <= until, "{day}, in a year that ends on {year_end}, goes after {until}");
            }
            // The lock of eleven years, which S3 counts from the day of writing: it is over by the first day without it.
            assert!(date(day.year() + 11, day.month(), 1).last_of_month() <= until, "{day}");
            assert!(!is_over(day, until) && is_over(day, until.tomorrow().unwrap()), "{day}");
            assert_eq!(until, kept_until(date(day.year(), 12, 31)), "{day} goes with its year");
            day = day.tomorrow().unwrap();
        }
        assert_eq!(kept_until(date(2026, 11, 21)), date(2037, 12, 31));
    }

    #[test]
    fn what_numbers_need_and_what_is_work_never_goes() {
        for subject in [Subject::Counter, Subject::Identity, Subject::Link, Subject::Settings] {
            assert_eq!(subject.kept(), Kept::Always, "{subject:?}");
        }
        assert_eq!(Subject::Basis(None).kept(), Kept::WhileOpen);
        assert_eq!(Subject::ParkedEvent(None).kept(), Kept::WhileOpen);
        assert_eq!(Subject::ParkedEvent(Some(date(2026, 1, 1))).kept(), Kept::Until(date(2026, 4, 1)));
        let day = date(2026, 7, 1);
        for subject in [Subject::Document(day), Subject::Basis(Some(day)), Subject::Files(day)] {
            assert_eq!(subject.kept(), Kept::Until(date(2037, 12, 31)), "{subject:?}");
        }
        assert_eq!(kept_until(Date::MAX), Date::MAX);
    }
}
