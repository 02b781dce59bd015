//! Sweeps: every cell of a scenario's axes with every seed.

mod cells;
mod counted;
mod execute;
mod prepare;
mod shared;

pub use cells::{Cell, MAX_CELLS, MAX_RUNS, Sweep};
pub use execute::{Executor, Progress};
pub use prepare::{Detailed, Prepared, RunPlace, SimulationEnvironment, prepare};
