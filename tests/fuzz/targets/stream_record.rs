//! `cargo fuzz run stream_record`: the property is in the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comptoir_fuzz::stream::record(data));
