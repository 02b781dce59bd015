//! The configuration: one TOML file, with the rates in it or in a rate card file.

mod contradictions;
mod duration;
mod explore;
mod files;
mod keys;
mod kubernetes;
mod listen;
mod max_change;
mod model;
mod number;
mod outcomes;
mod read;
mod rules;
mod source;
#[cfg(test)]
mod tests;
mod tune;

pub use duration::Span;
pub use explore::{Explore, Seed, Spread};
pub use files::Files;
pub(crate) use files::Stamp;
pub use kubernetes::LoadedScheduler;
pub use max_change::MaxChange;
pub use model::{
    BidLog, Config, Fallback, Feed, FeedKind, FeedSource, Fsync, Inventory, Kubernetes, Limits, Listen, LogFormat,
    OfRateCard, Plugin, PluginClass, RatesFile, Reload, Reserve, Shadow, Tls, Tracing,
};
pub use number::Number;
pub use outcomes::Outcomes;
pub use read::{ConfigError, Loaded, LoadedRates, inspect, load, load_files, parse, position};
pub use source::ConfigSource;
pub use tune::{Objective as TuneObjective, Percentage, Range as TuneRange, Tune};
