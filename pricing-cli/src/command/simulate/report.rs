//! `--report`: what came of a simulation as one HTML file.

use std::io::Write;
use std::path::Path;

use pricing_sim::export::Output;
use pricing_sim::report::{ReportContext, html};
use pricing_sim::summary::Summary;

use crate::error::CliError;

/// A report that is to be written. Its file takes its name when it is complete.
pub(super) struct Report<'a>(Option<(Output, &'a Path)>);

impl<'a> Report<'a> {
    /// Begins the report, before the simulation: a place where nothing can be written is told at once.
    pub(super) fn begin(path: Option<&'a Path>) -> Result<Self, CliError> {
        let begin = |path: &'a Path| match Output::create(path) {
            Ok(file) => Ok((file, path)),
            Err(error) => Err(CliError::unwritable(path.display(), error)),
        };
        path.map(begin).transpose().map(Self)
    }

    /// Writes the report.
    ///
    /// The command that makes it again names files without their folders: the report of a run is the same wherever it
    /// was made.
    pub(super) fn finish(self, summary: &Summary, scenario: (&Path, &str), seed: Option<u64>) -> Result<(), CliError> {
        let Some((mut file, path)) = self.0 else { return Ok(()) };
        let (name, text) = scenario;
        let name = name.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let seed = seed.map(|seed| format!(" --seed {seed}")).unwrap_or_default();
        let command = format!("bidprice simulate {}{seed} --report report.html", quoted(&name));
        let context = ReportContext { scenario: text, command: &command, version: env!("CARGO_PKG_VERSION") };
        let page = html(summary, &context);
        let written = file.write_all(page.as_bytes()).and_then(|()| file.commit());
        written.map_err(|error| CliError::unwritable(path.display(), error))
    }
}

/// A name as a shell takes it.
fn quoted(name: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "._-/".contains(char);
    if !name.is_empty() && !name.starts_with('-') && name.chars().all(plain) {
        return name.to_owned();
    }
    let dash = if name.starts_with('-') { "./" } else { "" };
    format!("'{dash}{}'", name.replace('\'', "'\\''"))
}
