//! `bidprice simulate run`: does the runs of one shard of a plan.

use std::collections::BTreeSet;
use std::env;
use std::path::PathBuf;
use std::str::FromStr;

use pricing_sim::kept::write_part;

use super::outputs;
use super::scene::Scene;
use super::{RunStore, ThreadsArgs, execute};
use crate::error::{CliError, Exit};

/// The variable with the pod's index in an Indexed Job of Kubernetes.
const INDEX: &str = "JOB_COMPLETION_INDEX";

/// Arguments of `bidprice simulate run`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The plan's folder
    #[arg(value_name = "DIR")]
    plan: PathBuf,
    /// The shard and the number of shards, from `0/8` to `7/8` [default: JOB_COMPLETION_INDEX, of the plan's number]
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// The file to write; in a folder, `shard-I-of-N.jsonl`
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    threads: ThreadsArgs,
}

/// A shard's index, and the number of shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shard {
    shard: usize,
    shards: usize,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('/').and_then(|(shard, shards)| Some((shard.parse().ok()?, shards.parse().ok()?)));
        match parsed {
            Some((shard, shards)) if shard < shards => Ok(Self { shard, shards }),
            _ => Err("write a number from 0 and, after `/`, how many there are, such as `0/8` to `7/8`".to_owned()),
        }
    }
}

pub(super) fn run(args: &Args) -> Result<Exit, CliError> {
    let (scene, loaded) = Scene::planned(&args.plan)?;
    let Shard { shard, shards } = match args.shard {
        Some(shard) => shard,
        None => from_environment(loaded.plan.shards.len())?,
    };
    let wrong = |error| CliError::unreadable("simulate run", error);
    let runs = loaded.plan.range(shard, shards).map_err(wrong)?;
    let mut out = args.out.clone();
    if out.is_dir() {
        out.push(format!("shard-{shard:05}-of-{shards:05}.jsonl"));
    }
    outputs::check([("--out", Some(out.as_path()))], &scene, &outputs::of_plan(&args.plan))?;
    let Some(results) = execute(&scene, runs, &BTreeSet::new(), args.threads.count(), RunStore::default())? else {
        return Ok(Exit::Interrupted);
    };
    write_part(&out, &loaded, (shard, shards), &results).map_err(wrong)?;
    Ok(Exit::Success)
}

fn from_environment(shards: usize) -> Result<Shard, CliError> {
    let index = env::var(INDEX)
        .map_err(|_| CliError::Usage(format!("--shard I/N is needed where {INDEX} does not say which shard it is")))?;
    let shard = index.parse().ok().filter(|shard| *shard < shards);
    let shard = shard.ok_or_else(|| {
        let index = pricing_core::text::excerpt(&index);
        let last = shards.saturating_sub(1);
        CliError::Usage(format!("{INDEX} is `{index}`, and the plan's {shards} shards go from 0 to {last}"))
    })?;
    Ok(Shard { shard, shards })
}
