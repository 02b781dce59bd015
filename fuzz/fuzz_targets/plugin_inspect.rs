#![no_main]

use testkit::fuzz::plugins::{plugin_inspect, within_cpu};

libfuzzer_sys::fuzz_target!(|data: &[u8]| within_cpu(plugin_inspect, data));
