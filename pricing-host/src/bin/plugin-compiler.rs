//! `plugin-compiler`: compiles one plugin for the plugin host, with limits of time and memory.

use std::process::ExitCode;

fn main() -> ExitCode {
    pricing_host::compile::compile_child_main(std::env::args_os().skip(1))
}
