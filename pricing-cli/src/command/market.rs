//! `bidprice market`: compares a rate card with market prices, and pulls the market from the chain.

mod list;
mod name;
mod pull;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Subcommand;
use pricing_core::gpu::{GpuKind, usual_vendor};
use pricing_core::input::InputError;
use pricing_core::money::{Usd, parse_decimal};
use pricing_core::quote::wire::SCHEMA;
use pricing_core::rates::starter::MarketPrice;
use pricing_core::rates::{GpuRate, GpuRates};
use pricing_core::text::{excerpt, printable};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};

use crate::args::{Output, OutputArgs, RatesArgs};
use crate::error::{CliError, Exit};
use crate::load::{self, Document};
use crate::{output, table};
use list::Offer;

/// The most bytes of a list of prices.
const MAX_BYTES: usize = 16 << 20;
/// The decimals of a price that is written into a rate card.
const CENTS: u32 = 2;
/// A difference up to this counts as equal. The monthly price of most hourly prices is not a finite decimal, so a rate
/// card cannot match it exactly.
const HALF_A_CENT: Decimal = Decimal::from_parts(5, 0, 0, false, 3);

/// Arguments of `bidprice market`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: MarketCommand,
}

#[derive(Debug, Subcommand)]
enum MarketCommand {
    /// Show a rate card beside prices of the market: dearer, cheaper, or missing
    Show(ShowArgs),
    /// Pull everybody's bids on the orders that a provider bid on, with their winners and leases, into a history
    Pull(pull::Args),
}

/// Arguments of `bidprice market show`.
#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// Prices an hour by GPU: a table with columns for card and price, such as `gpu` and `usd_per_hour`; or what Console's
    /// `/v1/gpu-prices` answers. `-` is stdin
    #[arg(value_name = "LIST")]
    file: PathBuf,
    #[command(flatten)]
    rates: RatesArgs,
    /// By how many percent of the market's price a rate may differ and still be called equal
    #[arg(long, value_name = "PERCENT", default_value = "0")]
    tolerance: Tolerance,
    #[command(flatten)]
    output: OutputArgs,
}

/// A percentage that is not negative.
#[derive(Clone, Copy, Debug)]
struct Tolerance(Decimal);

impl FromStr for Tolerance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let percent = parse_decimal(text.trim_end_matches('%')).map_err(|error| error.to_string())?;
        if percent.is_sign_negative() || percent > Decimal::ONE_THOUSAND {
            return Err("expected a percentage from 0 to 1000, such as `5`".to_owned());
        }
        Ok(Self(percent))
    }
}

/// A market price beside an entry of the rate card.
struct Row<'a> {
    offer: &'a Offer,
    entry: Option<&'a GpuRate>,
    verdict: &'static str,
    difference: Option<Decimal>,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    match &args.command {
        MarketCommand::Show(args) => show(args),
        MarketCommand::Pull(args) => pull::run(args),
    }
}

fn show(args: &ShowArgs) -> Result<Exit, CliError> {
    let offers = list::read(&Document::read(&args.file, MAX_BYTES)?)?;
    let pricing = load::pricing(&args.rates)?;
    let rates = &pricing.rates.gpu;
    let mut rows = Vec::new();
    for offer in &offers {
        for entry in entries(rates, &name::as_listed(rates, &offer.kind)) {
            let row = row(offer, entry, args.tolerance.0);
            rows.push(row.ok_or_else(|| out_of_range(&offer.gpu, &args.file))?);
        }
    }
    let met: BTreeSet<&str> = rows.iter().filter_map(|row| row.entry).map(GpuRate::key).collect();
    let unmet = |entry: &&GpuRate| entry.model().is_some() && !met.contains(entry.key());
    let unmet: Vec<&GpuRate> = rates.entries().iter().filter(unmet).collect();
    match args.output.output {
        Output::Json => output::print_json(&answer(&rows, &unmet, args.tolerance.0))?,
        Output::Table => output::print(&shown(&rows, &unmet))?,
    }
    Ok(Exit::Success)
}

/// The prices of a list, for a rate card that is made of them.
pub(crate) fn prices(file: &std::path::Path) -> Result<Vec<MarketPrice>, CliError> {
    let offers = list::read(&Document::read(file, MAX_BYTES)?)?;
    let price = |offer: &Offer| {
        let usd = offer.usd_per_month.round_dp_with_strategy(CENTS, RoundingStrategy::MidpointNearestEven).normalize();
        // Nobody means to give a card away.
        let usd = Usd::parse(&usd.to_string()).ok().filter(|usd| !usd.is_zero());
        let usd = usd.ok_or_else(|| out_of_range(&offer.gpu, file))?;
        let note = format!("{}: {} USD an hour", excerpt(&offer.gpu), offer.usd_per_hour);
        Ok(MarketPrice { key: kind_text(&offer.kind), usd, note })
    };
    offers.iter().map(price).collect()
}

fn out_of_range(gpu: &str, file: &std::path::Path) -> CliError {
    let message = format!("the price of `{}` is out of range", excerpt(gpu));
    CliError::malformed(load::name(file), InputError::new(message))
}

