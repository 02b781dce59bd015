//! What the search has already given away on each node, and how many more replicas fit there.

use std::collections::BTreeMap;

use super::cards::{self, AllocatedOnNode};
use super::index::UnitIndex;
use super::problem::{CandidateNode, Choice, Demand, Problem, Steps};
use crate::inventory::Free;
use crate::quantity::amount::Amount;
use crate::quantity::{Bytes, MilliCpu};
use crate::reserve::ReserveError;

/// What has been given away on one node.
#[derive(Clone, Debug, Default)]
pub(super) struct Usage<'p> {
    cpu: MilliCpu,
    memory: Bytes,
    ephemeral: Bytes,
    gpus: u64,
    hcas: u64,
    /// The exclusive labels of its replicas.
    labels: Vec<usize>,
    given: Vec<AllocatedOnNode<'p>>,
}

impl<'p> Usage<'p> {
    /// Adds what some replicas take.
    pub(super) fn add(&mut self, demand: &Demand, choice: &'p Choice, replicas: u32) {
        let replicas = u64::from(replicas);
        self.cpu = self.cpu.sum(demand.cpu.times(replicas));
        self.memory = self.memory.sum(demand.memory.times(replicas));
        self.ephemeral = self.ephemeral.sum(demand.ephemeral.times(replicas));
        self.gpus = self.gpus.sum(demand.gpus.times(replicas));
        self.hcas = self.hcas.sum(demand.hcas.times(replicas));
        self.labels.extend(demand.label);
        if demand.gpus > 0 {
            self.given.push(AllocatedOnNode { choice, cards: demand.gpus.times(replicas) });
        }
    }

    /// Removes what the last call of [`Self::add`] added. Labels and cards are stacks, so it must be called in reverse
    /// order.
    pub(super) fn take_back(&mut self, demand: &Demand, replicas: u32) {
        let replicas = u64::from(replicas);
        self.cpu = self.cpu.less(demand.cpu.times(replicas));
        self.memory = self.memory.less(demand.memory.times(replicas));
        self.ephemeral = self.ephemeral.less(demand.ephemeral.times(replicas));
        self.gpus = self.gpus.less(demand.gpus.times(replicas));
        self.hcas = self.hcas.less(demand.hcas.times(replicas));
        if demand.label.is_some() {
            self.labels.pop();
        }
        if demand.gpus > 0 {
            self.given.pop();
        }
    }
}

