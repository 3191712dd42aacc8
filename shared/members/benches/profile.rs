//! Benchmarks input validation of profiles. `cargo bench -p comptoir-members --bench profile`.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark may fail loudly")]

use comptoir_members::profile::input;
use divan::{Bencher, counter::ItemsCount};
use serde_json::Value;

fn main() {
    divan::main();
}

/// The profiles that `cargo peers profile` validates with zod and pydantic too.
#[divan::bench]
fn judge(bencher: Bencher<'_, '_>) {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../../../tests/bench/cases/profiles.json")).unwrap();
    bencher.counter(ItemsCount::new(cases.len())).bench_local(|| {
        for case in &cases {
            divan::black_box(input::draft(case)).ok();
        }
    });
}
