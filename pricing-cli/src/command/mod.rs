//! The commands, one file each.

pub(crate) mod config;
pub(crate) mod feed;
pub(crate) mod groups;
pub(crate) mod inventory;
pub(crate) mod plugin;
pub(crate) mod probe;
pub(crate) mod quote;
pub(crate) mod rates;
pub(crate) mod reload;
pub(crate) mod replay;
pub(crate) mod reserve;
pub(crate) mod serve;
pub(crate) mod shadow;
pub(crate) mod shell;
pub(crate) mod simulate;
pub(crate) mod status;
