//! Runs pricing plugins in a sandbox with fixed deadlines: a plugin may price badly, never harm the daemon.

pub mod cache;
pub mod compile;
pub mod engine;
mod fault;
pub mod inspect;
mod limits;
pub mod load;

pub use fault::Fault;
pub use limits::{CallLimits, LoadLimits, SizeClass};
