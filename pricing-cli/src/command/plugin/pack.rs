//! `bidprice plugin pack`: makes a component of a core module.

use std::path::PathBuf;

use pricing_core::input::InputError;
use pricing_core::quote::wire::SCHEMA;
use pricing_core::text::printable;
use pricing_host::inspect::{Digest, Kind, inspect};
use pricing_host::{SizeClass, read_file};
use serde_json::json;
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

use super::files;
use crate::args::{Output, OutputArgs};
use crate::error::{CliError, Exit};
use crate::{load, output, plugin_table};

/// What a binary starts with, and what follows in a core module.
const MAGIC: &[u8] = b"\0asm";
const CORE_VERSION: &[u8] = &[1, 0, 0, 0];
/// The custom sections that say which world a module was built for.
const WORLD_SECTION: &str = "component-type";

/// Arguments of `bidprice plugin pack`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The core module
    #[arg(value_name = "MODULE")]
    module: PathBuf,
    /// Where to write the component; a file that is there is replaced
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
    check(&module).map_err(wrong)?;
    let component = encode(&module).map_err(wrong)?;
    let bytes = component.len();
    let digest = Digest::of(&component).to_string();
    files::write_whole(&args.out, &component).map_err(|error| files::unwritable(&args.out, &error))?;
    let path = load::name(&args.out);
    match args.output.output {
        Output::Json => output::print_json(&json!({
            "schema": SCHEMA,
            "component": { "path": path, "bytes": bytes, "digest": digest },
        }))?,
        Output::Table => output::print(&plugin_table::packed(&path, bytes))?,
    }
    Ok(Exit::Success)
}

/// Refuses what cannot become a plugin, in the author's terms.
fn check(module: &[u8]) -> Result<(), InputError> {
    let refuse = |message: &str, hint: &str| Err(InputError::new(message).hint(hint));
    if !module.starts_with(MAGIC) {
        return refuse("this is no WebAssembly binary", "give the `.wasm` file that the compiler wrote");
    }
    if module.get(MAGIC.len()..8) != Some(CORE_VERSION) {
        return refuse("this is a component already, or damaged", "see `bidprice plugin check`");
    }
    let mut has_world = false;
    let mut wasi = None;
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.map_err(|error| {
            let message = printable(error.message());
            InputError::new(format!("the module is damaged: byte {}: {message}", error.offset()))
        })?;
        match payload {
            Payload::CustomSection(section) => has_world |= section.name().starts_with(WORLD_SECTION),
            Payload::ImportSection(imports) => {
                let imports = imports.into_imports().filter_map(Result::ok);
                let mut of_wasi = imports.filter(|import| import.module.starts_with("wasi"));
                wasi = wasi.or_else(|| of_wasi.next().map(|import| format!("{}.{}", import.module, import.name)));
            }
            _ => {}
        }
    }
    if !has_world {
        return refuse(
            "the module does not say which world it was built for (it has no section `component-type`)",
            "build it with the SDK or with `wit-bindgen`, and do not strip custom sections; a WASI command is no \
             component and needs no packing",
        );
    }
    match wasi {
        None => Ok(()),
        Some(import) => Err(InputError::new(format!("the module imports `{}` of WASI", printable(&import)))
            .hint("plugins of the WIT package get no WASI: build for `wasm32-unknown-unknown`")),
    }
}

/// Makes the component, and makes sure that it is a plugin.
fn encode(module: &[u8]) -> Result<Vec<u8>, InputError> {
    let packed = ComponentEncoder::default().validate(true).module(module).and_then(|mut encoder| encoder.encode());
    let component = packed.map_err(|error| {
        let message: Vec<String> = error.chain().map(|cause| printable(&cause.to_string())).collect();
        InputError::new(format!("no component can be made of the module: {}", message.join(": ")))
            .hint("build it against the WIT package of this version")
    })?;
    match inspect(&component, SizeClass::Engine) {
        Ok(found) if found.kind == Kind::Component => Ok(component),
        Ok(_) => Err(InputError::new("what was packed is no component; this is a bug in bidprice")),
        Err(fault) => Err(InputError::new(fault.message)),
    }
}
