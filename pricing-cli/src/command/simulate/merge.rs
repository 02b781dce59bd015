//! `bidprice simulate merge`: joins the results of all shards. The output is byte for byte that of a single process.

use std::path::PathBuf;

use pricing_sim::kept::merge;

use super::answer::AnswerArgs;
use super::outputs;
use super::scene::Scene;
use crate::error::{CliError, Exit};

/// Arguments of `bidprice simulate merge`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The plan's folder
    #[arg(value_name = "DIR")]
    plan: PathBuf,
    /// The files that `simulate run` wrote, in any order
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    answer: AnswerArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, CliError> {
    let (scene, loaded) = Scene::planned(&args.plan)?;
    outputs::check(args.answer.paths(), &scene, &[args.files.as_slice(), &outputs::of_plan(&args.plan)].concat())?;
    let answer = args.answer.begin()?;
    let results = merge(&loaded, &args.files).map_err(|error| CliError::unreadable("simulate merge", error))?;
    answer.finish(&scene, &results)
}
