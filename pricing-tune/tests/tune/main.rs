//! Tests of tuning on the simulation.

mod coverage;
