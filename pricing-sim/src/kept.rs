//! Persistence: checkpoints of a sweep, plans of shards, and the shards' results.
//!
//! Each of them contains an [`Identity`]: the program's version, the scenario, and the digest of every file that it
//! names. Anything with another identity is rejected, and the error says what differs.

mod checkpoint;
mod identity;
mod inputs;
mod plan;
mod shard;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::scenario::ScenarioError;

pub use checkpoint::Checkpoint;
pub use identity::Identity;
pub use inputs::{Input, InputFile, inputs};
pub use plan::{Axis, CopiedInput, Loaded, PLAN, Plan, ShardRange};
pub use shard::{Part, merge, write_part};

/// The version of the formats. It changes when older programs could not read them any more.
pub const SCHEMA: u32 = 1;
/// The version of this program. Another version may compute other numbers.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Why a checkpoint, plan or shard cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// A file cannot be read or written.
    #[error("`{}`: {problem}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// Another process writes to it.
    #[error("another process writes to `{}`; wait for it, or name another file", .0.display())]
    Busy(PathBuf),
    /// It is a file of another kind.
    #[error("`{}` is not a {what}; name another file", path.display())]
    Stranger {
        /// The file.
        path: PathBuf,
        /// The expected kind of file.
        what: &'static str,
    },
    /// It belongs to another simulation.
    #[error("`{}` belongs to another simulation: {}", path.display(), differences.join("; "))]
    Differs {
        /// The file.
        path: PathBuf,
        /// The differences.
        differences: Vec<String>,
    },
    /// It is broken.
    #[error("`{}`, line {line}: {problem}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// It cannot be used for what was asked.
    #[error("{0}")]
    Unusable(String),
    /// The scenario cannot be run.
    #[error(transparent)]
    Scenario(Box<ScenarioError>),
}

impl From<ScenarioError> for KeptError {
    fn from(error: ScenarioError) -> Self {
        Self::Scenario(Box::new(error))
    }
}

impl KeptError {
    fn io(path: &Path, problem: impl ToString) -> Self {
        Self::Io { path: path.to_owned(), problem: problem.to_string() }
    }

    fn broken(path: &Path, line: usize, problem: impl ToString) -> Self {
        Self::Broken { path: path.to_owned(), line, problem: problem.to_string() }
    }
}

/// Writes a file so that it exists with all of its content, or not at all.
fn write_whole(path: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), KeptError> {
    let written = pricing_files::write_whole(path, content);
    written.map_err(|error| KeptError::io(path, format_args!("it cannot be written: {error}")))
}

fn to_line(value: &impl serde::Serialize, path: &Path) -> Result<Vec<u8>, KeptError> {
    let mut line = serde_json::to_vec(value).map_err(|error| KeptError::io(path, error))?;
    line.push(b'\n');
    Ok(line)
}
