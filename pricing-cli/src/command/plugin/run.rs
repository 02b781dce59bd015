//! `bidprice plugin run`: calls a plugin for each group of an order, and shows everything that can be observed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pricing_core::inventory::utilisation::Utilisation;
use pricing_core::order::{Order, OrderFormat};
use pricing_core::quote::plugin::{Draft, draft, fault};
use pricing_core::quote::wire::{QuoteJson, SCHEMA};
use pricing_core::quote::{PluginUse, Quote, QuoteRequest, Terms};
use pricing_host::load::Origin;
use pricing_host::{CallLimits, Fault, FunctionShare, Plugin, Profile, Request};
use serde_json::{Value, json};

use super::results::Call;
use super::subject::{Subject, host};
use super::table;
use super::words::{answer_json, fault_json, log_json, micros, percent};
use super::{files, record};
use crate::args::{Output, OutputArgs, PluginArgs};
use crate::error::{CliError, Exit};
use crate::output;
use crate::scene::{Inputs, Scene, SceneArgs};

/// Arguments of `bidprice plugin run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The plugin: a component, a WASI command, or either as text
    #[arg(value_name = "PLUGIN")]
    plugin: PathBuf,
    /// An SDL, a group spec (one or an array) or a bid script request; `-` is stdin
    #[arg(value_name = "ORDER", required_unless_present = "replay")]
    order: Option<PathBuf>,
    /// The order's format [default: recognised by its content]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<OrderFormat>,
    #[command(flatten)]
    scene: SceneArgs,
    #[command(flatten)]
    plugin_args: PluginArgs,
    /// Call repeatedly for this long, and show in which functions the plugin spends its time
    #[arg(long, value_name = "DURATION", value_parser = profile_time, num_args = 0..=1, require_equals = true,
          default_missing_value = "2s")]
    profile: Option<Duration>,
    /// Write everything that the price depends on, except the plugin itself, to one file, which must not be one of the
    /// inputs
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Price what `--record` wrote; `--owner` and `--usd-per-akt` are ignored
    #[arg(long, value_name = "FILE", conflicts_with_all = ["order", "record", "format",
          "inventory", "rates", "provider", "scheduler", "commit", "search_steps", "already_reserved"])]
    replay: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Calls the plugin for every group.
///
/// The recording is written before the plugin is loaded, so that it exists even if the plugin is refused.
pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let settings = args.plugin_args.limits.settings()?;
    let limits = settings.limits.clone();
    if let Some(path) = &args.record {
        spare_inputs(path, args)?;
    }
    let subject = Subject::read(&args.plugin)?;
    let inputs = inputs(args)?;
    let scene = Scene::open(&inputs)?;
    if let Some(path) = &args.record {
        record::write(path, &inputs)?;
    }
    let plugin = match subject.load(&host(args.plugin_args.cache.folder())?, settings) {
        Ok(plugin) => plugin,
        Err(fault) => return refused(&subject, &fault, args.output.output),
    };
    let utilisation = scene.utilisation();
    let calls: Vec<Call> =
        scene.orders.iter().map(|order| call(&plugin, order, &scene, utilisation.as_ref(), args.profile)).collect();
    match args.output.output {
        Output::Json => output::print_json(&answer(&subject, &plugin, &calls, &limits))?,
        Output::Table => {
            for call in &calls {
                output::print(&table::run(call, &limits)?)?;
            }
        }
    }
    Ok(calls.iter().map(Call::exit).max().unwrap_or(Exit::Success))
}

/// Refuses to record to a file that the price depends on.
fn spare_inputs(record: &Path, args: &Args) -> Result<(), CliError> {
    let order = args.order.as_deref().map(|path| if path == Path::new("-") { Path::new("/dev/stdin") } else { path });
    let read = args.scene.files().into_iter().chain([("order", order), ("plugin", Some(&args.plugin))]);
    for (what, path) in read {
        if path.is_some_and(|path| files::is_same(record, path)) {
            return Err(CliError::Usage(format!("the recording would replace the {what} that it is made of")));
        }
    }
    Ok(())
}

fn inputs(args: &Args) -> Result<Inputs, CliError> {
    match (&args.replay, &args.order) {
        (Some(path), _) => record::read(path),
        (None, order) => args.scene.inputs(order.as_deref().unwrap_or(Path::new("-")), args.format),
    }
}

fn profile_time(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| format!("{error}; expected such as `2s`"))?;
    let allowed = Duration::from_millis(1)..=Duration::from_secs(600);
    if allowed.contains(&time) { Ok(time) } else { Err("expected between 1ms and 10min".to_owned()) }
}

/// Prices an order as in production, but without the circuit breaker and the fallback: both would hide what the plugin
/// did.
pub(crate) fn call(
    plugin: &Plugin,
    order: &Order,
    scene: &Scene,
    utilisation: Option<&Utilisation>,
    profile: Option<Duration>,
) -> Call {
    let (pricing, budget) = (&scene.pricing, scene.budget());
    let terms = Terms { budget: Some(&budget), ..scene.terms() };
    let plugin_use = |fuel| PluginUse { name: plugin.name(), digest: plugin.digest(), fuel, fallback: None };
    let asked = QuoteRequest { order, pricing, supply: scene.supply(), utilisation, terms };
    match draft(&asked) {
        Draft::Settled(quote) => {
            Call { quote: Quote { plugin: Some(plugin_use(None)), ..quote }, called: None, profile: None }
        }
        Draft::Open(draft) => {
            let request = Request { asked, draft: &draft };
            let called = plugin.call(&request);
            let profile = profile.map(|time| plugin.profile(&request, time));
            let quote = match &called.result {
                Ok(quote) => quote.clone(),
                Err(failed) => fault(&draft, failed.clone().into()),
            };
            Call {
                quote: Quote { plugin: Some(plugin_use(called.usage.fuel)), ..quote },
                called: Some(called),
                profile,
            }
        }
    }
}

/// Prints that the plugin was not loaded.
pub(crate) fn refused(subject: &Subject, fault: &Fault, output: Output) -> Result<Exit, CliError> {
    match output {
        Output::Json => output::print_json(&json!({
            "schema": SCHEMA,
            "plugin": subject.to_json(),
            "fault": fault_json(fault),
        }))?,
        Output::Table => output::print(&table::refused(&subject.name, fault))?,
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
        "profile": call.profile.as_ref().map(|(profile, fault)| profile_json(profile, fault.as_ref())),
    })
}

fn profile_json(profile: &Profile, fault: Option<&Fault>) -> Value {
    let function = |function: &FunctionShare| {
        json!({
            "name": function.name,
            "own": function.own,
            "total": function.total,
            "own_percent": percent(function.own, profile.samples),
            "total_percent": percent(function.total, profile.samples),
        })
    };
    json!({
        "calls": profile.calls,
        "samples": profile.samples,
        "functions": profile.functions.iter().map(function).collect::<Vec<_>>(),
        "fault": fault.map(fault_json),
    })
}
