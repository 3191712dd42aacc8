//! What an event of Stripe's takes until it is known what it means, part by part. `cargo bench -p comptoir --bench event`.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark may fail loudly")]

use comptoir::stripe::{classify, signature};
use divan::{Bencher, counter::BytesCount};
use jiff::Timestamp;

const SECRET: &str = "whsec_of_the_measurement";

fn main() {
    divan::main();
}

/// What `cargo peers verify` has verified by Stripe's own libraries too.
const EVENT: &str = include_str!("../../tests/bench/cases/event.json");

#[divan::bench]
fn verify(bencher: Bencher<'_, '_>) {
    let (body, now) = (EVENT.as_bytes(), Timestamp::UNIX_EPOCH);
    let header = signature::sign(body, SECRET, now);
    let secrets = [SECRET.to_owned()];
    bencher
        .counter(BytesCount::of_str(EVENT))
        .bench_local(|| signature::verify(Some(&header), body, &secrets, now).unwrap());
}

/// A stranger's headers cost no more than Stripe's own, whose megabyte is the measure.
#[divan::bench(args = ["honest", "eight wrong", "many empty"])]
fn a_megabyte(bencher: Bencher<'_, '_>, kind: &str) {
    let (body, now) = (vec![b' '; 1_000_000], Timestamp::UNIX_EPOCH);
    let wrong = format!(",v1={}", "00".repeat(32));
    let header = match kind {
        "honest" => signature::sign(&body, SECRET, now),
        "eight wrong" => format!("t=0{}", wrong.repeat(8)),
        _ => format!("t=0{}", ",v1=".repeat(1023)),
    };
    let secrets = [SECRET.to_owned()];
    bencher.bench_local(|| signature::verify(Some(&header), &body, &secrets, now).is_ok());
}

#[divan::bench]
fn read(bencher: Bencher<'_, '_>) {
    bencher.counter(BytesCount::of_str(EVENT)).bench_local(|| drop(classify::read(EVENT.as_bytes()).unwrap()));
}

#[divan::bench]
fn understand(bencher: Bencher<'_, '_>) {
    let event = classify::read(EVENT.as_bytes()).unwrap();
    bencher.counter(BytesCount::of_str(EVENT)).bench_local(|| drop(classify::classify(&event, event.livemode)));
}
