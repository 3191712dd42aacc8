//! `cargo sim`: runs seeds, prints the speed, and shows the smallest run of the first seed that breaks a promise.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a command of the tests")]

use std::{
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use clap::Parser;
use comptoir_sim::{mutant::Mutant, plan::Plan, run, shrink};

/// A run mostly allocates and frees small strings.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the domain under a seeded scheduler and checks every promise.
#[derive(Debug, Parser)]
struct Options {
    /// How many seeds.
    #[arg(long, default_value_t = 10_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// A deliberate mistake to look for.
    #[arg(long)]
    mutant: Option<Mutant>,
    /// How many threads.
    #[arg(long, default_value_t = 1)]
    threads: u64,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let next = AtomicU64::new(options.seed);
    let end = options.seed + options.seeds;
    let (found, stop) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..options.threads.max(1) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    if let Err(violation) = run::run(Plan::of(seed, options.mutant)) {
                        found.lock().unwrap().push((seed, violation));
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let seconds = begun.elapsed().as_secs_f64();
    let mut found = found.into_inner().unwrap();
    found.sort_by_key(|(seed, _)| *seed);
    let count = next.into_inner().min(end) - options.seed;
    println!("{count} seeds in {seconds:.1} s on {} threads", options.threads.max(1));
    let Some((seed, violation)) = found.first() else {
        println!("0 violations");
        return ExitCode::SUCCESS;
    };
    println!("seed {seed} breaks \"{}\": {}", violation.promise, violation.found);
    let (plan, least, kinds) = shrink::shrink(Plan::of(*seed, options.mutant), violation);
    println!("the smallest run of its world, with trouble of kinds {kinds:?}, schedule {}:", plan.salt);
    least.notes.iter().for_each(|note| println!("  {note}"));
    println!("  {}: {}", least.promise, least.found);
    ExitCode::FAILURE
}
