//! `bidprice config`: checks the service's configuration.

use std::path::PathBuf;

use clap::Subcommand;
use pricing_core::quote::wire::SCHEMA;
use pricing_core::text::printable;
use pricing_engine::engine::check::{Problem, Report, Severity};
use serde_json::json;

use crate::args::{Output, OutputArgs};
use crate::command::serve::tuner;
use crate::error::{CliError, Exit};
use crate::wording::{count, number};
use crate::{output, plugin};

/// Arguments of `bidprice config`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Check for everything that `serve` would refuse at its start, without starting it
    Check(CheckArgs),
}

/// Arguments of `bidprice config check`.
#[derive(Debug, clap::Args)]
struct CheckArgs {
    /// The configuration (TOML); `docs/config.md` has every key
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let ConfigCommand::Check(args) = &args.command;
    let report = pricing_service::check_with(&args.file, &plugin::compiler()?, tuner().as_ref());
    match args.output.output {
        Output::Json => output::print_json(&json(&report))?,
        Output::Table => output::print(&shown(&report))?,
    }
    Ok(if report.is_good() { Exit::Success } else { Exit::Input })
}

fn json(report: &Report) -> serde_json::Value {
    let problem = |problem: &Problem| {
        json!({
            "file": problem.file.display().to_string(),
            "key": problem.key,
            "line": problem.line,
            "column": problem.column,
            "message": problem.message,
            "severity": problem.severity.name(),
        })
    };
    json!({
        "schema": SCHEMA,
        "problems": report.problems.iter().map(problem).collect::<Vec<_>>(),
        "rates_digest": report.rates_digest,
        "plugin_digest": report.plugin_digest,
    })
}

/// One line for each problem, in the format of compilers, then one with the result.
fn shown(report: &Report) -> String {
    let mut lines: Vec<String> = report.problems.iter().map(line).collect();
    let found = |severity| report.problems.iter().filter(|problem| problem.severity == severity).count();
    let (errors, warnings) = (found(Severity::Error), found(Severity::Warning));
    lines.push(match errors {
        0 => format!("good, with {}", count(number(warnings), "warning")),
        _ => format!("refused: {}, {}", count(number(errors), "error"), count(number(warnings), "warning")),
    });
    for (what, digest) in [("rates", &report.rates_digest), ("plugin", &report.plugin_digest)] {
        lines.extend(digest.as_ref().map(|digest| format!("{what} {digest}")));
    }
    lines.iter().map(|line| printable(line) + "\n").collect()
}

fn line(problem: &Problem) -> String {
    let place = problem.line.zip(problem.column).map(|(line, column)| format!(":{line}:{column}"));
    let key = problem.key.as_ref().map(|key| format!("`{key}`: ")).unwrap_or_default();
    let (file, severity) = (problem.file.display(), problem.severity.name());
    format!("{file}{}: {severity}: {key}{}", place.unwrap_or_default(), problem.message)
}
