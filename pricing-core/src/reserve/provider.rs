//! The provider's own algorithm, bug for bug.
//!
//! Units are placed last to first, first fit: each one starts at the first node. A node takes replicas until one fails,
//! in the order interconnect label, fabric, CPU, HCAs, GPUs, memory, volumes, sidecar; then comes the next node. The
//! daemon's mistakes are repeated:
//!
//! - it remembers how many cards it gave out, but not which, so one card may be placed several times;
//! - finding cards rewrites the request to their model at once, even when the node then fails on memory or volumes, and
//!   later nodes must have that model;
//! - a replica on a node whose fabric, resource name or list of HCA prefixes differs from the first node's ends the
//!   search, even if enough nodes are like the first;
//! - a storage class that the cluster does not have, or has too little of, ends the search, even if a later node would
//!   have failed earlier.
//!
//! There are two differences from the daemon. Whatever [`crate::inventory::validate`] rejects is not reserved. Cards
//! that are held back for other orders ([`crate::inventory::held_capacity`]) are not found; the daemon has no such
//! notion.

mod matching;
mod stock;

use std::collections::BTreeMap;

use super::{CommittedUnit, Placement, Reservation, ReserveError, Target};
use crate::budget::Budget;
use crate::inventory::{CardId, Cluster, InterconnectId, Node, NodeId};
use crate::order::StorageClass;
use crate::quantity::Bytes;
use crate::text::counted;
use matching::Matcher;
use stock::{Demand, Shortage, Stock};

/// Makes the reservation that the provider's daemon would make.
///
/// # Errors
/// The daemon's errors: the cluster is too small, or replicas of one unit got different cards. Also, the budget may be
/// used up.
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

/// Places one unit, starting from the first node again. The stock remembers what the units before it took.
fn place_unit<'c>(
    unit: &CommittedUnit,
    cluster: &'c Cluster,
    stock: &mut Stock<'c>,
    budget: &Budget<'_>,
) -> Result<Target, ReserveError> {
    // Each volume looks up its class, and each alternative is parsed again.
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
    /// The nodes, with the number of replicas that each took.
    placed: Vec<(NodeId, u32)>,
    left: u32,
}

impl Search<'_, '_, '_> {
    /// Places as many replicas on a node as the daemon would.
    ///
    /// The daemon tries one replica at a time. Here, once a replica has fit and left the request unchanged, the others
    /// that fit by amounts are taken in one step: nothing that the daemon checks would come out differently for them.
    fn fill(&mut self, id: NodeId, node: &Node) -> Result<(), ReserveError> {
        // Once a node has taken a replica, other nodes work on a copy of the request and must leave it unchanged.
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
            // While the request stays the same, every further replica behaves the same.
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

    /// The cost of an attempt in steps: each card and each volume may be looked at, and a rewritten request is matched
    /// with every card again.
    fn size_of_attempt(&self, id: NodeId) -> usize {
        let cards = if self.unit.gpu.units == 0 { 0 } else { self.stock.cards(id).len() };
        cards.saturating_add(self.unit.storage.len()).saturating_add(8)
    }

    /// Tries one replica on a node, in the daemon's order of checks, without taking anything. The order matters: cards
    /// that were found before memory failed have already rewritten the request.
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

    /// The distinct cards of a node that match the attribute to which the daemon rewrote the request.
    ///
    /// The daemon asks Kubernetes for a node with that vendor and model, so cards of other models that the tenant would
    /// also accept are not expected. Which variants of the model the pods get is left open.
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

/// The outcome of trying one replica.
struct Attempt {
    /// The last of the cards that were found for it, whether or not the rest fit.
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
        needs.push(format!("{} ({which}{more})", counted(unit.gpu.units, "GPU")));
    }
    let mut volumes: BTreeMap<&StorageClass, Bytes> = BTreeMap::new();
    for (class, size) in &unit.storage {
        let sum = volumes.entry(class).or_default();
        *sum = sum.saturating_add(*size);
    }
    for (class, size) in volumes.into_iter().take(4) {
        needs.push(format!("{size} bytes of {} storage", class.name()));
    }
    format!("resource unit {} needs {} of {}", unit.id, counted(unit.count, "replica"), needs.join(", "))
}

#[cfg(test)]
mod tests;
