//! The results: one row per figure, printed as a table and written as `target/bench/report.json`.

use std::fmt::Write as _;

use serde::Serialize;

/// A figure measured several times.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The minimum.
    pub least: f64,
    /// The median.
    pub median: f64,
    /// The maximum.
    pub most: f64,
    /// The number of measurements.
    pub times: usize,
}

impl Spread {
    /// From these values; `None` if empty.
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let median = *values.get(values.len() / 2)?;
        Some(Self { least, median, most, times: values.len() })
    }
}

/// The target of a row.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// At most this much for ours, in the row's unit.
    AtMost(f64),
    /// At least this much for ours, in the row's unit.
    AtLeast(f64),
    /// Ours is at most this many times the peer's.
    AtMostTimes(f64),
    /// Ours is better by at least this factor, in the row's direction.
    BetterBy(f64),
}

/// Which direction is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// Times, bytes.
    Less,
    /// Rates.
    More,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The measured quantity.
    pub name: String,
    /// Its unit.
    pub unit: &'static str,
    /// Which direction is better.
    pub better: Better,
    /// Ours, the median.
    pub ours: f64,
    /// The peer's, the median; `None` without a peer.
    pub peer: Option<f64>,
    /// The peer's name.
    pub peer_name: Option<String>,
    /// How many times better ours is; below one it is worse.
    pub ratio: Option<f64>,
    /// The target.
    pub goal: Option<Goal>,
    /// Whether the target is met.
    pub met: Option<bool>,
    /// Ours, all figures.
    pub ours_spread: Spread,
    /// The peer's, all figures.
    pub peer_spread: Option<Spread>,
}

impl Row {
    /// `ours` compared with `peer`.
    pub fn new(
        name: impl Into<String>,
        unit: &'static str,
        better: Better,
        ours: Spread,
        peer: Option<(&str, Spread)>,
        goal: Option<Goal>,
    ) -> Self {
        let ratio = peer.map(|(_, peer)| match better {
            Better::Less => peer.median / ours.median,
            Better::More => ours.median / peer.median,
        });
        let met = goal.and_then(|goal| {
            Some(match goal {
                Goal::AtMost(most) => ours.median <= most,
                Goal::AtLeast(least) => ours.median >= least,
                Goal::AtMostTimes(times) => 1.0 / ratio? <= times,
                Goal::BetterBy(times) => ratio? >= times,
            })
        });
        Self {
            name: name.into(),
            unit,
            better,
            ours: ours.median,
            peer: peer.map(|(_, peer)| peer.median),
            peer_name: peer.map(|(name, _)| name.to_owned()),
            ratio,
            goal,
            met,
            ours_spread: ours,
            peer_spread: peer.map(|(_, peer)| peer),
        }
    }
}

/// The rows as a Markdown table.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| what | ours (least to most) | beside | theirs (least to most) | times better | aim | met |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for row in rows {
        let goal = row.goal.map_or_else(String::new, |goal| match goal {
            Goal::AtMost(most) => format!("at most {} {}", number(most), row.unit),
            Goal::AtLeast(least) => format!("at least {} {}", number(least), row.unit),
            Goal::AtMostTimes(times) => format!("at most {} times theirs", number(times)),
            Goal::BetterBy(times) => format!("{} times better", number(times)),
        });
        let met = row.met.map_or("", |met| if met { "yes" } else { "no" });
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {goal} | {met} |",
            row.name,
            spread(row.ours_spread, row.unit),
            row.peer_name.as_deref().unwrap_or(""),
            row.peer_spread.map_or_else(String::new, |peer| spread(peer, row.unit)),
            row.ratio.map_or_else(String::new, number),
        )
        .ok();
    }
    text
}

fn spread(spread: Spread, unit: &str) -> String {
    match spread.times {
        1 => format!("{} {unit}", number(spread.median)),
        _ => format!("{} {unit} ({} to {})", number(spread.median), number(spread.least), number(spread.most)),
    }
}

/// Three significant digits.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(values: &[f64]) -> Spread {
        Spread::of(values.to_vec()).unwrap()
    }

    #[test]
    fn a_ratio_says_how_many_times_better_whichever_way_is_better() {
        let faster = Row::new("t", "ms", Better::Less, taken(&[1.0, 2.0, 9.0]), Some(("them", taken(&[10.0]))), None);
        assert_eq!(faster.ratio, Some(5.0));
        let more = Row::new("r", "/s", Better::More, taken(&[50.0]), Some(("them", taken(&[10.0]))), None);
        assert_eq!(more.ratio, Some(5.0));
    }

    #[test]
    fn goals_are_met_or_not_and_without_a_peer_nobody_knows() {
        let row = |goal, peer| Row::new("x", "ms", Better::Less, taken(&[4.0]), peer, Some(goal)).met;
        let peer = || Some(("them", taken(&[8.0])));
        assert_eq!(row(Goal::AtMost(4.0), None), Some(true));
        assert_eq!(row(Goal::AtMost(3.9), None), Some(false));
        assert_eq!(row(Goal::BetterBy(2.0), peer()), Some(true));
        assert_eq!(row(Goal::BetterBy(2.1), peer()), Some(false));
        assert_eq!(row(Goal::AtMostTimes(0.5), peer()), Some(true));
        assert_eq!(row(Goal::AtMostTimes(0.4), peer()), Some(false));
        assert_eq!(row(Goal::BetterBy(2.0), None), None);
    }

    #[test]
    fn the_table_tells_spreads_and_what_was_taken_once_plainly() {
        let rows = [Row::new("x", "MB", Better::Less, taken(&[3.0]), Some(("them", taken(&[6.0, 9.0, 12.0]))), None)];
        let text = table(&rows);
        assert!(text.contains("| x | 3.00 MB | them | 9.00 MB (6.00 to 12.0) | 3.00 |"), "{text}");
    }
}
