//! Explains why the cluster cannot hold an order, by node and resource, in the way that kube-scheduler explains a
//! pending pod.
//!
//! A scheduler that gave up knows that there is no room, but not what would have to be free. So the replicas are placed
//! once more, first fit, until one does not fit anywhere. What each node lacks for that replica, with the others in
//! place, is the explanation. It tells two situations apart: too little is free in total (exhaustion), or enough is
//! free but not in one place (fragmentation).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::{CommittedUnit, InterconnectRequest, Scheduler};
use crate::gpu::GpuKind;
use crate::inventory::{Cluster, Node};
use crate::order::StorageClass;
use crate::quantity::amount::Amount;
use crate::quantity::{Bytes, LineQuantity, MilliCpu};
use crate::text::excerpt;

/// The most nodes that are listed.
const NODES: usize = 100;

/// The most steps that an explanation may take, each a look at one node. That is a few milliseconds.
const STEPS: usize = 50_000;

/// The most alternatives of a request that a message names.
const ALTERNATIVES: usize = 3;

const GIB: u64 = 1 << 30;

/// Why there is no room for an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// One sentence that names the limiting resource.
    pub message: String,
    /// What each node lacks, in the inventory's order; at most 100 nodes. Empty if the cause is not a node.
    pub nodes: Vec<NodeShortage>,
    /// How many more nodes lack something.
    pub nodes_left_out: usize,
}

/// What a node lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeShortage {
    /// The node.
    pub node: Arc<str>,
    /// What it lacks; at least one resource.
    pub lacks: Vec<Lack>,
}

/// A resource of which a node has too little for one replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// The resource.
    pub resource: Resource,
    /// What a replica needs, in [`Self::resource`]'s unit: threads, GiB, cards or HCAs; or the name of the storage
    /// class.
    pub asked: String,
    /// What is free, in the same unit. None if the node does not have the storage class.
    pub free: Option<String>,
}

/// A resource that a node can lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resource {
    /// Threads.
    Cpu,
    /// GiB of memory, `ram` volumes included.
    Memory,
    /// GiB of ephemeral storage.
    EphemeralStorage,
    /// GPUs of a kind that the order allows.
    Gpu,
    /// Host channel adapters of a fabric that the order allows, on a node without a peer of the replica.
    Interconnect,
    /// A storage class that the node does not have.
    StorageClass,
    /// GiB of a storage class, which the whole cluster shares.
    Volumes,
}

impl Resource {
    /// The resource's name in JSON output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::EphemeralStorage => "ephemeral_storage",
            Self::Gpu => "gpu",
            Self::Interconnect => "interconnect",
            Self::StorageClass => "storage_class",
            Self::Volumes => "volumes",
        }
    }

    /// The unit of its amounts, for people.
    fn counts(self) -> &'static str {
        match self {
            Self::Cpu => "threads",
            Self::Memory => "GiB of memory",
            Self::EphemeralStorage => "GiB of ephemeral storage",
            Self::Gpu => "cards",
            Self::Interconnect => "HCAs",
            Self::StorageClass | Self::Volumes => "GiB of storage",
        }
    }

    /// Formats an amount in the unit of [`Self::counts`].
    fn amount(self, count: u64) -> String {
        let divisor = match self {
            Self::Cpu => 1000,
            Self::Gpu | Self::Interconnect => 1,
            Self::Memory | Self::EphemeralStorage | Self::StorageClass | Self::Volumes => GIB,
        };
        LineQuantity::new(u128::from(count), divisor).to_string()
    }
}

