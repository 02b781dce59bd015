//! `bidprice inventory`: what an inventory says that cannot be so, and what of its cards makes prices uncertain.

use std::path::PathBuf;

use clap::Subcommand;
use pricing_core::inventory::{Cluster, finding::Finding, variants};
use pricing_core::quote::wire::SCHEMA;
use serde_json::json;

use crate::args::{Output, OutputArgs};
use crate::error::{CliError, Exit};
use crate::{load, output, table};

/// Arguments of `bidprice inventory`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: InventoryCommand,
}

#[derive(Debug, Subcommand)]
enum InventoryCommand {
    /// List what an inventory says that cannot be so, and which cards have no certain price
    Check(CheckArgs),
}

/// Arguments of `bidprice inventory check`.
#[derive(Debug, clap::Args)]
struct CheckArgs {
    /// A Cluster or provider Status, any dialect, or words such as `2 nodes x 8 h100`; `-` is stdin
    #[arg(value_name = "FILE|WORDS")]
    file: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let InventoryCommand::Check(args) = &args.command;
    let (cluster, mut findings) = load::inventory(&args.file)?;
    findings.extend(variants::findings(&cluster));
    match args.output.output {
        Output::Json => output::print_json(&answer(&cluster, &findings))?,
        Output::Table => output::print(&table::inventory(&cluster, &findings))?,
    }
    if cluster.is_usable() {
        return Ok(Exit::Success);
    }
    output::complain(&format!("error: {}: {UNUSABLE}", load::name(&args.file)));
    Err(CliError::Answered(Exit::Input))
}

const UNUSABLE: &str = "no node is usable; nothing can be reserved on this inventory";

fn answer(cluster: &Cluster, findings: &[Finding]) -> serde_json::Value {
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
