//! A bounded part of what `cargo sim` runs, and the proof that it detects faults: every deliberate mistake is caught.
#![allow(
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may fail loudly, and within how many seeds a mistake is caught is worth reading"
)]

use crate::{mutant::Mutant, plan::Plan, run::run, shrink::shrink};
use clap::ValueEnum;

/// Seeds of this part; `cargo sim` runs as many as time allows.
const SLICE: u64 = 2_000;
/// A mistake must be caught within this many seeds: the rarest needs a late release of a mail that another sender
/// holds.
const PATIENCE: u64 = 10_000;

fn sound(seeds: impl IntoIterator<Item = u64>) {
    for seed in seeds {
        let plan = Plan::of(seed, None);
        if let Err(violation) = run(plan) {
            let (_, least, kinds) = shrink(plan, &violation);
            panic!("seed {seed}, {kinds:?}\n{}\n{}: {}", least.notes.join("\n"), least.promise, least.found);
        }
    }
}

#[test]
fn promises_hold_for_every_seed() {
    sound(0..SLICE);
}

#[test]
fn every_mistake_is_caught() {
    comptoir::testing::readme::says(Mutant::value_variants().len(), "deliberate mistakes");
    for mutant in Mutant::value_variants() {
        let caught = (0..PATIENCE).find_map(|seed| Some((seed, run(Plan::of(seed, Some(*mutant))).err()?)));
        let (seed, violation) = caught.unwrap_or_else(|| panic!("{mutant:?} is not caught in {PATIENCE} seeds"));
        eprintln!("{mutant:?}: caught within {} seeds, \"{}\"", seed + 1, violation.promise);
    }
}
