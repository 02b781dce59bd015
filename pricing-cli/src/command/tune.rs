//! `bidprice tune`: which rates would have earned more, and how sure that is.

mod apply;
mod shown;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::AtomicBool;

use pricing_core::money::parse_decimal;
use pricing_core::rates::{self, Pricing};
use pricing_sim::export::Output as OutputFile;
use pricing_tune::decision::Decision;
use pricing_tune::doubts::doubts;
use pricing_tune::replay::Replays;
use pricing_tune::report::Report;
use pricing_tune::tune::FEWEST_RESAMPLES;
use pricing_tune::{Answer, Evaluate as _, Objective, Settings, Space, TuneError, Variation, tune};
use rust_decimal::Decimal;

use self::apply::Card;
use crate::args::{Output, OutputArgs};
use crate::command::simulate::ThreadsArgs;
use crate::command::simulate::host::SimulationHost;
use crate::command::simulate::outputs;
use crate::command::simulate::scene::{ChangeArgs, Scene, malformed};
use crate::error::{CliError, Exit};
use crate::load::Document;
use crate::output;

/// The most resamples.
const MAX_RESAMPLES: u64 = 10_000;

/// Arguments of `bidprice tune`.
///
/// The orders of the scenario are replayed under other rates of its first strategy, on resamples of their days. Half of
/// the resamples choose the rates, the other half tell what they earn.
///
/// Exit codes: 0 change to the proposal, 1 the scenario or a file that it names is wrong, 3 stay with the current rates,
/// 4 there is too little data to tell.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The scenario, with the orders of a history
    #[arg(value_name = "SCENARIO")]
    scenario: PathBuf,
    /// A key of the first strategy's rate card, and between which values it is varied, such as
    /// `rates.gpu.h100=1300..2200`; up to four keys
    #[arg(long, value_name = "KEY=LOW..HIGH", required = true)]
    vary: Vec<Variation>,
    /// What to raise: `revenue`, `profit` (revenue less `--costs`), or `utilisation-at-least=SHARE`: revenue, among the
    /// rates that lease at least this share of the cards
    #[arg(long, value_name = "OBJECTIVE", default_value = "revenue")]
    objective: ObjectiveArg,
    /// What leased resources cost you a month, as a rate card; for `--objective profit`
    #[arg(long, value_name = "FILE")]
    costs: Option<PathBuf>,
    /// How far a proposal may be from the current value, such as `15%`; without it, as far as the range
    #[arg(long, value_name = "SHARE")]
    max_step: Option<Percent>,
    /// How many resamples of the history are replayed: half of them choose, half of them report
    #[arg(long, value_name = "N", default_value = "200", value_parser = clap::value_parser!(u64).range(FEWEST_RESAMPLES..=MAX_RESAMPLES))]
    resamples: u64,
    #[command(flatten)]
    change: ChangeArgs,
    #[command(flatten)]
    threads: ThreadsArgs,
    /// Write a report as one HTML file that needs no network
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Write the rate card with the proposal and what the scenario sets, with the old values as comments, if the
    /// decision is to change; a file that exists and is not a rate card is not overwritten
    #[arg(long, value_name = "FILE")]
    apply: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

/// A share, as a percentage.
#[derive(Clone, Copy, Debug)]
struct Percent(Decimal);

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "expected a percentage above 0 and up to 100, such as `15%`".to_owned();
        let number = text.strip_suffix('%').ok_or_else(wrong)?;
        let percent = parse_decimal(number).map_err(|error| error.to_string())?;
        if percent <= Decimal::ZERO || percent > Decimal::ONE_HUNDRED {
            return Err(wrong());
        }
        percent.checked_div(Decimal::ONE_HUNDRED).map(Self).ok_or_else(wrong)
    }
}

/// What to raise.
#[derive(Clone, Copy, Debug)]
struct ObjectiveArg(Objective);

