//! `--report`: what came of a simulation as one HTML file.

use std::io::Write;
use std::path::Path;

use pricing_sim::export::Output;
use pricing_sim::report::{ReportContext, html};
use pricing_sim::summary::Summary;

use super::scene::Scene;
use crate::error::CliError;

/// How to run the scenario that the report shows, saved under this name. It names neither folders nor the options of the
/// run: what they changed is in the scenario, and the report is the same wherever it was made.
const COMMAND: &str = "bidprice simulate scenario.toml --report report.html";

/// A report that is to be written. Its file takes its name when it is complete.
pub(super) struct Report<'a> {
    file: Output,
    path: &'a Path,
}

impl<'a> Report<'a> {
    /// Begins the report, before the simulation: a place where nothing can be written is told at once.
    pub(super) fn begin(path: &'a Path) -> Result<Self, CliError> {
        let file = Output::create(path).map_err(|error| CliError::unwritable(path.display(), error))?;
        Ok(Self { file, path })
    }

    /// Writes the report.
    pub(super) fn finish(mut self, summary: &Summary, scene: &Scene) -> Result<(), CliError> {
        let scenario = toml::to_string(&scene.table)
            .map_err(|error| CliError::internal(format!("the scenario could not be written as TOML: {error}")))?;
        let context = ReportContext { scenario: &scenario, command: COMMAND, version: env!("CARGO_PKG_VERSION") };
        let page = html(summary, &context);
        let written = self.file.write_all(page.as_bytes()).and_then(|()| self.file.commit());
        written.map_err(|error| CliError::unwritable(self.path.display(), error))
    }
}
