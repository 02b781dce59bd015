//! `bidprice simulate`: tries pricing strategies on a stream of orders before they cost money.

mod host;

pub(crate) use host::SimulationHost;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pricing_sim::files::Files;
use pricing_sim::result::RunResult;
use pricing_sim::scenario::{self, ScenarioError};
use pricing_sim::sweep::{Executor, Progress, Sweep};

use crate::args::OutputArgs;
use crate::error::{CliError, Exit};
use crate::load::{self, Document};
use crate::output;

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
    output: OutputArgs,
}

struct Quiet;

impl Progress for Quiet {
    fn done(&self, _: &RunResult) -> Result<(), ScenarioError> {
        Ok(())
    }

    fn stopped(&self) -> bool {
        false
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
    let host = SimulationHost;
    let executor = Executor::new(&sweep, &files, &host);
    let threads = args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let results = executor.execute(0..sweep.len(), &BTreeSet::new(), threads, &Quiet).map_err(wrong)?;
    let _ = &args.output;
    output::print_json(&results)?;
    Ok(Exit::Success)
}
