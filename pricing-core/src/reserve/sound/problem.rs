//! The search problem: units as plain numbers, with the choices that each unit has.

use std::collections::BTreeSet;

use crate::budget::Budget;
use crate::gpu::GpuSelector;
use crate::inventory::{CardId, Cluster, InterconnectId, ModelNode, Node};
use crate::quantity::{Bytes, MilliCpu};
use crate::reserve::{CommittedUnit, InterconnectRequest, ReserveError};

use super::capacity;
use super::index::{ChoiceIndex, GroupIndex, List, UnitIndex};

/// The steps that a search may take: all that its request has left, or a share of them.
#[derive(Debug)]
pub(in crate::reserve) struct Steps<'b> {
    budget: &'b Budget<'b>,
    /// What is left of the search's own share. The request itself may have less.
    part: u64,
}

impl<'b> Steps<'b> {
    pub(in crate::reserve) fn new(budget: &'b Budget<'b>) -> Self {
        Self { budget, part: u64::MAX }
    }

    /// Takes steps, from the search's share first and then from the request.
    pub(in crate::reserve) fn take(&mut self, steps: usize) -> Result<(), ReserveError> {
        let wanted = u64::try_from(steps).unwrap_or(u64::MAX);
        self.part = self.part.checked_sub(wanted).ok_or_else(|| self.exhausted())?;
        Ok(self.budget.take(steps)?)
    }

    /// The budget of the whole request.
    pub(in crate::reserve) fn budget(&self) -> &'b Budget<'b> {
        self.budget
    }

    /// A share of the request's budget for one of several searches: one of `parts`, but at least a thousand steps.
    pub(in crate::reserve) fn part(&self, parts: u64) -> Self {
        let part = self.budget.allowed().checked_div(parts).unwrap_or(0).max(1000);
        Self { budget: self.budget, part: part.min(self.part) }
    }

    /// Half of what is left, for a search that the request can do without. If it fails, the request goes on.
    pub(in crate::reserve) fn half(&self) -> Self {
        Self { budget: self.budget, part: self.budget.left().min(self.part) >> 1 }
    }

    /// Whether the request's budget is used up.
    pub(in crate::reserve) fn is_over(&self) -> bool {
        self.budget.spent().is_some()
    }

    pub(in crate::reserve) fn exhausted(&self) -> ReserveError {
        ReserveError::SearchExhausted(self.budget.allowed())
    }
}

/// What one replica of a unit takes from its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Demand {
    pub(super) cpu: MilliCpu,
    pub(super) memory: Bytes,
    pub(super) ephemeral: Bytes,
    pub(super) gpus: u64,
    pub(super) hcas: u64,
    /// The number of the unit's exclusive label, which at most one replica per node may have.
    pub(super) label: Option<usize>,
    /// The storage classes that the node must support, as bits of the index.
    pub(super) class_bits: u64,
    /// The required classes that have no bit in the index.
    pub(super) classes: Vec<String>,
}

impl Demand {
    /// What a replica takes. None if its volumes add up to more than 64 bits can count.
    fn new(unit: &CommittedUnit, label: Option<usize>, cluster: &Cluster) -> Option<Self> {
        let amounts = unit.demand();
        if !amounts.is_countable {
            return None;
        }
        let mut demand = Self {
            cpu: amounts.cpu,
            memory: amounts.memory,
            ephemeral: amounts.ephemeral,
            gpus: amounts.gpus,
            hcas: amounts.hcas,
            label,
            class_bits: 0,
            classes: Vec::new(),
        };
        for (class, _) in amounts.volumes.into_iter().filter(|(_, size)| !size.is_zero()) {
            match cluster.index().class_bit(class) {
                Some(bit) => demand.class_bits |= bit,
                None => demand.classes.push(class.to_owned()),
            }
        }
        Some(demand)
    }

    /// Whether a replica takes nothing from its node.
    pub(super) fn is_free(&self) -> bool {
        self.cpu.is_zero()
            && self.memory.is_zero()
            && self.ephemeral.is_zero()
            && self.gpus == 0
            && self.label.is_none()
    }
}

/// One card model that a unit may be given, on nodes with one interconnect if the unit asks for one. A unit without
/// cards has one choice without a model for each suitable interconnect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reserve) struct Choice {
    /// The model's position in the index.
    pub(in crate::reserve) model: Option<usize>,
    /// The allowed descriptions of the model, by id, ascending. None if all are allowed.
    pub(in crate::reserve) cards: Option<Vec<CardId>>,
    /// The interconnect of the nodes. None if the unit does not ask for one.
    pub(in crate::reserve) interconnect: Option<InterconnectId>,
}

impl Choice {
    /// Whether a card description of the choice's own model is allowed.
    pub(super) fn allows(&self, card: CardId) -> bool {
        self.cards.as_ref().is_none_or(|cards| cards.binary_search(&card).is_ok())
    }
}

