//! `cargo fuzz run event_body`: the property is in the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comptoir_fuzz::event::body(data));
