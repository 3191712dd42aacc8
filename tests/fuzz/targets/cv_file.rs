//! `cargo fuzz run cv_file`: the property is in the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| comptoir_fuzz::cv::file(data));
