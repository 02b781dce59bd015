//! Work on possibly malicious files, in a child process that is killed when it exceeds its limits.
//!
//! Parsers, validators and compilers cannot be interrupted, but a process can. The child is a program of ours that is
//! told by its arguments what to do. It reads the file from stdin and writes its findings to stdout as it goes, so that
//! those from before a limit ended it are not lost.

mod inside;
mod watch;

use std::time::Duration;

use crate::{LoadLimits, SizeClass};

pub(crate) use inside::on_large_stack;
pub use inside::serve;
pub use watch::run;

/// The limits of a child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Wall-clock time.
    pub time: Duration,
    /// Processor time over all threads, in whole seconds.
    pub cpu: Duration,
    /// Bytes of address space.
    pub memory_bytes: u64,
    /// Bytes of stdout.
    pub output_bytes: u64,
    /// The number of threads that share the work, where it can be shared.
    pub threads: u64,
}

/// The maximum number of threads for a large plugin.
const MOST_THREADS: u64 = 8;

impl Limits {
    /// The limits for loading a plugin, with a maximum size of the output.
    #[must_use]
    pub fn of_loading(class: SizeClass, limits: &LoadLimits, output_bytes: u64) -> Self {
        let threads = match class {
            // Each thread takes address space, of which a child has little.
            SizeClass::Standard => 1,
            SizeClass::Engine => {
                let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
                u64::try_from(cores).unwrap_or(1).min(MOST_THREADS)
            }
        };
        Self {
            time: limits.compile_time,
            cpu: limits.compile_cpu,
            memory_bytes: limits.compile_memory,
            output_bytes,
            threads,
        }
    }

    fn cpu_seconds(&self) -> u64 {
        self.cpu.as_secs().max(1)
    }
}

/// How a child ended, and its output until then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildResult {
    /// Its stdout, truncated at the limit.
    pub output: Vec<u8>,
    /// How it ended.
    pub end: ChildEnd,
}

/// How a child ended. It contains nothing of the child's stderr, except what [`serve`] wrote there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildEnd {
    /// It finished its work.
    Done,
    /// It exceeded the wall-clock time.
    Time,
    /// It exceeded the processor time.
    Processor,
    /// It exceeded the memory.
    Memory,
    /// It exceeded the size of its output.
    Output,
    /// It could not be started, or could not start or finish its work.
    NotStarted(String),
    /// The work itself failed: a library panicked.
    Failed,
    /// Something outside ended it with this signal.
    Killed(i32),
    /// It crashed with this signal.
    Crashed(i32),
    /// It exited with an undefined code.
    Exit(i32),
}
