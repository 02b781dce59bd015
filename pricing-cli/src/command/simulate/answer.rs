//! Writes the results once all runs are done.

use std::path::{Path, PathBuf};

use pricing_sim::export::ResultsFile;
use pricing_sim::result::RunResult;
use pricing_sim::summary::Summary;

use super::outputs::at;
use super::report::Report;
use super::scene::Scene;
use super::tables::summary as shown;
use crate::args::{Output, OutputArgs};
use crate::error::{CliError, Exit};
use crate::output::{print, print_json};

/// How to answer.
#[derive(Debug, clap::Args)]
pub(super) struct AnswerArgs {
    /// Write a row for each run and strategy, to a .csv, .jsonl or .parquet file
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
    /// Write a report as one HTML file that needs no network
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

/// The results, with their files open.
pub(super) struct Answer<'a> {
    results: Option<(ResultsFile, &'a Path)>,
    report: Option<Report<'a>>,
    output: Output,
}

impl AnswerArgs {
    /// Returns the files, with the options that name them.
    pub(super) fn paths(&self) -> [(&'static str, Option<&Path>); 2] {
        [("--results", self.results.as_deref()), ("--report", self.report.as_deref())]
    }

    /// Creates the files, so that an error is found before the runs.
    pub(super) fn begin(&self) -> Result<Answer<'_>, CliError> {
        let results = self.results.as_deref();
        let results = results.map(|path| ResultsFile::create(path).map(|file| (file, path)).map_err(at(path)));
        Ok(Answer {
            results: results.transpose()?,
            report: self.report.as_deref().map(Report::begin).transpose()?,
            output: self.output.output,
        })
    }
}

impl Answer<'_> {
    /// Writes and prints the results of all runs of a scenario. They must be in the order of the runs.
    pub(super) fn finish(self, scene: &Scene, results: &[RunResult]) -> Result<Exit, CliError> {
        let summary = Summary::of(&scene.name, &scene.sweep, results)
            .map_err(|error| CliError::unreadable(&scene.source, error))?;
        if let Some((file, path)) = self.results {
            file.write(&scene.sweep, results).map_err(at(path))?;
        }
        if let Some(report) = self.report {
            report.finish(&summary, scene)?;
        }
        match self.output {
            Output::Json => print_json(&summary)?,
            Output::Table => print(&shown(&summary))?,
        }
        Ok(Exit::Success)
    }
}
