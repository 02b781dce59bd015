//! `bidprice quote`: the price of an order, the card, and every line behind it.

#[cfg(feature = "service")]
mod socket;
#[cfg(not(feature = "service"))]
#[path = "quote/socket_left_out.rs"]
mod socket;

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use pricing_core::order::Order;
use pricing_core::quote::scale::{self, ScaleQuote};
use pricing_core::quote::wire::{QuoteAnswer, QuoteJson};
use pricing_core::quote::{self, Alternatives, FallbackBy, Quote, QuoteRequest, Terms};

use crate::answered::Answered;
use crate::args::{OrderArgs, Output, OutputArgs, PluginArgs, timeout};
use crate::error::{CliError, Exit};
use crate::plugin::{self, Pricer};
use crate::scene::{Scene, SceneArgs};
use crate::{load, output, quote_table};

const EXAMPLES: &str = "Examples:
  bidprice quote order.yaml --inventory inventory.json --rates rates.toml
  bidprice quote order.yaml --socket /run/bidprice/bidprice.sock";

/// Arguments of `bidprice quote`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    order: OrderArgs,
    #[command(flatten)]
    scene: SceneArgs,
    /// How to price without a plugin
    #[arg(long, value_enum, default_value_t, value_name = "MODE", conflicts_with_all = ["plugin", "all_targets"])]
    mode: ModeArg,
    /// Also price each distinct set of GPU kinds that could be allocated to the order, cheapest first
    #[arg(long)]
    all_targets: bool,
    /// The plugin to price with: a component, or a WASI command that follows the bid price script contract
    #[arg(long, value_name = "FILE")]
    plugin: Option<PathBuf>,
    #[command(flatten)]
    plugin_args: PluginArgs,
    /// What prices when the plugin fails
    #[arg(long, value_enum, value_name = "PRICER", requires = "plugin")]
    fallback: Option<FallbackArg>,
    /// Ask the service on this Unix socket instead. It prices with its own rates, plugin and live inventory, and does
    /// not hold the capacity
    // `--usd-per-akt` is not in this list: its variable may be set for other commands.
    #[arg(long, value_name = "PATH", group = "stock", conflicts_with_all = [
        "format", "rates", "scheduler", "prefer", "commit", "tee_platform", "search_steps", "scheduler_config", "kubernetes_version", "pods_without_requests", "no_predict", "provider", "mode", "plugin", "deadline",
        "fuel", "memory_limit", "plugin_class", "plugin_cache", "no_plugin_cache", "fallback",
    ])]
    socket: Option<PathBuf>,
    /// The most time for the service to answer [default: 5s]
    #[arg(long, value_name = "DURATION", value_parser = timeout, requires = "socket")]
    timeout: Option<Duration>,
    #[command(flatten)]
    output: OutputArgs,
}

/// How orders are priced without a plugin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ModeArg {
    /// By the rate card, and the card that is allocated
    #[default]
    Strict,
    /// As the daemon does, by the scales in `AKASH_BID_PRICE_{CPU,MEMORY,STORAGE,ENDPOINT,IP}_SCALE`
    Scale,
}

/// What prices when a plugin fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FallbackArg {
    /// Nothing: the order is a fault
    None,
    /// The built-in pricer
    Builtin,
}

