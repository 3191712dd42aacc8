//! Validation of the patterns of numbers, by the day of issue.

use jiff::civil::Date;

use super::{
    entry::{from, section},
    file::{Numbering, SettingsDocument},
    problem::Findings,
    settings::NumberPatterns,
};
use crate::numbering::SeriesPattern;

/// The patterns of numbers. No two of them may ever make the same number, of whatever year.
pub(super) fn numbering(document: &SettingsDocument, findings: &mut Findings) -> Vec<(Date, NumberPatterns)> {
    let invoice = &document.invoice;
    let mut known: Vec<SeriesPattern> = Vec::new();
    let mut patterns: Vec<(Date, NumberPatterns)> = Vec::new();
    let entries = document.numbering.iter();
    let first = ("invoice".to_owned(), None, &invoice.series, &invoice.credit_series);
    let later = entries.enumerate().map(|(place, Numbering { from, series, credit_series })| {
        (section("numbering", place, document.numbering.len()), Some(from.as_str()), series, credit_series)
    });
    for (section, given, series, credit_series) in std::iter::once(first).chain(later) {
        let day = from(given, &section, patterns.last().map(|(day, _)| *day), findings);
        let fix = "write the first day of a month, best of a year: two patterns in one year are two series to explain";
        let at_the_turn = day == Date::MIN || day.day() == 1;
        findings.need(at_the_turn, &format!("{section}.from"), given.unwrap_or_default(), fix);
        let mut read = |key: &str, value: &str| {
            let field = format!("{section}.{key}");
            let pattern = pattern(&field, value, findings)?;
            let fix =
                "could give a number that another pattern has given or gives; begin it with other letters, such as A";
            let as_before = patterns.last().is_some_and(|(_, before)| {
                if key == "series" { before.series == pattern } else { before.credit_series == pattern }
            });
            findings.need(as_before || !known.iter().any(|other| other.may_meet(&pattern)), &field, value, fix);
            known.push(pattern.clone());
            Some(pattern)
        };
        let (series, credit_series) = (read("series", series), read("credit_series", credit_series));
        if let (Some(series), Some(credit_series)) = (series, credit_series) {
            patterns.push((day, NumberPatterns { series, credit_series }));
        }
    }
    patterns
}

fn pattern(field: &str, value: &str, findings: &mut Findings) -> Option<SeriesPattern> {
    SeriesPattern::parse(value).map_err(|error| findings.add(field, value, error.to_string())).ok()
}
