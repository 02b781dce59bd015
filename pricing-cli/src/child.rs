//! The hidden commands, which this program starts itself with as a child that has limits.

use std::env;
use std::process::ExitCode;

use pricing_host::compile::compile_child_main;

use crate::command::plugin::{PACK_COMMAND, pack_child_main};
use crate::plugin::COMPILE_COMMAND;

/// Runs the hidden command if this process is a child that was started for it. Returns `None` otherwise.
pub(crate) fn run() -> Option<ExitCode> {
    let command = env::args_os().nth(1)?;
    let arguments = env::args_os().skip(2);
    if command == COMPILE_COMMAND {
        return Some(compile_child_main(arguments));
    }
    (command == PACK_COMMAND).then(|| pack_child_main(arguments))
}
