//! `bidprice simulate`: tries pricing strategies on a stream of orders before they cost money.

mod answer;
#[cfg(feature = "service")]
pub(crate) mod bid_log;
mod export;
pub(in crate::command) mod host;
mod merge;
pub(in crate::command) mod outputs;
mod plan;
mod progress;
mod records;
mod report;
pub(in crate::command) mod scene;
mod shard;
mod tables;

pub(crate) use host::SimulationHost;
#[cfg(feature = "service")]
pub(crate) use progress::{Bar, end_with_scripts};
pub(crate) use scene::{ChangeArgs as SceneChangeArgs, Scene, malformed as malformed_scene};

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use pricing_sim::kept::{Checkpoint, Identity, KeptError};
use pricing_sim::result::RunResult;
use pricing_sim::scenario::ScenarioError;
use pricing_sim::sweep::{Detailed, Executor, Progress, RunPlace};

use crate::error::{CliError, Exit};
use crate::output::complain;
use answer::AnswerArgs;
use pricing_core::text::{counted, plural};
#[cfg(not(feature = "service"))]
use progress::Bar;
use progress::Interrupt;
use records::{RecordArgs, Records};
use scene::ChangeArgs;

/// The most threads.
const MAX_THREADS: i64 = 1024;

/// Arguments of `bidprice simulate`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// The scenario
    #[arg(value_name = "SCENARIO", required = true)]
    scenario: Option<PathBuf>,
    #[command(flatten)]
    change: ChangeArgs,
    #[command(flatten)]
    threads: ThreadsArgs,
    /// Save finished runs in a file, and skip those that are in it already
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    #[command(flatten)]
    records: RecordArgs,
    #[command(flatten)]
    answer: AnswerArgs,
}

/// How many threads.
#[derive(Debug, clap::Args)]
pub(in crate::command) struct ThreadsArgs {
    /// The number of threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=MAX_THREADS))]
    threads: Option<u16>,
}

impl ThreadsArgs {
    pub(in crate::command) fn count(&self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(all, usize::from)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the orders of a scenario to a file that a scenario can read
    Export(export::Args),
    /// Write a folder from which any machine can do part of the runs
    Plan(plan::Args),
    /// Do the runs of one shard of a plan
    ///
    /// Exit codes: 0 the shard is written, 1 the plan is wrong, 130 it was interrupted.
    Run(shard::Args),
    /// Join the results of all shards of a plan
    Merge(merge::Args),
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    match (&args.command, &args.scenario) {
        (Some(Command::Export(args)), _) => export::run(args),
        (Some(Command::Plan(args)), _) => plan::run(args),
        (Some(Command::Run(args)), _) => shard::run(args),
        (Some(Command::Merge(args)), _) => merge::run(args),
        (None, Some(scenario)) => simulate(args, scenario),
        (None, None) => Err(CliError::Usage("name a scenario".to_owned())),
    }
}

fn simulate(args: &Args, scenario: &Path) -> Result<Exit, CliError> {
    let scene = Scene::read(scenario, &args.change)?;
    let checkpoint = [("--checkpoint", args.checkpoint.as_deref())];
    let written = args.answer.paths().into_iter().chain(args.records.paths()).chain(checkpoint);
    outputs::check(written, &scene, &[scenario.to_owned()])?;
    let checkpoint = args.checkpoint.as_deref().map(|path| open(path, &scene)).transpose()?;
    let kept = checkpoint.as_ref().map_or(&[] as &[RunResult], Checkpoint::results);
    let done: BTreeSet<usize> = kept.iter().map(|result| result.run).collect();
    let runs = 0..scene.sweep.len();
    let answer = args.answer.begin()?;
    let records = args.records.begin(runs.len(), args.threads.count())?;
    let keep = RunStore { checkpoint: checkpoint.as_ref(), records: Some(&records) };
    let Some(new) = execute(&scene, runs.clone(), &done, args.threads.count(), keep)? else {
        return Ok(Exit::Interrupted);
    };
    records.finish(runs.len())?;
    let mut results = kept.to_vec();
    results.extend(new);
    results.sort_by_key(|result| result.run);
    answer.finish(&scene, &results)
}

/// Where the results of runs are saved as they are done.
#[derive(Clone, Copy, Default)]
struct RunStore<'a> {
    checkpoint: Option<&'a Checkpoint>,
    records: Option<&'a Records<'a>>,
}

