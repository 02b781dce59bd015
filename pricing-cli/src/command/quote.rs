//! `bidprice quote`: the price of an order, the card, and every line behind it.

use std::path::PathBuf;

use clap::ValueEnum;
use pricing_core::inventory::Cluster;
use pricing_core::inventory::utilisation::Utilisation;
use pricing_core::order::Order;
use pricing_core::quote::wire::{QuoteAnswer, QuoteJson};
use pricing_core::quote::{self, Alternatives, FallbackBy, Quote, Supply, Terms};
use pricing_core::rates::Pricing;

use crate::args::{OrderArgs, Output, OutputArgs, PlacementArgs, PluginArgs, RatesArgs, UsdPerAkt};
use crate::error::{CliError, Exit};
use crate::plugin::Pricer;
use crate::{load, output, table};

/// Arguments of `bidprice quote`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    order: OrderArgs,
    /// The inventory to place the order on: a Cluster or provider Status, any dialect. Without it capacity is not
    /// asked, and a request that leaves the model open may come to any card that the rate card lists
    #[arg(long, value_name = "FILE")]
    inventory: Option<PathBuf>,
    #[command(flatten)]
    rates: RatesArgs,
    /// What an AKT is worth in USD; needed for bids in uakt
    #[arg(long, value_name = "DECIMAL", env = "BIDPRICE_USD_PER_AKT")]
    usd_per_akt: Option<UsdPerAkt>,
    /// Who ordered, for allow and deny lists and discounts
    #[arg(long, value_name = "ADDRESS", env = "AKASH_OWNER")]
    owner: Option<String>,
    #[command(flatten)]
    placement: PlacementArgs,
    /// The daemon has reserved the order already: do not ask for capacity, only which cards there are
    #[arg(long, requires = "inventory")]
    already_reserved: bool,
    /// Also price every distinct set of GPU kinds that the order could be allocated, cheapest first
    #[arg(long)]
    all_targets: bool,
    /// A plugin that prices instead: a component, or a WASI command that follows the bid price script contract
    #[arg(long, value_name = "FILE", conflicts_with = "all_targets")]
    plugin: Option<PathBuf>,
    #[command(flatten)]
    plugin_args: PluginArgs,
    /// Who prices when the plugin fails
    #[arg(long, value_enum, value_name = "WHO", requires = "plugin")]
    fallback: Option<FallbackArg>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Who prices when a plugin fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FallbackArg {
    /// Nobody: the order is a fault
    None,
    /// The built-in pricer
    Builtin,
}

/// One group's answer.
struct Priced<'a> {
    order: &'a Order,
    quote: Quote,
    alternatives: Option<Alternatives>,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let orders = load::orders(&args.order)?;
    let mut pricing = load::pricing(&args.rates)?;
    args.placement.apply(&mut pricing);
    let cluster = args.inventory.as_deref().map(load::inventory).transpose()?;
    if let Some((_, findings)) = cluster.as_ref().filter(|(_, findings)| !findings.is_empty()) {
        let count = findings.len();
        output::complain(&format!("warning: the inventory has {count} findings; see `bidprice inventory check`"));
    }
    let supply = supply(args, cluster.as_ref().map(|(cluster, _)| cluster));
    let owner = args.owner.as_deref().filter(|owner| !owner.is_empty());
    let terms = Terms { owner, usd_per_akt: args.usd_per_akt.and_then(|usd| usd.0), ..Terms::default() };
    let plugin = plugin(args)?;
    let utilisation = cluster.as_ref().filter(|_| plugin.is_some()).map(|(cluster, _)| Utilisation::of(cluster));
    let priced: Vec<Priced<'_>> = orders
        .iter()
        .map(|order| match &plugin {
            None => price(order, &pricing, supply, &terms, args),
            Some(plugin) => {
                let quote = plugin.quote(order, &pricing, supply, utilisation.as_ref(), &terms);
                Priced { order, quote, alternatives: None }
            }
        })
        .collect();
    match args.output.output {
        Output::Json => {
            let quotes = priced.iter().map(|priced| QuoteJson::new(&priced.quote, priced.alternatives.as_ref()));
            output::print_json(&QuoteAnswer::new(quotes))?;
        }
        Output::Table => {
            for Priced { order, quote, alternatives } in &priced {
                let old_rule = quote::old_rule_usd(order, &pricing, quote, &terms);
                output::print(&table::quote(quote, old_rule, alternatives.as_ref()))?;
            }
        }
    }
    let exits = priced.iter().map(|priced| priced.quote.reason().map_or(Exit::Success, Exit::of_reason));
    Ok(exits.max().unwrap_or(Exit::Success))
}

fn plugin(args: &Args) -> Result<Option<Pricer>, CliError> {
    let Some(path) = &args.plugin else {
        if args.plugin_args.any() {
            return Err(CliError::Usage("--deadline, --fuel, --memory-limit and the like need --plugin".to_owned()));
        }
        return Ok(None);
    };
    let fallback = args.fallback.filter(|who| *who == FallbackArg::Builtin).map(|_| FallbackBy::Builtin);
    Pricer::open(path, &args.plugin_args, fallback).map(Some)
}

fn supply<'a>(args: &Args, cluster: Option<&'a Cluster>) -> Supply<'a> {
    match cluster {
        None => Supply::Unknown,
        Some(cluster) if args.already_reserved => Supply::Held { cluster },
        Some(cluster) => {
            Supply::Reserve { cluster, scheduler: args.placement.scheduler.into(), budget: args.placement.budget() }
        }
    }
}

fn price<'a>(order: &'a Order, pricing: &Pricing, supply: Supply<'_>, terms: &Terms<'_>, args: &Args) -> Priced<'a> {
    let quote = quote::quote(order, pricing, supply, terms);
    let alternatives = args.all_targets.then(|| {
        quote::alternatives(order, pricing, supply, terms).unwrap_or_else(|reason| {
            // Where the order itself is declined the quote says why.
            if quote.price().is_some() {
                output::complain(&format!("warning: {}: the alternatives are not known: {reason}", quote.group));
            }
            Alternatives::default()
        })
    });
    Priced { order, quote, alternatives }
}
