//! The configuration: one TOML file, with the rates in it or beside it.

mod duration;
mod model;
mod number;
mod read;

pub use duration::Span;
pub use model::{
    BidLog, Config, Fallback, Feed, FeedSource, Fsync, Inventory, Limits, Listen, LogFormat, OfRateCard, Plugin,
    PluginClass, RatesFile, Reload, Reserve, Scheduler, Shadow, Tls, Tracing,
};
pub use number::Number;
pub use read::{ConfigError, Loaded, Source, load, parse};
