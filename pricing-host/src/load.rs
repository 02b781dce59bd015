//! From an inspected file to something that can be instantiated: out of the cache, or compiled.

use wasmtime::component::Component;
use wasmtime::{Engine, Module};

use crate::cache::{Cache, CacheKey, CacheWarning};
use crate::compile::Compiler;
use crate::inspect::{Inspection, Kind, passed_on};
use crate::{Fault, SizeClass};

/// A compiled plugin.
#[derive(Clone, Debug)]
pub enum Compiled {
    /// Of a [`Kind::Component`].
    Component(Component),
    /// Of a [`Kind::Command`].
    Module(Module),
}

/// Where a compiled plugin came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From the cache.
    Cache,
    /// It was compiled now; the warning says why it was not kept.
    Compiled(Option<CacheWarning>),
}

/// Loads an inspected plugin for an engine: from the cache when it is there, else compiled and kept.
///
/// # Errors
/// [`ReasonCode::LoadRejected`](pricing_core::quote::ReasonCode::LoadRejected) when it does not compile within the limits
/// of its class, or asks for more than the engine's pool has.
pub fn load_artefact(
    engine: &Engine,
    inspection: &Inspection,
    class: SizeClass,
    compiler: &Compiler,
    cache: Option<&Cache>,
) -> Result<(Compiled, Origin), Fault> {
    let kept = cache.map(|cache| (cache, CacheKey::new(&inspection.wasm_digest, engine, class)));
    // What verifies and is refused all the same is replaced.
    let found = kept.as_ref().and_then(|(cache, key)| cache.get(key));
    if let Some(compiled) = found.and_then(|artefact| deserialize(engine, inspection.kind, &artefact).ok()) {
        return Ok((compiled, Origin::Cache));
    }
    let artefact = compiler.compile(&inspection.wasm, inspection.kind, class)?;
    let compiled = deserialize(engine, inspection.kind, &artefact).map_err(|error| {
        Fault::rejected(format!("the plugin cannot be run here: {}", passed_on(&format!("{error:#}"))))
    })?;
    let warning = kept.and_then(|(cache, key)| cache.put(&key, &artefact).err());
    Ok((compiled, Origin::Compiled(warning)))
}

#[expect(
    unsafe_code,
    reason = "the bytes come from our compiler, or from a cache entry with a keyed digest that verified"
)]
fn deserialize(engine: &Engine, kind: Kind, artefact: &[u8]) -> wasmtime::Result<Compiled> {
    // SAFETY: The bytes are what `Engine::precompile_*` returned in a process of ours. The cache gives out none that do
    // not carry a digest with a key that only this user can read.
    unsafe {
        match kind {
            Kind::Component => Component::deserialize(engine, artefact).map(Compiled::Component),
            Kind::Command => Module::deserialize(engine, artefact).map(Compiled::Module),
        }
    }
}
