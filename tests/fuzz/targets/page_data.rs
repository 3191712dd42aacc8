//! `cargo fuzz run page_data`: the property is in the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comptoir_fuzz::page::data(data));
