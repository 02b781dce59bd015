//! The commands, one file each. `left_out.rs` lists which of them need a feature.

#[cfg(feature = "simulate")]
pub(crate) mod backtest;
#[cfg(feature = "service")]
pub(crate) mod config;
#[cfg(all(feature = "simulate", feature = "service"))]
pub(crate) mod diff;
#[cfg(feature = "service")]
pub(crate) mod feed;
pub(crate) mod groups;
pub(crate) mod inventory;
#[cfg(feature = "service")]
pub(crate) mod log;
#[cfg(feature = "simulate")]
pub(crate) mod market;
#[cfg(feature = "plugins")]
pub(crate) mod plugin;
#[cfg(feature = "service")]
pub(crate) mod probe;
pub(crate) mod quote;
pub(crate) mod rates;
#[cfg(feature = "service")]
pub(crate) mod reload;
#[cfg(feature = "service")]
pub(crate) mod replay;
pub(crate) mod reserve;
#[cfg(feature = "service")]
pub(crate) mod serve;
#[cfg(feature = "service")]
pub(crate) mod shadow;
pub(crate) mod shell;
#[cfg(feature = "simulate")]
pub(crate) mod simulate;
#[cfg(feature = "service")]
pub(crate) mod status;
#[cfg(feature = "simulate")]
pub(crate) mod tune;
