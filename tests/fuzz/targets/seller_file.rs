//! `cargo fuzz run seller_file`: the property is in the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comptoir_fuzz::seller::file(data));
