//! A bounded slice of what `cargo sim` runs, and the proof that it would notice: every deliberate mistake is caught.
#![allow(
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may fail loudly, and within how many seeds a mistake is caught is worth reading"
)]

use clap::ValueEnum;
use comptoir_sim::{mutant::Mutant, plan::Plan, run::run, shrink::shrink};

/// Seeds of the slice; `cargo sim` runs as many as there is time for.
const SLICE: u64 = 2_000;
/// Within so many seeds a mistake has to be caught.
const PATIENCE: u64 = 3_000;

/// Where to begin for mistakes that few schedules show. Giving a mail back to anyone, and refusing one in two steps, were
/// ours until these seeds were met: the first sent a mail twice, the second stranded one.
const RARE: [(Mutant, u64); 3] =
    [(Mutant::ArchiveOverwrite, 2_150), (Mutant::ReleaseAnyone, 2_250), (Mutant::RefuseInTwoSteps, 1_000)];

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
    for mutant in Mutant::value_variants() {
        let from = RARE.iter().find(|(rare, _)| rare == mutant).map_or(0, |(_, from)| *from);
        let caught = (from..PATIENCE).find_map(|seed| Some((seed, run(Plan::of(seed, Some(*mutant))).err()?)));
        let (seed, violation) = caught.unwrap_or_else(|| panic!("{mutant:?} is not caught in {PATIENCE} seeds"));
        eprintln!("{mutant:?}: caught within {} seeds, \"{}\"", seed + 1, violation.promise);
    }
}
