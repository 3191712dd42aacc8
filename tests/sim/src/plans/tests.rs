//! A bounded part of what `cargo sim` runs, and the proof that it detects faults: every deliberate mistake is caught.
#![allow(
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may fail loudly, and within how many seeds a mistake is caught is worth reading"
)]

use clap::ValueEnum;

use super::{
    mutant::Mutant,
    plan::{Kind, Plan},
    run::run,
    shrink::shrink,
};

/// Seeds of this part; `cargo sim` runs as many as time allows.
const SLICE: u64 = 800;
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

/// A run with a mistake.
fn plan(seed: u64, mutant: Mutant) -> Plan {
    let plan = Plan::of(seed, Some(mutant));
    match mutant {
        // The rarest: access that ends between the look at somebody and the grant. Other faults hide it.
        Mutant::GrantIgnoresVersion => Plan { mask: only(&[Kind::Meanwhile, Kind::Slow, Kind::Twin]), ..plan },
        _ => plan,
    }
}

fn only(kinds: &[Kind]) -> u32 {
    kinds.iter().fold(0, |mask, kind| mask | 1 << *kind as u32)
}

#[test]
fn every_mistake_is_caught() {
    for mutant in Mutant::value_variants() {
        let caught = (0..PATIENCE).find_map(|seed| Some((seed, run(plan(seed, *mutant)).err()?)));
        let (seed, violation) = caught.unwrap_or_else(|| panic!("{mutant:?} is not caught in {PATIENCE} seeds"));
        eprintln!("{mutant:?}: caught within {} seeds, \"{}\"", seed + 1, violation.promise);
    }
}
