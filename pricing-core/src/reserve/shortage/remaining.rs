//! What is left of a cluster while the replicas of an order are placed once more, first fit.

use std::collections::{BTreeMap, BTreeSet};

use super::demand::Demand;
use super::missing::Missing;
use super::{Lack, Resource, has_class};
use crate::inventory::{Cluster, Node};
use crate::quantity::amount::Amount;
use crate::quantity::{Bytes, MilliCpu};
use crate::reserve::InterconnectRequest;

/// What a node has left.
#[derive(Clone, Copy)]
pub(super) struct Room {
    cpu: MilliCpu,
    memory: Bytes,
    ephemeral: Bytes,
    gpus: u64,
    hcas: u64,
}

/// What is left of a cluster while replicas are placed.
#[derive(Clone)]
pub(super) struct RemainingCluster<'c> {
    pub(super) cluster: &'c Cluster,
    pub(super) rooms: Vec<Room>,
    pools: Vec<Bytes>,
    /// How many cards of a model the placed replicas got: by node, vendor and model.
    given: BTreeMap<(usize, String, String), u64>,
    /// The exclusive labels of the placed replicas, by node.
    pub(super) labels: BTreeSet<(usize, String)>,
}

impl<'c> RemainingCluster<'c> {
    pub(super) fn new(cluster: &'c Cluster) -> Self {
        let room = |node: &Node| Room {
            cpu: node.cpu.available,
            memory: node.memory.available,
            ephemeral: node.ephemeral.available,
            gpus: node.gpus.available,
            hcas: node.hcas.available,
        };
        Self {
            cluster,
            rooms: cluster.nodes().iter().map(room).collect(),
            pools: cluster.storage().iter().map(|pool| pool.capacity.available).collect(),
            given: BTreeMap::new(),
            labels: BTreeSet::new(),
        }
    }

    /// Places replicas so that all get cards of one model. Every model is tried on a copy, and the one with the most
    /// replicas placed is kept: it is the one that comes closest.
    pub(super) fn place_one_model(&mut self, demand: &mut Demand<'_>, count: u32) -> u32 {
        if demand.models.is_empty() {
            return self.place(demand, count);
        }
        let mut best: Option<(u32, usize, Self)> = None;
        for model in 0..demand.models.len() {
            demand.only = Some(model);
            let mut left = self.clone();
            let placed = left.place(demand, count);
            if placed > best.as_ref().map_or(0, |(most, ..)| *most) {
                best = Some((placed, model, left));
            }
        }
        demand.only = None;
        let Some((placed, model, left)) = best else { return 0 };
        (demand.only, *self) = (Some(model), left);
        placed
    }

    /// Places replicas on the first nodes that take them, and returns how many were placed.
    fn place(&mut self, demand: &Demand<'_>, count: u32) -> u32 {
        let mut placed = 0_u32;
        for index in 0..self.rooms.len() {
            let wanted = u64::from(count.saturating_sub(placed));
            let taken = self.fit(index, demand).min(wanted);
            if taken == 0 {
                continue;
            }
            self.take(index, demand, taken);
            placed = placed.saturating_add(u32::try_from(taken).unwrap_or(u32::MAX));
        }
        placed
    }

    /// How many replicas a node can take: the smallest quotient of what is left and what one replica needs.
    fn fit(&self, index: usize, demand: &Demand<'_>) -> u64 {
        let (Some(room), Some(node)) = (self.rooms.get(index), self.cluster.nodes().get(index)) else { return 0 };
        let mut fit = replicas(room.cpu, demand.amounts.cpu)
            .min(replicas(room.memory, demand.amounts.memory))
            .min(replicas(room.ephemeral, demand.amounts.ephemeral))
            .min(self.connected(index, room, demand))
            .min(replicas(self.cards(index, room, demand), demand.amounts.gpus));
        for (class, size) in &demand.classes {
            let mounts = has_class(node, class);
            fit = fit.min(if mounts { replicas(self.pool(class), *size) } else { 0 });
        }
        fit
    }

    /// Takes what some replicas need from a node and from the storage pools.
    fn take(&mut self, index: usize, demand: &Demand<'_>, replicas: u64) {
        if let Some(room) = self.rooms.get_mut(index) {
            room.cpu = room.cpu.less(demand.amounts.cpu.times(replicas));
            room.memory = room.memory.less(demand.amounts.memory.times(replicas));
            room.ephemeral = room.ephemeral.less(demand.amounts.ephemeral.times(replicas));
            room.gpus = room.gpus.less(demand.amounts.gpus.times(replicas));
            room.hcas = room.hcas.less(demand.amounts.hcas.times(replicas));
        }
        if let Some(label) = demand.interconnect.and_then(InterconnectRequest::exclusive_label) {
            self.labels.insert((index, label.to_owned()));
        }
        if let Some((vendor, model)) = demand.only.and_then(|only| demand.models.get(only)) {
            let given = self.given.entry((index, vendor.clone(), model.clone())).or_default();
            *given = given.saturating_add(demand.amounts.gpus.saturating_mul(replicas));
        }
        for (class, size) in &demand.classes {
            let index = self.cluster.storage().iter().position(|pool| pool.class == **class);
            if let Some(pool) = index.and_then(|index| self.pools.get_mut(index)) {
                *pool = pool.saturating_sub(size.saturating_mul(replicas));
            }
        }
    }

