//! The market as the chain tells it.
//!
//! Everybody's bids and leases are public. This crate reads what a node of the chain answers ([`chain`]), joins bids
//! and leases by order, and keeps the result as a [`history`]: a folder with one line for each order. `bidprice market
//! pull` writes such a folder, and the simulation replays it. [`outcome`] says what became of the own bids. With the
//! feature `rest`, `rest` asks the nodes itself.

pub mod chain;
pub mod history;
pub mod outcome;
#[cfg(feature = "rest")]
pub mod rest;