fn open(path: &Path, scene: &Scene) -> Result<Checkpoint, CliError> {
    let wrong = |error: KeptError| CliError::unreadable("--checkpoint", error);
    let identity = Identity::of(&scene.table, &scene.sweep, &scene.files).map_err(wrong)?;
    let checkpoint = Checkpoint::open(path, identity, &scene.sweep).map_err(wrong)?;
    if checkpoint.dropped() {
        complain(&format!("{}: its last line was not finished and is dropped", path.display()));
    }
    Ok(checkpoint)
}

/// Follows the progress of the runs.
struct Watch<'a> {
    bar: &'a Bar,
    interrupt: Interrupt,
    keep: RunStore<'a>,
}

impl Progress for Watch<'_> {
    fn done(&self, result: &RunResult) -> Result<(), ScenarioError> {
        self.bar.done();
        match self.keep.checkpoint {
            Some(checkpoint) => checkpoint.keep(result).map_err(|error| ScenarioError::Run(error.to_string())),
            None => Ok(()),
        }
    }

    fn stopped(&self) -> bool {
        self.interrupt.came()
    }

    fn timed(&self) -> bool {
        self.keep.records.is_some_and(Records::timed)
    }

    fn decisions(&self) -> bool {
        self.keep.records.is_some_and(Records::decisions)
    }

    fn detailed(&self, run: Detailed) -> Result<(), ScenarioError> {
        match self.keep.records {
            Some(records) => records.take(run).map_err(ScenarioError::Run),
            None => Ok(()),
        }
    }

    fn failed(&self) {
        if let Some(records) = self.keep.records {
            records.abandon();
        }
    }
}

/// Says what the user should know about the inputs of the first run's cell. The runs find its errors again.
fn warn(executor: &Executor<'_>, first: Option<RunPlace>) {
    if let Some(first) = first
        && let Ok(cell) = executor.cell(first.cell)
    {
        cell.warnings().iter().for_each(|warning| complain(warning));
    }
}

/// Does the runs that are not done yet. Returns `None` if it was interrupted before the last of them.
///
/// A run is saved as soon as it is done, in whatever order the runs end. So an interruption costs the runs in progress
/// at most.
fn execute(
    scene: &Scene,
    runs: Range<usize>,
    done: &BTreeSet<usize>,
    threads: usize,
    keep: RunStore<'_>,
) -> Result<Option<Vec<RunResult>>, CliError> {
    let wanted = runs.len();
    let bar = Bar::new("runs", wanted, done.len());
    let RunStore { checkpoint, records } = keep;
    let watch = Watch { bar: &bar, interrupt: Interrupt::listen(checkpoint.is_some())?, keep };
    let host = SimulationHost;
    let executor = Executor::new(&scene.sweep, &scene.files, &host);
    let first = runs.clone().find(|run| !done.contains(run)).and_then(|run| scene.sweep.run(run));
    warn(&executor, first);
    let executed = executor.execute(runs, done, threads, &watch);
    bar.clear();
    let wrong = |error| {
        let problem = records.and_then(Records::problem);
        problem.unwrap_or_else(|| scene::malformed(&scene.source, error))
    };
    let results = executed.map_err(wrong)?;
    if let Some(checkpoint) = checkpoint {
        checkpoint.sync().map_err(|error| CliError::unreadable("--checkpoint", error))?;
    }
    let finished = results.len().saturating_add(done.len());
    if finished >= wanted {
        return Ok(Some(results));
    }
    if let Some(checkpoint) = checkpoint {
        complain(&format!(
            "interrupted: {finished} of {} {} done and saved in {}; the same command continues from there",
            counted(wanted, "run"),
            plural(finished, "is", "are"),
            checkpoint.path().display()
        ));
    }
    Ok(None)
}
