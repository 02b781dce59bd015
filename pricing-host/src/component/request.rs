//! The request to a component, in the types of the WIT package.

use pricing_core::gpu::{GpuKind, GpuSelector};
use pricing_core::inventory::utilisation::{self, Utilisation};
use pricing_core::order::{self, Order};
use pricing_core::quote::{self, CardGroup, Item, Line, Quote, QuoteRequest, QuotedTarget};
use pricing_core::rates::{Placement, RateCard};

use super::wit;
use crate::request::Request;

/// Encodes a request.
pub(super) fn to_wit(request: &Request<'_>) -> wit::BidRequest {
    let Request { asked, draft } = request;
    let QuoteRequest { order, pricing, utilisation, terms, .. } = *asked;
    // A plugin is only asked about orders with a known denom.
    let token = quote::token(asked).ok();
    let (denom, usd_per_coin, denom_exponent) = match token {
        Some((denom, usd, exponent)) => (denom.to_string(), usd, exponent),
        None => (String::new(), None, 0),
    };
    wit::BidRequest {
        order: order_to_wit(order, denom),
        targets: draft.targets.iter().map(target).collect(),
        rates: rate_card(&pricing.rates),
        builtin: builtin(draft),
        owner: terms.owner.map(|owner| owner.exact().to_owned()),
        utilisation: utilisation.map(utilisation_to_wit),
        usd_per_coin: usd_per_coin.map(|usd| usd.to_string()),
        denom_exponent,
        blocks_per_month: pricing.chain.blocks_per_month.to_string(),
    }
}

fn order_to_wit(order: &Order, denom: String) -> wit::Order {
    let attributes = &order.group.requirements().attributes;
    wit::Order {
        group: order.group.name().exact().to_owned(),
        resources: order.group.resources().iter().map(resource_unit).collect(),
        requirements: attributes.iter().map(attribute).collect(),
        denom,
        max_price: order
            .max_price
            .as_ref()
            .map(|price| wit::Coin { denom: price.denom().as_str().to_owned(), amount: price.amount().to_string() }),
        price_precision: order.price_precision,
    }
}

fn attribute(attribute: &order::Attribute) -> wit::Attribute {
    wit::Attribute { key: attribute.key.clone(), value: attribute.value.clone() }
}

fn resource_unit(unit: &order::ResourceUnit) -> wit::ResourceUnit {
    let gpu = &unit.gpu;
    let request =
        || wit::GpuRequest { units: gpu.units, alternatives: gpu.alternatives.iter().map(selector).collect() };
    wit::ResourceUnit {
        id: unit.id,
        count: unit.count,
        cpu_millis: unit.cpu.get(),
        memory_bytes: unit.memory.get(),
        gpu: (gpu.units > 0).then(request),
        storage: unit.storage.iter().map(volume).collect(),
        endpoints: wit::Endpoints {
            total: unit.endpoints.quantity(),
            leased_ips: order::leased_ips(std::iter::once(&unit.endpoints)),
        },
    }
}

fn selector(selector: &GpuSelector) -> wit::GpuKind {
    kind(&selector.kind())
}

fn kind(kind: &GpuKind) -> wit::GpuKind {
    wit::GpuKind {
        vendor: kind.vendor().to_owned(),
        model: kind.model().to_owned(),
        ram: kind.ram().map(str::to_owned),
        interface: kind.interface().map(str::to_owned),
    }
}

fn volume(volume: &order::Volume) -> wit::Volume {
    wit::Volume {
        name: volume.name.clone(),
        size_bytes: volume.size.get(),
        storage_class: volume.class.name().exact().to_owned(),
    }
}

fn target(target: &QuotedTarget) -> wit::Target {
    let placements = if target.cards.is_empty() {
        target.replicas_by_node().into_iter().map(bare_placement).collect()
    } else {
        target.cards.iter().map(|group| placement(target, group)).collect()
    };
    wit::Target { resource_id: target.resource_id, placements }
}

fn bare_placement((node, replicas): (Option<&str>, u32)) -> wit::Placement {
    wit::Placement { known: node.is_some(), node: node.map(str::to_owned), replicas, cards: Vec::new() }
}

fn placement(target: &QuotedTarget, group: &CardGroup) -> wit::Placement {
    let cards = match target.placement {
        Placement::Kubernetes => target.kinds.iter().map(|candidate| kind(&candidate.kind)).collect(),
        Placement::Pinned => group.kinds.iter().map(kind).collect(),
    };
    wit::Placement {
        node: group.node.as_deref().map(str::to_owned),
        replicas: group.replicas,
        cards,
        known: group.known,
    }
}

fn rate_card(rates: &RateCard) -> wit::RateCard {
    let rate =
        |key: &str, usd: pricing_core::money::Usd| wit::Rate { key: key.to_owned(), usd_per_month: usd.to_string() };
    wit::RateCard {
        cpu: rates.cpu.to_string(),
        memory: rates.memory.to_string(),
        endpoint: rates.endpoint.to_string(),
        ip: rates.ip.to_string(),
        storage: rates.storage.iter().map(|(class, usd)| rate(class, *usd)).collect(),
        gpu: rates.gpu.entries().iter().map(|entry| rate(entry.key(), entry.usd())).collect(),
    }
}

fn builtin(draft: &Quote) -> wit::Builtin {
    let quote = draft.usd_per_month.map(|usd| wit::Quote {
        lines: draft.lines.iter().map(line).collect(),
        usd_per_month: usd.to_string(),
        price: draft.price().map(|price| price.amount().to_string()),
    });
    let no_bid = draft
        .reason()
        .map(|reason| wit::Reason { code: reason.code.name().to_owned(), message: reason.message.clone() });
    wit::Builtin { quote, no_bid }
}

fn line(line: &Line) -> wit::Line {
    wit::Line {
        resource_id: line.resource_id,
        item: item(line.item),
        kind: line.kind.clone(),
        quantity: line.quantity.to_string(),
        usd_per_unit_month: line.usd_per_unit_month.to_string(),
        rate: line.rate.clone(),
        usd_per_month: line.usd_per_month.to_string(),
    }
}

fn item(item: Item) -> wit::Item {
    match item {
        Item::Memory => wit::Item::Memory,
        Item::Storage => wit::Item::Storage,
        // The first version of the interface has no cases for these; their `rate` says what they are.
        Item::Gpu | Item::Interconnect => wit::Item::Gpu,
        Item::Cpu | Item::Confidential => wit::Item::Cpu,
        Item::Endpoint => wit::Item::Endpoint,
        Item::Ip => wit::Item::Ip,
        Item::Discount => wit::Item::Discount,
        // The built-in pricer makes no lines of plugins, and a draft is not explored.
        Item::Minimum | Item::Plugin | Item::Explore => wit::Item::Minimum,
    }
}

fn utilisation_to_wit(utilisation: &Utilisation) -> wit::Utilisation {
    let usage = |usage: utilisation::Usage| wit::Usage { total: usage.total, used: usage.used };
    wit::Utilisation {
        nodes: utilisation.nodes,
        cpu_millis: usage(utilisation.cpu),
        memory_bytes: usage(utilisation.memory),
        ephemeral_bytes: usage(utilisation.ephemeral),
        gpus: usage(utilisation.gpus),
        gpu_kinds: utilisation.gpu_kinds.iter().map(gpu_usage).collect(),
    }
}

fn gpu_usage(usage: &utilisation::GpuUsage) -> wit::GpuUsage {
    wit::GpuUsage { kind: kind(&usage.kind), total: usage.total, used_min: usage.used_min, used_max: usage.used_max }
}