impl Shortage {
    /// A shortage whose cause is not a node.
    pub(super) fn of_cluster(message: String) -> Self {
        Self { message, nodes: Vec::new(), nodes_left_out: 0 }
    }
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Explains why the units do not fit.
///
/// The number of steps is bounded and independent of the request's budget, because a quote must not say less when less
/// of the budget is left. The explanation places units greedily, so it can succeed where the scheduler proved that
/// there is no placement, and it may be too expensive. In both cases `known`, the scheduler's own message, stays.
///
pub(super) fn explain(units: &[CommittedUnit], cluster: &Cluster, scheduler: Scheduler, known: Shortage) -> Shortage {
    let demands: Vec<Demand> = units.iter().map(|unit| Demand::new(unit, cluster, scheduler)).collect();
    let rounds = demands.iter().map(|demand| demand.models.len().saturating_add(2)).sum::<usize>();
    let steps = cluster.nodes().len().saturating_mul(rounds);
    if steps > STEPS {
        return known;
    }
    let mut left = RemainingCluster::new(cluster);
    for (unit, mut demand) in units.iter().zip(demands) {
        let placed = left.place_one_model(&mut demand, unit.count);
        if placed < unit.count {
            return left.told(unit, &demand, placed);
        }
    }
    known
}

/// The set of resources that a node has too little of, as bits.
#[derive(Clone, Copy, Default)]
struct Missing(u8);

impl Missing {
    fn bit(resource: Resource) -> u8 {
        match resource {
            Resource::Cpu => 1,
            Resource::Memory => 2,
            Resource::EphemeralStorage => 4,
            Resource::Gpu => 8,
            Resource::StorageClass => 16,
            Resource::Volumes => 32,
            Resource::Interconnect => 64,
        }
    }

    fn add(&mut self, resource: Resource) {
        self.0 |= Self::bit(resource);
    }

    fn has(self, resource: Resource) -> bool {
        self.0 & Self::bit(resource) != 0
    }

    fn number(self) -> u32 {
        self.0.count_ones()
    }
}

/// What one replica needs from its node.
struct Demand {
    cpu: MilliCpu,
    memory: Bytes,
    ephemeral: Bytes,
    gpus: u64,
    hcas: u64,
    interconnect: Option<InterconnectRequest>,
    /// The size of the volumes by persistent class; each class appears once.
    classes: Vec<(String, Bytes)>,
    /// For each card description, the number of its model if the order allows the card.
    model_of: Vec<Option<usize>>,
    /// The allowed models, by number: vendor and model.
    models: Vec<(String, String)>,
    /// The model that all replicas get, once it is decided.
    only: Option<usize>,
}

impl Demand {
    /// The demand of a unit's replicas. Which cards are allowed depends on the scheduler, since the daemon matches them
    /// letter by letter.
    fn new(unit: &CommittedUnit, cluster: &Cluster, scheduler: Scheduler) -> Self {
        let mut demand = Self {
            cpu: unit.cpu.saturating_add(unit.sidecar.cpu),
            memory: unit.memory.saturating_add(unit.sidecar.memory),
            ephemeral: Bytes::ZERO,
            gpus: unit.gpu.units,
            hcas: unit.hcas(),
            interconnect: unit.interconnect.clone(),
            classes: Vec::new(),
            model_of: Vec::new(),
            models: Vec::new(),
            only: None,
        };
        for (class, size) in &unit.storage {
            match class {
                StorageClass::Ram => demand.memory = demand.memory.saturating_add(*size),
                StorageClass::Ephemeral => demand.ephemeral = demand.ephemeral.saturating_add(*size),
                StorageClass::Persistent(name) => demand.add(name.exact(), *size),
            }
        }
        if demand.gpus > 0 {
            let allows = |kind: &GpuKind| match scheduler {
                Scheduler::Sound => unit.gpu.allows(kind),
                Scheduler::Provider => unit.gpu.allows_by_daemon(kind),
            };
            for card in cluster.cards() {
                let model = allows(&card.kind).then(|| demand.model(&card.kind));
                demand.model_of.push(model);
            }
        }
        demand
    }

    /// The number of a kind's model, which is added if it is new.
    fn model(&mut self, kind: &GpuKind) -> usize {
        let is_its =
            |(vendor, model): &(String, String)| (vendor.as_str(), model.as_str()) == (kind.vendor(), kind.model());
        self.models.iter().position(is_its).unwrap_or_else(|| {
            self.models.push((kind.vendor().to_owned(), kind.model().to_owned()));
            self.models.len().saturating_sub(1)
        })
    }

