//! Which card a replica gets, as far as that is known, and which rate it is priced at.

use std::borrow::Cow;
use std::sync::Arc;

use super::reason::{Reason, ReasonCode};
use crate::budget::{Budget, Spent};
use crate::gpu::{GpuKind, GpuRequest, GpuSelector};
use crate::inventory::Cluster;
use crate::money::Usd;
use crate::order::{Order, ResourceUnit};
use crate::rates::{AmbiguousGpu, GpuRates, Pricing, UnlistedGpu};
use crate::reserve::Target;

/// The cards of one resource unit's replicas on one node, or on none in particular.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardGroup {
    /// The node, when the order was placed.
    pub node: Option<Arc<str>>,
    /// Replicas there.
    pub replicas: u32,
    /// Every kind that may be handed out; the card is certain when there is one.
    pub kinds: Vec<GpuKind>,
    /// Whether an inventory says so. Without one the kinds are what the request names, `*` for any model.
    pub known: bool,
}

/// Where one resource unit goes and what it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotedTarget {
    /// The unit.
    pub resource_id: u32,
    /// Its replicas.
    pub count: u32,
    /// One node a replica, in order of placement; empty when nothing was placed.
    pub nodes: Vec<Arc<str>>,
    /// Cards a replica.
    pub gpu_units: u64,
    /// The cards, one group for each distinct node; empty without GPUs.
    pub cards: Vec<CardGroup>,
}

impl QuotedTarget {
    /// The target of a unit that was placed on a cluster. Cards are those that the order asks for, and is billed for,
    /// whatever commit levels made of them.
    pub(super) fn placed(
        unit: &ResourceUnit,
        target: &Target,
        cluster: &Cluster,
        budget: &Budget<'_>,
    ) -> Result<Self, Reason> {
        let kinds = target.placements.iter().map(|placement| placement.kinds.len());
        let compared = kinds.map(|kinds| kinds.saturating_mul(kinds).saturating_add(16)).fold(0, usize::saturating_add);
        budget.take(compared.saturating_add(names(target.count)))?;
        let name = |id| cluster.node(id).map_or_else(|| Arc::from(""), |node| Arc::clone(&node.name));
        let group = |placement: &crate::reserve::Placement| CardGroup {
            node: Some(name(placement.node)),
            replicas: placement.replicas,
            kinds: target.kinds(cluster, placement).into_iter().cloned().collect(),
            known: true,
        };
        let cards = if unit.gpu.units == 0 { Vec::new() } else { target.placements.iter().map(group).collect() };
        Ok(Self {
            resource_id: target.resource_id,
            count: target.count,
            nodes: target.nodes().map(name).collect(),
            gpu_units: unit.gpu.units,
            cards,
        })
    }

    /// The steps for a copy.
    pub(super) fn size(&self) -> usize {
        let kinds = self.cards.iter().map(|group| group.kinds.len().saturating_add(1).saturating_mul(16));
        kinds.fold(self.nodes.len().saturating_mul(2).saturating_add(16), usize::saturating_add)
    }

    /// The target of a unit of which no inventory is known.
    pub(super) fn unknown(unit: &ResourceUnit) -> Self {
        Self::unplaced(unit, named_kinds(&unit.gpu), false)
    }

    /// The target of a unit that the daemon has placed already: the inventory only says which cards there are, used or
    /// free, that it may have got.
    pub(super) fn held(unit: &ResourceUnit, cluster: &Cluster, budget: &Budget<'_>) -> Result<Self, Reason> {
        let kinds = kinds_in(cluster, &unit.gpu, budget)?;
        Ok(if kinds.is_empty() { Self::unknown(unit) } else { Self::unplaced(unit, kinds, true) })
    }

    /// The kind of all cards, where one is certain: an inventory says so, and every replica gets the same.
    #[must_use]
    pub fn certain_kind(&self) -> Option<&GpuKind> {
        let mut groups = self.cards.iter().map(|group| match group.kinds.as_slice() {
            [kind] if group.known => Some(kind),
            _ => None,
        });
        let first = groups.next()??;
        groups.all(|kind| kind == Some(first)).then_some(first)
    }

    /// How many replicas each node gets, in order of placement; one entry without a node when nothing was placed.
    #[must_use]
    pub fn replicas_by_node(&self) -> Vec<(Option<&str>, u32)> {
        let mut nodes: Vec<(Option<&str>, u32)> = Vec::new();
        for node in &self.nodes {
            match nodes.last_mut() {
                // Replicas of a node follow each other.
                Some((Some(last), replicas)) if *last == &**node => *replicas = replicas.saturating_add(1),
                _ => nodes.push((Some(node), 1)),
            }
        }
        if nodes.is_empty() { vec![(None, self.count)] } else { nodes }
    }

    fn unplaced(unit: &ResourceUnit, kinds: Vec<GpuKind>, known: bool) -> Self {
        let group = CardGroup { node: None, replicas: unit.count, kinds, known };
        Self {
            resource_id: unit.id,
            count: unit.count,
            nodes: Vec::new(),
            gpu_units: unit.gpu.units,
            cards: if unit.gpu.units == 0 { Vec::new() } else { vec![group] },
        }
    }
}

