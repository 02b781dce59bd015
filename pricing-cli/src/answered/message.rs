//! A quote as a service's message.

use pricing_proto::bidprice::v1;

use super::{
    Alternative, Amount, Answered, Candidate, Cards, Decided, EndpointPrice, Explored, Fallback, GpuTarget, Kind, Lack,
    LackOnNode, Line, NodeShortage, Offer, OfferPrices, Pending, PluginUse, Reason, Target, VolumePrice, Weight,
};

impl Answered {
    /// The answer of a service.
    ///
    /// # Errors
    /// When it is not a whole answer.
    pub(crate) fn message(quote: v1::Quote, already_reserved: bool) -> Result<Self, String> {
        let decision = match quote.decision() {
            v1::Decision::Bid => Decided::Bid,
            v1::Decision::Decline => Decided::Decline,
            v1::Decision::Fault => Decided::Fault,
            v1::Decision::Unspecified => {
                return Err(format!("the decision {} is not known to this version", quote.decision));
            }
        };
        let v1::Reason { nodes, nodes_left_out, .. } = quote.reason.clone().unwrap_or_default();
        let (complete, found) = (quote.alternatives_complete, quote.alternatives);
        let alternatives = complete.map(|_| found.into_iter().map(alternative).collect()).transpose()?;
        let answered = Self {
            group: quote.group.into(),
            decision,
            price: quote.price.map(amount),
            max_price: quote.max_price.map(amount),
            usd_per_month: quote.usd_per_month,
            targets: quote.targets.into_iter().map(target).collect(),
            lines: quote.lines.into_iter().map(line).collect(),
            offer_prices: quote.offer_prices.into_iter().map(offer).collect(),
            alternatives,
            alternatives_complete: complete,
            pending: quote.pending.map(pending),
            prediction_given_up: quote.prediction_given_up,
            reason: quote.reason.map(reason),
            nodes: nodes.into_iter().map(shortage).collect(),
            nodes_left_out: nodes_left_out.into(),
            plugin: quote.plugin.map(plugin),
            explored: quote.explored.map(explored).transpose()?,
        };
        answered.checked(already_reserved)
    }
}

fn amount(price: v1::Price) -> Amount {
    Amount { denom: price.denom.into(), amount: price.amount }
}

fn reason(reason: v1::Reason) -> Reason {
    Reason { code: reason.code, message: reason.message }
}

fn shortage(node: v1::NodeShortage) -> NodeShortage {
    let lack = |lack: v1::Lack| Lack { resource: lack.resource, asked: lack.asked, free: lack.free };
    NodeShortage { node: node.node, lacks: node.lacks.into_iter().map(lack).collect() }
}

fn pending(pod: v1::Pending) -> Pending {
    let v1::Pending { resource_id, replica, probability, nodes, approximate } = pod;
    let of_node = |found: NodeShortage| {
        let NodeShortage { node, lacks } = found;
        lacks.into_iter().map(move |lack| LackOnNode { node: node.clone(), lack })
    };
    let lacks = nodes.into_iter().map(shortage).flat_map(of_node).collect();
    Pending { resource_id, replica, probability, approximate, lacks }
}

fn target(target: v1::Target) -> Target {
    let v1::Target { resource_id, count, nodes, gpu_units, cards, kinds, others, certain, approximate } = target;
    let gpu = (gpu_units > 0).then(|| GpuTarget {
        units: gpu_units,
        cards: cards.into_iter().map(on_node).collect(),
        kinds: kinds.into_iter().map(candidate).collect(),
        approximate,
        others: others.into_iter().map(kind).collect(),
        certain,
    });
    Target { resource_id, count, nodes, gpu }
}

fn on_node(cards: v1::Cards) -> Cards {
    Cards { node: cards.node, kinds: cards.kinds.into_iter().map(kind).collect(), known: false }
}

fn candidate(mut found: v1::GpuKind) -> Candidate {
    let (probability, node, nodes) = (found.probability.take(), found.node.take(), found.nodes);
    Candidate { kind: kind(found), probability, node, nodes }
}

fn kind(kind: v1::GpuKind) -> Kind {
    let v1::GpuKind { vendor, model, ram, interface, .. } = kind;
    Kind { vendor, model, ram, interface }
}

fn line(line: v1::Line) -> Line {
    let v1::Line { resource_id, item, kind, quantity, unit, usd_per_unit_month, rate, usd_per_month, weights } = line;
    let weights = weights.into_iter().map(weight).collect();
    Line { resource_id, item, kind, quantity, unit, usd_per_unit_month, rate, usd_per_month, weights }
}

fn weight(weight: v1::Weight) -> Weight {
    let v1::Weight { kind, weight, rate, usd_per_unit_month } = weight;
    Weight { kind, weight, rate, usd_per_unit_month }
}

fn offer(offer: v1::OfferPrices) -> Offer {
    let volume = |found: v1::VolumePrice| VolumePrice { name: found.name, price: found.price };
    let endpoint = |found: v1::EndpointPrice| EndpointPrice { kind: found.kind, price: found.price };
    let prices = OfferPrices {
        cpu: offer.cpu,
        memory: offer.memory,
        storage: offer.storage.into_iter().map(volume).collect(),
        gpu: offer.gpu,
        endpoints: offer.endpoints.into_iter().map(endpoint).collect(),
    };
    Offer { resource_id: offer.resource_id, count: offer.count, prices }
}

fn alternative(found: v1::Alternative) -> Result<Alternative, String> {
    Ok(Alternative {
        targets: found.targets.into_iter().map(target).collect(),
        price: found.price.map(amount).ok_or("an alternative has no price")?,
        usd_per_month: found.usd_per_month,
    })
}

fn explored(explored: v1::Explored) -> Result<Explored, String> {
    let v1::Explored { factor, base_price, base_usd_per_month, propensity, factors } = explored;
    let base_price = base_price.map(amount).ok_or("an explored price has no base")?;
    Ok(Explored { factor, base_price, base_usd_per_month, propensity, factors })
}

fn plugin(used: v1::PluginUse) -> PluginUse {
    let v1::PluginUse { name, digest, fuel, fallback, fault } = used;
    let fallback = fallback.map(|by| Fallback { by, fault: reason(fault.unwrap_or_default()) });
    PluginUse { name, digest, fuel, fallback }
}
