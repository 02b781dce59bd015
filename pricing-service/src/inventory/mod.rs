//! The live inventory.

mod stock;

pub use stock::{Known, SnapshotText, Stock};
