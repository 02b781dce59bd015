//! `bidprice plugin bench`: measures how long a call takes, and compares it with the built-in pricing of the same
//! order.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use pricing_core::order::{Order, OrderFormat};
use pricing_core::quote::plugin::{Draft, draft};
use pricing_core::quote::wire::SCHEMA;
use pricing_core::quote::{self, Quote, QuoteRequest, Reason, Terms};
use pricing_core::text::printable;
use pricing_host::{Fault, Plugin, Request};
use serde_json::{Value, json};

use super::results::Bench;
use super::run::refused;
use super::subject::Subject;
use super::table;
use super::words::{fault_json, micros};
use crate::args::{Output, OutputArgs, PluginArgs};
use crate::error::{CliError, Exit};
use crate::scene::{Scene, SceneArgs};
use crate::{output, plugin};

/// The most calls that are made before the measurement.
const WARM_UP: u32 = 1_000;

/// Arguments of `bidprice plugin bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The plugin: a component, a WASI command, or either as text
    #[arg(value_name = "PLUGIN")]
    plugin: PathBuf,
    /// An SDL, a group spec (one or an array) or a bid script request; `-` is stdin
    #[arg(long, value_name = "FILE")]
    order: PathBuf,
    /// The order's format [default: recognised by its content]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<OrderFormat>,
    /// The number of calls to time
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    calls: u32,
    #[command(flatten)]
    scene: SceneArgs,
    #[command(flatten)]
    plugin_args: PluginArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// How a benchmark ended.
enum Ended {
    Measured(Bench),
    /// The order is declined before the plugin is called.
    Settled(Box<Quote>),
    Failed(Fault),
}

/// Runs the benchmark on the first group of the order. Several groups would mix the times of different requests.
pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let settings = args.plugin_args.limits.settings()?;
    let subject = Subject::read(&args.plugin)?;
    let scene = Scene::open(&args.scene.inputs(&args.order, args.format)?)?;
    let plugin = match subject.load(&plugin::host(args.plugin_args.cache.folder(), false)?, settings) {
        Ok(plugin) => plugin,
        Err(fault) => return refused(&subject, &fault, args.output.output),
    };
    let order = scene.orders.first().ok_or_else(|| CliError::internal("the order has no group"))?;
    if scene.orders.len() > 1 {
        output::complain(&format!("warning: the order has several groups; `{}` is timed", order.group.name()));
    }
    let ended = bench(&plugin, order, &scene, args.calls)?;
    match args.output.output {
        Output::Json => output::print_json(&answer(&ended))?,
        Output::Table => output::print(&match &ended {
            Ended::Measured(bench) => table::bench(&subject.name, bench),
            Ended::Settled(quote) => table::not_asked(quote)?,
            Ended::Failed(fault) => table::failed(&subject.name, fault),
        })?,
    }
    if let Ended::Measured(Bench { no_bid: Some(reason), .. }) = &ended {
        let (code, message) = (reason.code.name(), printable(&reason.message));
        output::complain(&format!("warning: what was timed ends without a bid: {code}: {message}"));
    }
    Ok(exit(&ended))
}

fn exit(ended: &Ended) -> Exit {
    match ended {
        // A decline is a valid answer of a plugin, and its time is of interest.
        Ended::Measured(bench) if bench.no_bid.as_ref().is_some_and(|reason| reason.code.is_fault()) => Exit::Fault,
        Ended::Measured(_) => Exit::Success,
        Ended::Settled(quote) => quote.reason().map_or(Exit::Success, Exit::of_reason),
        Ended::Failed(_) => Exit::Fault,
    }
}

/// Calls the plugin and measures each call.
///
/// Every call must give the first call's quote and fuel. A difference would mean that calls are not deterministic.
fn bench(plugin: &Plugin, order: &Order, scene: &Scene, calls: u32) -> Result<Ended, CliError> {
    let (pricing, terms, utilisation) = (&scene.pricing, scene.terms(), scene.utilisation());
    let budget = scene.budget();
    let asked = QuoteRequest { order, pricing, supply: scene.supply(), utilisation: utilisation.as_ref(), terms };
    // Only the draft has a budget. All calls together would exceed it.
    let draft = match draft(&QuoteRequest { terms: Terms { budget: Some(&budget), ..terms }, ..asked }) {
        Draft::Open(draft) => draft,
        Draft::Settled(quote) => return Ok(Ended::Settled(Box::new(quote))),
    };
    let request = Request { asked, draft: &draft };
    let called = plugin.call(&request);
    let (first, usage) = match called.result {
        Ok(quote) => (quote, called.usage),
        Err(fault) => return Ok(Ended::Failed(fault)),
    };
    for _ in 0..calls.min(WARM_UP) {
        let _ = plugin.call(&request);
    }
    let mut times = Vec::with_capacity(usize::try_from(calls).unwrap_or_default());
    for _ in 0..calls {
        let started = Instant::now();
        let called = plugin.call(&request);
        times.push(started.elapsed());
        match called.result {
            Ok(quote) if quote == first && called.usage.fuel == usage.fuel => {}
            Ok(_) => {
                let problem = "two calls of the plugin with one order differ; this is a bug in bidprice";
                return Err(CliError::internal(problem));
            }
            Err(fault) => return Ok(Ended::Failed(fault)),
        }
    }
    let native = native(order, scene, calls);
    times.sort_unstable();
    let no_bid = first.reason().cloned();
    Ok(Ended::Measured(Bench { times, native, fuel: usage.fuel, memory_bytes: usage.memory_bytes, no_bid }))
}

/// Measures the built-in quote. Returns the times, sorted.
fn native(order: &Order, scene: &Scene, calls: u32) -> Vec<Duration> {
    let (pricing, supply, terms) = (&scene.pricing, scene.supply(), scene.terms());
    let timed = || {
        let budget = scene.budget();
        let terms = Terms { budget: Some(&budget), ..terms };
        let started = Instant::now();
        std::hint::black_box(quote::quote(&quote::QuoteRequest::new(order, pricing, supply, &terms)));
        started.elapsed()
    };
    for _ in 0..calls.min(WARM_UP) {
        timed();
    }
    let mut times: Vec<Duration> = (0..calls).map(|_| timed()).collect();
    times.sort_unstable();
    times
}

fn answer(ended: &Ended) -> Value {
    match ended {
        Ended::Measured(bench) => json!({
            "schema": SCHEMA,
            "calls": bench.calls(),
            "p50_us": micros(bench.percentile(500)),
            "p99_us": micros(bench.percentile(990)),
            "p999_us": micros(bench.percentile(999)),
            "fuel": bench.fuel,
            "native_p50_us": micros(bench.native_percentile(500)),
            "max_us": micros(bench.percentile(1000)),
            "native_p99_us": micros(bench.native_percentile(990)),
            "memory_bytes": bench.memory_bytes,
            "reason": bench.no_bid.as_ref().map(reason_json),
        }),
        Ended::Settled(quote) => json!({
            "schema": SCHEMA,
            "reason": quote.reason().map(reason_json),
        }),
        Ended::Failed(fault) => json!({ "schema": SCHEMA, "fault": fault_json(fault) }),
    }
}

fn reason_json(reason: &Reason) -> Value {
    json!({ "code": reason.code.name(), "message": reason.message })
}
