//! What is searched for: units as plain numbers, and what each may be given.

use crate::budget::Budget;
use crate::gpu::GpuSelector;
use crate::inventory::{CardId, Cluster, InterconnectId, ModelNode};
use crate::order::StorageClass;
use crate::reserve::{CommittedUnit, InterconnectRequest, ReserveError};

use super::shortage;

/// The steps that a search may take: all that its request has left, or a part of that.
#[derive(Debug)]
pub(in crate::reserve) struct Steps<'b> {
    budget: &'b Budget<'b>,
    /// What is left of the search's own part. The request may have less.
    part: u64,
}

impl<'b> Steps<'b> {
    pub(in crate::reserve) fn new(budget: &'b Budget<'b>) -> Self {
        Self { budget, part: u64::MAX }
    }

    /// Takes steps.
    pub(in crate::reserve) fn take(&mut self, steps: usize) -> Result<(), ReserveError> {
        let wanted = u64::try_from(steps).unwrap_or(u64::MAX);
        self.part = self.part.checked_sub(wanted).ok_or_else(|| self.exhausted())?;
        Ok(self.budget.take(steps)?)
    }

    /// What the whole request may spend.
    pub(in crate::reserve) fn budget(&self) -> &'b Budget<'b> {
        self.budget
    }

    /// A part of what the request may spend, but at least a thousand steps, for one of several searches.
    pub(in crate::reserve) fn part(&self, parts: u64) -> Self {
        let part = self.budget.allowed().checked_div(parts).unwrap_or(0).max(1000);
        Self { budget: self.budget, part: part.min(self.part) }
    }

    /// Whether the request has nothing left.
    pub(in crate::reserve) fn is_over(&self) -> bool {
        self.budget.spent().is_some()
    }

    pub(in crate::reserve) fn exhausted(&self) -> ReserveError {
        ReserveError::SearchExhausted(self.budget.allowed())
    }
}

/// What one replica of a unit takes of its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Demand {
    pub(super) cpu: u64,
    pub(super) memory: u64,
    pub(super) ephemeral: u64,
    pub(super) gpus: u64,
    pub(super) hcas: u64,
    /// The number of the label that only one replica on a node may have.
    pub(super) label: Option<usize>,
    /// The storage classes that the node must support, as the index's bits.
    pub(super) class_bits: u64,
    /// Those that have no bit.
    pub(super) classes: Vec<String>,
}

impl Demand {
    /// What a replica takes; none when that is more than can be counted.
    fn new(unit: &CommittedUnit, label: Option<usize>, cluster: &Cluster) -> Option<Self> {
        let mut demand = Self {
            cpu: unit.cpu.checked_add(unit.sidecar.cpu)?,
            memory: unit.memory.checked_add(unit.sidecar.memory)?,
            ephemeral: 0,
            gpus: unit.gpu.units,
            hcas: unit.hcas(),
            label,
            class_bits: 0,
            classes: Vec::new(),
        };
        for (class, size) in unit.storage.iter().filter(|(_, size)| *size > 0) {
            match class {
                StorageClass::Ephemeral => demand.ephemeral = demand.ephemeral.checked_add(*size)?,
                StorageClass::Ram => demand.memory = demand.memory.checked_add(*size)?,
                StorageClass::Persistent(name) => match cluster.index().class_bit(name.exact()) {
                    Some(bit) => demand.class_bits |= bit,
                    None => demand.classes.push(name.exact().to_owned()),
                },
            }
        }
        Some(demand)
    }

    /// Whether a replica takes nothing of its node.
    pub(super) fn is_free(&self) -> bool {
        self.cpu == 0 && self.memory == 0 && self.ephemeral == 0 && self.gpus == 0 && self.label.is_none()
    }
}

/// One model of card that a unit may be given, on nodes with one interconnect where it asks for any. Units without cards
/// have one choice, of no model, for each interconnect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reserve) struct Choice {
    /// The model's place in the index.
    pub(in crate::reserve) model: Option<usize>,
    /// The descriptions of it that the request allows, by id; none for all of them.
    pub(in crate::reserve) cards: Option<Vec<CardId>>,
    /// The interconnect of the nodes; none where it does not matter.
    pub(in crate::reserve) interconnect: Option<InterconnectId>,
}

impl Choice {
    /// Whether a description of the choice's own model is allowed.
    pub(super) fn allows(&self, card: CardId) -> bool {
        self.cards.as_ref().is_none_or(|cards| cards.binary_search(&card).is_ok())
    }
}

/// Some replicas of a unit, and the nodes that they may go to.
#[derive(Clone, Debug)]
pub(in crate::reserve) struct Piece {
    /// The unit's place in the order.
    pub(in crate::reserve) unit: usize,
    /// How many replicas.
    pub(in crate::reserve) count: u32,
    /// Which nodes, by place; none for all.
    pub(in crate::reserve) nodes: Option<Vec<bool>>,
}

/// Units to place on a cluster.
#[derive(Clone, Debug)]
pub(in crate::reserve) struct Problem<'a> {
    pub(in crate::reserve) cluster: &'a Cluster,
    pub(in crate::reserve) units: &'a [CommittedUnit],
    pub(super) demands: Vec<Demand>,
    /// What each unit may be given.
    pub(in crate::reserve) choices: Vec<Vec<Choice>>,
    /// The replicas to place, by unit.
    pub(in crate::reserve) pieces: Vec<Piece>,
}

/// A node that a choice may be placed on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Host {
    /// The node's place.
    pub(super) node: usize,
    /// How many cards of the choice's model are described there.
    pub(super) cards: u64,
}

