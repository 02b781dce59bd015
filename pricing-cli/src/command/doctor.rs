//! `bidprice doctor`: checks a whole installation, and says what to do about each problem.
//!
//! Nothing is judged here that the service judges itself: the doctor calls the service's own checks, reads its inventory
//! and its feed through the engine, and asks it for its status if it runs. It changes nothing: it writes neither the feed's
//! cache nor a plugin's.

mod checkup;
mod clock;
mod configuration;
mod daemon;
mod disk;
mod launcher;
mod live;
mod service;
mod sources;

use std::path::{Path, PathBuf};

use pricing_engine::config;
use pricing_engine::engine::check::Basis;

use crate::args::{Output, OutputArgs};
use crate::command::serve::tuner;
use crate::error::{CliError, Exit};
use crate::{load, output, plugin};

use checkup::Checkup;
use configuration::Reported;
use daemon::Environment;
use live::Live;

/// Arguments of `bidprice doctor`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The service's configuration (TOML); may be left out in the container of the provider's daemon
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
    /// The same as `--output json`
    #[arg(long, conflicts_with = "output")]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let environment = Environment::new(load::variables(|_| true));
    let mut checkup = Checkup::default();
    match &args.config {
        Some(file) => installation(file, &mut checkup)?,
        None if environment.is_of_daemon() => {}
        None => return Err(CliError::Usage(NOTHING.to_owned())),
    }
    daemon::check(&environment, &mut checkup);
    checkup.finish();
    match args.output.output {
        Output::Table if !args.json => output::print(&checkup.shown())?,
        Output::Table | Output::Json => output::print_json(&checkup.json())?,
    }
    Ok(checkup.exit())
}

const NOTHING: &str = "there is nothing to check: name the service's configuration with --config FILE, or run this in the \
                       container of the provider's daemon, which has AP_BID_PRICE_STRATEGY or AKASH_BID_PRICE_STRATEGY";

/// Checks the configuration, and everything that it names.
fn installation(file: &Path, checkup: &mut Checkup) -> Result<(), CliError> {
    // Its errors are in the report.
    let loaded = config::inspect(file).ok();
    let live = loaded.as_ref().map(|loaded| Live::ask(&loaded.config)).transpose()?;
    let cluster = live.as_ref().and_then(Live::cluster);
    let report = pricing_service::check_on(Basis::Live(cluster), file, &plugin::compiler()?, tuner().as_ref());
    let reported = Reported::add(&report, loaded.is_some(), checkup);
    if let (Some(loaded), Some(live)) = (&loaded, &live) {
        configuration::facts(loaded, &report, file, (live, &reported), checkup);
        service::check(&loaded.config.listen, (live, &report), (file, &reported), checkup);
        sources::check(loaded, live, &reported, checkup);
        disk::check(loaded.config.bid_log.as_ref(), &reported, checkup);
        clock::check(live.clocks(), checkup);
    }
    Ok(())
}