/// The steps for naming the node of each of so many replicas.
fn names(replicas: u32) -> usize {
    usize::try_from(replicas).unwrap_or(usize::MAX).saturating_mul(2)
}

/// What a request names, as kinds: `*` for any model.
fn named_kinds(request: &GpuRequest) -> Vec<GpuKind> {
    if request.alternatives.is_empty() {
        return vec![GpuKind::canonical("*", "*", None, None)];
    }
    request.alternatives.iter().map(crate::gpu::GpuSelector::kind).collect()
}

/// The distinct kinds of a cluster, used or free, that a request allows.
fn kinds_in(cluster: &Cluster, request: &GpuRequest, budget: &Budget<'_>) -> Result<Vec<GpuKind>, Reason> {
    let mut kinds: Vec<GpuKind> = Vec::new();
    for card in cluster.cards() {
        budget.take(request.alternatives.len().saturating_add(kinds.len()).saturating_add(1))?;
        if request.allows(&card.kind) && !kinds.contains(&card.kind) {
            kinds.push(card.kind.clone());
        }
    }
    Ok(kinds)
}

/// The kinds that a request may come to as far as the rate card knows: for each alternative the cards that the rate
/// card names, and those that it does not name where they have a price.
///
/// An alternative that names a model of which nothing has a price is a decline: the order may get that card. `*`, and a
/// model that leaves RAM or interface open, come to what is priced.
pub(super) fn candidates(
    tariff: GpuTariff<'_>,
    request: &GpuRequest,
    take: impl Fn(usize) -> Result<(), Spent>,
) -> Result<Vec<GpuKind>, Reason> {
    let (gpu, entries) = (tariff.gpu, tariff.gpu.entries().len());
    let mut kinds: Vec<GpuKind> = Vec::new();
    let mut add = |cards: Vec<GpuKind>| -> Result<bool, Spent> {
        let mut any = false;
        for card in cards {
            // It is looked up, and compared with those that are there.
            take(entries.saturating_add(kinds.len()).saturating_add(16))?;
            if priced(tariff, &card).is_err() {
                continue;
            }
            any = true;
            if !kinds.contains(&card) {
                kinds.push(card);
            }
        }
        Ok(any)
    };
    for selector in &request.alternatives {
        take(entries.saturating_add(8))?;
        if !add(gpu.cards_within(selector))? && selector.model().is_some() {
            return Err(no_rate(selector));
        }
    }
    if request.alternatives.is_empty() {
        let named = gpu.entries().iter().map(crate::rates::GpuRate::card);
        add(named.chain(named_kinds(request)).collect())?;
    }
    if kinds.is_empty() { Err(unlisted(request)) } else { Ok(kinds) }
}

/// Whether any card that a request allows has a price.
pub(super) fn is_priceable(pricing: &Pricing, request: &GpuRequest) -> bool {
    let gpu = &pricing.rates.gpu;
    let listed = match request.alternatives.as_slice() {
        [] => !gpu.entries().is_empty(),
        alternatives => alternatives.iter().any(|selector| gpu.prices_some(selector)),
    };
    listed || pricing.policy.unlisted_gpu != UnlistedGpu::Decline
}

/// What decides the price of a card.
#[derive(Clone, Copy, Debug)]
pub(super) struct GpuTariff<'a> {
    pub(super) gpu: &'a GpuRates,
    pub(super) unlisted: UnlistedGpu,
}

impl<'a> GpuTariff<'a> {
    pub(super) fn of(pricing: &'a Pricing) -> Self {
        Self { gpu: &pricing.rates.gpu, unlisted: pricing.policy.unlisted_gpu }
    }
}

/// A card with its rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PricedCard {
    /// The card that is priced.
    pub(super) kind: GpuKind,
    /// USD a month for one.
    pub(super) usd: Usd,
    /// The entry that matched.
    pub(super) rate: String,
}

/// The rate of a card, or why it has none.
fn priced(tariff: GpuTariff<'_>, kind: &GpuKind) -> Result<PricedCard, Reason> {
    let priced = |usd, rate: &str| PricedCard { kind: kind.clone(), usd, rate: rate.to_owned() };
    match (tariff.gpu.lookup(kind), tariff.unlisted) {
        (Some(rate), _) => Ok(priced(rate.usd(), rate.key())),
        (None, UnlistedGpu::Price(usd)) => Ok(priced(usd, "unlisted_gpu")),
        (None, UnlistedGpu::Decline) => Err(no_rate(kind)),
    }
}

fn no_rate(what: impl core::fmt::Display) -> Reason {
    let message = format!(
        "the rate card has no entry for `{what}`; add one, or `\"*\"` under [rates.gpu], or a price for `unlisted_gpu`"
    );
    Reason::new(ReasonCode::UnlistedGpu, message)
}

/// The decline of a request of which no card has a rate.
pub(super) fn unlisted(request: &GpuRequest) -> Reason {
    let named: Vec<String> = named_kinds(request).iter().map(ToString::to_string).collect();
    no_rate(named.join("`, `"))
}

