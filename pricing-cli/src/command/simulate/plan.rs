//! `bidprice simulate plan`: writes a folder from which any machine can do a part of the runs.

use std::path::PathBuf;

use pricing_sim::kept::{PLAN, Plan};
use serde_json::json;

use super::scene::{ChangeArgs, Scene};
use crate::args::{Output, OutputArgs};
use crate::error::{CliError, Exit};
use crate::output;
use pricing_core::text::counted;

/// Arguments of `bidprice simulate plan`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The scenario
    #[arg(value_name = "SCENARIO")]
    scenario: PathBuf,
    /// The number of shards; `simulate run` may split the same plan differently
    #[arg(long, value_name = "N")]
    shards: usize,
    /// The folder to write, which must be empty or must not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    change: ChangeArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, CliError> {
    let scene = Scene::read(&args.scenario, &args.change)?;
    let Scene { name, table, sweep, files, .. } = &scene;
    let plan = Plan::write(&args.out, name, table, sweep, files, args.shards)
        .map_err(|error| CliError::unreadable("simulate plan", error))?;
    let (runs, shards, digest) = (plan.runs, plan.shards.len(), &plan.digest);
    match args.output.output {
        Output::Json => {
            output::print_json(&json!({ "schema": plan.schema, "runs": runs, "shards": shards, "digest": digest }))?;
        }
        Output::Table => {
            let out = args.out.display();
            output::print(&format!(
                "{out}/{PLAN}: {} in {}, digest {digest}\n",
                counted(runs, "run"),
                counted(shards, "shard")
            ))?;
        }
    }
    Ok(Exit::Success)
}
