//! The live inventory.

mod backoff;
mod believe;
mod stock;
mod text;
mod wire;

pub use believe::Refusal;
pub use stock::{Known, SnapshotText, Stock};
