//! Commands in WebAssembly text, run against the functions.

mod command;
mod functions;
mod hostile;
mod storm;
mod streams;

use std::fmt::Write as _;
use std::sync::OnceLock;

use wasmparser::ValType;
use wasmtime::{Engine, Linker, Module, Store, Trap};

use super::*;
use crate::engine::{Purpose, engine};
use crate::inspect::{WASI_FUNCTIONS, WasiFunction, wasi_function};
use crate::limits::{CallLimits, SizeClass};

struct Host {
    wasi: WasiState,
    late: bool,
}

impl HasWasi for Host {
    fn wasi(&mut self) -> &mut WasiState {
        &mut self.wasi
    }

    fn check_deadline(&self) -> wasmtime::Result<()> {
        if self.late { Err(Trap::Interrupt.into()) } else { Ok(()) }
    }
}

/// How a command ended, what it wrote, and the fuel that it burned.
#[derive(Debug)]
struct Run {
    end: Result<(), wasmtime::Error>,
    output: Output,
    fuel: u64,
}

impl Run {
    /// The exit code; 0 where the command just returned.
    fn code(&self) -> u32 {
        match &self.end {
            Ok(()) => 0,
            Err(error) => error.downcast_ref::<Exit>().unwrap_or_else(|| panic!("{error:?}")).0,
        }
    }

    fn trap(&self) -> Option<Trap> {
        self.end.as_ref().err()?.downcast_ref().copied()
    }

    fn stdout(&self) -> &str {
        std::str::from_utf8(&self.output.stdout).unwrap()
    }
}

fn shared_engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| engine(SizeClass::Standard, Purpose::Run { concurrency: 16, backtraces: false }).unwrap())
}

fn state(stdin: &[u8]) -> WasiState {
    let environment = [("AKASH_OWNER", "akash1owner"), ("AKASH_DENOM", "uact")];
    with_environment(stdin, &environment)
}

fn with_environment(stdin: &[u8], environment: &[(&str, &str)]) -> WasiState {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    WasiState::new(stdin, "plugin", environment, &CallLimits::default())
}

/// Runs the command that a file is.
fn run_file(file: &[u8], state: WasiState) -> Run {
    run_on(Host { wasi: state, late: false }, file)
}

fn run_on(host: Host, file: &[u8]) -> Run {
    let limits = CallLimits::default();
    let engine = shared_engine();
    let module = Module::new(engine, file).unwrap();
    let mut linker = Linker::new(engine);
    add_to_linker(&mut linker).unwrap();
    let mut store = Store::new(engine, host);
    store.set_epoch_deadline(1);
    store.set_fuel(limits.fuel).unwrap();
    let end = linker.instantiate(&mut store, &module).and_then(|instance| {
        let start = instance.get_typed_func::<(), ()>(&mut store, "_start")?;
        start.call(&mut store, ())
    });
    let fuel = limits.fuel - store.get_fuel().unwrap();
    Run { end, output: store.data_mut().wasi.take_output(), fuel }
}

/// A module that imports everything, with a page of memory and these fields.
fn module(fields: &str) -> Vec<u8> {
    let mut text = "(module ".to_owned();
    for WasiFunction { name, params, results } in WASI_FUNCTIONS {
        let words = |types: &[ValType]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let (params, results) = (words(params), words(results));
        writeln!(text, "(import \"{MODULE}\" \"{name}\" (func ${name} (param {params}) (result {results})))").unwrap();
    }
    write!(text, "(memory (export \"memory\") 1) {fields})").unwrap();
    wat::parse_str(text).unwrap()
}

/// Runs a `_start` of this body.
fn run_body(body: &str, state: WasiState) -> Run {
    run_file(&module(&format!("(func (export \"_start\") (local $i i32) {body})")), state)
}

/// The error number that a function answers with, in a memory that starts with these 32-bit numbers.
fn errno(numbers: &[u32], function: &str, arguments: &[i64]) -> u32 {
    let params = wasi_function(function).unwrap().params;
    assert_eq!(params.len(), arguments.len(), "{function}");
    let arguments = params.iter().zip(arguments).map(|(param, argument)| format!("({param}.const {argument})"));
    let fields = format!(
        "(data (i32.const 0) \"{}\") (func (export \"_start\") (call $proc_exit (call ${function} {})))",
        bytes(numbers),
        arguments.collect::<String>()
    );
    run_file(&module(&fields), state(b"the request")).code()
}

/// Every function that returns.
fn returning() -> impl Iterator<Item = &'static WasiFunction> {
    WASI_FUNCTIONS.iter().filter(|function| function.name != "proc_exit")
}

/// A call with zeros for arguments.
fn call_with_zeros(function: &WasiFunction) -> String {
    let zeros: String = function.params.iter().map(|param| format!("({param}.const 0)")).collect();
    format!("(drop (call ${} {zeros}))", function.name)
}

/// Numbers as the bytes of a data segment.
fn bytes(numbers: &[u32]) -> String {
    numbers.iter().flat_map(|number| number.to_le_bytes()).map(|byte| format!("\\{byte:02x}")).collect()
}
