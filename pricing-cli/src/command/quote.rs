//! `bidprice quote`: the price of an order, the card, and every line behind it.

use std::path::PathBuf;

use clap::ValueEnum;
use pricing_core::inventory::utilisation::Utilisation;
use pricing_core::order::Order;
use pricing_core::quote::scale::{self, ScaleQuote};
use pricing_core::quote::wire::{QuoteAnswer, QuoteJson};
use pricing_core::quote::{self, Alternatives, FallbackBy, Quote, Reason, Supply, Terms};
use pricing_core::rates::Pricing;

use crate::args::{OrderArgs, Output, OutputArgs, PluginArgs};
use crate::error::{CliError, Exit};
use crate::plugin::Pricer;
use crate::scene::{Scene, SceneArgs};
use crate::{load, output, table};

/// Arguments of `bidprice quote`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    order: OrderArgs,
    #[command(flatten)]
    scene: SceneArgs,
    /// Who prices without a plugin
    #[arg(long, value_enum, default_value_t, value_name = "MODE", conflicts_with_all = ["plugin", "all_targets"])]
    mode: ModeArg,
    /// Also price every distinct set of GPU kinds that the order could be allocated, cheapest first
    #[arg(long)]
    all_targets: bool,
    /// A plugin that prices instead: a component, or a WASI command that follows the bid price script contract
    #[arg(long, value_name = "FILE")]
    plugin: Option<PathBuf>,
    #[command(flatten)]
    plugin_args: PluginArgs,
    /// Who prices when the plugin fails
    #[arg(long, value_enum, value_name = "WHO", requires = "plugin")]
    fallback: Option<FallbackArg>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Who prices without a plugin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ModeArg {
    /// The rate card, by the card that is allocated
    #[default]
    Strict,
    /// The daemon's scale pricing, by `AKASH_BID_PRICE_{CPU,MEMORY,STORAGE,ENDPOINT,IP}_SCALE` of the environment
    Scale,
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
    // Before the order is read: a plugin that this build cannot run is refused whatever the order is.
    let plugin = plugin(args)?;
    if args.mode == ModeArg::Scale {
        return by_scales(args);
    }
    let inputs = args.scene.inputs(&args.order.order, args.order.format)?;
    let scene = Scene::open(&inputs)?;
    load::tell(&inputs.order.name, &scene.warnings, &args.order.strictness)?;
    let (pricing, supply, budget) = (&scene.pricing, scene.supply(), scene.budget());
    let terms = Terms { budget: Some(&budget), ..scene.terms() };
    let utilisation = plugin.as_ref().and_then(|_| scene.utilisation());
    let ask = Ask { pricing, supply, plugin: plugin.as_ref(), utilisation: utilisation.as_ref(), terms };
    let priced: Vec<Priced<'_>> = scene.orders.iter().map(|order| ask.price(order, args.all_targets)).collect();
    match args.output.output {
        Output::Json => {
            let quotes = priced.iter().map(|priced| QuoteJson::new(&priced.quote, priced.alternatives.as_ref()));
            output::print_json(&QuoteAnswer::new(quotes, &scene.warnings))?;
        }
        Output::Table => {
            for Priced { order, quote, alternatives } in &priced {
                // The old rule is no yardstick for a plugin's own price.
                let old_rule = plugin.is_none().then(|| quote::old_rule_usd(order, pricing, quote, &ask.terms));
                output::print(&table::quote(quote, old_rule.flatten(), alternatives.as_ref()))?;
            }
        }
    }
    let exits = priced.iter().map(|priced| priced.quote.reason().map_or(Exit::Success, Exit::of_reason));
    Ok(exits.max().unwrap_or(Exit::Success))
}

/// Prices as the daemon does by scales.
fn by_scales(args: &Args) -> Result<Exit, CliError> {
    let scales = load::scales()?;
    let inputs = args.scene.inputs(&args.order.order, args.order.format)?;
    let scene = Scene::open(&inputs)?;
    load::tell(&inputs.order.name, &scene.warnings, &args.order.strictness)?;
    let budget = scene.budget();
    let terms = Terms { budget: Some(&budget), ..scene.terms() };
    let quote = |order| scale::quote(order, &scales, &scene.pricing, scene.supply(), &terms);
    let quoted: Vec<ScaleQuote> = scene.orders.iter().map(quote).collect();
    match args.output.output {
        Output::Json => {
            output::print_json(&QuoteAnswer::new(quoted.iter().map(QuoteJson::by_scales), &scene.warnings))?
        }
        Output::Table => {
            for quoted in &quoted {
                output::print(&table::by_scales(quoted))?;
            }
        }
    }
    let exits = quoted.iter().map(|quoted| quoted.decision.as_ref().map_or_else(Exit::of_reason, |_| Exit::Success));
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

/// What every group of an order is priced by.
struct Ask<'a> {
    pricing: &'a Pricing,
    supply: Supply<'a>,
    plugin: Option<&'a Pricer>,
    utilisation: Option<&'a Utilisation>,
    terms: Terms<'a>,
}

impl Ask<'_> {
    fn price<'a>(&self, order: &'a Order, all_targets: bool) -> Priced<'a> {
        let Self { pricing, supply, plugin, utilisation, terms } = self;
        let quote = match plugin {
            None => quote::quote(order, pricing, *supply, terms),
            Some(plugin) => plugin.quote(order, pricing, *supply, *utilisation, terms),
        };
        let alternatives = all_targets.then(|| {
            self.alternatives(order).unwrap_or_else(|reason| {
                // Where the order itself is declined the quote says why.
                if quote.price().is_some() {
                    output::complain(&format!("warning: {}: the alternatives are not known: {reason}", quote.group));
                }
                Alternatives::default()
            })
        });
        Priced { order, quote, alternatives }
    }

    fn alternatives(&self, order: &Order) -> Result<Alternatives, Reason> {
        let Self { pricing, supply, plugin, utilisation, terms } = self;
        match plugin {
            None => quote::alternatives(order, pricing, *supply, terms),
            Some(plugin) => plugin.alternatives(order, pricing, *supply, *utilisation, terms),
        }
    }
}
