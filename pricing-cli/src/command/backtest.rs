//! `bidprice backtest`: holds the simulation's predictions against what happened.

#[cfg(feature = "service")]
mod explored;
mod off_policy;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use pricing_core::text::{counted, printable};
use pricing_sim::backtest::{Backtest, Comparison, ExploredBid, FOLDS, Figures, MOST_FOLDS, backtest};
use pricing_sim::scenario;
use pricing_sim::scenario::ScenarioError;
use pricing_sim::sweep::prepare;

use crate::args::{Output, OutputArgs};
use crate::command::simulate::{Scene, SceneChangeArgs, SimulationHost, malformed_scene};
use crate::error::{CliError, Exit};
use crate::output::{complain, print, print_json};
use crate::table;

/// Arguments of `bidprice backtest`.
///
/// The history is cut into equally long pieces. From what came before each piece, the orders of the piece are predicted at
/// the prices that we really bid, and the predictions are compared with what happened.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The scenario, whose `orders.history` names a history
    #[arg(value_name = "SCENARIO")]
    scenario: PathBuf,
    /// How many pieces are predicted
    #[arg(long, value_name = "N", default_value_t = FOLDS, value_parser = folds)]
    folds: usize,
    /// A bid log whose prices were explored (`[explore]` of the service): adds what its explored bids say of the first
    /// strategy
    #[arg(long, value_name = "FOLDER")]
    bid_log: Option<PathBuf>,
    #[command(flatten)]
    change: SceneChangeArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Reads a number of folds.
fn folds(text: &str) -> Result<usize, String> {
    let folds = text.parse().ok().filter(|folds| (1..=MOST_FOLDS).contains(folds));
    folds.ok_or_else(|| format!("expected a number from 1 to {MOST_FOLDS}"))
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let scene = Scene::read(&args.scenario, &args.change)?;
    let wrong = |error| malformed_scene(&scene.source, error);
    let malformed = |problem| ScenarioError::Malformed { name: "scenario".to_owned(), problem };
    let scenario = scenario::of_table(scene.table.clone()).map_err(malformed).map_err(wrong)?;
    let prepared = prepare(scenario, &scene.files, &SimulationHost).map_err(wrong)?;
    let explored = args.bid_log.as_deref().map(explored_bids).transpose()?;
    let backtest = backtest(&prepared, args.folds, explored.as_deref()).map_err(wrong)?;
    for warning in &backtest.warnings {
        complain(&printable(warning));
    }
    match args.output.output {
        Output::Json => print_json(&backtest)?,
        Output::Table => print(&shown(&backtest))?,
    }
    Ok(Exit::Success)
}

/// The explored bids of a bid log.
#[cfg(feature = "service")]
fn explored_bids(path: &Path) -> Result<Vec<ExploredBid>, CliError> {
    explored::read(path).map_err(|problem| CliError::unreadable(path.display(), problem))
}

/// The explored bids of a bid log, which this build cannot read.
#[cfg(not(feature = "service"))]
fn explored_bids(path: &Path) -> Result<Vec<ExploredBid>, CliError> {
    Err(CliError::unreadable(path.display(), crate::left_out::BACKTEST_BID_LOG.refusal()))
}

/// The backtest as tables, with its error in the first sentence.
fn shown(backtest: &Backtest) -> String {
    let mut shown = format!("{}\n\n", printable(&sentence(backtest)));
    shown.push_str(&folds_table(backtest));
    if !backtest.reliability.is_empty() {
        let _ = write!(
            shown,
            "\nOf the bids with a predicted probability of winning, so many won:\n\n{}",
            reliability(backtest)
        );
    }
    if let Some(scores) = &backtest.scores {
        let loss = |loss: Option<f64>| loss.map_or_else(|| "infinite".to_owned(), |loss| loss.to_string());
        let _ = writeln!(
            shown,
            "\nLog-loss {} (predicting the share that had won before: {}); Brier score {} ({}). Lower is better.",
            loss(scores.log_loss),
            scores.log_loss_base_rate,
            scores.brier,
            scores.brier_base_rate
        );
    }
    let _ = writeln!(shown, "\n{}", printable(&prices(backtest)));
    shown.extend(backtest.off_policy.as_ref().map(off_policy::shown));
    shown
}

/// How far the predictions were off.
fn sentence(backtest: &Backtest) -> String {
    let error = &backtest.error;
    let (Some(rate), Some(usd)) = (error.win_rate, error.revenue_usd) else {
        return "We bid on no order of the folds, so nothing can be compared.".to_owned();
    };
    let percent = error.revenue_percent.map_or_else(String::new, |percent| format!(", {percent}% of it"));
    format!(
        "With the choice `{}`, predictions were off by {} percentage points of the win rate and {usd} USD of revenue{percent} \
         (means over {} folds).",
        backtest.choice,
        rounded(rate * 100.0),
        error.folds
    )
}

/// Whether the strategy charges what we bid.
fn prices(backtest: &Backtest) -> String {
    let prices = &backtest.strategy_prices;
    let median = prices
        .median_difference_percent
        .map_or_else(String::new, |percent| format!(" Its price differs from our bid by {percent}% in the median."));
    format!(
        "The strategy `{}` prices {} of the {} that we bid on, {} of them at what we bid.{median}",
        prices.strategy,
        prices.priced,
        counted(prices.bids, "order"),
        prices.equal
    )
}

fn folds_table(backtest: &Backtest) -> String {
    let header =
        ["from", "card", "orders", "bids", "won", "predicted", "revenue USD", "predicted", "cards used %", "predicted"];
    let mut listed = table::table(&header, &[2, 3, 4, 5, 6, 7, 8, 9]);
    for fold in &backtest.folds {
        listed.add_row(row(&fold.from, "all", &fold.all));
        // One kind is all that there is.
        for kind in fold.by_kind.iter().filter(|_| fold.by_kind.len() > 1) {
            let name = if kind.kind.is_empty() { "none" } else { kind.kind.as_str() };
            listed.add_row(row("", name, &kind.all));
        }
    }
    table::text(&listed)
}

fn row(from: &str, kind: &str, all: &Comparison) -> [String; 10] {
    let (actual, predicted) = (&all.actual, &all.predicted);
    let used =
        |figures: &Figures| figures.utilisation.map_or_else(String::new, |share| rounded(share * 100.0).to_string());
    [
        from.to_owned(),
        printable(kind).to_string(),
        all.orders.to_string(),
        all.bids.to_string(),
        actual.won.to_string(),
        rounded(predicted.won).to_string(),
        actual.revenue_usd.to_string(),
        predicted.revenue_usd.to_string(),
        used(actual),
        used(predicted),
    ]
}

fn reliability(backtest: &Backtest) -> String {
    let mut listed = table::table(&["probability", "bids", "mean probability", "share that won"], &[1, 2, 3]);
    for row in &backtest.reliability {
        let range = format!("{} to {}", row.from, row.to);
        listed.add_row([range, row.bids.to_string(), row.predicted.to_string(), row.won.to_string()]);
    }
    table::text(&listed)
}

/// A figure to two decimals.
fn rounded(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}
