#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::fuzz::group_spec(data));