impl Problem<'_> {
    /// How many cards of a node are still free beside what is given away there.
    pub(super) fn free_cards(&self, node: usize, usage: Option<&Usage<'_>>) -> u64 {
        let free = self.cluster.index().free().get(node).map_or(0, |free| free.gpus);
        free.saturating_sub(usage.map_or(0, |usage| usage.gpus))
    }

    /// How many replicas of a unit, at most `limit`, fit on a node in addition to what is already given away there.
    ///
    /// All amounts are linear, so the answer is the smallest quotient of what is left and what one replica takes. Cards
    /// are the exception: those of one model may come in variants of which a choice allows only some. It costs one
    /// step, and more where cards have to be compared one by one.
    pub(super) fn fit(
        &self,
        unit: UnitIndex,
        choice: &Choice,
        candidate: CandidateNode,
        usage: Option<&Usage<'_>>,
        limit: u32,
        steps: &mut Steps<'_>,
    ) -> Result<u32, ReserveError> {
        let demand = &self.units.get(unit)?.demand;
        let free = self.cluster.index().free().get(candidate.node).ok_or(ReserveError::Internal)?;
        // For a node with the interconnect of the choice, about as many were passed over as there are interconnects.
        let passed = choice.interconnect.map_or(0, |_| self.cluster.interconnects().len());
        steps.take(demand.classes.len().saturating_mul(8).saturating_add(passed).saturating_add(1))?;
        if free.classes & demand.class_bits != demand.class_bits || !self.has_classes(demand, candidate.node) {
            return Ok(0);
        }
        let mut most = u64::from(limit);
        if let Some(label) = demand.label {
            let labels = usage.map_or(&[] as &[usize], |usage| &usage.labels);
            steps.take(labels.len())?;
            most = if labels.contains(&label) { 0 } else { most.min(1) };
        }
        for fit in amounts_fit(free, usage, demand).into_iter().flatten() {
            if fit == 0 {
                return Ok(0);
            }
            most = most.min(fit);
        }
        if demand.gpus > 0 {
            let cards = self.cards_left(choice, candidate, usage, steps)?;
            most = most.min(cards.checked_div(demand.gpus).unwrap_or(most));
        }
        Ok(u32::try_from(most).unwrap_or(limit))
    }

    /// Whether a node has the required classes that have no bit in the index.
    fn has_classes(&self, demand: &Demand, node: usize) -> bool {
        demand.classes.is_empty()
            || self
                .cluster
                .nodes()
                .get(node)
                .is_some_and(|node| demand.classes.iter().all(|class| node.storage_classes.contains(class)))
    }

    /// How many more described cards of a choice a node has, if everything that has been given already keeps cards of
    /// its own.
    ///
    /// Plain subtraction is enough while all choices allow every variant of the model. Otherwise it is a matching, see
    /// [`cards`].
    fn cards_left(
        &self,
        choice: &Choice,
        candidate: CandidateNode,
        usage: Option<&Usage<'_>>,
        steps: &mut Steps<'_>,
    ) -> Result<u64, ReserveError> {
        let given = usage.map_or(&[] as &[AllocatedOnNode<'_>], |usage| &usage.given);
        let mut others = given.iter().filter(|other| other.choice.model == choice.model).peekable();
        let described = self.cluster.cards_to_give(candidate.node);
        if others.peek().is_none() {
            let Some(_) = &choice.cards else { return Ok(candidate.cards) };
            steps.take(described.len())?;
            return Ok(count(described.iter().filter(|card| choice.allows(**card))));
        }
        steps.take(given.len())?;
        if choice.cards.is_none() && others.clone().all(|other| other.choice.cards.is_none()) {
            return Ok(others.fold(candidate.cards, |left, other| left.saturating_sub(other.cards)));
        }
        let model = choice.model.and_then(|model| self.cluster.index().models().get(model));
        let of_model =
            described.iter().filter(|card| model.is_some_and(|model| model.cards.binary_search(card).is_ok()));
        let (left, work) = cards::left_beside(choice, others, of_model.copied());
        steps.take(work.saturating_add(described.len()))?;
        Ok(left)
    }
}

/// For each resource of a node, how many replicas fit into what is left of it. None where they ask for nothing.
#[inline]
fn amounts_fit(free: &Free, usage: Option<&Usage<'_>>, demand: &Demand) -> [Option<u64>; 5] {
    let used = |amount: fn(&Usage<'_>) -> u64| usage.map_or(0, amount);
    [
        free.gpus.less(used(|usage| usage.gpus)).room_for(demand.gpus),
        free.hcas.less(used(|usage| usage.hcas)).room_for(demand.hcas),
        free.cpu.less(usage.map_or(MilliCpu::ZERO, |usage| usage.cpu)).room_for(demand.cpu),
        free.memory.less(usage.map_or(Bytes::ZERO, |usage| usage.memory)).room_for(demand.memory),
        free.ephemeral.less(usage.map_or(Bytes::ZERO, |usage| usage.ephemeral)).room_for(demand.ephemeral),
    ]
}

fn count<T>(items: impl Iterator<Item = T>) -> u64 {
    u64::try_from(items.count()).unwrap_or(u64::MAX)
}

/// What the search has given away on every node, on top of an unchanged cluster.
#[derive(Clone, Debug)]
pub(super) struct Overlay<'p> {
    /// One bit per node: whether anything has been given away there. Most nodes are untouched, and the bit says so
    /// without a lookup in the map.
    touched: Vec<u64>,
    used: BTreeMap<usize, Usage<'p>>,
}

impl<'p> Overlay<'p> {
    /// An overlay for a number of nodes, of which nothing has been given away.
    pub(super) fn new(nodes: usize) -> Self {
        Self { touched: vec![0; nodes.div_ceil(64)], used: BTreeMap::new() }
    }

    fn bit(node: usize) -> (usize, u64) {
        let shift = u32::try_from(node & 63).unwrap_or(0);
        (node >> 6, 1_u64.wrapping_shl(shift))
    }

    /// What has been given away on a node, if anything.
    pub(super) fn usage(&self, node: usize) -> Option<&Usage<'p>> {
        let (word, bit) = Self::bit(node);
        let touched = self.touched.get(word).is_some_and(|word| word & bit != 0);
        if touched { self.used.get(&node) } else { None }
    }

    /// Adds what some replicas of a unit take from a node.
    pub(super) fn add(&mut self, node: usize, demand: &Demand, choice: &'p Choice, replicas: u32) {
        let (word, bit) = Self::bit(node);
        if let Some(word) = self.touched.get_mut(word) {
            *word |= bit;
        }
        self.used.entry(node).or_default().add(demand, choice, replicas);
    }

    /// Removes what the last call of [`Self::add`] for this node added.
    pub(super) fn take_back(&mut self, node: usize, demand: &Demand, replicas: u32) {
        if let Some(usage) = self.used.get_mut(&node) {
            usage.take_back(demand, replicas);
        }
    }
}
