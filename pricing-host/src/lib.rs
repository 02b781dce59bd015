//! Runs pricing plugins in a sandbox with fixed deadlines: a plugin may price badly, never harm the daemon.

pub mod engine;
mod fault;
mod limits;

pub use fault::Fault;
pub use limits::{CallLimits, LoadLimits, SizeClass};
