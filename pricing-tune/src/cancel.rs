//! Tuning that can be stopped.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::candidate::Candidate;
use crate::evaluate::{Evaluate, HistorySize, Sample, TuneError};

/// Replays until a flag is set. From then on every replay fails at once, so tuning ends after the replays at hand.
#[derive(Clone, Copy)]
pub struct Cancellable<'a> {
    /// What is replayed.
    pub evaluate: &'a dyn Evaluate,
    /// The flag.
    pub cancelled: &'a AtomicBool,
}

impl std::fmt::Debug for Cancellable<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cancellable").field("cancelled", self.cancelled).finish_non_exhaustive()
    }
}

impl Cancellable<'_> {
    /// Fails if the flag is set.
    ///
    /// # Errors
    /// [`TuneError::Cancelled`].
    pub fn check(&self) -> Result<(), TuneError> {
        if self.cancelled.load(Ordering::Relaxed) { Err(TuneError::Cancelled) } else { Ok(()) }
    }
}

impl Evaluate for Cancellable<'_> {
    fn history(&self) -> HistorySize {
        self.evaluate.history()
    }

    fn evaluate(&self, candidates: &[Candidate], resample: u64) -> Result<Sample, TuneError> {
        self.check()?;
        self.evaluate.evaluate(candidates, resample)
    }
}
