//! A plugin's code, ready to be called.

use pricing_core::quote::plugin::Answer;
use wasmtime::{Engine, Store};

use crate::command;
use crate::component;
use crate::fault::Fault;
use crate::limits::CallLimits;
use crate::load::Compiled;
use crate::request::Request;
use crate::sandbox::{CallState, Phase};

/// A plugin of either kind.
#[derive(Debug)]
pub(crate) enum Program {
    /// A component of the WIT package.
    Component(component::Program),
    /// A WASI preview 1 command.
    Command(command::Program),
}

impl Program {
    /// Links compiled code.
    pub(crate) fn link(engine: &Engine, compiled: &Compiled) -> Result<Self, Fault> {
        let linked = match compiled {
            Compiled::Component(component) => component::Program::new(engine, component).map(Self::Component),
            Compiled::Module(module) => command::Program::new(engine, module).map(Self::Command),
        };
        linked.map_err(|error| Fault::rejected(format!("the plugin cannot be linked: {error:#}")))
    }

    pub(crate) fn call(
        &self,
        store: &mut Store<CallState>,
        phase: &mut Phase,
        limits: &CallLimits,
        request: &Request<'_>,
    ) -> wasmtime::Result<Answer> {
        match self {
            Self::Component(program) => program.call(store, phase, request),
            Self::Command(program) => program.call(store, phase, limits, request),
        }
    }
}
