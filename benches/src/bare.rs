//! Calls a component with wasmtime alone: the baseline for the host.

use pricing_core::gpu::GpuKind;
use pricing_core::inventory::utilisation;
use pricing_core::quote;
use pricing_host::SizeClass;
use pricing_host::engine::{Purpose, engine};
use wasmtime::component::{Component, Linker, WasmStr};
use wasmtime::{Engine, Store, StoreContextMut};

use crate::plugins::Case;

mod bindings {
    wasmtime::component::bindgen!({ path: "../pricing-host/wit", world: "plugin" });
}

use bindings::bidprice::plugin::log::Level;
use bindings::bidprice::plugin::types as wit;

/// A linked component, without anything of the host around it.
pub struct Bare {
    engine: Engine,
    plugin: bindings::PluginPre<()>,
}

impl std::fmt::Debug for Bare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bare").finish_non_exhaustive()
    }
}

/// A request that has already been converted to the bindings' types.
#[derive(Debug)]
pub struct Prepared(wit::BidRequest);

impl Bare {
    /// Compiles and links a component, on an engine with the host's settings.
    ///
    /// # Errors
    /// When it is not a plugin.
    pub fn new(wasm: &[u8]) -> wasmtime::Result<Self> {
        let engine = engine(SizeClass::Standard, Purpose::Run { concurrency: 4, backtraces: false })?;
        Self::on(engine, wasm)
    }

    /// Compiles and links a component on this engine.
    ///
    /// # Errors
    /// When it is not a plugin.
    pub fn on(engine: Engine, wasm: &[u8]) -> wasmtime::Result<Self> {
        let component = Component::new(&engine, wasm)?;
        let mut linker = Linker::new(&engine);
        let log = |_: StoreContextMut<'_, ()>, (_, _): (Level, WasmStr)| Ok(());
        linker.instance("bidprice:plugin/log@0.1.0")?.func_wrap("log", log)?;
        let plugin = bindings::PluginPre::new(linker.instantiate_pre(&component)?)?;
        Ok(Self { engine, plugin })
    }

    /// Instantiates the component, calls it, and drops the instance. Returns the fuel used.
    ///
    /// # Errors
    /// When the plugin fails.
    pub fn call(&self, request: &Prepared) -> wasmtime::Result<u64> {
        const FUEL: u64 = 10_000_000;
        let mut store = Store::new(&self.engine, ());
        store.set_fuel(FUEL)?;
        store.set_epoch_deadline(1);
        let plugin = self.plugin.instantiate(&mut store)?;
        std::hint::black_box(plugin.bidprice_plugin_pricer().call_price(&mut store, &request.0)?);
        Ok(FUEL.saturating_sub(store.get_fuel()?))
    }
}

impl Case {
    /// Converts the case to the request that the host would send, so that a plugin uses the same fuel for it.
    #[must_use]
    pub fn prepared(&self) -> Prepared {
        let (order, draft) = (&self.order, &self.draft);
        let token = quote::token(&self.asked()).ok();
        let targets = draft
            .targets
            .iter()
            .map(|target| wit::Target { resource_id: target.resource_id, placements: placements(target) });
        Prepared(wit::BidRequest {
            order: wit_order(order),
            targets: targets.collect(),
            rates: rate_card(&self.pricing.rates),
            builtin: builtin(draft),
            owner: self.terms.owner.map(|owner| owner.exact().to_owned()),
            utilisation: Some(wit_utilisation(&self.utilisation)),
            usd_per_coin: token.as_ref().and_then(|(_, usd, _)| *usd).map(|usd| usd.to_string()),
            denom_exponent: token.as_ref().map_or(0, |(_, _, exponent)| *exponent),
            blocks_per_month: self.pricing.chain.blocks_per_month.to_string(),
        })
    }
}

fn placements(target: &quote::QuotedTarget) -> Vec<wit::Placement> {
    if target.cards.is_empty() {
        let bare = |(node, replicas): (Option<&str>, u32)| wit::Placement {
            known: node.is_some(),
            node: node.map(str::to_owned),
            replicas,
            cards: Vec::new(),
        };
        return target.replicas_by_node().into_iter().map(bare).collect();
    }
    let placement = |group: &quote::CardGroup| wit::Placement {
        node: group.node.as_deref().map(str::to_owned),
        replicas: group.replicas,
        // The rate card of the benchmarks uses the default placement rule, so these are the target's candidates.
        cards: target.kinds.iter().map(|candidate| kind(&candidate.kind)).collect(),
        known: group.known,
    };
    target.cards.iter().map(placement).collect()
}

