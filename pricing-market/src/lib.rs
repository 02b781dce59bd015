//! The market as the chain tells it.
//!
//! Everybody's bids and leases are public. This crate reads what a node of the chain answers, joins bids and leases by
//! order, and keeps the result as a [`history`]: a folder with one line for each order. `bidprice market pull` writes
//! such a folder, the service writes the same facts to its bid log, and the simulation replays them.

pub mod history;