/// Some replicas of a unit, and the nodes that they may go to. A unit is one replica group, unless
/// [`crate::reserve::alternatives`] ties some of its replicas to certain nodes.
#[derive(Clone, Debug)]
pub(in crate::reserve) struct ReplicaGroup {
    /// The unit.
    pub(in crate::reserve) unit: UnitIndex,
    /// The number of replicas.
    pub(in crate::reserve) count: u32,
    /// For each node whether it is allowed. None if all are.
    pub(in crate::reserve) nodes: Option<Vec<bool>>,
}

/// The units of an order, and the cluster to place them on.
#[derive(Clone, Debug)]
pub(in crate::reserve) struct Problem<'a> {
    pub(in crate::reserve) cluster: &'a Cluster,
    pub(in crate::reserve) units: List<UnitIndex, Unit<'a>>,
    /// The replicas to place, sorted by unit.
    pub(in crate::reserve) groups: List<GroupIndex, ReplicaGroup>,
}

/// A unit of the order.
#[derive(Clone, Debug)]
pub(in crate::reserve) struct Unit<'a> {
    /// The unit as the order has it.
    pub(in crate::reserve) asked: &'a CommittedUnit,
    pub(super) demand: Demand,
    pub(in crate::reserve) choices: List<ChoiceIndex, Choice>,
}

/// A candidate node for a choice.
#[derive(Clone, Copy, Debug)]
pub(super) struct CandidateNode {
    /// The node's index in the cluster.
    pub(super) node: usize,
    /// How many cards of the choice's model the node describes.
    pub(super) cards: u64,
}

impl<'a> Problem<'a> {
    /// Sets up the problem for an order's units.
    ///
    /// Storage is only checked here, as a sum over the cluster: its pools are shared by all nodes, so where the
    /// replicas go makes no difference.
    ///
    /// # Errors
    /// When the order asks for more storage than the cluster has, a replica asks for more than can be counted, or the
    /// budget is used up.
    pub(in crate::reserve) fn new(
        units: &'a [CommittedUnit],
        cluster: &'a Cluster,
        steps: &mut Steps<'_>,
    ) -> Result<Self, ReserveError> {
        let volumes = units.iter().map(|unit| unit.storage.len()).fold(units.len(), usize::saturating_add);
        steps.take(volumes.saturating_mul(8))?;
        capacity::check_storage(units, cluster)?;
        let mut all: List<UnitIndex, Unit<'a>> = Vec::with_capacity(units.len()).into();
        let mut labels: Vec<&str> = Vec::new();
        for unit in units {
            let label = unit.interconnect.as_ref().and_then(InterconnectRequest::exclusive_label);
            let label = label.map(|label| number(&mut labels, label));
            steps.take(labels.len())?;
            let demand = Demand::new(unit, label, cluster).ok_or_else(|| capacity::beyond_counting(unit))?;
            all.push(Unit { asked: unit, demand, choices: choices(unit, cluster, steps)?.into() });
        }
        let group = |(unit, of): (_, &Unit<'_>)| ReplicaGroup { unit, count: of.asked.count, nodes: None };
        let groups = all.enumerate().map(group).collect::<Vec<_>>().into();
        Ok(Self { cluster, units: all, groups })
    }

    /// The cost, in steps, of one pass over all units, choices and replica groups.
    pub(in crate::reserve) fn size(&self) -> usize {
        let choices = self.units.iter().map(|unit| unit.choices.len()).fold(0, usize::saturating_add);
        choices.saturating_add(self.units.len()).saturating_add(self.groups.len())
    }

    /// The replica groups of a unit, with their indices.
    pub(super) fn groups_of(&self, unit: UnitIndex) -> impl Iterator<Item = (GroupIndex, &ReplicaGroup)> {
        let from = self.groups.after_partition_point(move |group| group.unit < unit);
        from.take_while(move |(_, group)| group.unit == unit)
    }

    /// The number of replicas of all replica groups.
    pub(super) fn replicas(&self) -> u64 {
        self.groups.iter().fold(0, |sum, group| sum.saturating_add(u64::from(group.count)))
    }

    /// One of a unit's choices.
    pub(super) fn choice(&self, unit: UnitIndex, choice: ChoiceIndex) -> Result<&Choice, ReserveError> {
        self.units.get(unit)?.choices.get(choice)
    }

    /// The nodes that could host a replica of a unit with a choice on an otherwise empty cluster, ascending.
    pub(in crate::reserve) fn can_host(
        &self,
        unit: UnitIndex,
        choice: &Choice,
        steps: &mut Steps<'_>,
    ) -> Result<Vec<usize>, ReserveError> {
        let mut nodes = Vec::new();
        for candidate in self.groups_of(unit).take(1).flat_map(|(_, group)| self.candidates(choice, group)) {
            if self.fit(unit, choice, candidate, None, 1, steps)? > 0 {
                nodes.push(candidate.node);
            }
        }
        Ok(nodes)
    }

    /// The candidate nodes of a replica group with a choice, ascending: they describe cards of the model, have the
    /// choice's interconnect, and are allowed for the replica group. Whether a replica fits there is for
    /// [`Problem::fit`] to say.
    pub(super) fn candidates<'p>(
        &'p self,
        choice: &Choice,
        group: &'p ReplicaGroup,
    ) -> impl Iterator<Item = CandidateNode> + 'p {
        let interconnect = choice.interconnect;
        let model = choice.model.and_then(|model| self.cluster.index().models().get(model));
        let listed = model.map_or(&[] as &[ModelNode], |model| &model.nodes);
        let all = if choice.model.is_some() { 0 } else { self.cluster.nodes().len() };
        let listed = listed.iter().map(|entry| CandidateNode { node: entry.node, cards: entry.cards });
        let candidates = listed.chain((0..all).map(|node| CandidateNode { node, cards: 0 }));
        let connects = move |node: usize| {
            interconnect.is_none()
                || self.cluster.nodes().get(node).is_some_and(|node| node.interconnect == interconnect)
        };
        let candidates = candidates.filter(move |candidate| connects(candidate.node));
        candidates.filter(|candidate| group.nodes.as_ref().is_none_or(|nodes| nodes.get(candidate.node) == Some(&true)))
    }
}

