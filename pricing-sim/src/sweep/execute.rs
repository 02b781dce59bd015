//! Runs on all cores.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::{Detailed, Host, Prepared, RunPlace, Sweep, prepare};
use crate::files::Files;
use crate::result::RunResult;
use crate::scenario::{self, ScenarioError};

/// What is told while runs go on, from the threads that they are on.
pub trait Progress: Sync {
    /// A run is done.
    ///
    /// # Errors
    /// When the result cannot be kept; no further run is begun.
    fn done(&self, result: &RunResult) -> Result<(), ScenarioError>;

    /// Whether no further run is to be begun.
    fn stopped(&self) -> bool;

    /// Whether pricing is to be timed.
    fn timed(&self) -> bool {
        false
    }

    /// A run is done, with every order of it. Told before [`Self::done`].
    ///
    /// # Errors
    /// When it cannot be kept; no further run is begun.
    fn detailed(&self, run: Detailed) -> Result<(), ScenarioError> {
        let _ = run;
        Ok(())
    }

    /// A run failed, so that those after it may never have their turn.
    fn failed(&self) {}
}

/// Runs of a sweep, cells made ready when they are first needed.
pub struct Executor<'a> {
    sweep: &'a Sweep,
    files: &'a Files,
    host: &'a dyn Host,
    cells: Vec<OnceLock<Prepared>>,
    /// Cells are made ready one at a time: two threads that need the same cell would do it twice.
    preparing: Mutex<()>,
}

impl std::fmt::Debug for Executor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Executor").field("sweep", self.sweep).finish_non_exhaustive()
    }
}

impl<'a> Executor<'a> {
    /// An executor of a sweep.
    #[must_use]
    pub fn new(sweep: &'a Sweep, files: &'a Files, host: &'a dyn Host) -> Self {
        let cells = sweep.cells.iter().map(|_| OnceLock::new()).collect();
        Self { sweep, files, host, cells, preparing: Mutex::new(()) }
    }

    /// A cell, ready to run.
    ///
    /// # Errors
    /// When it cannot be made ready; the error names the cell's values.
    pub fn cell(&self, place: usize) -> Result<&Prepared, ScenarioError> {
        let missing = || ScenarioError::Run(format!("the sweep has no cell {place}"));
        let slot = self.cells.get(place).ok_or_else(missing)?;
        if let Some(ready) = slot.get() {
            return Ok(ready);
        }
        let _one = self.preparing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ready) = slot.get() {
            return Ok(ready);
        }
        let cell = self.sweep.cells.get(place).ok_or_else(missing)?;
        let malformed = |problem| ScenarioError::Malformed { name: "scenario".to_owned(), problem };
        let scenario = scenario::of_table(cell.table.clone()).map_err(malformed)?;
        let prepared = prepare(scenario, self.files, self.host)?;
        Ok(slot.get_or_init(|| prepared))
    }

    /// Does the runs of a range that are not done, in no particular order, and answers those in order of their place.
    ///
    /// # Errors
    /// The error of the first run that failed, or of what was told.
    pub fn execute(
        &self,
        runs: Range<usize>,
        done: &BTreeSet<usize>,
        threads: usize,
        progress: &dyn Progress,
    ) -> Result<Vec<RunResult>, ScenarioError> {
        let todo: Vec<RunPlace> =
            runs.filter(|run| !done.contains(run)).filter_map(|run| self.sweep.run(run)).collect();
        let next = AtomicUsize::new(0);
        let failed = AtomicBool::new(false);
        let results: Mutex<Vec<Result<RunResult, ScenarioError>>> = Mutex::new(Vec::new());
        let work = || {
            while !failed.load(Ordering::Relaxed) && !progress.stopped() {
                let Some(place) = todo.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                let mut guard = Guard { failed: &failed, progress, is_done: false };
                let result = self.one(*place, progress);
                guard.is_done = result.is_ok();
                drop(guard);
                results.lock().unwrap_or_else(PoisonError::into_inner).push(result);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads.clamp(1, todo.len().max(1)) {
                scope.spawn(work);
            }
            work();
        });
        let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut results = results.into_iter().collect::<Result<Vec<_>, _>>()?;
        results.sort_by_key(|result| result.run);
        Ok(results)
    }

    fn one(&self, place: RunPlace, progress: &dyn Progress) -> Result<RunResult, ScenarioError> {
        let run = self.cell(place.cell)?.run(place, progress.timed())?;
        let result = run.result.clone();
        progress.detailed(run)?;
        progress.done(&result)?;
        Ok(result)
    }
}

/// Tells that a run failed, also when it panicked: others may wait for it.
struct Guard<'a> {
    failed: &'a AtomicBool,
    progress: &'a dyn Progress,
    is_done: bool,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.failed.store(true, Ordering::Relaxed);
            self.progress.failed();
        }
    }
}
