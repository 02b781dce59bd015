//! Plugins that are components of the WIT package.

mod answer;
mod request;

use pricing_core::quote::plugin::Answer;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, InstancePre, Linker, WasmStr};
use wasmtime::{Engine, Store, StoreContextMut};

use crate::log::Level;
use crate::request::Request;
use crate::sandbox::{CallState, Phase, charge};

/// The types and functions of the WIT package, generated from it.
mod bindings {
    wasmtime::component::bindgen!({ path: "wit", world: "plugin" });
}

use bindings::bidprice::plugin::log::Level as WitLevel;
pub(crate) use bindings::bidprice::plugin::types as wit;

/// The interface for logging.
const LOG: &str = "bidprice:plugin/log@0.1.0";
/// The interface for pricing, and its function.
const PRICER: &str = "bidprice:plugin/pricer@0.1.0";
const PRICE: &str = "price";
/// The fuel that a call of a host function costs, in addition to the bytes that it moves.
const HOST_CALL_FUEL: u64 = 100;
/// The number of bytes that a host function moves per unit of fuel.
const BYTES_PER_FUEL: usize = 8;

/// A component, linked and ready to be instantiated.
pub(crate) struct Program(bindings::PluginPre<CallState>);

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Program").finish_non_exhaustive()
    }
}

impl Program {
    /// Links a component.
    pub(crate) fn new(engine: &Engine, component: &Component) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(engine);
        linker.instance(LOG)?.func_wrap("log", log)?;
        let linked = linker.instantiate_pre(component)?;
        check_price(component, &linked)?;
        bindings::PluginPre::new(linked).map(Self)
    }

    /// Encodes a request in the types of the plugin.
    pub(crate) fn prepare(request: &Request<'_>) -> wit::BidRequest {
        request::to_wit(request)
    }

    /// Prices one order on a fresh instance.
    pub(crate) fn call(
        &self,
        store: &mut Store<CallState>,
        phase: &mut Phase,
        request: &wit::BidRequest,
    ) -> wasmtime::Result<Answer> {
        let plugin = self.0.instantiate(&mut *store)?;
        *phase = Phase::Call;
        let answer = plugin.bidprice_plugin_pricer().call_price(&mut *store, request)?;
        *phase = Phase::Answer;
        answer::from_wit(answer).map_err(wasmtime::Error::from)
    }
}

/// Rejects a `price` function with the wrong type. The bindings would only notice at instantiation, that is during a
/// call.
fn check_price(component: &Component, linked: &InstancePre<CallState>) -> wasmtime::Result<()> {
    let price = component.get_export(None, PRICER).and_then(|(_, pricer)| component.get_export(Some(&pricer), PRICE));
    let Some((ComponentItem::ComponentFunc(price), _)) = price else {
        return Err(wasmtime::Error::msg(format!("it exports no `{PRICE}` of `{PRICER}`")));
    };
    price
        .typecheck::<(&wit::BidRequest,), (wit::Answer,)>(&linked.instance_type())
        .map_err(|error| error.context(format!("its `{PRICE}` is not of the type that the WIT package says")))
}

fn log(mut store: StoreContextMut<'_, CallState>, (level, message): (WitLevel, WasmStr)) -> wasmtime::Result<()> {
    // The store bounds what the guest passes in one call. The text is borrowed until it is paid for.
    let bytes = message.to_str(&store)?.len();
    let moved = u64::try_from(bytes / BYTES_PER_FUEL).unwrap_or(u64::MAX);
    charge(&mut store, HOST_CALL_FUEL.saturating_add(moved))?;
    let level = match level {
        WitLevel::Debug => Level::Debug,
        WitLevel::Info => Level::Info,
        WitLevel::Warn => Level::Warn,
        WitLevel::Error => Level::Error,
    };
    let message = message.to_str(&store)?.into_owned();
    store.data_mut().log.push(level, &message);
    Ok(())
}