impl<'a> Problem<'a> {
    /// Takes an order's units.
    ///
    /// # Errors
    /// When what is asked for in all, wherever it is placed, is more than the cluster has, or the steps are used up.
    pub(in crate::reserve) fn new(
        units: &'a [CommittedUnit],
        cluster: &'a Cluster,
        steps: &mut Steps<'_>,
    ) -> Result<Self, ReserveError> {
        let volumes = units.iter().map(|unit| unit.storage.len()).fold(units.len(), usize::saturating_add);
        steps.take(volumes.saturating_mul(8))?;
        shortage::check_storage(units, cluster)?;
        let mut problem = Self {
            cluster,
            units,
            demands: Vec::with_capacity(units.len()),
            choices: Vec::with_capacity(units.len()),
            pieces: Vec::with_capacity(units.len()),
        };
        let mut labels: Vec<&str> = Vec::new();
        for (place, unit) in units.iter().enumerate() {
            let label = unit.interconnect.as_ref().and_then(InterconnectRequest::exclusive_label);
            let label = label.map(|label| number(&mut labels, label));
            steps.take(labels.len())?;
            let demand = Demand::new(unit, label, cluster).ok_or_else(|| shortage::beyond_counting(unit))?;
            problem.demands.push(demand);
            problem.choices.push(choices(unit, cluster, steps)?);
            problem.pieces.push(Piece { unit: place, count: unit.count, nodes: None });
        }
        Ok(problem)
    }

    /// The steps for going once through all that is asked for.
    pub(in crate::reserve) fn size(&self) -> usize {
        let choices = self.choices.iter().map(Vec::len).fold(0, usize::saturating_add);
        choices.saturating_add(self.units.len()).saturating_add(self.pieces.len())
    }

    /// The pieces of a unit, with their places.
    pub(super) fn pieces_of(&self, unit: usize) -> impl Iterator<Item = (usize, &Piece)> {
        let start = self.pieces.partition_point(|piece| piece.unit < unit);
        self.pieces.iter().enumerate().skip(start).take_while(move |(_, piece)| piece.unit == unit)
    }

    /// The replicas of all pieces.
    pub(super) fn replicas(&self) -> u64 {
        self.pieces.iter().fold(0, |sum, piece| sum.saturating_add(u64::from(piece.count)))
    }

    /// The choice of a unit at a place of its choices.
    pub(super) fn choice(&self, unit: usize, place: usize) -> Option<&Choice> {
        self.choices.get(unit)?.get(place)
    }

    /// The nodes that could host a replica of a unit with a choice if they were its own, ascending.
    pub(in crate::reserve) fn can_host(
        &self,
        unit: usize,
        choice: &Choice,
        steps: &mut Steps<'_>,
    ) -> Result<Vec<usize>, ReserveError> {
        let mut nodes = Vec::new();
        for host in self.pieces_of(unit).take(1).flat_map(|(_, piece)| self.hosts(choice, piece)) {
            if self.fit(unit, choice, host, None, 1, steps)? > 0 {
                nodes.push(host.node);
            }
        }
        Ok(nodes)
    }

    /// The nodes that may have a choice's cards, ascending, and of those the ones that a piece may go to.
    pub(super) fn hosts<'p>(&'p self, choice: &Choice, piece: &'p Piece) -> impl Iterator<Item = Host> + 'p {
        let interconnect = choice.interconnect;
        let model = choice.model.and_then(|model| self.cluster.index().models().get(model));
        let listed = model.map_or(&[] as &[ModelNode], |model| &model.nodes);
        let all = if choice.model.is_some() { 0 } else { self.cluster.nodes().len() };
        let listed = listed.iter().map(|entry| Host { node: entry.node, cards: entry.cards });
        let hosts = listed.chain((0..all).map(|node| Host { node, cards: 0 }));
        let connects = move |node: usize| {
            interconnect.is_none()
                || self.cluster.nodes().get(node).is_some_and(|node| node.interconnect == interconnect)
        };
        let hosts = hosts.filter(move |host| connects(host.node));
        hosts.filter(|host| piece.nodes.as_ref().is_none_or(|nodes| nodes.get(host.node) == Some(&true)))
    }
}

/// The number of a text among those that are known, to which it is added.
fn number<'t>(known: &mut Vec<&'t str>, text: &'t str) -> usize {
    known.iter().position(|one| *one == text).unwrap_or_else(|| {
        known.push(text);
        known.len().saturating_sub(1)
    })
}

/// What a unit may be given: each model of card, by vendor and model, with each interconnect that will do.
fn choices(unit: &CommittedUnit, cluster: &Cluster, steps: &mut Steps<'_>) -> Result<Vec<Choice>, ReserveError> {
    let models = models(unit, cluster, steps)?;
    let Some(asked) = &unit.interconnect else { return Ok(models) };
    let known = cluster.interconnects();
    steps.take(known.len().saturating_mul(models.len().saturating_add(1)).saturating_mul(8))?;
    let will_do = known.iter().enumerate().filter(|(_, one)| asked.is_met_by(one));
    let will_do: Vec<InterconnectId> = will_do.map(|(place, _)| InterconnectId::at(place)).collect();
    let with = |model: &Choice, id: &InterconnectId| Choice { interconnect: Some(*id), ..model.clone() };
    Ok(models.iter().flat_map(|model| will_do.iter().map(|id| with(model, id))).collect())
}

/// The models of card that a unit may be given, by vendor and model.
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
        // Every description of the model is held against every alternative.
        let cards = cluster.index().models().get(model).map_or(0, |model| model.cards.len());
        steps.take(cards.saturating_mul(unit.gpu.alternatives.len()).saturating_add(cards).saturating_add(1))?;
        choices.extend(choice(unit, cluster, model));
    }
    Ok(choices)
}

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
