//! The host's state for a call of a command.

use std::sync::Arc;

use wasmtime::Memory;

use super::generator::Generator;
use super::pipes::{Sink, Source};
use super::strings::Strings;
use crate::limits::CallLimits;

/// Access to the command's state in a store's data.
pub(crate) trait HasWasi {
    /// The command's state.
    fn wasi(&mut self) -> &mut WasiState;

    /// Fails if the call's time is over. Every function checks this before it does anything.
    fn check_deadline(&self) -> wasmtime::Result<()> {
        Ok(())
    }
}

/// The state of one command in one call. By default there is nothing to read and no room to write.
#[derive(Debug, Default)]
pub(crate) struct WasiState {
    pub(super) arguments: Strings,
    pub(super) environment: Strings,
    pub(super) stdin: Source,
    pub(super) stdout: Sink,
    pub(super) stderr: Sink,
    pub(super) random: Generator,
    /// The command's memory, once it has been looked up. It belongs to the store that contains this state.
    pub(super) memory: Option<Memory>,
}

/// The output of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Output {
    /// All that it wrote to stdout.
    pub(crate) stdout: Vec<u8>,
    /// What it wrote to stderr, up to the limit.
    pub(crate) stderr: Vec<u8>,
    /// Whether it wrote more to stderr than that.
    pub(crate) stderr_cut: bool,
}

impl WasiState {
    /// The initial state of a call: its input, the program's name as the only argument, and the environment.
    pub(crate) fn new(
        stdin: impl Into<Arc<[u8]>>,
        program: &str,
        environment: impl IntoIterator<Item = (String, String)>,
        limits: &CallLimits,
    ) -> Self {
        Self {
            arguments: Strings::new([program.to_owned()]),
            environment: Strings::new(environment.into_iter().map(|(name, value)| format!("{name}={value}"))),
            stdin: Source::new(stdin.into()),
            stdout: Sink::new(limits.output_bytes),
            stderr: Sink::new(limits.log_bytes),
            random: Generator::default(),
            memory: None,
        }
    }

    /// Takes the command's output. It cannot write any more after that.
    pub(crate) fn take_output(&mut self) -> Output {
        let [stdout, stderr] = [&mut self.stdout, &mut self.stderr].map(std::mem::take);
        let stderr_cut = stderr.is_cut();
        Output { stdout: stdout.into_bytes(), stderr: stderr.into_bytes(), stderr_cut }
    }
}
