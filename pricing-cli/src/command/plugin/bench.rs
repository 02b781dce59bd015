//! `bidprice plugin bench`: how long a call takes, beside the built-in pricing of the same order.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use pricing_core::order::Order;
use pricing_core::quote::plugin::{Draft, draft};
use pricing_core::quote::wire::SCHEMA;
use pricing_core::quote::{self, Quote};
use pricing_host::{Called, Fault, Plugin, Request};
use serde_json::{Value, json};

use super::run::refused;
use super::subject::Subject;
use super::words::{fault_json, micros};
use crate::args::{FormatArg, Output, OutputArgs, PluginArgs};
use crate::error::{CliError, Exit};
use crate::scene::{Scene, SceneArgs};
use crate::{output, plugin, plugin_table};

/// The most calls that are made before the clock counts.
const WARM_UP: u32 = 1_000;

/// Arguments of `bidprice plugin bench`.
///
/// Each call is one on a fresh instance, as in production: the order handed over, the plugin's work, its answer checked
/// and priced. Placing the order is not in it. The native time is that of the built-in quote. Of several groups the
/// first is taken. Exit codes: 0 done, 1 an input is wrong, 3 the order is declined before the plugin is asked, 4 the
/// plugin was refused or failed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The plugin: a component, a WASI command, or either as text
    #[arg(value_name = "PLUGIN")]
    plugin: PathBuf,
    /// An SDL, a group spec (one or an array) or a bid script request; `-` is stdin
    #[arg(long, value_name = "FILE")]
    order: PathBuf,
    /// The order's format, where it should not be recognised by its content
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<FormatArg>,
    /// Calls that are timed
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    calls: u32,
    #[command(flatten)]
    scene: SceneArgs,
    #[command(flatten)]
    plugin_args: PluginArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// What was measured.
#[derive(Debug)]
pub(crate) struct Bench {
    /// Of the plugin's calls, sorted.
    times: Vec<Duration>,
    /// Of the built-in pricing, sorted.
    native: Vec<Duration>,
    /// Of the last call.
    pub(crate) fuel: Option<u64>,
    pub(crate) memory_bytes: u64,
}

impl Bench {
    pub(crate) fn calls(&self) -> usize {
        self.times.len()
    }

    /// The time within which so many calls in a thousand ended.
    pub(crate) fn percentile(&self, per_mille: usize) -> Duration {
        percentile(&self.times, per_mille)
    }

    pub(crate) fn native_percentile(&self, per_mille: usize) -> Duration {
        percentile(&self.native, per_mille)
    }
}

fn percentile(sorted: &[Duration], per_mille: usize) -> Duration {
    let rank = sorted.len().saturating_mul(per_mille).div_ceil(1000).max(1);
    sorted.get(rank.saturating_sub(1)).or(sorted.last()).copied().unwrap_or_default()
}

/// How a bench ended.
enum Ended {
    Measured(Bench),
    /// The plugin is not asked for this order.
    Settled(Box<Quote>),
    Failed(Fault),
}

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
            Ended::Measured(bench) => plugin_table::bench(&subject.name, bench),
            Ended::Settled(quote) => plugin_table::not_asked(quote),
            Ended::Failed(fault) => plugin_table::failed(&subject.name, fault),
        })?,
    }
    Ok(match &ended {
        Ended::Measured(_) => Exit::Success,
        Ended::Settled(quote) => quote.reason().map_or(Exit::Success, Exit::of_reason),
        Ended::Failed(_) => Exit::Fault,
    })
}

fn bench(plugin: &Plugin, order: &Order, scene: &Scene, calls: u32) -> Result<Ended, CliError> {
    let (pricing, terms, utilisation) = (&scene.pricing, scene.terms(), scene.utilisation());
    let draft = match draft(order, pricing, scene.supply(), &terms) {
        Draft::Open(draft) => draft,
        Draft::Settled(quote) => return Ok(Ended::Settled(Box::new(quote))),
    };
    let request = Request { order, pricing, draft: &draft, utilisation: utilisation.as_ref(), terms: &terms };
    let Called { result: Ok(first), usage, .. } = plugin.call(&request) else {
        return Ok(fault_of(plugin.call(&request)));
    };
    for _ in 0..calls.min(WARM_UP) {
        let _ = plugin.call(&request);
    }
    let mut times = Vec::with_capacity(usize::try_from(calls).unwrap_or_default());
    for _ in 0..calls {
        let started = Instant::now();
        let called = plugin.call(&request);
        times.push(started.elapsed());
        if called.result.as_ref().is_ok_and(|quote| *quote == first) && called.usage.fuel == usage.fuel {
            continue;
        }
        if called.result.is_err() {
            return Ok(fault_of(called));
        }
        return Err(CliError::internal("two calls of the plugin with one order differ; this is a bug in bidprice"));
    }
    let native = native(order, scene, calls);
    times.sort_unstable();
    Ok(Ended::Measured(Bench { times, native, fuel: usage.fuel, memory_bytes: usage.memory_bytes }))
}

fn fault_of(called: Called) -> Ended {
    match called.result {
        Err(fault) => Ended::Failed(fault),
        Ok(_) => Ended::Failed(Fault::rejected("the plugin failed once, and then it did not")),
    }
}

/// Times of the built-in quote, sorted.
fn native(order: &Order, scene: &Scene, calls: u32) -> Vec<Duration> {
    let (pricing, supply, terms) = (&scene.pricing, scene.supply(), scene.terms());
    let timed = || {
        let started = Instant::now();
        std::hint::black_box(quote::quote(order, pricing, supply, &terms));
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
        }),
        Ended::Settled(quote) => json!({
            "schema": SCHEMA,
            "reason": quote.reason().map(|reason| json!({ "code": reason.code.name(), "message": reason.message })),
        }),
        Ended::Failed(fault) => json!({ "schema": SCHEMA, "fault": fault_json(fault) }),
    }
}
