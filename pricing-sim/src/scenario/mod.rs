//! Scenarios: what is simulated, as a TOML file says it.

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
