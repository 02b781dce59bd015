//! Whether a module is a WASI preview 1 command, judging by its imports and exports.

use wasmparser::types::EntityType;
use wasmparser::{FuncType, Import, ValType};

use crate::Fault;

use super::scan::{Named, Scan};
use super::wasi::{WASI_MODULE, signature, wasi_function};
use super::words::excerpt;

/// Checks a module's imports and exports.
///
/// The likely mistakes come first: a plugin for another host, and a module that is not packed. The general checks would
/// reject these too, but with a message that does not say what to do.
pub(super) fn check(scan: &Scan<'_>) -> Result<(), Fault> {
    let start = export(scan, "_start");
    if let Some(import) = scan.imports.iter().find_map(extism_import) {
        return Err(Fault::rejected(format!(
            "the module is a plugin for Extism (it imports `{}`), whose interface is not supported here: build it as a WASI \
             command with `main`, or as a component of the WIT package",
            excerpt(import)
        )));
    }
    if let Some(fault) = not_packed(scan, start.is_some()) {
        return Err(fault);
    }
    for named in &scan.imports {
        if let Named::Core(import) = named {
            check_import(scan, import)?;
        }
    }
    let Some(start) = start else { return Err(no_start(scan)) };
    match function(scan, start) {
        Some(start) if start.params().is_empty() && start.results().is_empty() => {}
        Some(start) => {
            return Err(Fault::rejected(format!(
                "the export `_start` has the type {}, and a command's is () -> ()",
                types(start)
            )));
        }
        None => return Err(Fault::rejected("the export `_start` is not a function")),
    }
    match export(scan, "memory") {
        Some(EntityType::Memory(_)) => Ok(()),
        Some(_) => Err(Fault::rejected("the export `memory` is not a memory")),
        None => Err(Fault::rejected(
            "the module exports no `memory`: the host cannot hand it the order; link it as a WASI command",
        )),
    }
}

/// The module of an import that belongs to Extism's interface.
fn extism_import<'a>(named: &Named<'a>) -> Option<&'a str> {
    match named {
        Named::Core(import) => Some(import.module).filter(|module| module.starts_with("extism:")),
        _ => None,
    }
}

/// The fault for a core module that still has to be packed as a component.
fn not_packed(scan: &Scan<'_>, is_command: bool) -> Option<Fault> {
    let of_interface = |import: &Import<'_>| import.module.contains(':') || import.module.starts_with("cm32p2");
    let imports_interface =
        scan.imports.iter().any(|named| matches!(named, Named::Core(import) if of_interface(import)));
    if !(scan.has_component_type && !is_command || imports_interface) {
        return None;
    }
    Some(Fault::rejected(
        "the module is the core of a component and not packed yet: run `bidprice plugin pack FILE -o plugin.wasm` and use its output",
    ))
}

fn no_start(scan: &Scan<'_>) -> Fault {
    if export(scan, "_initialize").is_some() {
        return Fault::rejected(
            "the module is a WASI library (it exports `_initialize`), not a command: build it with a `main` function, or \
             as a component of the WIT package",
        );
    }
    Fault::rejected(
        "the module exports no `_start`: a WASI command has one (build a program with `main` for `wasm32-wasip1`), and a \
         component is packed with `bidprice plugin pack`",
    )
}

fn check_import(scan: &Scan<'_>, import: &Import<'_>) -> Result<(), Fault> {
    let name = format!("{}.{}", excerpt(import.module), excerpt(import.name));
    let refuse = |why: &str| Err(Fault::rejected(format!("the module imports `{name}`: {why}")));
    if import.module != WASI_MODULE {
        return refuse(elsewhere(import.module));
    }
    let Some(EntityType::Func(id)) = scan.types.as_ref().entity_type_from_import(import) else {
        return refuse("a command may import functions only");
    };
    let Some(wanted) = wasi_function(import.name) else {
        return refuse("WASI preview 1 has no such function; build with an unchanged WASI library");
    };
    let Some(found) = scan.types.as_ref().get(id).map(|found| found.unwrap_func()) else { return Ok(()) };
    if (found.params(), found.results()) == (wanted.params, wanted.results) {
        return Ok(());
    }
    refuse(&format!("its type is {wanted} in WASI preview 1, and the module wants {}", types(found)))
}

/// What an import from this module says about the toolchain, and what to do about it.
fn elsewhere(module: &str) -> &'static str {
    match module {
        "wasi_unstable" => "WASI preview 0 is too old; build for `wasm32-wasip1`",
        "env" => "the linker did not find it; give it its library, or build without `--allow-undefined`",
        "__wbindgen_placeholder__" | "wbg" => "wasm-bindgen is for browsers; build without it",
        "gojs" | "go" => "it was built for a browser; with Go, build with `GOOS=wasip1`",
        "wasi" => "threads are not supported; build without `-pthread`",
        _ => "a command may import nothing but `wasi_snapshot_preview1`; build for `wasm32-wasip1`",
    }
}

fn export(scan: &Scan<'_>, name: &str) -> Option<EntityType> {
    scan.exports.iter().find_map(|named| match named {
        Named::CoreExport(export) if export.name == name => scan.types.as_ref().entity_type_from_export(export),
        _ => None,
    })
}

fn function<'s>(scan: &'s Scan<'_>, entity: EntityType) -> Option<&'s FuncType> {
    match entity {
        EntityType::Func(id) => scan.types.as_ref().get(id).map(|found| found.unwrap_func()),
        _ => None,
    }
}

fn types(function: &FuncType) -> String {
    let (params, results): (&[ValType], &[ValType]) = (function.params(), function.results());
    signature(params, results)
}
