//! Records every decision of a simulation, and how long pricing took.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use pricing_sim::export::{DecisionsFile, ExportError, Output};
use pricing_sim::sweep::Detailed;
use pricing_sim::timing::Timings;

use super::outputs::at;
use crate::error::CliError;

/// What is recorded while runs go on.
#[derive(Debug, clap::Args)]
pub(super) struct RecordArgs {
    /// Write a row for each run, strategy and order, to a .csv, .jsonl or .parquet file
    #[arg(long, value_name = "FILE", conflicts_with = "checkpoint")]
    decisions: Option<PathBuf>,
    /// Write how long pricing took, as JSON
    #[arg(long, value_name = "FILE", conflicts_with = "checkpoint")]
    timings: Option<PathBuf>,
}

/// The files, while they are written.
pub(super) struct Records<'a> {
    decisions: Option<(DecisionsFile, &'a Path)>,
    timings: Option<(Output, &'a Path, Mutex<Timings>)>,
    threads: usize,
    begun: Instant,
    /// Why the decisions could not be written. The run that found it only reports that it cannot go on.
    problem: Mutex<Option<CliError>>,
}

impl RecordArgs {
    /// Returns the files, with the options that name them.
    pub(super) fn paths(&self) -> [(&'static str, Option<&Path>); 2] {
        [("--decisions", self.decisions.as_deref()), ("--timings", self.timings.as_deref())]
    }

    /// Creates the files, so that an error is found before the runs.
    pub(super) fn begin(&self, runs: usize, threads: usize) -> Result<Records<'_>, CliError> {
        let decisions = self.decisions.as_deref();
        let decisions =
            decisions.map(|path| DecisionsFile::create(path, threads).map(|file| (file, path)).map_err(at(path)));
        let timings = self.timings.as_deref().map(|path| {
            let output = Output::create(path).map_err(ExportError::from).map_err(at(path))?;
            Ok::<_, CliError>((output, path, Mutex::default()))
        });
        Ok(Records {
            decisions: decisions.transpose()?,
            timings: timings.transpose()?,
            threads: threads.clamp(1, runs.max(1)),
            begun: Instant::now(),
            problem: Mutex::new(None),
        })
    }
}

impl Records<'_> {
    /// Returns whether pricing is timed.
    pub(super) fn timed(&self) -> bool {
        self.timings.is_some()
    }

    /// Returns whether the decisions on every order are recorded.
    pub(super) fn decisions(&self) -> bool {
        self.decisions.is_some()
    }

    /// Records a run. An error is also available from [`Self::problem`].
    pub(super) fn take(&self, run: Detailed) -> Result<(), String> {
        if let Some((_, _, timings)) = &self.timings {
            timings.lock().unwrap_or_else(PoisonError::into_inner).add(&run);
        }
        let Some((file, path)) = &self.decisions else { return Ok(()) };
        file.take(run).map_err(|error| {
            let shown = error.to_string();
            *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(at(path)(error));
            shown
        })
    }

    /// Records that a run failed, so that no other run waits for it.
    pub(super) fn abandon(&self) {
        if let Some((file, _)) = &self.decisions {
            file.abandon();
        }
    }

    /// Returns the error that ended the runs, if it was one of the files.
    pub(super) fn problem(&self) -> Option<CliError> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Completes the files. All runs must be done.
    pub(super) fn finish(self, runs: usize) -> Result<(), CliError> {
        let wall = self.begun.elapsed();
        if let Some((file, path)) = self.decisions {
            file.finish(runs).map_err(at(path))?;
        }
        if let Some((mut output, path, timings)) = self.timings {
            let timings = timings.into_inner().unwrap_or_else(PoisonError::into_inner);
            let mut text = serde_json::to_string_pretty(&timings.report(wall, self.threads))
                .map_err(|error| CliError::internal(format!("the timings could not be written as JSON: {error}")))?;
            text.push('\n');
            let written = output.write_all(text.as_bytes()).and_then(|()| output.commit());
            written.map_err(|error| at(path)(error.into()))?;
        }
        Ok(())
    }
}
