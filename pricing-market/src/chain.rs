//! What the chain says of orders, bids and leases.
//!
//! [`answer`] reads what a node answers, [`records`] holds the facts of many answers, each once, and [`join`] makes a
//! history of them. [`clock`] turns heights into times.

pub mod answer;
pub mod clock;
pub mod counts;
mod entry;
pub mod id;
pub mod join;
mod number;
mod price;
#[cfg(feature = "rest")]
mod pulled;
pub mod records;
mod spec;
pub mod state;
mod wire;
