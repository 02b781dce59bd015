//! A plugin's code, ready to be called.

use pricing_core::quote::plugin::Answer;
use wasmtime::{Engine, Store};

use crate::command;
use crate::component;
use crate::fault::Fault;
use crate::inspect::passed_on;
use crate::limits::CallLimits;
use crate::load::Compiled;
use crate::request::Request;
use crate::sandbox::{CallState, Phase};
use crate::wasi::WasiState;

/// A plugin of either kind.
#[derive(Debug)]
pub(crate) enum Program {
    /// A component of the WIT package.
    Component(component::Program),
    /// A WASI preview 1 command.
    Command(command::Program),
}

/// A call that is ready to be made.
#[derive(Debug)]
pub(crate) enum PreparedCall<'a> {
    /// Of a component.
    Component(&'a component::Program, Box<component::wit::BidRequest>),
    /// Of a command.
    Command(&'a command::Program, Box<WasiState>),
}

impl PreparedCall<'_> {
    /// Prices the order on a fresh instance.
    pub(crate) fn call(self, store: &mut Store<CallState>, phase: &mut Phase) -> wasmtime::Result<Answer> {
        match self {
            Self::Component(program, request) => program.call(store, phase, &request),
            Self::Command(program, wasi) => program.call(store, phase, *wasi),
        }
    }
}

impl Program {
    /// Links compiled code.
    pub(crate) fn link(engine: &Engine, compiled: &Compiled) -> Result<Self, Fault> {
        let linked = match compiled {
            Compiled::Component(component) => component::Program::new(engine, component).map(Self::Component),
            Compiled::Module(module) => command::Program::new(engine, module).map(Self::Command),
        };
        linked.map_err(|error| {
            Fault::rejected(format!("the plugin cannot be linked: {}", passed_on(&format!("{error:#}"))))
        })
    }

    /// Encodes a request for the plugin. This is the host's work and does not count as the plugin's time.
    pub(crate) fn prepare<'a>(&'a self, request: &Request<'_>, limits: &CallLimits) -> PreparedCall<'a> {
        match self {
            Self::Component(program) => {
                PreparedCall::Component(program, Box::new(component::Program::prepare(request)))
            }
            Self::Command(program) => {
                PreparedCall::Command(program, Box::new(command::Program::prepare(request, limits)))
            }
        }
    }
}
