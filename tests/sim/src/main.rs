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

use clap::{Parser, ValueEnum};
use comptoir_sim::{mutant::Mutant, plan::Plan, plans, run, run::Violation, shrink};

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
    /// A part alone: sales with their invoices and mails, or plans with access, tokens and unpaid invoices.
    #[arg(long)]
    only: Option<Part>,
    /// A deliberate mistake in sales to look for.
    #[arg(long)]
    mutant: Option<Mutant>,
    /// A deliberate mistake in plans to look for.
    #[arg(long)]
    plans_mutant: Option<plans::mutant::Mutant>,
    /// How many threads.
    #[arg(long, default_value_t = 1)]
    threads: u64,
}

/// A part of the domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Part {
    /// Sales, invoices, mails.
    Sales,
    /// Plans, access, tokens, unpaid invoices.
    Plans,
}

impl Options {
    fn plays(&self, part: Part) -> bool {
        self.only.is_none_or(|only| only == part)
    }

    fn sales(&self, seed: u64) -> Plan {
        Plan::of(seed, self.mutant)
    }

    fn plans(&self, seed: u64) -> plans::plan::Plan {
        plans::plan::Plan::of(seed, self.plans_mutant)
    }

    /// Plays a seed.
    fn play(&self, seed: u64) -> Result<(), (Part, Violation)> {
        if self.plays(Part::Sales) {
            run::run(self.sales(seed)).map_err(|violation| (Part::Sales, violation))?;
        }
        if self.plays(Part::Plans) {
            plans::run::run(self.plans(seed)).map_err(|violation| (Part::Plans, violation))?;
        }
        Ok(())
    }

    /// The smallest run that breaks the same promise, and what it needs, in words.
    fn smallest(&self, seed: u64, part: Part, violation: &Violation) -> (Violation, String) {
        match part {
            Part::Sales => {
                let (plan, least, kinds) = shrink::shrink(self.sales(seed), violation);
                (least, format!("kinds {kinds:?}, schedule {}", plan.salt))
            }
            Part::Plans => {
                let (plan, least, kinds) = plans::shrink::shrink(self.plans(seed), violation);
                (least, format!("kinds {kinds:?}, schedule {}", plan.salt))
            }
        }
    }
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
                    if let Err((part, violation)) = options.play(seed) {
                        found.lock().unwrap().push((seed, part, violation));
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let seconds = begun.elapsed().as_secs_f64();
    let mut found = found.into_inner().unwrap();
    found.sort_by_key(|(seed, part, _)| (*seed, *part));
    let count = next.into_inner().min(end) - options.seed;
    println!("{count} seeds in {seconds:.1} s on {} threads", options.threads.max(1));
    let Some((seed, part, violation)) = found.first() else {
        println!("0 violations");
        return ExitCode::SUCCESS;
    };
    println!("seed {seed} of {part:?} breaks \"{}\": {}", violation.promise, violation.found);
    let (least, needs) = options.smallest(*seed, *part, violation);
    println!("the smallest run of its world, with trouble of {needs}:");
    least.notes.iter().for_each(|note| println!("  {note}"));
    println!("  {}: {}", least.promise, least.found);
    ExitCode::FAILURE
}
