//! Tries a pricing strategy before it costs money: replays a stream of orders against a finite inventory.
//!
//! The story of a run is the story of the modules: a [`scenario`] names a [`stream`] of orders, the cluster that they
//! arrive at ([`supply`]), the [`strategy`]s that price them and the [`market`] that they compete in; the [`engine`] lets
//! the orders arrive, be won or lost, and end; a [`result`] says what came of it. A [`sweep`] is many runs: every cell of
//! the scenario's axes with every seed.
//!
//! One seed gives the same bytes on any machine, any number of threads and any split into shards: every random number
//! is drawn by what it is for ([`random`]), not by when it is drawn, sums are of exact integers and decimals, and what
//! the clock says is kept apart.

pub mod engine;
pub mod export;
pub mod files;
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
