//! The plugin under Extism, with the same limits as in the host where Extism has them.

use std::time::Duration;

use extism::{CompiledPlugin, Manifest, Plugin, PluginBuilder, Wasm};
use pricing_core::money::Usd;
use pricing_core::quote::plugin::{Answer, Change};
use pricing_host::CallLimits;
use rust_decimal::Decimal;

use crate::request::{self, BidRequest};

/// Any error.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The guest, built by `guest/build.sh`.
const GUEST: &[u8] = include_bytes!("../guest.wasm");
/// The size of a page of linear memory.
const PAGE: u64 = 64 << 10;

/// Compiles the guest.
pub fn compile(limits: &CallLimits) -> Result<CompiledPlugin, Error> {
    let manifest = Manifest::new([Wasm::data(GUEST)])
        .with_memory_max(u32::try_from(limits.memory_bytes / PAGE)?)
        .with_timeout(limits.deadline)
        .disallow_all_hosts();
    let builder = PluginBuilder::new(manifest).with_cache_disabled().with_fuel_limit(limits.fuel);
    Ok(builder.compile()?)
}

/// Makes an instance, calls it once, and drops it.
pub fn fresh(compiled: &CompiledPlugin, request: &BidRequest) -> Result<Answer, Error> {
    call(&mut Plugin::new_from_compiled(compiled)?, request)
}

/// Writes the request, calls an instance, and reads the answer.
pub fn call(plugin: &mut Plugin, request: &BidRequest) -> Result<Answer, Error> {
    let input = serde_json::to_vec(request)?;
    let output: &[u8] = plugin.call("price", input)?;
    answer(serde_json::from_slice(output)?)
}

/// Converts an answer to the project's types. Its decimals are checked as in the host.
fn answer(answer: request::Answer) -> Result<Answer, Error> {
    let changes = match answer {
        request::Answer::Decline(reason) => return Ok(Answer::Decline(reason)),
        request::Answer::Change(changes) => changes,
    };
    let change = |change| -> Result<Change, Error> {
        Ok(match change {
            request::Change::Multiply(factor) => Change::Multiply(Decimal::from_str_exact(&factor)?),
            request::Change::Add(usd) => Change::Add(Usd::parse(&usd)?),
            request::Change::Floor(usd) => Change::Floor(Usd::parse(&usd)?),
        })
    };
    Ok(Answer::Change(changes.into_iter().map(change).collect::<Result<_, _>>()?))
}

/// Returns the host's limits, without the deadline, which some calls would miss on a busy machine.
pub fn limits() -> CallLimits {
    CallLimits { deadline: Duration::from_secs(1), ..pricing_host::SizeClass::Standard.call_limits() }
}
