//! Quotes as messages, field by field as the contract's JSON has them.

use pricing_core::gpu::GpuKind;
use pricing_core::money::Price;
use pricing_core::quote::{
    Alternative, Alternatives, Candidate, CardGroup, Decision, Explored, Line, OfferPrices, PluginUse, Quote,
    QuotedTarget, Reason, Weight,
};
use pricing_core::reserve::kubernetes::PodPlacements;
use pricing_core::reserve::shortage::{Lack, NodeShortage};
use pricing_proto::bidprice::v1;

/// Converts a quote, with the alternatives if they were requested.
#[must_use]
pub fn quote(quote: &Quote, alternatives: Option<&Alternatives>) -> v1::Quote {
    let decision = match &quote.decision {
        Decision::Bid(_) => v1::Decision::Bid,
        Decision::NoBid(reason) if reason.code.is_fault() => v1::Decision::Fault,
        Decision::NoBid(_) => v1::Decision::Decline,
    };
    v1::Quote {
        group: quote.group.exact().to_owned(),
        decision: decision.into(),
        price: quote.price().map(price),
        max_price: quote.max_price.as_ref().map(price),
        usd_per_month: quote.usd_per_month.map(|usd| usd.to_string()),
        targets: quote.targets.iter().map(target).collect(),
        lines: quote.lines.iter().map(line).collect(),
        offer_prices: quote.offer_prices.iter().map(offer_prices).collect(),
        reason: quote.reason().map(reason),
        plugin: quote.plugin.as_ref().map(plugin),
        alternatives: alternatives.map(|found| found.list.iter().map(alternative).collect()).unwrap_or_default(),
        alternatives_complete: alternatives.map(|found| found.complete),
        explored: quote.explored.as_ref().map(explored),
        pending: quote.pods.placements().and_then(pending),
        prediction_given_up: quote.pods.is_given_up(),
    }
}

fn pending(placements: &PodPlacements) -> Option<v1::Pending> {
    let pod = placements.pending.as_ref()?;
    Some(v1::Pending {
        resource_id: pod.resource_id,
        replica: pod.replica,
        probability: pod.probability.to_string(),
        nodes: pod.lacks.iter().map(node_shortage).collect(),
        approximate: placements.approximate,
    })
}

/// Converts a reason.
#[must_use]
pub fn reason(reason: &Reason) -> v1::Reason {
    let shortage = reason.shortage.as_deref();
    let left_out = shortage.map_or(0, |shortage| shortage.nodes_left_out);
    v1::Reason {
        code: reason.code.name().to_owned(),
        message: reason.message.clone(),
        nodes: shortage.map(|shortage| shortage.nodes.iter().map(node_shortage).collect()).unwrap_or_default(),
        nodes_left_out: u32::try_from(left_out).unwrap_or(u32::MAX),
    }
}

fn node_shortage(shortage: &NodeShortage) -> v1::NodeShortage {
    let lack = |lack: &Lack| v1::Lack {
        resource: lack.resource.name().to_owned(),
        asked: lack.asked.clone(),
        free: lack.free.clone(),
    };
    v1::NodeShortage { node: shortage.node.to_string(), lacks: shortage.lacks.iter().map(lack).collect() }
}

fn price(price: &Price) -> v1::Price {
    v1::Price { denom: price.denom().as_str().to_owned(), amount: price.amount().to_string() }
}

fn target(target: &QuotedTarget) -> v1::Target {
    v1::Target {
        resource_id: target.resource_id,
        count: target.count,
        nodes: target.nodes.iter().map(ToString::to_string).collect(),
        gpu_units: target.gpu_units,
        cards: target.cards.iter().map(cards).collect(),
        kinds: target.kinds.iter().map(candidate).collect(),
        others: target.others.iter().map(kind).collect(),
        certain: target.is_certain(),
        approximate: target.approximate,
    }
}

fn cards(group: &CardGroup) -> v1::Cards {
    v1::Cards { node: group.node.as_deref().map(str::to_owned), kinds: group.kinds.iter().map(kind).collect() }
}

fn candidate(candidate: &Candidate) -> v1::GpuKind {
    v1::GpuKind {
        probability: candidate.probability.map(|probability| probability.to_string()),
        node: candidate.place.node.as_deref().map(str::to_owned),
        nodes: candidate.place.nodes,
        ..kind(&candidate.kind)
    }
}

fn kind(kind: &GpuKind) -> v1::GpuKind {
    v1::GpuKind {
        vendor: kind.vendor().to_owned(),
        model: kind.model().to_owned(),
        ram: kind.ram().map(str::to_owned),
        interface: kind.interface().map(str::to_owned),
        ..v1::GpuKind::default()
    }
}

fn line(line: &Line) -> v1::Line {
    v1::Line {
        resource_id: line.resource_id,
        item: line.item.name().to_owned(),
        kind: line.kind.clone(),
        quantity: line.quantity.to_string(),
        unit: line.item.unit().map(str::to_owned),
        usd_per_unit_month: line.usd_per_unit_month.to_string(),
        rate: line.rate.clone(),
        usd_per_month: line.usd_per_month.to_string(),
        weights: line.weights.iter().map(weight).collect(),
    }
}

fn weight(weight: &Weight) -> v1::Weight {
    v1::Weight {
        kind: weight.kind.clone(),
        weight: weight.part.clone(),
        rate: weight.rate.clone(),
        usd_per_unit_month: weight.usd_per_unit_month.to_string(),
    }
}

fn offer_prices(offer: &OfferPrices) -> v1::OfferPrices {
    let volumes = offer.storage.iter();
    let endpoints = offer.endpoints.iter();
    v1::OfferPrices {
        resource_id: offer.resource_id,
        count: offer.count,
        cpu: offer.cpu.to_string(),
        memory: offer.memory.to_string(),
        storage: volumes.map(|v| v1::VolumePrice { name: v.name.clone(), price: v.price.to_string() }).collect(),
        gpu: offer.gpu.to_string(),
        endpoints: endpoints
            .map(|e| v1::EndpointPrice { kind: e.kind.name().to_owned(), price: e.price.to_string() })
            .collect(),
    }
}

fn explored(explored: &Explored) -> v1::Explored {
    v1::Explored {
        factor: explored.factor.to_string(),
        base_price: Some(price(&explored.base_price)),
        base_usd_per_month: explored.base_usd_per_month.to_string(),
        propensity: explored.propensity().to_string(),
        factors: explored.factors.iter().map(ToString::to_string).collect(),
    }
}

fn plugin(used: &PluginUse) -> v1::PluginUse {
    v1::PluginUse {
        name: used.name.clone(),
        digest: used.digest.clone(),
        fuel: used.fuel,
        fallback: used.fallback.as_ref().map(|fallback| fallback.by.name().to_owned()),
        fault: used.fallback.as_ref().map(|fallback| reason(&fallback.fault)),
    }
}

fn alternative(found: &Alternative) -> v1::Alternative {
    v1::Alternative {
        targets: found.targets.iter().map(target).collect(),
        price: Some(price(&found.price)),
        usd_per_month: found.usd_per_month.map(|usd| usd.to_string()),
    }
}