fn kind(kind: &GpuKind) -> wit::GpuKind {
    wit::GpuKind {
        vendor: kind.vendor().to_owned(),
        model: kind.model().to_owned(),
        ram: kind.ram().map(str::to_owned),
        interface: kind.interface().map(str::to_owned),
    }
}

fn wit_order(order: &pricing_core::order::Order) -> wit::Order {
    let max_price = order.max_price.as_ref();
    wit::Order {
        group: order.group.name().exact().to_owned(),
        resources: order.group.resources().iter().map(unit).collect(),
        requirements: Vec::new(),
        denom: max_price.map(|price| price.denom().as_str().to_owned()).unwrap_or_default(),
        max_price: max_price
            .map(|price| wit::Coin { denom: price.denom().as_str().to_owned(), amount: price.amount().to_string() }),
        price_precision: order.price_precision,
    }
}

fn unit(unit: &pricing_core::order::ResourceUnit) -> wit::ResourceUnit {
    let alternatives = unit.gpu.alternatives.iter().map(|selector| kind(&selector.kind())).collect();
    let volume = |volume: &pricing_core::order::Volume| wit::Volume {
        name: volume.name.clone(),
        size_bytes: volume.size.get(),
        storage_class: volume.class.name().exact().to_owned(),
    };
    wit::ResourceUnit {
        id: unit.id,
        count: unit.count,
        cpu_millis: unit.cpu.get(),
        memory_bytes: unit.memory.get(),
        gpu: (unit.gpu.units > 0).then_some(wit::GpuRequest { units: unit.gpu.units, alternatives }),
        storage: unit.storage.iter().map(volume).collect(),
        endpoints: wit::Endpoints { total: unit.endpoints.quantity(), leased_ips: 0 },
    }
}

fn rate_card(rates: &pricing_core::rates::RateCard) -> wit::RateCard {
    let rate = |key: &str, usd: String| wit::Rate { key: key.to_owned(), usd_per_month: usd };
    wit::RateCard {
        cpu: rates.cpu.to_string(),
        memory: rates.memory.to_string(),
        endpoint: rates.endpoint.to_string(),
        ip: rates.ip.to_string(),
        storage: rates.storage.iter().map(|(class, usd)| rate(class, usd.to_string())).collect(),
        gpu: rates.gpu.entries().iter().map(|entry| rate(entry.key(), entry.usd().to_string())).collect(),
    }
}

/// Converts the draft's lines. WIT has fewer items than the core: surcharges count as what they are charged on, as in
/// the host.
fn builtin(draft: &quote::Quote) -> wit::Builtin {
    let line = |line: &quote::Line| wit::Line {
        resource_id: line.resource_id,
        item: match line.item {
            quote::Item::Cpu | quote::Item::Confidential => wit::Item::Cpu,
            quote::Item::Memory => wit::Item::Memory,
            quote::Item::Storage => wit::Item::Storage,
            quote::Item::Gpu | quote::Item::Interconnect => wit::Item::Gpu,
            quote::Item::Endpoint => wit::Item::Endpoint,
            quote::Item::Ip => wit::Item::Ip,
            quote::Item::Discount => wit::Item::Discount,
            quote::Item::Minimum | quote::Item::Plugin | quote::Item::Explore => wit::Item::Minimum,
        },
        kind: line.kind.clone(),
        quantity: line.quantity.to_string(),
        usd_per_unit_month: line.usd_per_unit_month.to_string(),
        rate: line.rate.clone(),
        usd_per_month: line.usd_per_month.to_string(),
    };
    let quote = draft.usd_per_month.map(|usd| wit::Quote {
        lines: draft.lines.iter().map(line).collect(),
        usd_per_month: usd.to_string(),
        price: draft.price().map(|price| price.amount().to_string()),
    });
    wit::Builtin { quote, no_bid: None }
}

fn wit_utilisation(utilisation: &utilisation::Utilisation) -> wit::Utilisation {
    let usage = |usage: utilisation::Usage| wit::Usage { total: usage.total, used: usage.used };
    let gpu = |gpu: &utilisation::GpuUsage| wit::GpuUsage {
        kind: kind(&gpu.kind),
        total: gpu.total,
        used_min: gpu.used_min,
        used_max: gpu.used_max,
    };
    wit::Utilisation {
        nodes: utilisation.nodes,
        cpu_millis: usage(utilisation.cpu),
        memory_bytes: usage(utilisation.memory),
        ephemeral_bytes: usage(utilisation.ephemeral),
        gpus: usage(utilisation.gpus),
        gpu_kinds: utilisation.gpu_kinds.iter().map(gpu).collect(),
    }
}
