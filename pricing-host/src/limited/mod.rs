//! Work on files that may be made to take for ever, in a child process that is killed when it goes past its limits.
//!
//! Parsers, validators and compilers cannot be interrupted; a process can. The child is a program of ours that is
//! started with words that say what to do. The file comes on its stdin and the answer leaves on its stdout, so that what
//! was found before a limit ended the child is not lost.

mod inside;
mod watch;

use std::time::Duration;

use crate::{LoadLimits, SizeClass};

pub(crate) use inside::on_large_stack;
pub use inside::serve;
pub use watch::run;

/// What a child may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Wall-clock time.
    pub time: Duration,
    /// Processor time, all threads together, to the second.
    pub cpu: Duration,
    /// Bytes of address space.
    pub memory_bytes: u64,
    /// Bytes of stdout.
    pub output_bytes: u64,
    /// Threads that share the work, where it can be shared.
    pub threads: u64,
}

/// Threads that work on a large plugin, at most.
const MOST_THREADS: u64 = 8;

impl Limits {
    /// The limits of loading a plugin, with so many bytes of answer.
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

/// How a child ended, and what it had written by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its stdout; cut off at the limit.
    pub output: Vec<u8>,
    /// How it ended.
    pub end: End,
}

/// How a child ended. Nothing of its stderr is in it, but what [`serve`] wrote there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It did all of its work.
    Done,
    /// It took too much wall-clock time.
    Time,
    /// It took too much processor time.
    Processor,
    /// It asked for too much memory.
    Memory,
    /// It wrote too much.
    Output,
    /// It could not be started, or could not begin or end its work.
    NotStarted(String),
    /// The work itself failed: a library panicked.
    Failed,
    /// Somebody ended it.
    Killed(i32),
    /// It crashed with this signal.
    Crashed(i32),
    /// It ended with an exit code that it does not have.
    Exit(i32),
}
