//! Which cards a replica gets, as far as that is known.

use std::borrow::Cow;
use std::sync::Arc;

use super::candidates::{Candidate, CandidateKinds, CardMatching, Tally, alike};
use super::prediction::Predict;
use super::reason::Reason;
use super::terms::Terms;
use crate::budget::Budget;
use crate::gpu::GpuKind;
use crate::inventory::{Cluster, NodeId};
use crate::order::ResourceUnit;
use crate::rates::{GpuRates, Placement, Pricing};
use crate::reserve::{CommittedUnit, PodRequest, PodSelector, Scheduler, Target, start};

/// The cards of one resource unit's replicas on one node, or without a particular node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardGroup {
    /// The node, if the order was placed.
    pub node: Option<Arc<str>>,
    /// The number of replicas there.
    pub replicas: u32,
    /// Every kind that may be handed out there.
    pub kinds: Vec<GpuKind>,
    /// Whether an inventory says so. Otherwise the kinds are those that the request names, with `*` for any model.
    pub known: bool,
    /// The weights of the node's own cards, if replicas are priced by the cards of their own nodes. Empty if all kinds
    /// are equally likely.
    pub candidates: Vec<Candidate>,
}

impl CardGroup {
    fn priced_among(&self) -> Vec<&GpuKind> {
        if self.candidates.is_empty() {
            return self.kinds.iter().collect();
        }
        self.candidates.iter().map(|candidate| &candidate.kind).collect()
    }

    /// The candidates that the replicas are priced among, by the cards of their own node.
    pub(super) fn own_candidates(&self) -> Cow<'_, [Candidate]> {
        if self.candidates.is_empty() { Cow::Owned(alike(&self.kinds)) } else { Cow::Borrowed(&self.candidates) }
    }
}

/// Where one resource unit goes, and which cards it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotedTarget {
    /// The unit.
    pub resource_id: u32,
    /// The number of its replicas.
    pub count: u32,
    /// The node of each replica, in order of placement. Empty if nothing was placed.
    pub nodes: Vec<Arc<str>>,
    /// Cards per replica.
    pub gpu_units: u64,
    /// The cards of the reserved nodes, one group per distinct node. Empty without GPUs.
    pub cards: Vec<CardGroup>,
    /// Every kind that the order allows wherever a replica could start; those of the reserved nodes first.
    pub kinds: Vec<Candidate>,
    /// The kinds on those nodes that the order does not allow, but that could be handed out anyway.
    pub others: Vec<GpuKind>,
    /// Whether the probabilities of `kinds` are approximate.
    pub approximate: bool,
    /// Whether all replicas are priced among `kinds`, or each one among the cards of its own node.
    pub placement: Placement,
    /// What the pods ask Kubernetes for in addition to amounts, if there is a placement.
    pub selector: Option<PodSelector>,
}

/// A unit to be quoted, with its reserved amounts and its placement.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlacedUnit<'a> {
    pub(super) unit: &'a ResourceUnit,
    pub(super) committed: &'a CommittedUnit,
    pub(super) target: &'a Target,
}

/// Where units were placed, and by which rules.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlacedOn<'a> {
    pub(super) cluster: &'a Cluster,
    /// The same nodes as Kubernetes sees them, with what is held for other bids.
    pub(super) running: &'a Cluster,
    pub(super) scheduler: Scheduler,
    pub(super) pricing: &'a Pricing,
    pub(super) predict: Predict<'a>,
}

impl<'a> PlacedOn<'a> {
    pub(super) fn new(cluster: &'a Cluster, scheduler: Scheduler, pricing: &'a Pricing, terms: &Terms<'a>) -> Self {
        let has_same_nodes = |running: &&Cluster| running.nodes().len() == cluster.nodes().len();
        debug_assert!(terms.running.is_none_or(|running| has_same_nodes(&running)), "`running` has other nodes");
        // Nodes are named by their places, so both have to have the same ones.
        let running = terms.running.filter(has_same_nodes).unwrap_or(cluster);
        Self { cluster, running, scheduler, pricing, predict: terms.predict }
    }
}

