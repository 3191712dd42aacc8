//! Entries of a dated list: how they are named in messages, and the day from which each applies.

use jiff::civil::Date;

use super::problem::Findings;

/// The name of a section in messages: `vat`, or `vat[1]` where there are several.
pub(super) fn section(name: &str, place: usize, count: usize) -> String {
    if count == 1 { name.to_owned() } else { format!("{name}[{place}]") }
}

/// The day from which an entry applies. The first of a list has always applied.
pub(super) fn from(given: Option<&str>, section: &str, before: Option<Date>, findings: &mut Findings) -> Date {
    let fix = match before {
        None => return Date::MIN,
        Some(Date::MIN) => "write the day from which this entry applies, such as 2027-01-01".to_owned(),
        Some(day) => format!("write a day after {day}, from which this entry applies; the entries stand in order"),
    };
    let day = given.and_then(|text| text.trim().parse::<Date>().ok());
    let follows = day.is_some_and(|day| before.is_none_or(|before| day > before));
    findings.need(follows, &format!("{section}.from"), given.unwrap_or_default(), &fix);
    day.unwrap_or(Date::MIN)
}
