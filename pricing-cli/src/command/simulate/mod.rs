//! `bidprice simulate`: tries pricing strategies on a stream of orders before they cost money.

mod answers;
mod bid_log;
mod host;
mod output;
mod report;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pricing_sim::files::Files;
use pricing_sim::result::RunResult;
use pricing_sim::scenario::{self, ScenarioError};
use pricing_sim::summary::Summary;
use pricing_sim::sweep::{Detailed, Executor, Progress, Sweep};
use toml::Value;

use crate::args::{Output, OutputArgs};
use crate::error::{CliError, Exit};
use crate::load::{self, Document};
use crate::output::{print, print_json};
use answers::{AnswerArgs, Answers};
use report::Report;

/// The most bytes that a scenario may have.
const MAX_SCENARIO_BYTES: usize = 4 << 20;

/// Arguments of `bidprice simulate`.
///
/// Exit codes: 0 the simulation ran, 1 the scenario or a file that it names is wrong, 130 it was interrupted.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The scenario
    #[arg(value_name = "SCENARIO")]
    scenario: PathBuf,
    /// How many threads; all cores without it
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// The first seed, instead of the scenario's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    answers: AnswerArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Keeps what is asked for of the runs.
struct Keeper<'a>(&'a Answers<'a>);

impl Progress for Keeper<'_> {
    fn done(&self, _: &RunResult) -> Result<(), ScenarioError> {
        Ok(())
    }

    fn stopped(&self) -> bool {
        false
    }

    fn timed(&self) -> bool {
        self.0.timed()
    }

    fn detailed(&self, run: Detailed) -> Result<(), ScenarioError> {
        self.0.take(run).map_err(ScenarioError::Run)
    }

    fn failed(&self) {
        self.0.abandon();
    }
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let document = Document::read(&args.scenario, MAX_SCENARIO_BYTES)?;
    let mut table = scenario::parse(&document.text).map_err(|error| document.malformed(error))?;
    if let Some(seed) = args.seed {
        let seed = i64::try_from(seed).map_err(|_| CliError::Usage("--seed is too large".to_owned()))?;
        scenario::set(&mut table, "seed", seed.into()).map_err(|error| document.malformed(error))?;
    }
    let wrong = |error: ScenarioError| CliError::unreadable(load::name(&args.scenario), error);
    let sweep = Sweep::of(&table).map_err(wrong)?;
    let files = Files::in_folder(args.scenario.parent().unwrap_or_else(|| Path::new("")));
    let host = host::SimulationHost;
    let executor = Executor::new(&sweep, &files, &host);
    let threads = args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let answers = args.answers.begin(&args.scenario, &sweep, &files, threads)?;
    let report = Report::begin(args.answers.report.as_deref())?;
    let results = executor.execute(0..sweep.len(), &BTreeSet::new(), threads, &Keeper(&answers));
    let results = results.map_err(|error| answers.problem().unwrap_or_else(|| wrong(error)))?;
    answers.finish(&sweep, &results)?;
    let named = table.get("name").and_then(Value::as_str).map(str::to_owned);
    let stem = || args.scenario.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = named.or_else(stem).unwrap_or_default();
    let summary = Summary::of(&name, &sweep, &results)
        .map_err(|error| CliError::unreadable(load::name(&args.scenario), error))?;
    report.finish(&summary, (&args.scenario, &document.text), args.seed)?;
    match args.output.output {
        Output::Json => print_json(&summary)?,
        Output::Table => print(&output::summary(&summary))?,
    }
    Ok(Exit::Success)
}
