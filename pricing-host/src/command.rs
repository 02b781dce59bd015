//! Plugins that are WASI preview 1 commands and follow the bid price script contract.

use pricing_core::order::script_request;
use pricing_core::quote::plugin::{self, Answer};
use pricing_core::quote::{self, ReasonCode};
use pricing_core::text::printable;
use wasmtime::{Engine, InstancePre, Linker, Module, Store};

use crate::fault::Fault;
use crate::limits::CallLimits;
use crate::log::{Level, REASON_BYTES, cut};
use crate::request::Request;
use crate::sandbox::{CallState, Phase};
use crate::wasi::{self, Exit, WasiState};

/// The entry point of a command.
const START: &str = "_start";
/// A function that some toolchains need to be called first.
const INITIALIZE: &str = "_initialize";
/// The program name that a command sees.
const PROGRAM_NAME: &str = "plugin";

/// A command, linked and ready to be instantiated.
pub(crate) struct Program(InstancePre<CallState>);

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Program").finish_non_exhaustive()
    }
}

impl Program {
    /// Links a command.
    pub(crate) fn new(engine: &Engine, module: &Module) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(engine);
        wasi::add_to_linker(&mut linker)?;
        linker.instantiate_pre(module).map(Self)
    }

    /// Encodes a request as the contract specifies.
    pub(crate) fn prepare(request: &Request<'_>, limits: &CallLimits) -> WasiState {
        let stdin = script_request::to_json(request.asked.order).into_bytes();
        WasiState::new(stdin, PROGRAM_NAME, environment(request), limits)
    }

    /// Prices one order on a fresh instance.
    pub(crate) fn call(
        &self,
        store: &mut Store<CallState>,
        phase: &mut Phase,
        wasi: WasiState,
    ) -> wasmtime::Result<Answer> {
        store.data_mut().wasi = wasi;
        let ended = self.run(store, phase);
        let output = store.data_mut().wasi.take_output();
        let stderr = String::from_utf8_lossy(&output.stderr);
        // Also after a crash, since the last output may explain it.
        store.data_mut().log.push(Level::Error, &stderr);
        if output.stderr_cut {
            store.data_mut().log.drop_line();
        }
        let code = exit_code(ended)?;
        *phase = Phase::Answer;
        match code {
            0 => price(&output.stdout).map_err(wasmtime::Error::from),
            code => Ok(Answer::Decline(reason(code, &stderr))),
        }
    }

    fn run(&self, store: &mut Store<CallState>, phase: &mut Phase) -> wasmtime::Result<()> {
        let instance = self.0.instantiate(&mut *store)?;
        *phase = Phase::Call;
        for name in [INITIALIZE, START] {
            if let Some(function) = instance.get_func(&mut *store, name) {
                function.typed::<(), ()>(&*store)?.call(&mut *store, ())?;
            }
        }
        Ok(())
    }
}

/// The environment variables of the contract, and no others.
fn environment(request: &Request<'_>) -> Vec<(String, String)> {
    // A plugin is only asked about orders with a known denom.
    let token = quote::token(&request.asked);
    let denom = token.map(|(denom, _, _)| denom.as_str().to_owned()).unwrap_or_default();
    let owner = request.asked.terms.owner.unwrap_or_default();
    vec![("AKASH_OWNER".to_owned(), owner.exact().to_owned()), ("AKASH_DENOM".to_owned(), denom)]
}

fn exit_code(ended: wasmtime::Result<()>) -> wasmtime::Result<u32> {
    match ended {
        Ok(()) => Ok(0),
        Err(error) => match error.downcast_ref::<Exit>() {
            Some(Exit(code)) => Ok(*code),
            None => Err(error),
        },
    }
}

/// Parses the price that a command printed: a single line.
fn price(stdout: &[u8]) -> Result<Answer, Fault> {
    let invalid = |message: &str| Fault::new(ReasonCode::InvalidOutput, message);
    let text = std::str::from_utf8(stdout).map_err(|_| invalid("the plugin's output is not UTF-8 text"))?;
    let text = text.trim_ascii();
    if text.is_empty() {
        return Err(invalid("the plugin printed no price"));
    }
    if text.contains('\n') {
        return Err(invalid("the plugin printed more than one line; expected a price alone"));
    }
    plugin::read_price(text).map(Answer::Price).map_err(|reason| Fault::new(reason.code, reason.message))
}

/// The reason of a decline, in the command's own words.
fn reason(code: u32, stderr: &str) -> String {
    let said: Vec<String> = stderr.lines().map(printable).filter(|line| !line.trim().is_empty()).collect();
    if said.is_empty() {
        return format!("the plugin ended with exit code {code} and gave no reason");
    }
    cut(&said.join("; "), REASON_BYTES).to_owned()
}
