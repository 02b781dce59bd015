//! Stands in until the real one is there.
use crate::cache::Cache;
use crate::compile::Compiler;
use crate::fault::Fault;
use crate::inspect::{Inspection, Kind};
use crate::limits::SizeClass;
/// Compiled code.
pub enum Compiled {
    /// Component.
    Component(wasmtime::component::Component),
    /// Module.
    Module(wasmtime::Module),
}
/// Where from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Cache.
    Cache,
    /// Fresh.
    Compiled,
}
/// Loads.
pub fn load_artefact(
    engine: &wasmtime::Engine,
    inspection: &Inspection,
    _class: SizeClass,
    _compiler: &Compiler,
    _cache: Option<&Cache>,
) -> Result<(Compiled, Origin), Fault> {
    let rejected = |error: wasmtime::Error| Fault::rejected(format!("{error:#}"));
    Ok((
        match inspection.kind {
            Kind::Component => {
                Compiled::Component(wasmtime::component::Component::new(engine, &inspection.wasm).map_err(rejected)?)
            }
            Kind::Command => Compiled::Module(wasmtime::Module::new(engine, &inspection.wasm).map_err(rejected)?),
        },
        Origin::Compiled,
    ))
}