/// Returns the entries that a market price is compared with. `None` means that no entry would price the card.
///
/// This is the entry that prices such a card. If the market's kind leaves the RAM or the interface open and no entry
/// for it exists, these are all entries for the model that agree with it, which are narrower.
fn entries<'a>(rates: &'a GpuRates, kind: &GpuKind) -> Vec<Option<&'a GpuRate>> {
    let found = rates.lookup(&with_vendor(rates, kind));
    if found.is_some_and(|entry| entry.model().is_some()) {
        return vec![found];
    }
    let open = |wanted: Option<&str>, entry: Option<&str>| match (wanted, entry) {
        (Some(wanted), Some(entry)) => wanted.eq_ignore_ascii_case(entry),
        _ => true,
    };
    let narrower = rates.entries().iter().filter(|entry| {
        let card = entry.card();
        entry.model() == Some(kind.model())
            && (kind.vendor() == "*" || entry.vendor().is_none_or(|vendor| vendor == kind.vendor()))
            && open(kind.ram(), card.ram())
            && open(kind.interface(), card.interface())
    });
    let narrower: Vec<Option<&GpuRate>> = narrower.map(Some).collect();
    if narrower.is_empty() { vec![found] } else { narrower }
}

/// Adds the vendor that the rate card has for the model, if the market's list has none.
fn with_vendor(rates: &GpuRates, kind: &GpuKind) -> GpuKind {
    if kind.vendor() != "*" {
        return kind.clone();
    }
    let known = rates.entries().iter().filter(|entry| entry.model() == Some(kind.model())).find_map(GpuRate::vendor);
    let vendor = known.unwrap_or_else(|| usual_vendor(kind.model()));
    GpuKind::new(vendor, kind.model(), kind.ram().unwrap_or(""), kind.interface().unwrap_or(""))
}

/// Compares a price with an entry. Returns `None` if the difference does not fit into a decimal.
fn row<'a>(offer: &'a Offer, entry: Option<&'a GpuRate>, tolerance: Decimal) -> Option<Row<'a>> {
    let Some(rate) = entry else {
        return Some(Row { offer, entry, verdict: "missing", difference: None });
    };
    let market = offer.usd_per_month;
    let more = rate.usd().decimal().checked_sub(market)?;
    let percent = more.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(market)?;
    let verdict = match percent {
        // An entry for all other cards does not price this model.
        _ if rate.model().is_none() => "missing",
        percent if percent.abs() <= tolerance || more.abs() <= HALF_A_CENT => "equal",
        percent if percent > Decimal::ZERO => "dearer",
        _ => "cheaper",
    };
    let difference = percent.round_dp_with_strategy(2, RoundingStrategy::MidpointNearestEven).normalize();
    Some(Row { offer, entry, verdict, difference: Some(difference) })
}

/// Rounds an amount half-even for display.
fn rounded(usd: Decimal, decimals: u32) -> String {
    usd.round_dp_with_strategy(decimals, RoundingStrategy::MidpointNearestEven).normalize().to_string()
}

/// Writes a kind without the `*` of a list that has no vendors.
fn kind_text(kind: &GpuKind) -> String {
    let text = kind.to_string();
    text.strip_prefix("*/").map_or(text.clone(), str::to_owned)
}

fn answer(rows: &[Row<'_>], unmet: &[&GpuRate], tolerance: Decimal) -> Value {
    let row = |row: &Row<'_>| {
        json!({
            "gpu": kind_text(&row.offer.kind),
            "market_usd_per_hour": row.offer.usd_per_hour.to_string(),
            "market_usd_per_month": rounded(row.offer.usd_per_month, 12),
            "entry": row.entry.map(GpuRate::key),
            "card_usd_per_month": row.entry.map(|entry| entry.usd().to_string()),
            "difference_percent": row.difference.map(|percent| percent.to_string()),
            "verdict": row.verdict,
        })
    };
    let unmet = unmet.iter().map(|entry| json!({ "entry": entry.key(), "usd_per_month": entry.usd().to_string() }));
    json!({
        "schema": SCHEMA,
        "tolerance_percent": tolerance.to_string(),
        "kinds": rows.iter().map(row).collect::<Vec<_>>(),
        "not_in_market": unmet.collect::<Vec<_>>(),
    })
}

/// Shows the comparison as a table. The entries that the market's list does not have follow it.
fn shown(rows: &[Row<'_>], unmet: &[&GpuRate]) -> String {
    let header =
        ["market's card", "USD an hour", "USD a month", "entry", "rate card", "differs by", "the rate card is"];
    let mut listed = table::table(&header, &[1, 2, 4, 5]);
    for row in rows {
        let verdict = match (row.verdict, row.entry) {
            ("missing", Some(entry)) => format!("missing it: `{}` would price it", entry.key()),
            ("missing", None) => "missing it, and has no `*`".to_owned(),
            (verdict, _) => verdict.to_owned(),
        };
        listed.add_row([
            kind_text(&row.offer.kind),
            row.offer.usd_per_hour.to_string(),
            rounded(row.offer.usd_per_month, 2),
            row.entry.map(|entry| entry.key().to_owned()).unwrap_or_default(),
            row.entry.map(|entry| entry.usd().to_string()).unwrap_or_default(),
            row.difference.map(|percent| format!("{percent}%")).unwrap_or_default(),
            verdict,
        ]);
    }
    let mut shown = table::text(&listed);
    if !unmet.is_empty() {
        let entries: Vec<String> = unmet.iter().map(|entry| format!("{} ({} USD)", entry.key(), entry.usd())).collect();
        let line = format!("The market's list does not have: {}", entries.join(", "));
        shown.push_str(&format!("\n{}\n", printable(&line)));
    }
    shown.push_str("\nA month has 2,629,757 seconds: an hour's price x 2,629,757 / 3,600.\n");
    shown
}
