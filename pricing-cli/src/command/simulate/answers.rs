//! Files that a simulation writes beside its answer.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use pricing_sim::export::{DecisionsFile, ExportError, Output, ResultsFile};
use pricing_sim::files::Files;
use pricing_sim::result::RunResult;
use pricing_sim::scenario;
use pricing_sim::sweep::{Detailed, Sweep};
use pricing_sim::timing::Timings;
use toml::Value;

use crate::error::CliError;

/// Files that a simulation writes beside its answer.
#[derive(Debug, clap::Args)]
pub(super) struct AnswerArgs {
    /// Write a row for each run and strategy, to a .csv, .jsonl or .parquet file
    #[arg(long, value_name = "FILE")]
    pub(super) results: Option<PathBuf>,
    /// Write a row for each run, strategy and order, to a .csv, .jsonl or .parquet file
    #[arg(long, value_name = "FILE")]
    pub(super) decisions: Option<PathBuf>,
    /// Write how long pricing took, as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) timings: Option<PathBuf>,
    /// Write a report as one HTML file that needs no network
    #[arg(long, value_name = "FILE.html")]
    pub(super) report: Option<PathBuf>,
}

/// The files, being written.
pub(super) struct Answers<'a> {
    args: &'a AnswerArgs,
    results: Option<ResultsFile>,
    decisions: Option<DecisionsFile>,
    timings: Option<(Output, Mutex<Timings>)>,
    threads: usize,
    begun: Instant,
    /// Why the decisions could not be written: the run that noticed only says that it cannot go on.
    problem: Mutex<Option<CliError>>,
}

impl AnswerArgs {
    /// Begins the files, so that what cannot be written is known before the runs.
    pub(super) fn begin(
        &self,
        scenario: &Path,
        sweep: &Sweep,
        files: &Files,
        threads: usize,
    ) -> Result<Answers<'_>, CliError> {
        self.check(scenario, sweep, files)?;
        let begun = Instant::now();
        let results = self.results.as_deref().map(|path| ResultsFile::create(path).map_err(at(path))).transpose()?;
        let decisions = self.decisions.as_deref();
        let decisions = decisions.map(|path| DecisionsFile::create(path, threads).map_err(at(path))).transpose()?;
        let timings = self.timings.as_deref();
        let timings = timings.map(|path| Output::create(path).map_err(ExportError::from).map_err(at(path)));
        let timings = timings.transpose()?.map(|output| (output, Mutex::default()));
        let threads = threads.clamp(1, sweep.len().max(1));
        Ok(Answers { args: self, results, decisions, timings, threads, begun, problem: Mutex::new(None) })
    }

    fn paths(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let Self { results, decisions, timings, report } = self;
        let named = [("--results", results), ("--decisions", decisions), ("--timings", timings), ("--report", report)];
        named.into_iter().filter_map(|(option, path)| path.as_deref().map(|path| (option, path)))
    }

    /// Refuses to write over what the scenario reads, and two files to one place.
    fn check(&self, scenario: &Path, sweep: &Sweep, files: &Files) -> Result<(), CliError> {
        let mut taken: Vec<(&str, &Path)> = Vec::new();
        for (option, path) in self.paths() {
            if let Some((other, _)) = taken.iter().find(|(_, other)| is_same(path, other)) {
                return Err(CliError::Usage(format!("{option} and {other} name the same file")));
            }
            taken.push((option, path));
        }
        let inputs = if taken.is_empty() { BTreeSet::new() } else { inputs(scenario, sweep, files) };
        for (option, path) in taken {
            if inputs.iter().any(|input| reads(input, path)) {
                let message = format!("{option} would overwrite what the scenario reads; name another file");
                return Err(CliError::unwritable(path.display(), message));
            }
        }
        Ok(())
    }
}

/// What the runs read.
fn inputs(scenario: &Path, sweep: &Sweep, files: &Files) -> BTreeSet<PathBuf> {
    let mut inputs = BTreeSet::from([scenario.to_owned()]);
    for (place, cell) in sweep.cells.iter().enumerate() {
        // Cells that differ by numbers alone read the same files.
        let is_number = |value: &Value| value.is_integer() || value.is_float() || value.is_bool();
        if place > 0 && cell.values.iter().all(|(_, value)| is_number(value)) {
            continue;
        }
        // A cell that cannot be read is told of when it is run.
        let Ok(scenario) = scenario::of_table(cell.table.clone()) else { continue };
        inputs.extend(scenario::inputs(&scenario).into_iter().map(|name| files.path(name)));
    }
    inputs
}

/// Whether two names lead to one file, whether or not it is there.
fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        path.canonicalize()
            .or_else(|_| folder.canonicalize().map(|folder| folder.join(path.file_name().unwrap_or_default())))
    };
    matches!((real(one), real(other)), (Ok(one), Ok(other)) if one == other)
}

/// Whether an input is this file, or a folder that has it.
fn reads(input: &Path, file: &Path) -> bool {
    if is_same(input, file) {
        return true;
    }
    let (Ok(input), Ok(file)) = (input.canonicalize(), file.canonicalize()) else { return false };
    input.is_dir() && file.starts_with(input)
}

/// Names the file of an error.
fn at(path: &Path) -> impl Fn(ExportError) -> CliError {
    move |error| match error {
        ExportError::Summary(error) => CliError::unreadable(path.display(), error),
        error => CliError::unwritable(path.display(), error),
    }
}

impl Answers<'_> {
    /// Whether pricing is to be timed.
    pub(super) fn timed(&self) -> bool {
        self.timings.is_some()
    }

    /// Takes a run with its orders. What is wrong is in [`Self::problem`], too.
    pub(super) fn take(&self, run: Detailed) -> Result<(), String> {
        if let Some((_, timings)) = &self.timings {
            timings.lock().unwrap_or_else(PoisonError::into_inner).add(&run);
        }
        let (Some(file), Some(path)) = (&self.decisions, &self.args.decisions) else { return Ok(()) };
        file.take(run).map_err(|error| {
            let shown = error.to_string();
            *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(at(path)(error));
            shown
        })
    }

    /// A run failed: no other waits for it.
    pub(super) fn abandon(&self) {
        if let Some(file) = &self.decisions {
            file.abandon();
        }
    }

    /// What went wrong with the files, if that is why the runs ended.
    pub(super) fn problem(&self) -> Option<CliError> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Completes the files, once all runs are done.
    pub(super) fn finish(self, sweep: &Sweep, results: &[RunResult]) -> Result<(), CliError> {
        let wall = self.begun.elapsed();
        if let (Some(file), Some(path)) = (self.decisions, &self.args.decisions) {
            file.finish(sweep.len()).map_err(at(path))?;
        }
        if let (Some(file), Some(path)) = (self.results, &self.args.results) {
            file.write(sweep, results).map_err(at(path))?;
        }
        if let (Some((mut output, timings)), Some(path)) = (self.timings, &self.args.timings) {
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