impl FromStr for ObjectiveArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            None if text == "revenue" => Ok(Self(Objective::Revenue)),
            None if text == "profit" => Ok(Self(Objective::Profit)),
            Some(("utilisation-at-least", share)) => {
                let Percent(share) = share.parse()?;
                let millionths = share.saturating_mul(Decimal::from(1_000_000)).round();
                let millionths = millionths.to_string().parse().map_err(|_| "the share is out of range".to_owned())?;
                Ok(Self(Objective::UtilisationAtLeast(millionths)))
            }
            _ => Err("expected `revenue`, `profit` or `utilisation-at-least=SHARE`, such as \
                      `utilisation-at-least=60%`"
                .to_owned()),
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let costs = costs(args)?;
    let scene = Scene::read(&args.scenario, &args.change)?;
    let written = [("--report", args.report.as_deref())];
    outputs::check(written, &scene, std::slice::from_ref(&args.scenario))?;
    if let (Some(report), Some(card)) = (&args.report, &args.apply)
        && outputs::is_same(report, card)
    {
        return Err(CliError::Usage("--report and --apply name the same file".to_owned()));
    }
    // Created before the replays, so that an error is found before them.
    let report = args.report.as_deref().map(|path| create(path).map(|file| (file, path))).transpose()?;
    let wrong = |error| tune_error(&scene, error);
    let host = SimulationHost;
    let mut replays = Replays::new(&scene.table, &args.vary, &scene.files, &host, costs.as_ref()).map_err(wrong)?;
    let max_step = args.max_step.map(|Percent(step)| step);
    let card = args.apply.as_deref().map(|path| Card::prepare(path, &scene, &replays.keys)).transpose()?;
    let space = Space::new(args.vary.clone(), replays.keys.current().clone(), max_step).map_err(CliError::Usage)?;
    let settings = Settings { objective: args.objective.0, resamples: args.resamples, threads: args.threads.count() };
    let tuned = tune(&space, &replays, &settings).map_err(wrong)?;
    let doubts = doubts(&mut replays, &space, &tuned, &settings, &AtomicBool::new(false)).map_err(wrong)?;
    let names = replays.keys.names();
    if let Some((file, path)) = report {
        let page = Report {
            name: &scene.name,
            space: &space,
            names: &names,
            tuned: &tuned,
            doubts: &doubts,
            version: env!("CARGO_PKG_VERSION"),
        };
        write(file, path, &page.html())?;
    }
    if let Some(card) = card {
        card.write(&replays.keys, &tuned)?;
    }
    match args.output.output {
        Output::Json => output::print_json(&Answer::new(&space, &tuned, doubts))?,
        Output::Table => output::print(&shown::shown(&space, &names, &tuned, &doubts))?,
    }
    debug_assert_eq!(replays.history(), tuned.history, "the history does not change");
    Ok(match tuned.decided.decision {
        Decision::Change => Exit::Success,
        Decision::Stay => Exit::Decline,
        Decision::NeedMoreData => Exit::Fault,
    })
}

/// The costs, which only a profit needs.
fn costs(args: &Args) -> Result<Option<Pricing>, CliError> {
    match (args.objective.0, &args.costs) {
        (Objective::Profit, None) => {
            Err(CliError::Usage("`--objective profit` needs `--costs FILE`: what leased resources cost".to_owned()))
        }
        (Objective::Profit, Some(path)) => {
            let document = Document::rates(path)?;
            rates::toml::read(&document.text).map(Some).map_err(|error| document.malformed(error))
        }
        (_, None) => Ok(None),
        (_, Some(_)) => Err(CliError::Usage("`--costs` is for `--objective profit`".to_owned())),
    }
}

fn tune_error(scene: &Scene, error: TuneError) -> CliError {
    match error {
        TuneError::Meaning(message) => CliError::unreadable(&scene.source, message),
        TuneError::Cancelled => CliError::internal(error.to_string()),
        TuneError::Replay(error) => malformed(&scene.source, *error),
    }
}

fn create(path: &Path) -> Result<OutputFile, CliError> {
    OutputFile::create(path).map_err(|error| CliError::unwritable(path.display(), error))
}

/// Writes a file whole. It gets its name once it is complete.
fn write(mut file: OutputFile, path: &Path, text: &str) -> Result<(), CliError> {
    use std::io::Write as _;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.commit());
    written.map_err(|error| CliError::unwritable(path.display(), error))
}
