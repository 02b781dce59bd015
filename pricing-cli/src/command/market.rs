//! `bidprice market`: compares a rate card with market prices, writes one from them, and pulls the market from the chain.

mod card;
mod history;
mod list;
mod name;
mod pull;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Subcommand;
use pricing_core::gpu::{GpuKind, usual_vendor};
use pricing_core::input::InputError;
use pricing_core::money::{Usd, UsdPerAkt, parse_decimal};
use pricing_core::quote::wire::SCHEMA;
use pricing_core::rates::starter::{self, MarketPrice};
use pricing_core::rates::{GpuRate, GpuRates};
use pricing_core::text::{excerpt, printable};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Serialize;
use serde_json::{Value, json};

use crate::amounts::{as_written, cents, unit_price};
use crate::args::{Output, OutputArgs, RatesArgs};
use crate::error::{CliError, Exit};
use crate::load::{self, Document};
use crate::wording::wrap;
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
    /// Show where a rate card is dearer or cheaper than the market, or has no entry
    Show(ShowArgs),
    /// Write a rate card with prices of the market
    Card(card::Args),
    /// Pull everybody's bids on the orders that a provider bid on, with their winners and leases, into a history
    Pull(pull::Args),
}

/// Arguments of `bidprice market show`.
#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// Prices an hour by GPU: a table with columns for card and price, such as `gpu` and `usd_per_hour`; or what Console's
    /// `/v1/gpu-prices` answers. `-` is stdin. Or the folder of a history
    #[arg(value_name = "LIST")]
    file: PathBuf,
    #[command(flatten)]
    worth: WorthArgs,
    #[command(flatten)]
    rates: RatesArgs,
    /// How much a rate may differ from the market's price and still count as equal, in percent
    #[arg(long, value_name = "PERCENT", default_value = "0")]
    tolerance: Tolerance,
    #[command(flatten)]
    output: OutputArgs,
}

/// What an AKT is worth.
#[derive(Debug, clap::Args)]
struct WorthArgs {
    /// What an AKT is worth, for bids of a history in uakt whose value it does not have
    #[arg(long, value_name = "USD")]
    usd_per_akt: Option<UsdPerAkt>,
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

/// What a rate card makes of a card of the market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    /// No entry names its model.
    Missing,
    /// The rate is the market's price, within the tolerance.
    Equal,
    /// The rate is above the market's price.
    Dearer,
    /// The rate is below the market's price.
    Cheaper,
}

impl Verdict {
    /// What the table says, which calls an entry for all other cards by its key.
    fn words(self, entry: Option<&GpuRate>) -> String {
        match (self, entry) {
            (Self::Missing, Some(entry)) => format!("missing: `{}` prices it", entry.key()),
            (Self::Missing, None) => "missing, and has no `*`".to_owned(),
            (Self::Equal, _) => "equal".to_owned(),
            (Self::Dearer, _) => "dearer".to_owned(),
            (Self::Cheaper, _) => "cheaper".to_owned(),
        }
    }
}

/// A market price beside an entry of the rate card.
struct Row<'a> {
    offer: &'a Offer,
    entry: Option<&'a GpuRate>,
    verdict: Verdict,
    difference: Option<Decimal>,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    match &args.command {
        MarketCommand::Show(args) if args.file.is_dir() => history::show(args),
        MarketCommand::Show(args) => show(args),
        MarketCommand::Card(args) => card::run(args),
        MarketCommand::Pull(args) => pull::run(args),
    }
}

/// Shows a rate card beside a list of prices.
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

/// A rate card with the prices of a list.
pub(crate) fn card_of_list(file: &std::path::Path) -> Result<String, CliError> {
    Ok(starter::of_market(&prices(file)?, &load::name(file), starter::HOURLY))
}

/// The prices of a list, for a rate card that is made of them.
fn prices(file: &std::path::Path) -> Result<Vec<MarketPrice>, CliError> {
    let offers = list::read(&Document::read(file, MAX_BYTES)?)?;
    let price = |offer: &Offer| {
        let usd = offer.usd_per_month.round_dp_with_strategy(CENTS, RoundingStrategy::MidpointNearestEven).normalize();
        // A price of 0 would give cards away.
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
        return Some(Row { offer, entry, verdict: Verdict::Missing, difference: None });
    };
    let market = offer.usd_per_month;
    let more = rate.usd().decimal().checked_sub(market)?;
    let percent = more.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(market)?;
    let verdict = match percent {
        // An entry for all other cards does not price this model.
        _ if rate.model().is_none() => Verdict::Missing,
        percent if percent.abs() <= tolerance || more.abs() <= HALF_A_CENT => Verdict::Equal,
        percent if percent > Decimal::ZERO => Verdict::Dearer,
        _ => Verdict::Cheaper,
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
    let header = ["market's card", "USD an hour", "USD a month", "entry", "rate card", "differs by", "verdict"];
    let mut listed = table::table(&header, &[1, 2, 4, 5]);
    for row in rows {
        listed.add_row([
            kind_text(&row.offer.kind),
            unit_price(&row.offer.usd_per_hour.to_string()),
            cents(Usd::from_decimal(row.offer.usd_per_month)),
            row.entry.map(|entry| entry.key().to_owned()).unwrap_or_default(),
            row.entry.map(|entry| as_written(&entry.usd().to_string())).unwrap_or_default(),
            row.difference.map(|percent| format!("{percent}%")).unwrap_or_default(),
            row.verdict.words(row.entry),
        ]);
    }
    let mut shown = table::wrapped(listed, &[6]);
    if !unmet.is_empty() {
        let entries: Vec<String> = unmet
            .iter()
            .map(|entry| format!("{} ({} USD)", entry.key(), as_written(&entry.usd().to_string())))
            .collect();
        let line = format!("The market's list does not have: {}", entries.join(", "));
        shown.push_str(&format!("\n{}\n", wrap(&printable(&line))));
    }
    shown.push_str("\nA month has 2,629,757 seconds: an hour's price x 2,629,757 / 3,600.\n");
    shown
}
