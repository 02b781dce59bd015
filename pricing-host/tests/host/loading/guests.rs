//! Files to load.

use std::path::PathBuf;

use pricing_core::quote::ReasonCode;
use pricing_host::compile::{Compiler, Examination, Wanted};
use pricing_host::inspect::{Inspection, inspect};
use pricing_host::{Fault, LoadLimits, SizeClass};

use crate::common::NEVER;

/// The smallest command: it prints nothing.
pub(crate) const COMMAND: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;

/// The binary of a text.
pub(crate) fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// A module with these fields in it, beside what a command needs.
pub(crate) fn command(fields: &str) -> String {
    format!(r#"(module {fields} (memory (export "memory") 1) (func (export "_start")))"#)
}

/// A component with these fields before an export that passes for a pricer.
pub(crate) fn component(fields: &str) -> String {
    component_exporting(fields, "bidprice:plugin/pricer@0.1.0", "price")
}

/// A component that exports an instance of this name, with one function.
pub(crate) fn component_exporting(fields: &str, interface: &str, function: &str) -> String {
    format!(
        r#"(component
            {fields}
            (core module $code (func (export "f")))
            (core instance $instance (instantiate $code))
            (func $f (canon lift (core func $instance "f")))
            (instance $exported (export "{function}" (func $f)))
            (export "{interface}" (instance $exported)))"#
    )
}

/// Inspects what must be fine.
pub(crate) fn accepted(file: &[u8]) -> Inspection {
    inspect(file, SizeClass::Standard).unwrap_or_else(|fault| panic!("{fault}"))
}

/// The words in which a file is refused.
pub(crate) fn refused(file: &[u8]) -> String {
    let fault = inspect(file, SizeClass::Standard).unwrap_err();
    assert_eq!(fault.code, ReasonCode::LoadRejected);
    assert!(fault.message.chars().count() < 800, "{}", fault.message);
    assert!(is_one_line(&fault.message), "{:?}", fault.message);
    fault.message
}

/// Whether a message, with what it quotes of a file, is a line that does nothing to a terminal. A tab may be quoted.
pub(crate) fn is_one_line(message: &str) -> bool {
    !message.contains(|c: char| c.is_control() && c != '\t')
}

/// The limits of a class, but for those of time, which the machine's speed and load would decide about.
pub(crate) fn patient(class: SizeClass) -> LoadLimits {
    LoadLimits { compile_time: NEVER, compile_cpu: NEVER, ..class.load_limits() }
}

/// The compiler that ships with the host.
pub(crate) fn compiler() -> Compiler {
    Compiler::Child { program: PathBuf::from(env!("CARGO_BIN_EXE_plugin-compiler")), args: Vec::new() }
}

/// The machine code of a file.
pub(crate) fn compile(compiler: &Compiler, file: &[u8], class: SizeClass) -> Result<Vec<u8>, Fault> {
    code(&compiler.examine_within(file, Wanted::artefact(class), &patient(class)))
}

/// The machine code of a file, within other limits than those of its class.
pub(crate) fn compile_within(compiler: &Compiler, file: &[u8], limits: &LoadLimits) -> Result<Vec<u8>, Fault> {
    code(&compiler.examine_within(file, Wanted::artefact(SizeClass::Standard), limits))
}

fn code(examined: &Examination) -> Result<Vec<u8>, Fault> {
    examined.compiled().map(|(_, code)| code.to_vec()).map_err(|refusal| refusal.clone().into())
}