/// The card of several candidates that policy prices.
///
/// Candidates of one price are not ambiguous: whichever is handed out, the price is right.
pub(super) fn choose(
    tariff: GpuTariff<'_>,
    ambiguous: AmbiguousGpu,
    candidates: &[GpuKind],
) -> Result<PricedCard, Reason> {
    let cards = candidates.iter().map(|kind| priced(tariff, kind)).collect::<Result<Vec<_>, _>>()?;
    let cheapest = cards.iter().map(|card| card.usd).min();
    let dearest = cards.iter().map(|card| card.usd).max();
    let chosen = match ambiguous {
        AmbiguousGpu::Decline if cheapest != dearest => {
            let kinds: Vec<String> = cards.iter().map(|card| format!("{} at {}", card.kind, card.usd)).collect();
            let message = format!("the order may get cards of different prices: {}", kinds.join(", "));
            return Err(Reason::new(ReasonCode::AmbiguousGpu, message));
        }
        AmbiguousGpu::Lowest => cheapest,
        AmbiguousGpu::Highest | AmbiguousGpu::Decline => dearest,
    };
    // Among cards of one price the first in the inventory's order.
    let chosen = cards.into_iter().find(|card| Some(card.usd) == chosen);
    chosen.ok_or_else(|| Reason::new(ReasonCode::UnlistedGpu, "no card is known for the request"))
}

/// The targets of an unplaced order for every way in which its open requests may fall, one kind for each group of
/// cards, and whether these are all.
pub(super) fn every_choice(
    targets: &[QuotedTarget],
    order: &Order,
    pricing: &Pricing,
    budget: &Budget<'_>,
) -> Result<(Vec<Vec<QuotedTarget>>, bool), Reason> {
    let mut choices: Vec<Vec<QuotedTarget>> = vec![Vec::new()];
    let mut complete = true;
    // What a choice so far takes to be copied.
    let mut size: usize = 1;
    for (target, unit) in targets.iter().zip(order.group.resources()) {
        let mut ways: Vec<Vec<CardGroup>> = vec![Vec::new()];
        for group in &target.cards {
            let more = ways_of(group, unit, pricing, budget)?;
            complete &= extend(&mut ways, &more, target.cards.len().saturating_mul(32), budget)?;
        }
        budget.take(ways.len().saturating_mul(target.size()))?;
        let ways: Vec<QuotedTarget> = ways.into_iter().map(|cards| QuotedTarget { cards, ..target.clone() }).collect();
        size = size.saturating_add(target.size());
        complete &= extend(&mut choices, &ways, size, budget)?;
    }
    Ok((choices, complete))
}

/// What the kinds of a group of which no inventory is known leave open: as the order asks for it, or as the daemon says.
pub(super) fn open_request<'a>(group: &CardGroup, unit: &'a ResourceUnit) -> Cow<'a, GpuRequest> {
    if group.kinds == named_kinds(&unit.gpu) || group.kinds.iter().any(|kind| kind.vendor() == "*") {
        return Cow::Borrowed(&unit.gpu);
    }
    let selector = |kind: &GpuKind| GpuSelector::new(kind.vendor(), kind.model(), kind.ram(), kind.interface());
    Cow::Owned(GpuRequest { units: unit.gpu.units, alternatives: group.kinds.iter().map(selector).collect() })
}

/// The cards of one group, for every kind that it may be; as they are where no kind is known.
fn ways_of(
    group: &CardGroup,
    unit: &ResourceUnit,
    pricing: &Pricing,
    budget: &Budget<'_>,
) -> Result<Vec<CardGroup>, Reason> {
    let kinds = if group.known {
        group.kinds.clone()
    } else {
        let kinds = candidates(GpuTariff::of(pricing), &open_request(group, unit), |steps| budget.take(steps));
        match kinds {
            Err(reason) if budget.spent().is_some() => return Err(reason),
            kinds => kinds.unwrap_or_default(),
        }
    };
    let mut ways: Vec<CardGroup> = Vec::new();
    for kind in kinds {
        budget.take(ways.len().saturating_add(16))?;
        let way = CardGroup { kinds: vec![kind], known: true, ..group.clone() };
        // A daemon may name a kind twice.
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    Ok(if ways.is_empty() { vec![group.clone()] } else { ways })
}

/// Goes on with every choice, each of which takes so many steps to be copied, in each of the ways. Tells whether these
/// are all, and not only the first of them.
fn extend<T: Clone>(choices: &mut Vec<Vec<T>>, ways: &[T], size: usize, budget: &Budget<'_>) -> Result<bool, Reason> {
    let number = choices.len().saturating_mul(ways.len());
    budget.take(number.min(MAX_CHOICES).saturating_mul(size))?;
    let extended =
        choices.iter().flat_map(|chosen| ways.iter().map(|way| chosen.iter().chain([way]).cloned().collect()));
    *choices = extended.take(MAX_CHOICES).collect();
    Ok(number <= MAX_CHOICES)
}

/// The most ways of an unplaced order that are priced.
const MAX_CHOICES: usize = 256;
