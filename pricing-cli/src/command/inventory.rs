//! `bidprice inventory`: shows what a cluster has, and checks its inventory for what cannot be true, for cards that make
//! prices uncertain, and for orders that would hang on it.

mod pending;
mod show;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use pricing_core::inventory::{Cluster, finding::Finding, variants};
use pricing_core::quote::wire::SCHEMA;
use serde_json::{Value, json};

use crate::args::{CommitArg, KubeSchedulerArgs, Output, OutputArgs};
use crate::error::{CliError, Exit};
use crate::{load, output, table};
use pending::CheckedOrders;

/// Arguments of `bidprice inventory`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: InventoryCommand,
}

#[derive(Debug, Subcommand)]
enum InventoryCommand {
    /// Show what each node has, and how much of it is in use
    Show(show::Args),
    /// List what cannot be true in an inventory, the cards that have no certain price, and the orders that would hang
    Check(Box<CheckArgs>),
}

/// Arguments of `bidprice inventory check`.
#[derive(Debug, clap::Args)]
struct CheckArgs {
    /// A Cluster or provider Status, any dialect, or words such as `2 nodes x 8 h100`; `-` is stdin
    #[arg(value_name = "FILE|WORDS")]
    file: PathBuf,
    /// Orders, each as if it were the only one: an SDL, a group spec (one, an array, or inside an answer of the chain) or
    /// a bid script request, or a folder of them. Lists those that the daemon would reserve, but with a replica that
    /// Kubernetes may leave without a node
    #[arg(long, value_name = "FILE|FOLDER")]
    orders: Option<PathBuf>,
    /// Overcommit factors for `--orders`, such as `cpu=2,memory=1.5`, or percentages as in the daemon's flags, such as
    /// `cpu=150%`
    #[arg(long, value_name = "RESOURCE=FACTOR,...", value_delimiter = ',', requires = "orders")]
    commit: Vec<CommitArg>,
    #[command(flatten, next_help_heading = "Options for --orders")]
    scheduler: KubeSchedulerArgs,
    #[command(flatten, next_help_heading = "Options")]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    match &args.command {
        InventoryCommand::Show(args) => show::run(args),
        InventoryCommand::Check(args) => check(args),
    }
}

fn check(args: &CheckArgs) -> Result<Exit, CliError> {
    if let (None, Some(option)) = (&args.orders, args.scheduler.given()) {
        return Err(CliError::Usage(format!("{option} needs --orders")));
    }
    let (cluster, mut findings) = read(&args.file)?;
    let checked = args.orders.as_deref().map(|orders| pending::check(orders, args, &cluster)).transpose()?;
    findings.extend(checked.iter().flat_map(|checked| checked.findings.iter().cloned()));
    match args.output.output {
        Output::Json => output::print_json(&answer(&cluster, &findings, checked.as_ref()))?,
        Output::Table => {
            let orders = checked.as_ref().map(CheckedOrders::shown).unwrap_or_default();
            output::print(&(table::inventory(&cluster, &findings) + &orders))?;
        }
    }
    usable(&cluster, &args.file)
}

/// Reads a cluster, with all findings about it.
fn read(file: &Path) -> Result<(Cluster, Vec<Finding>), CliError> {
    let (cluster, mut findings) = load::inventory(file)?;
    findings.extend(variants::findings(&cluster));
    Ok((cluster, findings))
}

/// The exit code. If nothing can be reserved, also prints an error.
fn usable(cluster: &Cluster, file: &Path) -> Result<Exit, CliError> {
    if cluster.is_usable() {
        return Ok(Exit::Success);
    }
    output::complain(&format!("error: {}: {UNUSABLE}", load::name(file)));
    Err(CliError::Answered(Exit::Input))
}

const UNUSABLE: &str = "no node is usable; nothing can be reserved on this inventory";

fn answer(cluster: &Cluster, findings: &[Finding], orders: Option<&CheckedOrders>) -> Value {
    let findings: Vec<_> = findings
        .iter()
        .map(|finding| {
            json!({
                "node": finding.node,
                "resource": finding.resource.name(),
                "problem": finding.problem,
                "action": finding.action.name(),
            })
        })
        .collect();
    let mut answer = json!({ "schema": SCHEMA, "nodes": cluster.nodes().len(), "findings": findings });
    if let (Some(orders), Some(answer)) = (orders, answer.as_object_mut()) {
        answer.insert("orders".to_owned(), orders.json());
    }
    with_error(answer, cluster)
}

/// Adds the error to an answer if nothing can be reserved.
fn with_error(mut answer: Value, cluster: &Cluster) -> Value {
    if let (false, Some(answer)) = (cluster.is_usable(), answer.as_object_mut()) {
        answer.insert(
            "error".to_owned(),
            json!({
                "code": "inventory-unusable",
                "message": UNUSABLE,
                "path": null,
                "line": null,
                "column": null,
            }),
        );
    }
    answer
}
