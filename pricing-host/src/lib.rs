//! Runs pricing plugins in a sandbox with fixed deadlines: a plugin may price badly, never harm the daemon.

pub mod engine;
mod fault;
mod limits;
#[cfg_attr(not(test), expect(dead_code, unused_imports, reason = "the call path comes next"))]
mod wasi;

pub use fault::Fault;
pub use limits::{CallLimits, LoadLimits, SizeClass};
