//! `cargo fuzz run mail_event`: the property is in the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comptoir_fuzz::mail::event(data));
