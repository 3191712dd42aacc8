//! Runs every seed, and a fixed number of mutations of each target's seeds, against its property. `cargo fuzz` goes on
//! from the same seeds for as long as there is time.
#![allow(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may fail loudly, and tell how much it did"
)]

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use crate::{PROPERTIES, Property, mutate::mutated};
use fastrand::Rng;

/// Mutations for each target.
const MUTATIONS: usize = 1_000;
/// Seeds stay readable text.
const LARGEST_SEED: u64 = 8 * 1024;

fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let mut seeds: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap())
        .inspect(|entry| assert!(entry.metadata().unwrap().len() <= LARGEST_SEED, "{:?} is too large", entry.path()))
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    assert!(!seeds.is_empty(), "{target} has no seeds");
    seeds.sort();
    seeds
}

fn held(property: Property, name: &str, input: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| property(input))) {
        let broken = std::env::temp_dir().join(format!("comptoir-fuzz-{}", name.replace('/', "-")));
        fs::write(&broken, input).unwrap();
        eprintln!("{name} breaks a promise; the input is in {}", broken.display());
        std::panic::resume_unwind(panic);
    }
}

fn target(target: &str) {
    let (_, property) = PROPERTIES.into_iter().find(|(name, _)| *name == target).unwrap();
    let seeds = seeds(target);
    for (name, seed) in &seeds {
        held(property, &format!("{target}/{name}"), seed);
    }
    let mut rng = Rng::with_seed(4);
    for n in 0..MUTATIONS {
        let (name, seed) = &seeds[rng.usize(..seeds.len())];
        let (_, other) = &seeds[rng.usize(..seeds.len())];
        held(property, &format!("{target}/{name}, mutation {n}"), &mutated(seed, other, &mut rng));
    }
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                target(stringify!($name));
            }
        )*

        #[test]
        fn every_property_is_a_test_here() {
            let tested = [$(stringify!($name)),*];
            assert_eq!(PROPERTIES.map(|(name, _)| name), tested);
        }
    };
}

targets!(cv_file event_body ledger_cells mail_event page_data seller_file signature_header stream_record);
