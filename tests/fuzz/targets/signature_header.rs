//! `cargo fuzz run signature_header`: the property is in the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comptoir_fuzz::signature::header(data));
