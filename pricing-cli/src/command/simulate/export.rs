//! `bidprice simulate export`: writes the orders of a scenario as a file that a scenario can read.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pricing_core::text::printable;
use pricing_sim::export::OrdersFile;
use pricing_sim::random::Draws;
use pricing_sim::scenario::{self, Scenario};
use pricing_sim::stream::openb::Models;
use pricing_sim::stream::{self, Stream};
use pricing_sim::summary::Seconds;
use toml::{Table, Value};

use super::host::SimulationHost;
use super::outputs::{self, at};
use super::scene::{self, ChangeArgs, Scene};
use crate::error::{CliError, Exit};
use crate::output::print;
use crate::wording::count;

/// Arguments of `bidprice simulate export`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The scenario; the axes of a sweep are left aside
    #[arg(value_name = "SCENARIO")]
    scenario: PathBuf,
    #[command(flatten)]
    change: ChangeArgs,
    /// The file, ending in .jsonl, .csv or .parquet
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<Exit, CliError> {
    let scene = Scene::read(&args.scenario, &args.change)?;
    outputs::check([("--out", Some(args.out.as_path()))], &scene, std::slice::from_ref(&args.scenario))?;
    let mut table = scene.table.clone();
    table.remove("sweep");
    let scenario = scenario::of_table(table).map_err(|error| CliError::malformed(&scene.source, error))?;
    let file = OrdersFile::create(&args.out).map_err(at(&args.out))?;
    let stream = orders(&scene, &scenario)?;
    file.write(&stream).map_err(at(&args.out))?;
    print(&said(&stream, &scenario, &args.out)).map(|()| Exit::Success)
}

/// The orders for the scenario's first seed.
fn orders(scene: &Scene, scenario: &Scenario) -> Result<Arc<Stream>, CliError> {
    let wrong = |error| scene::malformed(&scene.source, error);
    let malformed = |error| CliError::malformed(&scene.source, error);
    let models = Models::new(&scenario.openb.models).map_err(malformed)?;
    let source = stream::source(scenario, &models, &scene.files, &SimulationHost);
    let seed = scene.sweep.seeds.first().copied().unwrap_or(scenario.seed);
    source.and_then(|source| source.stream(&Draws::new(seed))).map_err(|error| wrong(error.into()))
}

/// What was written, and the section of a scenario that reads it back.
fn said(stream: &Stream, scenario: &Scenario, path: &Path) -> String {
    let kind = path.extension().and_then(|ending| ending.to_str()).unwrap_or("jsonl").to_ascii_lowercase();
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut orders = Table::new();
    orders.insert(kind, Value::String(name));
    orders.insert("begin".to_owned(), Value::String(Seconds(stream.window.start).to_string()));
    orders.insert("duration".to_owned(), Value::String(shown(Duration::from_millis(stream.window.length()))));
    if let Some(warm_up) = scenario.orders.warm_up {
        orders.insert("warm_up".to_owned(), Value::String(shown(warm_up)));
    }
    let mut section = Table::new();
    section.insert("orders".to_owned(), Value::Table(orders));
    let orders = count(u64::try_from(stream.arrivals.len()).unwrap_or(u64::MAX), "order");
    let lines = format!("{orders} written to {}. A scenario reads the same orders with\n\n", path.display());
    let section = toml::to_string(&section).unwrap_or_default();
    let lines = format!("{lines}{section}");
    lines.lines().map(printable).collect::<Vec<_>>().join("\n") + "\n"
}

fn shown(time: Duration) -> String {
    humantime::format_duration(time).to_string()
}
