//! `--report`: writes the results of a simulation to one HTML file.

use std::io::Write;
use std::path::Path;

use pricing_sim::export::Output;
use pricing_sim::report::{ReportContext, html};
use pricing_sim::summary::Summary;

use super::scene::Scene;
use crate::error::CliError;

/// The command that repeats the simulation from the scenario in the report. It contains neither folders nor options:
/// what the options changed is in that scenario, and so the report does not depend on where it was made.
const COMMAND: &str = "bidprice simulate scenario.toml --report report.html";

/// A report that is being written. The file gets its name once it is complete.
pub(super) struct Report<'a> {
    file: Output,
    path: &'a Path,
}

impl<'a> Report<'a> {
    /// Creates the file, so that an error is found before the runs.
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