impl PlacedOn<'_> {
    /// The cards that a unit's replicas could be handed. The reserved nodes come first, which decides the order of the
    /// kinds.
    fn reach(
        &self,
        placed: PlacedUnit<'_>,
        selector: Option<&PodSelector>,
        budget: &Budget<'_>,
    ) -> Result<CandidateKinds, Reason> {
        let mut nodes: Vec<usize> = placed.target.placements.iter().map(|placement| placement.node.place()).collect();
        let Some(selector) = selector else { return Ok(CandidateKinds::default()) };
        let mut reserved = nodes.clone();
        reserved.sort_unstable();
        if self.pricing.policy.placement == Placement::Pinned {
            return self.on_nodes(placed, &nodes, &selector.vendor, self.cluster, budget);
        }
        let pod = PodRequest::new(placed.unit, placed.committed, self.running);
        let could_start = start::nodes(&pod, selector, self.running, budget)?;
        nodes.extend(could_start.into_iter().filter(|node| reserved.binary_search(node).is_err()));
        self.on_nodes(placed, &nodes, &selector.vendor, self.running, budget)
    }

    fn on_nodes(
        &self,
        placed: PlacedUnit<'_>,
        nodes: &[usize],
        vendor: &str,
        cluster: &Cluster,
        budget: &Budget<'_>,
    ) -> Result<CandidateKinds, Reason> {
        let tally = Tally {
            cluster,
            request: &placed.unit.gpu,
            reading: CardMatching::of(self.scheduler),
            rates: &self.pricing.rates.gpu,
        };
        tally.on_nodes(nodes, vendor, budget)
    }
}

impl QuotedTarget {
    /// The target of a unit that was placed on a cluster. The number of cards is the one that the order asks for and is
    /// billed for, regardless of commit levels.
    pub(super) fn placed(placed: PlacedUnit<'_>, on: PlacedOn<'_>, budget: &Budget<'_>) -> Result<Self, Reason> {
        let PlacedUnit { unit, target, .. } = placed;
        let kinds = target.placements.iter().map(|placement| placement.kinds.len());
        let compared = kinds.map(|kinds| kinds.saturating_mul(kinds).saturating_add(16)).fold(0, usize::saturating_add);
        budget.take(compared.saturating_add(names(target.count)))?;
        let name = |id| on.cluster.node(id).map_or_else(|| Arc::from(""), |node| Arc::clone(&node.name));
        let mut quoted = Self {
            resource_id: target.resource_id,
            count: target.count,
            nodes: target.nodes().map(name).collect(),
            gpu_units: unit.gpu.units,
            cards: Vec::new(),
            kinds: Vec::new(),
            others: Vec::new(),
            approximate: false,
            placement: on.pricing.policy.placement,
            selector: target.selector(),
        };
        if unit.gpu.units == 0 {
            return Ok(quoted);
        }
        for placement in &target.placements {
            let own = match (quoted.placement, &quoted.selector) {
                (Placement::Pinned, Some(selector)) => {
                    on.on_nodes(placed, &[placement.node.place()], &selector.vendor, on.cluster, budget)?.candidates
                }
                (Placement::Kubernetes | Placement::Pinned, _) => Vec::new(),
            };
            quoted.cards.push(CardGroup {
                node: Some(name(placement.node)),
                replicas: placement.replicas,
                kinds: target.kinds(on.cluster, placement).into_iter().cloned().collect(),
                known: true,
                candidates: own,
            });
        }
        let CandidateKinds { candidates, others } = on.reach(placed, quoted.selector.as_ref(), budget)?;
        let reserved = || quoted.cards.iter().flat_map(|group| &group.kinds);
        // The daemon rounds the RAM that an order names, so it may reserve a card that the order does not allow.
        let kinds = if candidates.is_empty() { alike_once(reserved()) } else { candidates };
        Ok(Self { kinds, others, ..quoted })
    }

    /// The cost of a copy, in steps.
    pub(super) fn size(&self) -> usize {
        let kinds = self.cards.iter().map(|group| group.kinds.len().saturating_add(1).saturating_mul(16));
        let reach = self.kinds.len().saturating_add(self.others.len()).saturating_mul(16);
        let own = self.nodes.len().saturating_mul(2).saturating_add(reach).saturating_add(16);
        kinds.fold(own, usize::saturating_add)
    }

    /// The target of a unit without an inventory.
    pub(super) fn unknown(unit: &ResourceUnit) -> Self {
        Self::unplaced(unit, unit.gpu.named_kinds(), false)
    }

    /// The target of a unit that the daemon has already placed. The inventory only says which cards it may have got, in
    /// use or free.
    pub(super) fn held(
        unit: &ResourceUnit,
        cluster: &Cluster,
        rates: &GpuRates,
        budget: &Budget<'_>,
    ) -> Result<Self, Reason> {
        let tally = Tally { cluster, request: &unit.gpu, reading: CardMatching::Tenant, rates };
        let CandidateKinds { candidates, others } = tally.anywhere(budget)?;
        if candidates.is_empty() || unit.gpu.units == 0 {
            return Ok(Self::unknown(unit));
        }
        let kinds = candidates.iter().map(|candidate| candidate.kind.clone()).collect();
        let placement = Placement::Kubernetes;
        Ok(Self { kinds: candidates, others, placement, ..Self::unplaced(unit, kinds, true) })
    }

