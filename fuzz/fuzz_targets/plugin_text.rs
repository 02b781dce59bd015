#![no_main]

use testkit::fuzz::plugins::{plugin_text, within_cpu};

libfuzzer_sys::fuzz_target!(|data: &[u8]| within_cpu(plugin_text, data));
