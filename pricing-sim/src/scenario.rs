//! Scenarios: what to simulate, as a TOML file.

mod change;
mod inputs;
mod model;
mod rates;
mod read;
#[cfg(feature = "schema")]
mod schema;

pub use change::{ChangeError, Changes, name};
pub use inputs::{InputKind, inputs};
pub use model::*;
pub use rates::pricing;
pub use read::{ScenarioError, of_table, parse, set};
