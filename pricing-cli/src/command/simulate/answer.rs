//! What is answered once all runs are done, wherever they were done.

use pricing_sim::result::RunResult;

use super::scene::Scene;
use crate::args::OutputArgs;
use crate::error::{CliError, Exit};
use crate::output;

/// How to answer.
#[derive(Debug, clap::Args)]
pub(super) struct AnswerArgs {
    #[command(flatten)]
    output: OutputArgs,
}

/// Answers what all runs of a scenario came to, in their order.
pub(super) fn finish(scene: &Scene, results: &[RunResult], args: &AnswerArgs) -> Result<Exit, CliError> {
    let _ = (scene, &args.output);
    output::print_json(&results)?;
    Ok(Exit::Success)
}
