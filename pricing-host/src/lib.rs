//! Runs pricing plugins in a sandbox with hard deadlines: a plugin can price badly, but never harm the daemon.

pub mod cache;
mod command;
pub mod compile;
mod component;
mod deadline;
pub mod engine;
mod fault;
mod host;
pub mod inspect;
pub mod limited;
mod limits;
pub mod load;
mod loads;
mod log;
pub mod metrics;
mod plugin;
mod pricer;
mod program;
mod request;
mod sandbox;
mod verdict;
mod wasi;
mod workers;

pub use fault::Fault;
pub use host::{HostSettings, OpenError, PluginHost, Rejected, read as read_file};
pub use inspect::Kind;
pub use limits::{CallLimits, LoadLimits, SizeClass};
pub use loads::{Load, Loads};
pub use log::{Level, Log, LogLine};
pub use plugin::{
    BreakerSettings, BreakerState, FunctionShare, Plugin, PluginCall, PluginSettings, Profile, QuoteFuture, QuoteJob,
    Refresh, SharedSupply, Watcher,
};
pub use pricer::Pricer;
pub use request::Request;
pub use sandbox::{SandboxError, Usage};
pub use verdict::{Holds, Refusal};
