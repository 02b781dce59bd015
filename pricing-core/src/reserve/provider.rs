//! The provider's own algorithm, bug for bug.
//!
//! Units are placed last to first, each from the first node on. A node takes replicas until one fails, in the order
//! interconnect label, fabric, CPU, HCAs, GPUs, memory, volumes, sidecar; then the next node is tried. What the daemon does
//! wrong is answered as it does it:
//!
//! - cards that were given out are not remembered, only their number, so one card may be placed several times;
//! - finding cards rewrites the request to their model at once, even when the node then fails on memory or volumes,
//!   and later nodes must have that model;
//! - replicas on nodes with another fabric, resource name or list of HCA prefixes than the first's end the search, though
//!   there may be enough nodes that are like the first;
//! - a storage class that the cluster lacks, or has too little of, ends the search, though a later node might not have
//!   got that far.
//!
//! It differs from the daemon in what [`crate::inventory::validate`] does not believe: nothing of that is reserved. Cards
//! that are held back for other orders ([`crate::inventory::held`]) are not found; the daemon knows no such cards.

mod matching;
mod stock;

use std::collections::BTreeMap;

use super::{CommittedUnit, Placement, Reservation, ReserveError, Target};
use crate::budget::Budget;
use crate::inventory::{CardId, Cluster, InterconnectId, Node, NodeId};
use crate::order::StorageClass;
use crate::quantity::Bytes;
use matching::Matcher;
use stock::{Demand, Shortage, Stock};

/// Answers what the provider's daemon does.
///
/// # Errors
/// As the daemon has them: the cluster is too small, or replicas of one unit came to different cards. Beside these, that
/// the budget is used up.
pub fn reserve(units: &[CommittedUnit], cluster: &Cluster, budget: &Budget<'_>) -> Result<Reservation, ReserveError> {
    budget.take(cluster.nodes().len())?;
    let mut stock = Stock::new(cluster);
    let mut targets = Vec::with_capacity(units.len());
    for unit in units.iter().rev() {
        targets.push(place_unit(unit, cluster, &mut stock, budget)?);
    }
    targets.reverse();
    Ok(Reservation { targets })
}

fn place_unit<'c>(
    unit: &CommittedUnit,
    cluster: &'c Cluster,
    stock: &mut Stock<'c>,
    budget: &Budget<'_>,
) -> Result<Target, ReserveError> {
    // Each volume looks for its class, and each alternative is read again.
    let listed = unit.storage.len().saturating_mul(cluster.storage().len().saturating_add(8));
    budget.take(listed.saturating_add(unit.gpu.alternatives.len().saturating_mul(16)))?;
    let demand = Demand::new(unit, stock);
    let matcher = Matcher::new(&unit.gpu, cluster);
    let mut search =
        Search { unit, demand, stock, matcher, interconnect: None, placed: Vec::new(), left: unit.count, budget };
    for (id, node) in cluster.nodes_with_ids() {
        if search.left == 0 {
            break;
        }
        search.fill(id, node)?;
    }
    if search.left > 0 {
        return Err(search.insufficient(None));
    }
    search.target(cluster)
}

/// The search for nodes for one unit.
struct Search<'a, 's, 'c> {
    budget: &'a Budget<'a>,
    unit: &'a CommittedUnit,
    demand: Demand<'a>,
    stock: &'s mut Stock<'c>,
    matcher: Matcher<'c>,
    /// The interconnect of the first replica's node.
    interconnect: Option<InterconnectId>,
    /// Nodes, and how many replicas each took.
    placed: Vec<(NodeId, u32)>,
    left: u32,
}

