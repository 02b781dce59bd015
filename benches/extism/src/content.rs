//! Converts a case to the request that the project's host would send, in types that serialise to JSON.

use benches::plugins::Case;
use pricing_core::gpu::GpuKind as Kind;
use pricing_core::inventory::utilisation;
use pricing_core::{order, quote, rates};

use crate::request::{
    BidRequest, Builtin, Coin, Endpoints, GpuKind, GpuRequest, GpuUsage, Item, Line, Order, Placement, Quote, Rate,
    RateCard, ResourceUnit, Target, Usage, Utilisation, Volume,
};

/// Returns everything that the host tells a plugin.
pub fn request(case: &Case, owner: &str) -> BidRequest {
    let token = quote::token(&case.asked()).ok();
    let targets = case.draft.targets.iter();
    let targets = targets.map(|target| Target { resource_id: target.resource_id, placements: placements(target) });
    BidRequest {
        order: order(&case.order),
        targets: targets.collect(),
        rates: rate_card(&case.pricing.rates),
        builtin: Builtin { quote: built_in(&case.draft), no_bid: None },
        owner: Some(owner.to_owned()),
        utilisation: Some(utilised(&case.utilisation)),
        usd_per_coin: token.as_ref().and_then(|(_, usd, _)| *usd).map(|usd| usd.to_string()),
        denom_exponent: token.as_ref().map_or(0, |(_, _, exponent)| *exponent),
        blocks_per_month: case.pricing.chain.blocks_per_month.to_string(),
    }
}

fn kind(kind: &Kind) -> GpuKind {
    GpuKind {
        vendor: kind.vendor().to_owned(),
        model: kind.model().to_owned(),
        ram: kind.ram().map(str::to_owned),
        interface: kind.interface().map(str::to_owned),
    }
}

fn placements(target: &quote::QuotedTarget) -> Vec<Placement> {
    if target.cards.is_empty() {
        let by_node = target.replicas_by_node().into_iter();
        let bare = by_node.map(|(node, replicas): (Option<&str>, u32)| Placement {
            node: node.map(str::to_owned),
            replicas,
            cards: Vec::new(),
            known: node.is_some(),
        });
        return bare.collect();
    }
    let with_cards = target.cards.iter().map(|group| Placement {
        node: group.node.as_deref().map(str::to_owned),
        replicas: group.replicas,
        cards: group.kinds.iter().map(kind).collect(),
        known: group.known,
    });
    with_cards.collect()
}

fn order(order: &order::Order) -> Order {
    let max_price = order.max_price.as_ref();
    let coin =
        max_price.map(|price| Coin { denom: price.denom().as_str().to_owned(), amount: price.amount().to_string() });
    Order {
        group: order.group.name().exact().to_owned(),
        resources: order.group.resources().iter().map(unit).collect(),
        // The case has no requirements.
        requirements: Vec::new(),
        denom: max_price.map(|price| price.denom().as_str().to_owned()).unwrap_or_default(),
        max_price: coin,
        price_precision: order.price_precision,
    }
}

fn unit(unit: &order::ResourceUnit) -> ResourceUnit {
    let alternatives = unit.gpu.alternatives.iter().map(|selector| kind(&selector.kind())).collect();
    let storage = unit.storage.iter().map(|volume| Volume {
        name: volume.name.clone(),
        size_bytes: volume.size.get(),
        storage_class: volume.class.name().exact().to_owned(),
    });
    ResourceUnit {
        id: unit.id,
        count: unit.count,
        cpu_millis: unit.cpu.get(),
        memory_bytes: unit.memory.get(),
        gpu: (unit.gpu.units > 0).then_some(GpuRequest { units: unit.gpu.units, alternatives }),
        storage: storage.collect(),
        endpoints: Endpoints { total: unit.endpoints.quantity(), leased_ips: 0 },
    }
}

fn rate_card(rates: &rates::RateCard) -> RateCard {
    let rate = |key: &str, usd: String| Rate { key: key.to_owned(), usd_per_month: usd };
    RateCard {
        cpu: rates.cpu.to_string(),
        memory: rates.memory.to_string(),
        endpoint: rates.endpoint.to_string(),
        ip: rates.ip.to_string(),
        storage: rates.storage.iter().map(|(class, usd)| rate(class, usd.to_string())).collect(),
        gpu: rates.gpu.entries().iter().map(|entry| rate(entry.key(), entry.usd().to_string())).collect(),
    }
}

fn built_in(draft: &quote::Quote) -> Option<Quote> {
    let lines = draft.lines.iter().map(|line| Line {
        resource_id: line.resource_id,
        item: item(line.item),
        kind: line.kind.clone(),
        quantity: line.quantity.to_string(),
        usd_per_unit_month: line.usd_per_unit_month.to_string(),
        rate: line.rate.clone(),
        usd_per_month: line.usd_per_month.to_string(),
    });
    Some(Quote {
        usd_per_month: draft.usd_per_month?.to_string(),
        lines: lines.collect(),
        price: draft.price().map(|price| price.amount().to_string()),
    })
}

fn item(item: quote::Item) -> Item {
    match item {
        quote::Item::Cpu | quote::Item::Confidential => Item::Cpu,
        quote::Item::Memory => Item::Memory,
        quote::Item::Storage => Item::Storage,
        quote::Item::Gpu | quote::Item::Interconnect => Item::Gpu,
        quote::Item::Endpoint => Item::Endpoint,
        quote::Item::Ip => Item::Ip,
        quote::Item::Discount => Item::Discount,
        quote::Item::Minimum | quote::Item::Plugin | quote::Item::Explore => Item::Minimum,
    }
}

fn utilised(utilisation: &utilisation::Utilisation) -> Utilisation {
    let usage = |usage: utilisation::Usage| Usage { total: usage.total, used: usage.used };
    let kinds = utilisation.gpu_kinds.iter().map(|gpu| GpuUsage {
        kind: kind(&gpu.kind),
        total: gpu.total,
        used_min: gpu.used_min,
        used_max: gpu.used_max,
    });
    Utilisation {
        nodes: utilisation.nodes,
        cpu_millis: usage(utilisation.cpu),
        memory_bytes: usage(utilisation.memory),
        ephemeral_bytes: usage(utilisation.ephemeral),
        gpus: usage(utilisation.gpus),
        gpu_kinds: kinds.collect(),
    }
}
