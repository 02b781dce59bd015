//! Simulations: from a scenario file to the output of `bidprice simulate --output json`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pricing_sim::files::Files;
use pricing_sim::result::RunResult;
use pricing_sim::scenario::{self, Changes, ScenarioError};
use pricing_sim::summary::Summary;
use pricing_sim::sweep::{Executor, Progress, Sweep};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use toml::Value;

use crate::host::PythonHost;

/// The most bytes that a scenario may have.
const SCENARIO_BYTES: u64 = 16 << 20;
/// How often Python is asked whether somebody pressed Ctrl-C.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(50);

/// Runs a scenario and returns the result as JSON. `changes` are keys of the scenario with JSON values. The work runs
/// on another thread, because only the main thread of Python can see Ctrl-C.
#[pyfunction]
pub(crate) fn simulate(
    py: Python<'_>,
    scenario: PathBuf,
    seed: Option<u64>,
    threads: Option<usize>,
    changes: Vec<(String, String)>,
) -> PyResult<String> {
    let stop = AtomicBool::new(false);
    let work = || run(&scenario, seed, threads, &changes, &stop);
    let result = std::thread::scope(|scope| {
        let worker = scope.spawn(work);
        let mut interrupted = Ok(());
        while !worker.is_finished() {
            py.detach(|| std::thread::sleep(SIGNAL_INTERVAL));
            if interrupted.is_ok() {
                interrupted = py.check_signals();
                stop.store(interrupted.is_err(), Ordering::Relaxed);
            }
        }
        interrupted?;
        worker.join().map_err(|_| PyRuntimeError::new_err("this is a bug in bidprice; please report it"))
    });
    result?.map_err(PyValueError::new_err)
}

struct UntilStopped<'a>(&'a AtomicBool);

impl Progress for UntilStopped<'_> {
    fn done(&self, _: &RunResult) -> Result<(), ScenarioError> {
        Ok(())
    }

    fn stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Does what the command does, with the same functions of `pricing-sim`, so that both give the same bytes.
fn run(
    path: &Path,
    seed: Option<u64>,
    threads: Option<usize>,
    changes: &[(String, String)],
    stop: &AtomicBool,
) -> Result<String, String> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = pricing_files::read_text(path, SCENARIO_BYTES).map_err(|error| named(&error))?;
    let mut table = scenario::parse(&text).map_err(|error| named(&error))?;
    let set = changes.iter().map(|(key, value)| Ok((key.clone(), toml_value(key, value)?)));
    let set = set.collect::<Result<_, String>>()?;
    Changes { set, seed, seeds: None }.apply(&mut table).map_err(|error| named(&error))?;
    let sweep = Sweep::of(&table).map_err(|error| named(&error))?;
    let files = Files::in_folder(path.parent().unwrap_or_else(|| Path::new("")));
    let host = PythonHost;
    let executor = Executor::new(&sweep, &files, &host);
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.unwrap_or_else(cores);
    let results = executor.execute(0..sweep.len(), &BTreeSet::new(), threads, &UntilStopped(stop));
    let results = results.map_err(|error| named(&error))?;
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("scenario");
    let name = scenario::name(&table, stem);
    let summary = Summary::of(&name, &sweep, &results).map_err(|error| named(&error))?;
    serde_json::to_string(&summary).map_err(|error| named(&error))
}

/// Converts a JSON value from Python to a TOML value.
fn toml_value(key: &str, json: &str) -> Result<Value, String> {
    let value: serde_json::Value = serde_json::from_str(json).map_err(|error| format!("`{key}`: {error}"))?;
    Value::try_from(value).map_err(|error| format!("`{key}`: {error}"))
}