impl Search<'_, '_, '_> {
    /// Puts as many replicas on a node as the daemon would.
    fn fill(&mut self, id: NodeId, node: &Node) -> Result<(), ReserveError> {
        // Once a replica is placed, other nodes work on a copy of the request and must leave it as it is.
        let settled = !self.placed.is_empty();
        let mut here = 0_u32;
        while self.left > 0 {
            self.budget.take(self.size_of_attempt(id))?;
            let attempt = self.attempt(id, node);
            let mut narrowed = false;
            if let Some(card) = attempt.found.filter(|card| self.matcher.would_narrow(*card)) {
                if !settled {
                    self.matcher.narrow(card);
                    narrowed = true;
                } else if attempt.shortage.is_none() {
                    return Err(ReserveError::ReplicaMismatch(self.unit.id));
                }
            }
            match attempt.shortage {
                Some(Shortage::Node) => break,
                Some(Shortage::Cluster(class)) => return Err(self.insufficient(Some(class))),
                None => {}
            }
            if self.interconnect.is_some_and(|first| node.interconnect != Some(first)) {
                return Err(ReserveError::ReplicaMismatch(self.unit.id));
            }
            self.interconnect = node.interconnect.filter(|_| self.unit.interconnect.is_some());
            // While the request stays as it is, every further replica goes the same way.
            let replicas = if narrowed { 1 } else { self.stock.fitting(id, node, &self.demand).clamp(1, self.left) };
            self.stock.take(id, node, &self.demand, replicas);
            here = here.saturating_add(replicas);
            self.left = self.left.saturating_sub(replicas);
        }
        if here > 0 {
            self.placed.push((id, here));
        }
        Ok(())
    }

    /// The steps of an attempt: each card and each volume may be looked at, and a request that is rewritten is matched
    /// with every card anew.
    fn size_of_attempt(&self, id: NodeId) -> usize {
        let cards = if self.unit.gpu.units == 0 { 0 } else { self.stock.cards(id).len() };
        cards.saturating_add(self.unit.storage.len()).saturating_add(8)
    }

    /// Tries one replica on a node, in the daemon's order, without taking anything.
    fn attempt(&mut self, id: NodeId, node: &Node) -> Attempt {
        let free = self.stock.free(id, node);
        let failed = |found| Attempt { found, shortage: Some(Shortage::Node) };
        if !self.stock.connects(id, node, self.unit) || free.cpu < self.unit.cpu || free.hcas < self.unit.hcas() {
            return failed(None);
        }
        let mut found = None;
        if self.unit.gpu.units > 0 {
            if free.gpus < self.unit.gpu.units {
                return failed(None);
            }
            found = self.matcher.find(self.stock.cards(id), self.unit.gpu.units);
            if found.is_none() {
                return failed(None);
            }
        }
        if free.memory < self.unit.memory {
            return failed(found);
        }
        let volumes = self.stock.volumes_short_of(free, node, &self.demand);
        let sidecar = || (!self.demand.leaves_room_for_sidecar(free)).then_some(Shortage::Node);
        Attempt { found, shortage: volumes.or_else(sidecar) }
    }

    fn insufficient(&self, class: Option<usize>) -> ReserveError {
        let volume = class.and_then(|place| self.unit.storage.get(place));
        let reason = match volume {
            Some((class, _)) => {
                format!("the cluster has too little storage of class `{}`", class.name())
            }
            None => {
                let placed = self.unit.count.saturating_sub(self.left);
                format!("the nodes took {placed} of them")
            }
        };
        ReserveError::InsufficientCapacity(super::Shortage::of_cluster(format!("{}; {reason}", describe(self.unit))))
    }

    fn target(mut self, cluster: &Cluster) -> Result<Target, ReserveError> {
        let mut placements = Vec::with_capacity(self.placed.len());
        for (node, replicas) in std::mem::take(&mut self.placed) {
            self.budget.take(cluster.cards_to_give(node.place()).len().saturating_add(4))?;
            let kinds = self.kinds(cluster, node);
            placements.push(Placement { node, replicas, kinds });
        }
        Ok(Target {
            resource_id: self.unit.id,
            count: self.unit.count,
            gpu_units: self.unit.gpu.units,
            placements,
            gpu_attribute: self.matcher.into_attribute(),
            interconnect: self.interconnect,
        })
    }

    /// The distinct cards of a node that match the attribute the daemon came to.
    ///
    /// It asks Kubernetes for a node with that vendor and model, so the cards of other models that the tenant would
    /// also take are not expected; which of the model's variants the pods get is left open there.
    fn kinds(&mut self, cluster: &Cluster, node: NodeId) -> Vec<CardId> {
        let mut kinds = Vec::new();
        if self.unit.gpu.units > 0 {
            for card in cluster.cards_to_give(node.place()) {
                if !kinds.contains(card) && self.matcher.allows(*card) {
                    kinds.push(*card);
                }
            }
        }
        kinds
    }
}

/// What came of trying one replica.
struct Attempt {
    /// The last of the cards that were found for it, whether or not the rest fitted.
    found: Option<CardId>,
    shortage: Option<Shortage>,
}

/// What a unit needs, for people.
fn describe(unit: &CommittedUnit) -> String {
    let mut needs = vec![format!("{}m CPU", unit.cpu), format!("{} bytes of memory", unit.memory)];
    if unit.gpu.units > 0 {
        let shown: Vec<String> =
            unit.gpu.alternatives.iter().take(3).map(|one| crate::text::excerpt(&one.to_string())).collect();
        let more = if unit.gpu.alternatives.len() > shown.len() { " or others" } else { "" };
        let which = if shown.is_empty() { "no card in particular".to_owned() } else { shown.join(" or ") };
        needs.push(format!("{} GPUs ({which}{more})", unit.gpu.units));
    }
    let mut volumes: BTreeMap<&StorageClass, u64> = BTreeMap::new();
    for (class, size) in &unit.storage {
        let sum = volumes.entry(class).or_default();
        *sum = sum.saturating_add(*size);
    }
    for (class, size) in volumes.into_iter().take(4) {
        needs.push(format!("{} bytes of {} storage", Bytes::new(size), class.name()));
    }
    let replicas = if unit.count == 1 { "1 replica".to_owned() } else { format!("{} replicas", unit.count) };
    format!("resource unit {} needs {replicas} of {}", unit.id, needs.join(", "))
}

#[cfg(test)]
mod tests;
