//! A bounded part of what `cargo sim` runs, and the proof that it detects faults: every deliberate mistake is caught.
#![allow(
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may fail loudly, and within how many seeds a mistake is caught is worth reading"
)]

use clap::ValueEnum;

use super::{mutant::Mutant, plan::Plan, run::run, shrink::shrink};

/// Seeds of this part; `cargo sim` runs as many as time allows.
const SLICE: u64 = 1_000;
/// A mistake must be caught within this many seeds.
const PATIENCE: u64 = 5_000;

#[test]
fn promises_hold_for_every_seed() {
    for seed in 0..SLICE {
        let plan = Plan::of(seed, None);
        if let Err(violation) = run(plan) {
            let (_, least, kinds) = shrink(plan, &violation);
            panic!("seed {seed}, {kinds:?}\n{}\n{}: {}", least.notes.join("\n"), least.promise, least.found);
        }
    }
}

#[test]
fn every_mistake_is_caught() {
    for mutant in Mutant::value_variants() {
        let caught = (0..PATIENCE).find_map(|seed| Some((seed, run(Plan::of(seed, Some(*mutant))).err()?)));
        let (seed, violation) = caught.unwrap_or_else(|| panic!("{mutant:?} is not caught in {PATIENCE} seeds"));
        eprintln!("{mutant:?}: caught within {} seeds, \"{}\"", seed + 1, violation.promise);
    }
}
