//! `bidprice plugin run`: one call for each group, and all that can be seen of it.

use std::path::{Path, PathBuf};

use pricing_core::inventory::utilisation::Utilisation;
use pricing_core::order::Order;
use pricing_core::quote::plugin::{Draft, draft, fault};
use pricing_core::quote::wire::{QuoteJson, SCHEMA};
use pricing_core::quote::{PluginUse, Quote};
use pricing_host::load::Origin;
use pricing_host::{CallLimits, Called, Fault, Plugin, Request};
use serde_json::{Value, json};

use super::record;
use super::subject::{Subject, host};
use super::words::{answer_json, fault_json, log_json, micros, percent};
use crate::args::{FormatArg, Output, OutputArgs, PluginArgs};
use crate::error::{CliError, Exit};
use crate::scene::{Inputs, Scene, SceneArgs};
use crate::{output, plugin_table};

/// Arguments of `bidprice plugin run`.
///
/// The limits are production's, and enforced. Time is that of one call on cold caches; see `bidprice plugin bench` for
/// what production will see. Exit codes: as for `bidprice quote`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The plugin: a component, a WASI command, or either as text
    #[arg(value_name = "PLUGIN")]
    plugin: PathBuf,
    /// An SDL, a group spec (one or an array) or a bid script request; `-` is stdin
    #[arg(value_name = "ORDER", required_unless_present = "replay")]
    order: Option<PathBuf>,
    /// The order's format, where it should not be recognised by its content
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<FormatArg>,
    #[command(flatten)]
    scene: SceneArgs,
    #[command(flatten)]
    plugin_args: PluginArgs,
    /// Write everything that the price depends on, beside the plugin itself, to one file
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Price what `--record` wrote; options of the order, inventory and rates do not count then
    #[arg(long, value_name = "FILE", conflicts_with_all = ["order", "record", "format", "inventory", "rates"])]
    replay: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

/// What came of a group.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) quote: Quote,
    /// None where the plugin is not asked: the built-in decline stands.
    pub(crate) called: Option<Called>,
}

impl Call {
    pub(crate) fn fault(&self) -> Option<&Fault> {
        self.called.as_ref().and_then(|called| called.result.as_ref().err())
    }

    pub(crate) fn exit(&self) -> Exit {
        self.quote.reason().map_or(Exit::Success, Exit::of_reason)
    }
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let settings = args.plugin_args.limits.settings()?;
    let limits = settings.limits.clone();
    let subject = Subject::read(&args.plugin, settings.class)?;
    let inputs = inputs(args)?;
    let scene = Scene::read(&inputs)?;
    if let Some(path) = &args.record {
        record::write(path, &inputs)?;
    }
    let plugin = match subject.load(&host(args.plugin_args.cache.folder())?, settings) {
        Ok(plugin) => plugin,
        Err(fault) => return refused(&subject, &fault, args.output.output),
    };
    let utilisation = scene.utilisation();
    let calls: Vec<Call> =
        scene.orders.iter().map(|order| call(&plugin, order, &scene, utilisation.as_ref())).collect();
    match args.output.output {
        Output::Json => output::print_json(&answer(&subject, &plugin, &calls, &limits))?,
        Output::Table => {
            for call in &calls {
                output::print(&plugin_table::run(call, &limits))?;
            }
        }
    }
    Ok(calls.iter().map(Call::exit).max().unwrap_or(Exit::Success))
}

fn inputs(args: &Args) -> Result<Inputs, CliError> {
    match (&args.replay, &args.order) {
        (Some(path), _) => record::read(path),
        (None, order) => args.scene.inputs(order.as_deref().unwrap_or(Path::new("-")), args.format),
    }
}

/// Prices an order as production does, but for the breaker and the fallback.
pub(crate) fn call(plugin: &Plugin, order: &Order, scene: &Scene, utilisation: Option<&Utilisation>) -> Call {
    let (pricing, terms) = (&scene.pricing, scene.terms());
    let plugin_use = |fuel| PluginUse { name: plugin.name(), digest: plugin.digest(), fuel, fallback: None };
    match draft(order, pricing, scene.supply(), &terms) {
        Draft::Settled(quote) => Call { quote: Quote { plugin: Some(plugin_use(None)), ..quote }, called: None },
        Draft::Open(draft) => {
            let called = plugin.call(&Request { order, pricing, draft: &draft, utilisation, terms: &terms });
            let quote = match &called.result {
                Ok(quote) => quote.clone(),
                Err(failed) => fault(&draft, failed.clone().into()),
            };
            Call { quote: Quote { plugin: Some(plugin_use(called.usage.fuel)), ..quote }, called: Some(called) }
        }
    }
}

/// Tells that the plugin was not loaded.
pub(crate) fn refused(subject: &Subject, fault: &Fault, output: Output) -> Result<Exit, CliError> {
    match output {
        Output::Json => output::print_json(&json!({
            "schema": SCHEMA,
            "plugin": subject.to_json(),
            "fault": fault_json(fault),
        }))?,
        Output::Table => output::print(&plugin_table::refused(&subject.name, fault))?,
    }
    Ok(Exit::Fault)
}

fn answer(subject: &Subject, plugin: &Plugin, calls: &[Call], limits: &CallLimits) -> Value {
    json!({
        "schema": SCHEMA,
        "plugin": subject.to_json(),
        "kind": plugin.kind().name(),
        "from_cache": plugin.origin() == Origin::Cache,
        "limits": limits_json(limits),
        "calls": calls.iter().map(|call| call_json(call, limits)).collect::<Vec<_>>(),
    })
}

fn limits_json(limits: &CallLimits) -> Value {
    json!({
        "deadline_us": micros(limits.deadline),
        "fuel": limits.fuel,
        "memory_bytes": limits.memory_bytes,
        "output_bytes": limits.output_bytes,
        "log_bytes": limits.log_bytes,
        "log_lines": limits.log_lines,
    })
}

fn call_json(call: &Call, limits: &CallLimits) -> Value {
    let used = call.called.as_ref().map(|called| &called.usage);
    json!({
        "quote": QuoteJson::new(&call.quote, None),
        "called": call.called.is_some(),
        "answer": call.called.as_ref().and_then(|called| called.answer.as_ref()).map(answer_json),
        "fault": call.fault().map(fault_json),
        "log": used.map(|used| log_json(&used.log)),
        "log_dropped": used.map(|used| used.log.dropped),
        "fuel": used.and_then(|used| used.fuel),
        "fuel_percent": used.and_then(|used| used.fuel).map(|fuel| percent(fuel, limits.fuel)),
        "memory_bytes": used.map(|used| used.memory_bytes),
        "time_us": used.map(|used| micros(used.time)),
    })
}
