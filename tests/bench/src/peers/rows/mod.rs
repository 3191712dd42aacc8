//! The comparisons, one file each.

pub mod cold;
pub mod memory;
pub mod numbering;
pub mod profile;
pub mod render;
pub mod sale;
pub mod size;
pub mod start;
pub mod verify;

use super::{
    OURS,
    report::{Better, Goal, Row, Spread},
};

/// A row for each peer among `figures`, where less is better.
pub fn beside(
    name: &str,
    unit: &'static str,
    figures: &[(String, Spread)],
    goal: impl Fn(&str) -> Option<Goal>,
) -> Vec<Row> {
    let Some((_, ours)) = figures.iter().find(|(name, _)| name == OURS) else { return Vec::new() };
    let peers: Vec<_> = figures.iter().filter(|(name, _)| name != OURS).collect();
    if peers.is_empty() {
        return vec![Row::new(name, unit, Better::Less, *ours, None, goal(""))];
    }
    let row = |(peer, theirs): &&(String, Spread)| {
        Row::new(name, unit, Better::Less, *ours, Some((peer.as_str(), *theirs)), goal(peer))
    };
    peers.iter().map(row).collect()
}
