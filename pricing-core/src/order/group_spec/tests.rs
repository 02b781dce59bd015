//! Tests of the chain's group specs.

mod dialects;
mod refusals;
mod round_trip;