    fn add(&mut self, class: &str, size: Bytes) {
        match self.classes.iter_mut().find(|(known, _)| known == class) {
            Some((_, sum)) => *sum = sum.saturating_add(size),
            None => self.classes.push((class.to_owned(), size)),
        }
    }
}

/// What a node has left.
#[derive(Clone, Copy)]
struct Room {
    cpu: MilliCpu,
    memory: Bytes,
    ephemeral: Bytes,
    gpus: u64,
    hcas: u64,
}

/// What is left of a cluster while replicas are placed.
#[derive(Clone)]
struct RemainingCluster<'c> {
    cluster: &'c Cluster,
    rooms: Vec<Room>,
    pools: Vec<Bytes>,
    /// How many cards of a model the placed replicas got: by node, vendor and model.
    given: BTreeMap<(usize, String, String), u64>,
    /// The exclusive labels of the placed replicas, by node.
    labels: BTreeSet<(usize, String)>,
}

impl<'c> RemainingCluster<'c> {
    fn new(cluster: &'c Cluster) -> Self {
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
    fn place_one_model(&mut self, demand: &mut Demand, count: u32) -> u32 {
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
    fn place(&mut self, demand: &Demand, count: u32) -> u32 {
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
    fn fit(&self, index: usize, demand: &Demand) -> u64 {
        let (Some(room), Some(node)) = (self.rooms.get(index), self.cluster.nodes().get(index)) else { return 0 };
        let mut fit = replicas(room.cpu, demand.cpu)
            .min(replicas(room.memory, demand.memory))
            .min(replicas(room.ephemeral, demand.ephemeral))
            .min(self.connected(index, room, demand))
            .min(replicas(self.cards(index, room, demand), demand.gpus));
        for (class, size) in &demand.classes {
            let mounts = node.storage_classes.contains(class);
            fit = fit.min(if mounts { replicas(self.pool(class), *size) } else { 0 });
        }
        fit
    }

    /// Takes what some replicas need from a node and from the storage pools.
    fn take(&mut self, index: usize, demand: &Demand, replicas: u64) {
        if let Some(room) = self.rooms.get_mut(index) {
            room.cpu = room.cpu.less(demand.cpu.times(replicas));
            room.memory = room.memory.less(demand.memory.times(replicas));
            room.ephemeral = room.ephemeral.less(demand.ephemeral.times(replicas));
            room.gpus = room.gpus.less(demand.gpus.times(replicas));
            room.hcas = room.hcas.less(demand.hcas.times(replicas));
        }
        if let Some(label) = demand.interconnect.as_ref().and_then(InterconnectRequest::exclusive_label) {
            self.labels.insert((index, label.to_owned()));
        }
        if let Some((vendor, model)) = demand.only.and_then(|only| demand.models.get(only)) {
            let given = self.given.entry((index, vendor.clone(), model.clone())).or_default();
            *given = given.saturating_add(demand.gpus.saturating_mul(replicas));
        }
        for (class, size) in &demand.classes {
            let index = self.cluster.storage().iter().position(|pool| pool.class == *class);
            if let Some(pool) = index.and_then(|index| self.pools.get_mut(index)) {
                *pool = pool.saturating_sub(size.saturating_mul(replicas));
            }
        }
    }

    /// How many replicas a node can take as far as the interconnect is concerned.
    fn connected(&self, index: usize, room: &Room, demand: &Demand) -> u64 {
        let Some(asked) = &demand.interconnect else { return u64::MAX };
        if self.free_hcas(index, room, demand) < demand.hcas || !self.is_connected(index, asked) {
            return 0;
        }
        let fit = replicas(room.hcas, demand.hcas);
        if asked.exclusive_label().is_some() { fit.min(1) } else { fit }
    }

    /// Whether a node has a suitable fabric.
    fn is_connected(&self, index: usize, asked: &InterconnectRequest) -> bool {
        let node = self.cluster.nodes().get(index);
        let interconnect = node.and_then(|node| self.cluster.interconnect_of(node));
        interconnect.is_some_and(|interconnect| asked.is_met_by(interconnect))
    }

    /// The HCAs that a node has for one more replica: none if its fabric does not suit or a peer of the replica is
    /// there.
    fn free_hcas(&self, index: usize, room: &Room, demand: &Demand) -> u64 {
        let Some(asked) = &demand.interconnect else { return 0 };
        let peer = asked.exclusive_label().is_some_and(|label| self.labels.contains(&(index, label.to_owned())));
        if self.is_connected(index, asked) && !peer { room.hcas } else { 0 }
    }

    /// The cards that a node can give to one replica: at most the number of free cards, and at most the described cards
    /// of one allowed model that are left.
    fn cards(&self, index: usize, room: &Room, demand: &Demand) -> u64 {
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
    fn described(&self, index: usize, demand: &Demand) -> Vec<u64> {
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

    fn pool(&self, class: &str) -> Bytes {
        let index = self.cluster.storage().iter().position(|pool| pool.class == class);
        index.and_then(|index| self.pools.get(index)).copied().unwrap_or_default()
    }

    /// Which resources a node has too little of for one more replica.
    fn missing(&self, index: usize, demand: &Demand) -> Missing {
        let mut missing = Missing::default();
        let (Some(room), Some(node)) = (self.rooms.get(index), self.cluster.nodes().get(index)) else { return missing };
        for (resource, asked, free) in self.amounts(index, room, demand) {
            if free < asked {
                missing.add(resource);
            }
        }
        for (class, size) in &demand.classes {
            if !node.storage_classes.contains(class) {
                missing.add(Resource::StorageClass);
            } else if self.pool(class) < *size {
                missing.add(Resource::Volumes);
            }
        }
        missing
    }

    /// The same as [`Self::missing`], with amounts.
    fn lacks(&self, index: usize, demand: &Demand) -> Vec<Lack> {
        let (Some(room), Some(node)) = (self.rooms.get(index), self.cluster.nodes().get(index)) else {
            return Vec::new();
        };
        let mut lacks = Vec::new();
        for (resource, asked, free) in self.amounts(index, room, demand) {
            if free < asked {
                lacks.push(Lack { resource, asked: resource.amount(asked), free: Some(resource.amount(free)) });
            }
        }
        for (class, size) in &demand.classes {
            if !node.storage_classes.contains(class) {
                lacks.push(Lack { resource: Resource::StorageClass, asked: excerpt(class), free: None });
            } else if self.pool(class) < *size {
                let (resource, free) = (Resource::Volumes, self.pool(class).get());
                lacks.push(Lack { resource, asked: resource.amount(size.get()), free: Some(resource.amount(free)) });
            }
        }
        lacks
    }

    /// The resources of a node: what is needed and what is left, GPUs first; for messages, so each is a number in the
    /// resource's own unit.
    fn amounts(&self, index: usize, room: &Room, demand: &Demand) -> [(Resource, u64, u64); 5] {
        [
            (Resource::Gpu, demand.gpus, self.cards(index, room, demand)),
            (Resource::Cpu, demand.cpu.get(), room.cpu.get()),
            (Resource::Memory, demand.memory.get(), room.memory.get()),
            (Resource::EphemeralStorage, demand.ephemeral.get(), room.ephemeral.get()),
            (Resource::Interconnect, demand.hcas, self.free_hcas(index, room, demand)),
        ]
    }

    /// The answer for a unit of which only `placed` replicas fit.
    fn told(&self, unit: &CommittedUnit, demand: &Demand, placed: u32) -> Shortage {
        let all: Vec<Missing> = (0..self.rooms.len()).map(|index| self.missing(index, demand)).collect();
        let which = match unit.count {
            1 => format!("resource unit {}", unit.id),
            count => format!("replica {} of {count} of resource unit {}", placed.saturating_add(1), unit.id),
        };
        let mut message = format!("{which}: {}", self.reason(unit, demand, &all));
        if demand.only.is_some() && demand.models.len() > 1 {
            message.push_str("; all replicas of a resource unit get cards of one model");
        }
        let nodes = self.cluster.nodes().iter().enumerate().zip(&all);
        let lacking = || nodes.clone().filter(|(_, missing)| missing.number() > 0);
        let nodes = lacking()
            .take(NODES)
            .map(|((index, node), _)| NodeShortage { node: Arc::clone(&node.name), lacks: self.lacks(index, demand) });
        Shortage { message, nodes: nodes.collect(), nodes_left_out: lacking().count().saturating_sub(NODES) }
    }

    /// Names the limiting resource. The most specific reason wins: what no node has at all comes before what is used
    /// up.
    fn reason(&self, unit: &CommittedUnit, demand: &Demand, all: &[Missing]) -> String {
        self.class_reason(demand)
            .or_else(|| self.card_reason(unit, demand))
            .or_else(|| self.interconnect_reason(demand))
            .or_else(|| self.amount_reason(demand, all))
            .unwrap_or_else(|| self.nearest_reason(demand, all))
    }

    /// A storage class that no node has, or that is used up.
    fn class_reason(&self, demand: &Demand) -> Option<String> {
        demand.classes.iter().find_map(|(class, size)| {
            let shown = excerpt(class);
            if !self.cluster.nodes().iter().any(|node| node.storage_classes.contains(class)) {
                return Some(format!("no node has storage of class `{shown}`"));
            }
            let free = self.pool(class);
            let amount = |bytes: Bytes| Resource::Volumes.amount(bytes.get());
            (free < *size).then(|| {
                format!("{} GiB of storage class `{shown}` are asked for and {} are free", amount(*size), amount(free))
            })
        })
    }

    /// Cards that no node has, that are all in use, or that are not free in one place.
    fn card_reason(&self, unit: &CommittedUnit, demand: &Demand) -> Option<String> {
        if demand.gpus == 0 {
            return None;
        }
        let only = demand.only.and_then(|only| demand.models.get(only));
        let which = only.map_or_else(|| cards_asked(unit), |(_, model)| excerpt(model));
        let described: u64 = (0..self.rooms.len()).flat_map(|index| self.described(index, demand)).sum();
        let free = || self.rooms.iter().enumerate().map(|(index, room)| self.cards(index, room, demand));
        let (sum, most, asked) = (free().sum::<u64>(), free().max().unwrap_or(0), demand.gpus);
        let of = |number: u64| if number == 1 { "card" } else { "cards" };
        if described == 0 {
            Some(format!("no node has a card of {which}"))
        } else if sum == 0 {
            Some(format!("no card of {which} is free, of {described} that there are"))
        } else if sum < asked {
            Some(format!("{asked} {} of {which} are asked for and {sum} {} free", of(asked), are(sum)))
        } else if most < asked {
            let on = format!("{asked} {} of {which} on one node", of(asked));
            Some(format!("{on}: {sum} are free, but no node has more than {most}"))
        } else {
            None
        }
    }

    /// A fabric that no node has, a peer on every node, or HCAs that are in use or not free in one place.
    fn interconnect_reason(&self, demand: &Demand) -> Option<String> {
        let asked = demand.interconnect.as_ref()?;
        let fabric = asked
            .fabric
            .map_or_else(|| "a GPU interconnect".to_owned(), |fabric| format!("{} between GPUs", fabric.name()));
        let connected = || (0..self.rooms.len()).filter(|index| self.is_connected(*index, asked));
        if connected().next().is_none() {
            return Some(format!("no node has {fabric}"));
        }
        if let Some(label) = asked.exclusive_label() {
            let peers = connected().filter(|index| self.labels.contains(&(*index, label.to_owned()))).count();
            if peers == connected().count() {
                let label = excerpt(label);
                return Some(format!(
                    "each of the {peers} nodes with {fabric} has a replica of group `{label}` already, and its replicas \
                     stand on distinct nodes"
                ));
            }
        }
        let free = || self.rooms.iter().enumerate().map(|(index, room)| self.free_hcas(index, room, demand));
        let (sum, most, asked) = (free().fold(0, u64::saturating_add), free().max().unwrap_or(0), demand.hcas);
        if sum < asked {
            Some(format!("{asked} HCAs are asked for and {sum} {} free", are(sum)))
        } else if most < asked {
            Some(format!("{asked} HCAs on one node: {sum} are free, but no node has more than {most}"))
        } else {
            None
        }
    }

    /// CPU, memory or ephemeral storage that every node has too little of. For an order with GPUs, the nearest node
    /// with free cards says more.
    fn amount_reason(&self, demand: &Demand, all: &[Missing]) -> Option<String> {
        if demand.gpus > 0 {
            return None;
        }
        let amounts = || self.rooms.iter().enumerate().map(|(index, room)| self.amounts(index, room, demand));
        let is_short_everywhere = |resource: &Resource| all.iter().all(|missing| missing.has(*resource));
        let resources = [Resource::Cpu, Resource::Memory, Resource::EphemeralStorage];
        let resource = resources.into_iter().find(is_short_everywhere)?;
        let of = |amounts: [(Resource, u64, u64); 5]| amounts.into_iter().find(|(one, _, _)| *one == resource);
        let asked = amounts().find_map(of).map_or(0, |(_, asked, _)| asked);
        let free = || amounts().filter_map(of).map(|(_, _, free)| free);
        let (sum, most) = (free().fold(0, u64::saturating_add), free().max().unwrap_or(0));
        let (counts, amount) = (resource.counts(), |number| resource.amount(number));
        Some(if sum < asked {
            format!("{} {counts} are asked for and {} are free", amount(asked), amount(sum))
        } else {
            format!(
                "{} {counts} on one node: {} are free, but no node has more than {}",
                amount(asked),
                amount(sum),
                amount(most)
            )
        })
    }

    /// The node that lacks the fewest resources, and what it lacks. Nodes with free cards come first.
    fn nearest_reason(&self, demand: &Demand, all: &[Missing]) -> String {
        let nodes = self.cluster.nodes().iter().enumerate().zip(all);
        let nearest = nodes.min_by_key(|(_, missing)| (missing.has(Resource::Gpu), missing.number()));
        let Some(((index, node), _)) = nearest else { return "there are no nodes".to_owned() };
        let lacks = self.lacks(index, demand);
        let lacks: Vec<String> = lacks.iter().map(in_words).collect();
        let (name, lacks) = (excerpt(&node.name), lacks.join(", and "));
        if demand.gpus > 0 {
            format!("cards are free on {name}, which has {lacks}")
        } else {
            format!("no node has room for all of it; {name} is nearest, and has {lacks}")
        }
    }
}

/// How many replicas fit into what is free if each asks for this much.
fn replicas<A: Amount>(free: A, asked: A) -> u64 {
    free.room_for(asked).unwrap_or(u64::MAX)
}

fn are(number: u64) -> &'static str {
    if number == 1 { "is" } else { "are" }
}

fn in_words(lack: &Lack) -> String {
    match &lack.free {
        None => format!("no storage of class `{}`", lack.asked),
        Some(free) => format!("{free} of {} {} left", lack.asked, lack.resource.counts()),
    }
}

/// The cards that a unit asks for, for people. Models alone where they say it all.
fn cards_asked(unit: &CommittedUnit) -> String {
    if unit.gpu.alternatives.is_empty() {
        return "any kind".to_owned();
    }
    let mut names: Vec<String> = unit
        .gpu
        .alternatives
        .iter()
        .take(ALTERNATIVES)
        .map(|one| match (one.model(), one.ram(), one.interface()) {
            (Some(model), None, None) => excerpt(model),
            _ => excerpt(&one.kind().to_string()),
        })
        .collect();
    if unit.gpu.alternatives.len() > ALTERNATIVES {
        names.push("others".to_owned());
    }
    names.join(" or ")
}

#[cfg(test)]
mod tests;