/// Interns a text: its position in `known`, to which it is added if it is new.
fn number<'t>(known: &mut Vec<&'t str>, text: &'t str) -> usize {
    known.iter().position(|one| *one == text).unwrap_or_else(|| {
        known.push(text);
        known.len().saturating_sub(1)
    })
}

/// The choices of a unit: each allowed card model combined with each suitable interconnect.
///
/// The pods of a unit ask Kubernetes for one model and one resource name, so all of its replicas share a choice.
fn choices(unit: &CommittedUnit, cluster: &Cluster, steps: &mut Steps<'_>) -> Result<Vec<Choice>, ReserveError> {
    let models = models(unit, cluster, steps)?;
    let Some(asked) = &unit.interconnect else { return Ok(models) };
    let mut choices = Vec::new();
    for model in models {
        let listed = model.model.and_then(|model| cluster.index().models().get(model)).map(|model| &model.nodes);
        steps.take(listed.map_or(cluster.nodes().len(), Vec::len).saturating_mul(8))?;
        let of_node = |node: &Node| node.interconnect.filter(|_| meets(asked, cluster, node));
        // Only those of nodes with such cards: every choice has a node, and so a step for each search.
        let found: BTreeSet<InterconnectId> = match listed {
            Some(listed) => listed.iter().filter_map(|entry| of_node(cluster.nodes().get(entry.node)?)).collect(),
            None => cluster.nodes().iter().filter_map(of_node).collect(),
        };
        choices.extend(found.into_iter().map(|id| Choice { interconnect: Some(id), ..model.clone() }));
    }
    Ok(choices)
}

/// Whether a node has the interconnect that is asked for.
fn meets(asked: &InterconnectRequest, cluster: &Cluster, node: &Node) -> bool {
    cluster.interconnect_of(node).is_some_and(|one| asked.is_met_by(one))
}

/// The card models that a unit may be given, by vendor and model. Steps are taken before the work: the number of
/// alternatives and of descriptions is up to the request and the inventory.
fn models(unit: &CommittedUnit, cluster: &Cluster, steps: &mut Steps<'_>) -> Result<Vec<Choice>, ReserveError> {
    if unit.gpu.units == 0 {
        return Ok(vec![Choice { model: None, cards: None, interconnect: None }]);
    }
    let every = cluster.index().models().len();
    let mut models: Vec<usize> = Vec::new();
    for selector in &unit.gpu.alternatives {
        steps.take(if selector.model().is_some() { 8 } else { every.saturating_add(8) })?;
        models.extend(models_of(selector, cluster));
    }
    if unit.gpu.alternatives.is_empty() {
        steps.take(every)?;
        models.extend(0..every);
    }
    models.sort_unstable();
    models.dedup();
    let mut choices = Vec::with_capacity(models.len());
    for model in models {
        // Every description of the model is compared with every alternative.
        let cards = cluster.index().models().get(model).map_or(0, |model| model.cards.len());
        steps.take(cards.saturating_mul(unit.gpu.alternatives.len()).saturating_add(cards).saturating_add(1))?;
        choices.extend(choice(unit, cluster, model));
    }
    Ok(choices)
}

/// The models that a selector names: one, or all of its vendor.
fn models_of(selector: &GpuSelector, cluster: &Cluster) -> Vec<usize> {
    let index = cluster.index();
    match selector.model() {
        Some(model) => index.model(selector.vendor(), model).into_iter().collect(),
        None => {
            let models = index.models().iter().enumerate();
            models.filter(|(_, model)| model.vendor == selector.vendor()).map(|(place, _)| place).collect()
        }
    }
}

/// The choice for a model, restricted to the descriptions that the request allows. None if it allows none of them.
fn choice(unit: &CommittedUnit, cluster: &Cluster, model: usize) -> Option<Choice> {
    let all = &cluster.index().models().get(model)?.cards;
    let allowed = |id: &&CardId| cluster.card(**id).is_some_and(|card| unit.gpu.allows(&card.kind));
    let cards: Vec<CardId> = all.iter().filter(allowed).copied().collect();
    match cards.len() {
        0 => None,
        some if some == all.len() => Some(Choice { model: Some(model), cards: None, interconnect: None }),
        _ => Some(Choice { model: Some(model), cards: Some(cards), interconnect: None }),
    }
}
