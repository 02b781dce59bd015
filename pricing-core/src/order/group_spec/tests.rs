//! Tests of the chain's group specs.

mod answers;
mod dialects;
mod refusals;
mod round_trip;
