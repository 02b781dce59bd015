//! `bidprice market card`: writes a rate card with prices of the market.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use pricing_core::money::Usd;
use pricing_core::rates::starter::{self, MarketPrice};
use pricing_core::text::excerpt;
use pricing_sim::card_prices::{KindPrices, Quantiles};
use rust_decimal::RoundingStrategy;

use super::{CENTS, WorthArgs, card_of_list, history, kind_text};
use crate::args::RatesArgs;
use crate::command::rates::init;
use crate::error::{CliError, Exit};
use crate::load;

/// Arguments of `bidprice market card`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Prices of the market, as for `market show`: a list, what Console's `/v1/gpu-prices` answers, or the folder of a history
    #[arg(value_name = "LIST")]
    file: PathBuf,
    /// Of a history, which bids to take the prices of
    #[arg(long, value_enum, default_value_t, value_name = "WHICH")]
    bids: Bids,
    /// Of a history, which of the prices to take
    #[arg(long, value_enum, default_value_t, value_name = "QUANTILE")]
    quantile: Quantile,
    #[command(flatten)]
    worth: WorthArgs,
    #[command(flatten)]
    rates: RatesArgs,
    /// Write the card to a file instead of stdout
    #[arg(short, long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long, requires = "out")]
    force: bool,
}

/// Which bids count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Bids {
    /// The bids of others
    #[default]
    Rivals,
    /// The bids that became leases
    Won,
}

/// Which price of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Quantile {
    /// The lowest tenth is at most this
    P10,
    /// The median
    #[default]
    P50,
    /// The highest tenth is at least this
    P90,
}

pub(super) fn run(args: &Args) -> Result<Exit, CliError> {
    let card = if args.file.is_dir() { of_history(args)? } else { card_of_list(&args.file)? };
    init::finish(&card, args.out.as_deref(), args.force)
}

/// A card with the prices of a history.
fn of_history(args: &Args) -> Result<String, CliError> {
    let found = history::prices(&args.file, &args.worth, &args.rates)?;
    let prices: Vec<MarketPrice> = found.kinds.iter().filter_map(|kind| price(kind, args)).collect();
    if prices.is_empty() {
        return Err(no_prices(&args.file));
    }
    let how = "A price is what a bid leaves for each card after the rest of the order was priced by the rate card of this \
               command, rounded to cents.";
    Ok(starter::of_market(&prices, &load::name(&args.file), how))
}

fn no_prices(folder: &Path) -> CliError {
    let problem = "the history has no such bids on orders for one kind of card";
    CliError::malformed(load::name(folder), pricing_core::input::InputError::new(problem))
}

/// The price of a kind. None if there are no bids, or the price is less than half a cent.
fn price(kind: &KindPrices, args: &Args) -> Option<MarketPrice> {
    let (bids, which) = match args.bids {
        Bids::Rivals => (kind.rivals?, "bids of others"),
        Bids::Won => (kind.won?, "bids that won"),
    };
    let Quantiles { p10, p50, p90, .. } = bids;
    let (usd, quantile) = match args.quantile {
        Quantile::P10 => (p10, "p10"),
        Quantile::P50 => (p50, "median"),
        Quantile::P90 => (p90, "p90"),
    };
    let cents = usd.decimal().round_dp_with_strategy(CENTS, RoundingStrategy::MidpointNearestEven).normalize();
    let usd = Usd::parse(&cents.to_string()).ok().filter(|usd| !usd.is_zero())?;
    let key = kind_text(&kind.kind);
    let note = format!("{}: {quantile} of {} {which}", excerpt(&key), bids.bids);
    Some(MarketPrice { key, usd, note })
}
