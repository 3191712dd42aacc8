//! A bounded part of what `cargo sim` runs, and the proof that it detects faults: every deliberate mistake is caught.
#![allow(
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may fail loudly, and within how many seeds a mistake is caught is worth reading"
)]

use crate::{
    mutant::Mutant,
    plan::{Kind, Plan},
    run::run,
    shrink::shrink,
};
use clap::ValueEnum;

/// Seeds of this part; `cargo sim` runs as many as time allows.
const SLICE: u64 = 2_000;
/// A mistake must be caught within this many seeds.
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

/// A run with a mistake.
fn plan(seed: u64, mutant: Mutant) -> Plan {
    let plan = Plan::of(seed, Some(mutant));
    match mutant {
        // The rarest: a late release of a mail that another sender holds by then. Other faults hide it.
        Mutant::ReleaseAnyone => {
            Plan { mask: only(&[Kind::Late, Kind::Throttle, Kind::Slow, Kind::Refuse]), eager: true, ..plan }
        }
        mutant if mutant.is_of_the_sweep() => plan,
        // Lost records hide mistakes of other parts, because the sweep makes up for them.
        _ => Plan { mask: plan.mask & !only(&[Kind::Lost]), ..plan },
    }
}

fn only(kinds: &[Kind]) -> u32 {
    kinds.iter().fold(0, |mask, kind| mask | 1 << *kind as u32)
}

#[test]
fn every_mistake_is_caught() {
    let all = Mutant::value_variants().len() + crate::plans::mutant::Mutant::value_variants().len();
    comptoir::testing::readme::says(all, "deliberate mistakes");
    for mutant in Mutant::value_variants() {
        let caught = (0..PATIENCE).find_map(|seed| Some((seed, run(plan(seed, *mutant)).err()?)));
        let (seed, violation) = caught.unwrap_or_else(|| panic!("{mutant:?} is not caught in {PATIENCE} seeds"));
        eprintln!("{mutant:?}: caught within {} seeds, \"{}\"", seed + 1, violation.promise);
    }
}