    /// The target with its replicas on the nodes where Kubernetes started them, and all that they may be handed there.
    #[must_use]
    pub fn started_on(&self, nodes: &[NodeId], cluster: &Cluster) -> Self {
        let mut groups: Vec<(NodeId, u32)> = Vec::new();
        for id in nodes {
            match groups.iter_mut().find(|(known, _)| known == id) {
                Some((_, replicas)) => *replicas = replicas.saturating_add(1),
                None => groups.push((*id, 1)),
            }
        }
        let (mut names, mut cards) = (Vec::new(), Vec::new());
        for (id, replicas) in groups {
            let Some(node) = cluster.node(id) else { continue };
            names.extend((0..replicas).map(|_| Arc::clone(&node.name)));
            if let Some(selector) = self.selector.as_ref().filter(|_| self.gpu_units > 0) {
                let kinds = cluster.kinds_of_vendor(id, &selector.vendor).cloned().collect();
                let node = Some(Arc::clone(&node.name));
                cards.push(CardGroup { node, replicas, kinds, known: true, candidates: Vec::new() });
            }
        }
        Self { nodes: names, cards, ..self.clone() }
    }

    /// Whether the card is certain: the replicas can only get one kind, it is completely known, and nothing else could
    /// be handed out.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.certain_kind().is_some()
    }

    /// The kind of all cards, if it is certain.
    #[must_use]
    pub fn certain_kind(&self) -> Option<&GpuKind> {
        match self.kinds.as_slice() {
            [one] if self.others.is_empty() && one.kind.is_known() && self.cards.iter().all(|group| group.known) => {
                Some(&one.kind)
            }
            _ => None,
        }
    }

    /// The kinds that the unit's cards are priced among: one list for all replicas, or one per node.
    #[must_use]
    pub fn priced_among(&self) -> Vec<Vec<&GpuKind>> {
        match self.placement {
            Placement::Kubernetes => vec![self.kinds.iter().map(|candidate| &candidate.kind).collect()],
            Placement::Pinned => self.cards.iter().map(CardGroup::priced_among).collect(),
        }
    }

    /// The target with other cards, each group priced by itself.
    pub(super) fn with_cards(&self, cards: Vec<CardGroup>) -> Self {
        let kinds = alike_once(cards.iter().flat_map(|group| &group.kinds));
        let (others, approximate, placement) = (Vec::new(), false, Placement::Pinned);
        let (nodes, selector) = (self.nodes.clone(), self.selector.clone());
        Self { cards, kinds, others, approximate, placement, nodes, selector, ..*self }
    }

    /// How many replicas each node gets, in order of placement. One entry without a node if nothing was placed.
    #[must_use]
    pub fn replicas_by_node(&self) -> Vec<(Option<&str>, u32)> {
        let mut nodes: Vec<(Option<&str>, u32)> = Vec::new();
        for node in &self.nodes {
            match nodes.last_mut() {
                // The replicas of a node are consecutive.
                Some((Some(last), replicas)) if *last == &**node => *replicas = replicas.saturating_add(1),
                _ => nodes.push((Some(node), 1)),
            }
        }
        if nodes.is_empty() { vec![(None, self.count)] } else { nodes }
    }

    /// A target without nodes and cards.
    pub(super) fn bare(unit: &ResourceUnit) -> Self {
        Self {
            resource_id: unit.id,
            count: unit.count,
            nodes: Vec::new(),
            gpu_units: unit.gpu.units,
            cards: Vec::new(),
            kinds: Vec::new(),
            others: Vec::new(),
            approximate: false,
            placement: Placement::Pinned,
            selector: None,
        }
    }

    fn unplaced(unit: &ResourceUnit, kinds: Vec<GpuKind>, known: bool) -> Self {
        let bare = Self::bare(unit);
        if unit.gpu.units == 0 {
            return bare;
        }
        bare.with_cards(vec![CardGroup { node: None, replicas: unit.count, kinds, known, candidates: Vec::new() }])
    }
}

/// The distinct kinds of a list, with equal weights.
fn alike_once<'k>(listed: impl Iterator<Item = &'k GpuKind>) -> Vec<Candidate> {
    let mut kinds: Vec<GpuKind> = Vec::new();
    for kind in listed {
        if !kinds.contains(kind) {
            kinds.push(kind.clone());
        }
    }
    alike(&kinds)
}

/// The cost of naming each replica's node, in steps.
fn names(replicas: u32) -> usize {
    usize::try_from(replicas).unwrap_or(usize::MAX).saturating_mul(2)
}
