//! Executes runs on all cores.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::prepare::prepare_with;
use super::shared::{Keys, Shared};
use super::{Detailed, Prepared, RunPlace, SimulationEnvironment, Sweep};
use crate::files::Files;
use crate::result::RunResult;
use crate::scenario::{self, ScenarioError};

/// Receives progress while runs execute, on the threads that execute them.
pub trait Progress: Sync {
    /// A run is finished.
    ///
    /// # Errors
    /// When the result cannot be stored. No further run is started.
    fn done(&self, result: &RunResult) -> Result<(), ScenarioError>;

    /// Whether to start no further run.
    fn stopped(&self) -> bool;

    /// Whether to time pricing.
    fn timed(&self) -> bool {
        false
    }

    /// Whether [`Self::detailed`] needs the decisions on every order.
    fn decisions(&self) -> bool {
        false
    }

    /// A run is finished, with its orders and, if [`Self::decisions`] says so, the decisions on each of them. Called
    /// before [`Self::done`].
    ///
    /// # Errors
    /// When it cannot be stored. No further run is started.
    fn detailed(&self, run: Detailed) -> Result<(), ScenarioError> {
        let _ = run;
        Ok(())
    }

    /// A run failed, so runs after it may never get their turn.
    fn failed(&self) {}
}

/// Executes the runs of a sweep. A cell is prepared when it is first needed, and dropped after its last run.
pub struct Executor<'a> {
    sweep: &'a Sweep,
    files: &'a Files,
    host: &'a dyn SimulationEnvironment,
    cells: Vec<Mutex<Option<Arc<Prepared>>>>,
    shared: Mutex<Shared>,
}

impl std::fmt::Debug for Executor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Executor").field("sweep", self.sweep).finish_non_exhaustive()
    }
}

/// The runs to be executed.
struct PendingRuns {
    runs: Vec<RunPlace>,
    /// How many runs are left, by cell.
    left: Vec<AtomicUsize>,
    next: AtomicUsize,
}

impl<'a> Executor<'a> {
    /// Makes an executor for a sweep.
    #[must_use]
    pub fn new(sweep: &'a Sweep, files: &'a Files, host: &'a dyn SimulationEnvironment) -> Self {
        let cells = sweep.cells.iter().map(|_| Mutex::new(None)).collect();
        Self { sweep, files, host, cells, shared: Mutex::default() }
    }

    /// Prepares a cell, or returns it if it is prepared.
    ///
    /// # Errors
    /// When it cannot be prepared. The error names the cell's values.
    pub fn cell(&self, place: usize) -> Result<Arc<Prepared>, ScenarioError> {
        let missing = || ScenarioError::Run(format!("the sweep has no cell {place}"));
        let slot = self.cells.get(place).ok_or_else(missing)?;
        // Threads that need the same cell wait for it; others continue.
        let mut ready = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ready) = ready.as_ref() {
            return Ok(Arc::clone(ready));
        }
        let cell = self.sweep.cells.get(place).ok_or_else(missing)?;
        let malformed = |problem| ScenarioError::Malformed { name: "scenario".to_owned(), problem };
        let make = || {
            let scenario = scenario::of_table(cell.table.clone()).map_err(malformed)?;
            let mut shared = self.shared();
            prepare_with(scenario, self.files, self.host, &Keys::of(&cell.table), &mut shared)
        };
        let prepared = make().map_err(|error| cell.named(error))?;
        Ok(Arc::clone(ready.insert(Arc::new(prepared))))
    }

    fn shared(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Executes the runs of a range that are not done yet, and returns their results by index.
    ///
    /// Every cell is prepared once before the first run, so that a file that cannot be read is reported at once and not
    /// after hours.
    ///
    /// # Errors
    /// The error of the first run that failed, or of a progress callback.
    pub fn execute(
        &self,
        runs: Range<usize>,
        done: &BTreeSet<usize>,
        threads: usize,
        progress: &dyn Progress,
    ) -> Result<Vec<RunResult>, ScenarioError> {
        let todo = self.todo(runs, done)?;
        let failed = AtomicBool::new(false);
        let results: Mutex<Vec<(usize, Result<RunResult, ScenarioError>)>> = Mutex::new(Vec::new());
        let work = || {
            while !failed.load(Ordering::Relaxed) && !progress.stopped() {
                let next = todo.next.fetch_add(1, Ordering::Relaxed);
                let Some(place) = todo.runs.get(next) else { break };
                // Towards the end there are idle threads, which the strategies of the last runs use.
                let left = todo.runs.len().saturating_sub(next).max(1);
                let mut guard = Guard { failed: &failed, progress, is_done: false };
                let result = self.one(*place, threads.div_ceil(left), progress);
                guard.is_done = result.is_ok();
                drop(guard);
                self.leave(place.cell, &todo);
                results.lock().unwrap_or_else(PoisonError::into_inner).push((place.run, result));
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads.clamp(1, todo.runs.len().max(1)) {
                scope.spawn(work);
            }
            work();
        });
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.sort_by_key(|(run, _)| *run);
        results.into_iter().map(|(_, result)| result).collect()
    }

    /// The runs to be executed, after preparing each of their cells.
    fn todo(&self, runs: Range<usize>, done: &BTreeSet<usize>) -> Result<PendingRuns, ScenarioError> {
        let places = runs.filter(|run| !done.contains(run)).filter_map(|run| self.sweep.run(run));
        let mut todo = PendingRuns {
            runs: places.collect(),
            left: self.cells.iter().map(|_| AtomicUsize::new(0)).collect(),
            next: AtomicUsize::new(0),
        };
        for place in &todo.runs {
            if let Some(left) = todo.left.get_mut(place.cell) {
                *left.get_mut() = left.get_mut().saturating_add(1);
            }
        }
        let needed = |place: &usize| todo.left.get(*place).is_some_and(|left| left.load(Ordering::Relaxed) > 0);
        let needed: Vec<usize> = (0..self.cells.len()).filter(needed).collect();
        for cell in needed.iter().filter_map(|place| self.sweep.cells.get(*place)) {
            self.shared().expect(&Keys::of(&cell.table));
        }
        for (count, place) in needed.into_iter().enumerate() {
            self.cell(place)?;
            // The first cells are needed at once.
            if count > 1 {
                self.let_go(place);
                self.shared().keep_few();
            }
        }
        Ok(todo)
    }

    fn one(&self, place: RunPlace, threads: usize, progress: &dyn Progress) -> Result<RunResult, ScenarioError> {
        let name = |error| match self.sweep.cells.get(place.cell) {
            Some(cell) => cell.named(error),
            None => error,
        };
        let run =
            self.cell(place.cell)?.run_on(place, progress.timed(), threads, progress.decisions()).map_err(name)?;
        let result = run.result.clone();
        progress.detailed(run)?;
        progress.done(&result)?;
        Ok(result)
    }

    /// A run of a cell is finished. After its last run, the cell is dropped.
    fn leave(&self, place: usize, todo: &PendingRuns) {
        let last = todo.left.get(place).is_some_and(|left| left.fetch_sub(1, Ordering::AcqRel) == 1);
        if let Some(cell) = self.sweep.cells.get(place).filter(|_| last) {
            self.let_go(place);
            self.shared().release(&Keys::of(&cell.table));
        }
    }

    fn let_go(&self, place: usize) {
        if let Some(slot) = self.cells.get(place) {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

/// Reports a failed run, even if it panicked, since other threads may be waiting for it.
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
