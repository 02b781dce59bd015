//! `bidprice plugin pack`: makes a component from a core module.

use std::path::PathBuf;

use pricing_core::input::InputError;
use pricing_core::quote::wire::SCHEMA;
use pricing_host::inspect::Digest;
use pricing_host::{SizeClass, read_file};
use serde_json::json;

use super::table;
use super::{files, packing};
use crate::args::{Output, OutputArgs};
use crate::error::{CliError, Exit};
use crate::{load, output};

/// Arguments of `bidprice plugin pack`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The core module
    #[arg(value_name = "MODULE")]
    module: PathBuf,
    /// The file for the component, which is replaced if it exists
    #[arg(short, long = "out", value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let wrong = |error: InputError| CliError::malformed(load::name(&args.module), error);
    if files::is_same(&args.module, &args.out) {
        return Err(CliError::Usage("the component would replace the module that it is made of".to_owned()));
    }
    let module = read_file(&args.module, SizeClass::Engine)
        .map_err(|error| CliError::unreadable(load::name(&args.module), error))?;
    let component = packing::pack(&module)?.map_err(wrong)?;
    let bytes = component.len();
    let digest = Digest::of(&component).to_string();
    files::write_whole(&args.out, &component).map_err(|error| files::unwritable(&args.out, &error))?;
    let path = load::name(&args.out);
    match args.output.output {
        Output::Json => output::print_json(&json!({
            "schema": SCHEMA,
            "component": { "path": path, "bytes": bytes, "digest": digest },
        }))?,
        Output::Table => output::print(&table::packed(&path, bytes))?,
    }
    Ok(Exit::Success)
}
