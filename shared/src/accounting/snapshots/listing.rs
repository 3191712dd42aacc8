//! The numbers that a month has in the archive.

use crate::{accounting::Month, archive::Archive, numbering::SeriesPattern, outcome::ServiceError, seller::Settings};

/// Keys listed at once.
const PAGE: usize = 1000;

/// The patterns of a month's numbers: those of invoices, then those of credit notes.
pub(in crate::accounting) fn patterns_of(settings: &Settings, month: Month) -> Vec<&SeriesPattern> {
    let mut found: Vec<&SeriesPattern> = Vec::new();
    for pattern_on in [Settings::series, Settings::credit_series] {
        let mut day = month.first_day();
        while month.contains(day) {
            let pattern = pattern_on(settings, day);
            if !found.contains(&pattern) {
                found.push(pattern);
            }
            match day.tomorrow() {
                Ok(next) => day = next,
                Err(_) => break,
            }
        }
    }
    found
}

/// Numbers without a gap between them, written with as many digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Run {
    first: u64,
    last: u64,
    digits: usize,
}

/// The numbers of one pattern.
#[derive(Debug)]
pub(in crate::accounting) struct Listed<'a> {
    /// The pattern.
    pub pattern: &'a SeriesPattern,
    /// In the order of their numbers.
    runs: Vec<Run>,
}

/// The numbers of a month.
#[derive(Debug)]
pub(in crate::accounting) struct Listing<'a> {
    month: Month,
    /// By pattern, in the order in which the patterns were given.
    pub series: Vec<Listed<'a>>,
    /// The keys of other patterns, by length and name. They are kept whole: there are none unless patterns were changed
    /// after the fact, or settings were lost.
    pub others: Vec<String>,
}

impl<'a> Listing<'a> {
    /// Lists the month's folder below `books/`.
    ///
    /// # Errors
    /// When the archive does not answer.
    pub async fn of(
        archive: &impl Archive,
        month: Month,
        patterns: Vec<&'a SeriesPattern>,
    ) -> Result<Self, ServiceError> {
        let series = patterns.into_iter().map(|pattern| Listed { pattern, runs: Vec::new() }).collect();
        let mut listing = Self { month, series, others: Vec::new() };
        let folder = listing.folder();
        let mut after: Option<String> = None;
        loop {
            let keys = archive.list(&folder, after.as_deref(), PAGE).await?;
            after = keys.last().cloned();
            if keys.is_empty() {
                break;
            }
            for key in keys {
                listing.add(&folder, key);
            }
        }
        for listed in &mut listing.series {
            listed.runs.sort();
        }
        listing.others.sort_by(|one, other| (one.len(), one).cmp(&(other.len(), other)));
        Ok(listing)
    }

    fn folder(&self) -> String {
        format!("books/{}/", self.month.path())
    }

    /// Takes one key. Keys of as many digits come in the order of their numbers, so each lengthens the last run of its length.
    fn add(&mut self, folder: &str, key: String) {
        let day = self.month.first_day();
        let stem = key.strip_prefix(folder).and_then(|name| name.strip_suffix(".json")).unwrap_or_default();
        for Listed { pattern, runs } in &mut self.series {
            let Some(digits) = pattern.digits_of_stem(day, stem) else { continue };
            let Ok(n) = digits.parse::<u64>() else { continue };
            let digits = digits.len();
            match runs.iter_mut().rev().find(|run| run.digits == digits) {
                Some(run) if run.last.checked_add(1) == Some(n) => run.last = n,
                _ => runs.push(Run { first: n, last: n, digits }),
            }
            return;
        }
        self.others.push(key);
    }

    /// The keys of one pattern, in the order of their numbers.
    pub fn keys_of<'b>(&self, listed: &'b Listed<'a>) -> impl Iterator<Item = String> + Send + use<'a, 'b> {
        let (folder, day, pattern) = (self.folder(), self.month.first_day(), listed.pattern);
        listed.runs.iter().flat_map(|run| (run.first..=run.last).map(|n| (n, run.digits))).map(move |(n, digits)| {
            let digits = format!("{n:0digits$}");
            format!("{folder}{}.json", pattern.stem_of_digits(day, &digits))
        })
    }

    /// All keys: pattern by pattern in the order of the numbers, then the others.
    pub fn keys(&self) -> impl Iterator<Item = String> + '_ {
        self.series.iter().flat_map(|listed| self.keys_of(listed)).chain(self.others.iter().cloned())
    }
}

impl Listed<'_> {
    /// The first and the last number of each run, in order.
    pub fn runs(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.runs.iter().map(|run| (run.first, run.last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        archive::File,
        memory::{InMemoryArchive, at_once},
        testing::many::ManyDocuments,
    };

    fn listed(stems: &[String]) -> (Vec<String>, Vec<usize>) {
        let archive = InMemoryArchive::default();
        for stem in stems {
            let key = format!("books/2026/11/{stem}.json");
            at_once(archive.store(&File { key, content_type: "application/json", bytes: Vec::new(), sale: None }))
                .unwrap();
        }
        let (settings, month) = (ManyDocuments::settings(), "2026-11".parse().unwrap());
        let listing = at_once(Listing::of(&archive, month, patterns_of(&settings, month))).unwrap();
        let short = |key: String| key.replace("books/2026/11/", "").replace(".json", "");
        (listing.keys().map(short).collect(), listing.series.iter().map(|listed| listed.runs.len()).collect())
    }

    #[test]
    fn a_month_is_a_few_ranges_in_the_order_of_its_numbers() {
        let invoices = (1..=12_000).map(|n| format!("2026-11-{n:04}"));
        let credit_notes = (1..=3).map(|n| format!("A2026-11-{n:04}"));
        let expected: Vec<String> = invoices.chain(credit_notes).collect();
        assert_eq!(listed(&expected), (expected, vec![2, 1]), "9999, then 10000");
    }

    #[test]
    fn a_gap_ends_a_range_and_what_is_of_no_pattern_comes_last() {
        let stems = ["FA-10", "2026-11-0004", "FA-9", "2026-11-0001", "2026-11-", "2026-11-00002"];
        let (keys, runs) = listed(&stems.map(str::to_owned));
        assert_eq!(keys, ["2026-11-0001", "2026-11-00002", "2026-11-0004", "FA-9", "FA-10", "2026-11-"]);
        assert_eq!(runs, [3, 0]);
    }
}