    /// How many replicas a node can take as far as the interconnect is concerned.
    fn connected(&self, index: usize, room: &Room, demand: &Demand<'_>) -> u64 {
        let Some(asked) = demand.interconnect else { return u64::MAX };
        if self.free_hcas(index, room, demand) < demand.amounts.hcas || !self.is_connected(index, asked) {
            return 0;
        }
        let fit = replicas(room.hcas, demand.amounts.hcas);
        if asked.exclusive_label().is_some() { fit.min(1) } else { fit }
    }

    /// Whether a node has a suitable fabric.
    pub(super) fn is_connected(&self, index: usize, asked: &InterconnectRequest) -> bool {
        let node = self.cluster.nodes().get(index);
        let interconnect = node.and_then(|node| self.cluster.interconnect_of(node));
        interconnect.is_some_and(|interconnect| asked.is_met_by(interconnect))
    }

    /// The HCAs that a node has for one more replica: none if its fabric does not suit or a peer of the replica is
    /// there.
    pub(super) fn free_hcas(&self, index: usize, room: &Room, demand: &Demand<'_>) -> u64 {
        let Some(asked) = demand.interconnect else { return 0 };
        let peer = asked.exclusive_label().is_some_and(|label| self.labels.contains(&(index, label.to_owned())));
        if self.is_connected(index, asked) && !peer { room.hcas } else { 0 }
    }

    /// The cards that a node can give to one replica: at most the number of free cards, and at most the described cards
    /// of one allowed model that are left.
    pub(super) fn cards(&self, index: usize, room: &Room, demand: &Demand<'_>) -> u64 {
        let given = |model: usize| {
            let key = demand.models.get(model).filter(|_| !self.given.is_empty());
            let key = key.map(|(vendor, model)| (index, vendor.clone(), model.clone()));
            key.and_then(|key| self.given.get(&key)).copied().unwrap_or(0)
        };
        let number = |(model, described): (usize, u64)| described.saturating_sub(given(model));
        let left = self.described(index, demand).into_iter().enumerate().map(number);
        room.gpus.min(left.max().unwrap_or(0))
    }

    /// The described cards of a node that the order allows, in use or free, by model.
    pub(super) fn described(&self, index: usize, demand: &Demand<'_>) -> Vec<u64> {
        let mut numbers: Vec<u64> = vec![0; demand.models.len()];
        for card in self.cluster.cards_to_give(index) {
            let Some(model) = demand.model_of.get(card.place()).copied().flatten() else { continue };
            if demand.only.is_none_or(|only| only == model)
                && let Some(number) = numbers.get_mut(model)
            {
                *number = number.saturating_add(1);
            }
        }
        numbers
    }

    pub(super) fn pool(&self, class: &str) -> Bytes {
        let index = self.cluster.storage().iter().position(|pool| pool.class == class);
        index.and_then(|index| self.pools.get(index)).copied().unwrap_or_default()
    }

    /// Which resources a node has too little of for one more replica.
    pub(super) fn missing(&self, index: usize, demand: &Demand<'_>) -> Missing {
        let mut missing = Missing::default();
        let (Some(room), Some(node)) = (self.rooms.get(index), self.cluster.nodes().get(index)) else { return missing };
        for (resource, asked, free) in self.amounts(index, room, demand) {
            if free < asked {
                missing.add(resource);
            }
        }
        for (class, size) in &demand.classes {
            if !has_class(node, class) {
                missing.add(Resource::StorageClass);
            } else if self.pool(class) < *size {
                missing.add(Resource::Volumes);
            }
        }
        missing
    }

    /// The same as [`Self::missing`], with amounts.
    pub(super) fn lacks(&self, index: usize, demand: &Demand<'_>) -> Vec<Lack> {
        let (Some(room), Some(node)) = (self.rooms.get(index), self.cluster.nodes().get(index)) else {
            return Vec::new();
        };
        let mut lacks = Vec::new();
        for (resource, asked, free) in self.amounts(index, room, demand) {
            if free < asked {
                lacks.push(Lack::of_amount(resource, asked, free));
            }
        }
        for (class, size) in &demand.classes {
            if !has_class(node, class) {
                lacks.push(Lack::of_class(class));
            } else if self.pool(class) < *size {
                lacks.push(Lack::of_amount(Resource::Volumes, size.get(), self.pool(class).get()));
            }
        }
        lacks
    }

    /// The resources of a node: what is needed and what is left, GPUs first; for messages, so each is a number in the
    /// resource's own unit.
    pub(super) fn amounts(&self, index: usize, room: &Room, demand: &Demand<'_>) -> [(Resource, u64, u64); 5] {
        [
            (Resource::Gpu, demand.amounts.gpus, self.cards(index, room, demand)),
            (Resource::Cpu, demand.amounts.cpu.get(), room.cpu.get()),
            (Resource::Memory, demand.amounts.memory.get(), room.memory.get()),
            (Resource::EphemeralStorage, demand.amounts.ephemeral.get(), room.ephemeral.get()),
            (Resource::Interconnect, demand.amounts.hcas, self.free_hcas(index, room, demand)),
        ]
    }
}

/// How many replicas fit into what is free if each asks for this much.
fn replicas<A: Amount>(free: A, asked: A) -> u64 {
    free.room_for(asked).unwrap_or(u64::MAX)
}
