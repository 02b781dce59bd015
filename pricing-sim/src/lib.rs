//! Tries a pricing strategy before it costs money: replays a stream of orders against a finite inventory.
//!
//! A run passes through the modules in this order: a [`scenario`] names a [`stream`] of orders, the cluster that they
//! arrive at ([`supply`]), the [`strategy`]s that price them and the [`market`] that they compete in; the [`engine`]
//! lets the orders arrive, be won or lost, and end; a [`result`] has the figures. A [`sweep`] is many runs: every cell
//! of the scenario's axes with every seed.
//!
//! A seed gives the same bytes on any machine, with any number of threads and any split into shards. Every random
//! number is drawn by its purpose ([`random`]) and not by when it is drawn, sums are of exact integers and decimals,
//! and timings are kept apart from the results.

pub mod backtest;
pub mod card_prices;
pub mod engine;
pub mod export;
pub mod files;
pub mod history;
pub mod kept;
pub mod market;
pub mod number;
pub mod random;
pub mod report;
pub mod result;
pub mod scenario;
pub mod strategy;
pub mod stream;
pub mod summary;
pub mod supply;
pub mod sweep;
pub mod time;
pub mod timing;
