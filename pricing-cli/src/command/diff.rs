//! `bidprice diff`: prices the same orders in two ways, and shows how the prices differ.

mod compare;
mod condition;
mod orders;
mod saved;
mod skipped;
mod subject;

use std::path::PathBuf;
use std::time::Duration;

use pricing_core::money::UsdPerAkt;
use pricing_core::quote::wire::SCHEMA;
use pricing_core::text::printable;
use serde_json::json;

use crate::args::{Output, OutputArgs, PlacementArgs, PluginArgs, StrictArgs};
use crate::command::simulate::end_with_scripts;
use crate::difference_table::{summary_json, summary_table};
use crate::error::{CliError, Exit};
use crate::wording::{count, cut, reason_message};
use crate::{load, output, table};
use compare::{Compared, NoBidReasons, Placing};
use condition::{Condition, Failed};
use skipped::Skipped;
use subject::{Kind, Named, RequestArg, Side, Subject, Variable};

/// The most characters of a reason's message in the table.
const MESSAGE_CHARS: usize = 240;

/// Arguments of `bidprice diff`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The first rate card, plugin, script or saved run
    #[arg(value_name = "A")]
    a: String,
    /// The second, which is compared with the first
    #[arg(value_name = "B")]
    b: String,
    /// The orders: an SDL, a group spec or a script request, a folder of them, a stream of orders (`.jsonl`, `.csv`,
    /// `.parquet`), or a bid log
    #[arg(long, value_name = "FILE")]
    orders: Option<PathBuf>,
    /// Stop at the first order that cannot be read, instead of leaving it out
    #[arg(long)]
    strict: bool,
    /// The inventory to place each order on, as if it were the only one: a file, or words such as `2 nodes x 8 h100`.
    /// Without it, capacity is not checked, and a request that leaves the model open may get any card that the rate
    /// card lists
    #[arg(long, value_name = "FILE|WORDS")]
    inventory: Option<PathBuf>,
    /// The rate card of a plugin, a script or `scale` [default: the `PRICE_TARGET_*` environment, else the documented
    /// defaults]
    #[arg(long, value_name = "FILE")]
    rates: Option<PathBuf>,
    /// The rate card of A alone
    #[arg(long, value_name = "FILE")]
    rates_a: Option<PathBuf>,
    /// The rate card of B alone
    #[arg(long, value_name = "FILE")]
    rates_b: Option<PathBuf>,
    /// A variable for scripts, beside `AKASH_OWNER`, `AKASH_DENOM`, `PATH` and `HOME`; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<Variable>,
    /// The most time for a script to price an order [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = subject::timeout)]
    timeout: Option<Duration>,
    /// The request that scripts receive
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    request: RequestArg,
    /// The strategy of a saved run that is A
    #[arg(long, value_name = "NAME")]
    strategy_a: Option<String>,
    /// The strategy of a saved run that is B
    #[arg(long, value_name = "NAME")]
    strategy_b: Option<String>,
    /// The run of a saved file, counted from 0 [default: all of them]
    #[arg(long, value_name = "N")]
    run: Option<u64>,
    /// The value of an AKT in USD; needed for orders in uakt, except those of a bid log, which has the value for each
    #[arg(long, value_name = "DECIMAL", env = "BIDPRICE_USD_PER_AKT")]
    usd_per_akt: Option<UsdPerAkt>,
    /// The owner of the orders that do not name one
    #[arg(long, value_name = "ADDRESS", env = "AKASH_OWNER")]
    owner: Option<String>,
    #[command(flatten)]
    placement: PlacementArgs,
    #[command(flatten)]
    plugin_args: PluginArgs,
    /// The most differences to list, largest first; all are counted
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Exit with 3 if this holds, such as `dearer>0`, `lost>=5%`, `usd<-100` or `usd%>10`; may be repeated
    #[arg(long, value_name = "EXPR")]
    fail_if: Vec<Condition>,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    end_with_scripts()?;
    let named = [Named::of(&args.a)?, Named::of(&args.b)?];
    let [first, second] = &named;
    let mut skipped = Skipped::new(args.strict);
    let a = Subject::open(first, Side::A, args, &mut skipped)?;
    let b = Subject::open(second, Side::B, args, &mut skipped)?;
    let cluster = args.inventory.as_deref().map(load::inventory_with_warning).transpose()?;
    if cluster.is_none() {
        let why = "without `--inventory` it is not predicted where pods start";
        args.placement.kubernetes.scheduler.tell_unused(why);
    }
    let texts = args.placement.kubernetes.read()?;
    let kubernetes = texts.parse()?;
    if let Some(document) = &texts.scheduler_config {
        load::tell(&document.name, &kubernetes.warnings, &StrictArgs { strict: false })?;
    }
    let placing = Placing { cluster: cluster.as_ref(), kubernetes: &kubernetes };
    let compared = compare::compare(args, &named, (a, b), placing, &mut skipped)?;
    skipped.tell();
    let failed: Vec<Failed> = args.fail_if.iter().filter_map(|condition| condition.check(&compared.summary)).collect();
    match args.output.output {
        Output::Json => output::print_json(&answer(&named, &compared, &failed, &skipped))?,
        Output::Table => output::print(&shown(&compared, &failed, &skipped))?,
    }
    Ok(if compared.only_faults() {
        Exit::Fault
    } else if failed.is_empty() {
        Exit::Success
    } else {
        Exit::Decline
    })
}

fn answer(named: &[Named; 2], compared: &Compared, failed: &[Failed], skipped: &Skipped) -> serde_json::Value {
    let side = |named: &Named| json!({ "kind": named.kind.name(), "name": load::name(&named.path) });
    let reason = |said: &NoBidReasons| json!({ "side": said.side, "code": said.code, "orders": said.orders, "first": said.order, "message": said.message });
    let failed = failed
        .iter()
        .map(|failed| json!({ "condition": failed.condition, "value": failed.value.map(|value| value.to_string()) }));
    let [a, b] = named;
    let mut answer = json!({
        "schema": SCHEMA,
        "a": side(a),
        "b": side(b),
        "orders": compared.summary.total.orders,
        "difference": summary_json(&compared.summary),
        "faults": { "a": compared.faults.0, "b": compared.faults.1 },
        "no_bid": compared.said.iter().map(reason).collect::<Vec<_>>(),
        "failed": failed.collect::<Vec<_>>(),
    });
    if let (false, Some(fields)) = (skipped.is_empty(), answer.as_object_mut()) {
        fields.insert("skipped".to_owned(), skipped.json());
    }
    answer
}

fn shown(compared: &Compared, failed: &[Failed], skipped: &Skipped) -> String {
    let orders = count(compared.summary.total.orders, "order");
    let mut shown = format!("{orders}, A against B{}.\n", skipped.headline());
    shown.push_str(&summary_table(&compared.summary, "A", "B"));
    if !compared.said.is_empty() {
        let mut rows = table::table(&["no bid", "reason", "orders", "such as", "message"], &[2]);
        for said in &compared.said {
            let NoBidReasons { side, code, orders, order, message } = said;
            let words = cut(&reason_message(code, message), MESSAGE_CHARS);
            rows.add_row([side.to_uppercase(), code.clone(), orders.to_string(), order.clone(), words]);
        }
        shown.push_str(&format!("\n{}", table::wrapped(rows, &[4])));
    }
    for Failed { condition, value } in failed {
        let value = value.map_or_else(|| "its value is not known".to_owned(), |value| format!("it is {value}"));
        shown.push_str(&(format!("\n{}\n", printable(&format!("--fail-if {condition} holds: {value}")))));
    }
    shown
}
