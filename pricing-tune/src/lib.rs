//! Rates that earn more, with an interval that covers.
//!
//! The orders of a history are replayed under other rates, on resamples of its days. The [`search`] chooses rates on one
//! half of the resamples: a coarse grid, then refinement along each key. The other half reports what the choice earns
//! beyond the current rates ([`interval`]), and [`decide`](decision) says whether that is reason to change. All rates of
//! a resample see the same orders with the same luck (*common random numbers*), so that only differences count.
//!
//! What is replayed is behind a trait ([`Evaluate`]): [`replay`] implements it with the simulation.

pub mod answer;
pub mod apply;
pub mod cancel;
pub mod candidate;
#[cfg(feature = "coverage")]
pub mod coverage;
pub mod curve;
pub mod decision;
pub mod doubts;
pub mod evaluate;
pub mod interval;
pub mod key;
pub mod replay;
pub mod report;
pub mod scores;
pub mod search;
pub mod tune;
pub mod words;

pub use answer::Answer;
pub use candidate::{Candidate, Space, Variation};
pub use evaluate::{Course, Evaluate, Objective, Sample, TuneError};
pub use tune::{Settings, tune};