/// The answer for one group.
struct Priced<'a> {
    order: &'a Order,
    quote: Quote,
    alternatives: Option<Alternatives>,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    if let Some(path) = &args.socket {
        return socket::run(path, args);
    }
    // Before the order is read, so that a build without plugins refuses `--plugin` for any order.
    let pricer = pricer(args)?;
    if args.mode == ModeArg::Scale {
        return by_scales(args);
    }
    let inputs = args.scene.inputs(&args.order.order, args.order.format)?;
    let scene = Scene::open(&inputs)?;
    load::tell(&inputs.order.name, &scene.warnings, &args.order.strictness)?;
    let (pricing, supply, budget) = (&scene.pricing, scene.supply(), scene.budget());
    let terms = Terms { budget: Some(&budget), ..scene.terms() };
    let utilisation = args.plugin.as_ref().and_then(|_| scene.utilisation());
    let request = |order| QuoteRequest { order, pricing, supply, utilisation: utilisation.as_ref(), terms };
    let priced: Vec<Priced<'_>> =
        scene.orders.iter().map(|order| price(&request(order), &pricer, args.all_targets)).collect();
    let warnings = scene.warnings_of(priced.iter().map(|priced| &priced.quote));
    match args.output.output {
        Output::Json => {
            let quotes = priced.iter().map(|priced| QuoteJson::new(&priced.quote, priced.alternatives.as_ref()));
            output::print_json(&QuoteAnswer::new(quotes, &warnings))?;
        }
        Output::Table => {
            for Priced { order, quote, alternatives } in &priced {
                // A plugin's own price cannot be compared with that of a rule.
                let compared = args.plugin.is_none().then(|| compared(&request(order), quote)).flatten();
                let answered = Answered::own(quote, alternatives.as_ref())?;
                output::print(&quote_table::quote(&answered, compared.as_deref()))?;
            }
        }
    }
    let exits = priced.iter().map(|priced| priced.quote.reason().map_or(Exit::Success, Exit::of_reason));
    Ok(exits.max().unwrap_or(Exit::Success))
}

/// What the price is compared with: the old rule where the order leaves the model open, else the dearest candidate.
fn compared(request: &QuoteRequest<'_>, quote: &Quote) -> Option<String> {
    let total = quote.usd_per_month?;
    match quote::old_rule_usd(request, quote) {
        Some(old) => Some(quote_table::old_rule(total, old)),
        None => quote_table::highest(total, quote::highest_usd(request, quote)?),
    }
}

/// Prices with scales, as the daemon does.
fn by_scales(args: &Args) -> Result<Exit, CliError> {
    let scales = load::scales()?;
    let inputs = args.scene.inputs(&args.order.order, args.order.format)?;
    let scene = Scene::open(&inputs)?;
    load::tell(&inputs.order.name, &scene.warnings, &args.order.strictness)?;
    let budget = scene.budget();
    let terms = Terms { budget: Some(&budget), ..scene.terms() };
    let quote = |order| scale::quote(&QuoteRequest::new(order, &scene.pricing, scene.supply(), &terms), &scales);
    let quoted: Vec<ScaleQuote> = scene.orders.iter().map(quote).collect();
    let warnings = scene.warnings_of(quoted.iter().map(|quoted| &quoted.quote));
    match args.output.output {
        Output::Json => output::print_json(&QuoteAnswer::new(quoted.iter().map(QuoteJson::by_scales), &warnings))?,
        Output::Table => {
            for quoted in &quoted {
                output::print(&quote_table::by_scales(&Answered::written(&QuoteJson::by_scales(quoted))?))?;
            }
        }
    }
    let exits = quoted.iter().map(|quoted| quoted.decision.as_ref().map_or_else(Exit::of_reason, |_| Exit::Success));
    Ok(exits.max().unwrap_or(Exit::Success))
}

/// What prices: the rate card, or the plugin that the arguments name.
fn pricer(args: &Args) -> Result<Pricer, CliError> {
    let Some(path) = &args.plugin else {
        if args.plugin_args.any() {
            return Err(CliError::Usage("--deadline, --fuel, --memory-limit and the like need --plugin".to_owned()));
        }
        return Ok(Pricer::Builtin);
    };
    let fallback = args.fallback.filter(|who| *who == FallbackArg::Builtin).map(|_| FallbackBy::Builtin);
    plugin::open(path, &args.plugin_args, fallback)
}

/// Prices one group and, with `--all-targets`, every set of cards that it could get.
fn price<'a>(request: &QuoteRequest<'a>, pricer: &Pricer, all_targets: bool) -> Priced<'a> {
    let quote = pricer.quote(request);
    let alternatives = all_targets.then(|| {
        pricer.alternatives(request).unwrap_or_else(|reason| {
            // If the order itself is declined, the quote says why.
            if quote.price().is_some() {
                output::complain(&format!("warning: {}: the alternatives are not known: {reason}", quote.group));
            }
            Alternatives::default()
        })
    });
    Priced { order: request.order, quote, alternatives }
}
