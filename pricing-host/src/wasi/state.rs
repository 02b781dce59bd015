//! What the host keeps of a command's call.

use std::sync::Arc;

use wasmtime::Memory;

use super::random::Stream;
use super::streams::{Sink, Source};
use super::strings::Strings;
use crate::limits::CallLimits;

/// A store's data that knows the command's state.
pub(crate) trait HasWasi {
    /// The command's state.
    fn wasi(&mut self) -> &mut WasiState;

    /// Fails when the call's time is over. Every function asks before it does anything.
    fn check_deadline(&self) -> wasmtime::Result<()> {
        Ok(())
    }
}

/// The state of one command in one call. The default has nothing to read and no room to write.
#[derive(Debug, Default)]
pub(crate) struct WasiState {
    pub(super) arguments: Strings,
    pub(super) environment: Strings,
    pub(super) stdin: Source,
    pub(super) stdout: Sink,
    pub(super) stderr: Sink,
    pub(super) random: Stream,
    /// The command's memory, once it was looked up. Of the store that this state is in.
    pub(super) memory: Option<Memory>,
}

/// What a command left when it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Output {
    /// All that it wrote to stdout.
    pub(crate) stdout: Vec<u8>,
    /// What it wrote to stderr, as far as it was kept.
    pub(crate) stderr: Vec<u8>,
    /// Whether it wrote more to stderr.
    pub(crate) stderr_cut: bool,
}

impl WasiState {
    /// The state that a call starts with: its input, the program's name as the only argument, and the environment.
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
            random: Stream::default(),
            memory: None,
        }
    }

    /// Takes what the command wrote. It can write no more then.
    pub(crate) fn take_output(&mut self) -> Output {
        let [stdout, stderr] = [&mut self.stdout, &mut self.stderr].map(std::mem::take);
        let stderr_cut = stderr.is_cut();
        Output { stdout: stdout.into_bytes(), stderr: stderr.into_bytes(), stderr_cut }
    }
}
