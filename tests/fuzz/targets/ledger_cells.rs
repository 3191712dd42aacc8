#![no_main]
#![allow(missing_docs, reason = "a target of cargo-fuzz")]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comptoir_fuzz::cells::names(data));
