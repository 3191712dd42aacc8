//! From a failing seed to the smallest run that still breaks the same promise.

use super::{
    plan::{KINDS, Kind, Plan},
    run::run,
};
use crate::run::Violation;

/// How many schedules of a smaller world are tried before it counts as passing.
const SCHEDULES: u64 = 200;

fn breaks(plan: Plan, promise: &str) -> Option<Plan> {
    (0..SCHEDULES)
        .map(|salt| Plan { salt, ..plan })
        .find(|plan| run(*plan).is_err_and(|violation| violation.promise == promise))
}

/// The smallest run that breaks the same promise, with its log, and the kinds of faults that it needs.
pub fn shrink(plan: Plan, violation: &Violation) -> (Plan, Violation, Vec<Kind>) {
    let promise = violation.promise;
    let mut least = breaks(Plan { people: 1, ..plan }, promise).unwrap_or(plan);
    for bit in 0..KINDS.len() {
        if let Some(found) = breaks(Plan { mask: least.mask & !(1 << bit), ..least }, promise) {
            least = found;
        }
    }
    let traced = |salt| run(Plan { salt, traced: true, ..least }).err().filter(|found| found.promise == promise);
    let shortest = (0..SCHEDULES).chain([least.salt]).filter_map(|salt| Some((salt, traced(salt)?)));
    let (salt, violation) = shortest.min_by_key(|(_, violation)| violation.notes.len()).expect("it failed before");
    let kinds = KINDS.into_iter().filter(|kind| least.mask & (1 << *kind as u32) != 0).collect();
    (Plan { salt, ..least }, violation, kinds)
}
