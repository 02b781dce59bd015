//! `bidprice groups`: the group specs of an SDL.

use std::path::PathBuf;

use pricing_core::order::{group_spec, sdl};

use crate::args::OutputArgs;
use crate::error::{CliError, Exit};
use crate::{load, output};

/// Arguments of `bidprice groups`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// An SDL; `-` is stdin
    #[arg(value_name = "SDL")]
    sdl: PathBuf,
    /// Group specs are JSON either way; `json` also prints errors as JSON
    #[command(flatten)]
    _output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let text = load::order_text(&args.sdl)?;
    let groups = sdl::read(&text).map_err(|error| CliError::malformed(load::name(&args.sdl), error))?;
    output::print_json(&group_spec::to_json(&groups))?;
    Ok(Exit::Success)
}
