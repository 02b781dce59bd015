//! `bidprice groups`: prints the group specs of an SDL.

use std::path::PathBuf;

use pricing_core::order::{group_spec, sdl};

use crate::args::{OutputArgs, StrictArgs};
use crate::error::{CliError, Exit};
use crate::{load, output};

/// Arguments of `bidprice groups`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// An SDL; `-` is stdin
    #[arg(value_name = "SDL")]
    sdl: PathBuf,
    #[command(flatten)]
    strictness: StrictArgs,
    /// Group specs are JSON either way; `json` also prints errors as JSON
    #[command(flatten)]
    _output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let text = load::order_text(&args.sdl)?;
    let source = load::name(&args.sdl);
    let read = sdl::read_with_warnings(&text).map_err(|error| CliError::malformed(&source, error))?;
    load::tell(&source, &read.warnings, &args.strictness)?;
    let groups: Vec<_> = read.groups.into_iter().map(|(group, _)| group).collect();
    output::print_json(&group_spec::to_json(&groups))?;
    Ok(Exit::Success)
}
