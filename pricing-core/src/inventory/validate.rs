//! Decides which parts of an inventory can be believed.
//!
//! Real inventories contain counters that ran below zero, more in use than there is, and hundreds of cards in one node.
//! Each of these becomes a [`Finding`], and nothing of it can be reserved. What is left satisfies `0 <= available <=
//! total` for every resource. Free amounts are rounded down to whole bytes, cards and thousandths of a thread, and
//! negative amounts count as zero.

mod amount;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::finding::{Action, Finding, Resource};
use super::read::{AllocatedQuantity, Capabilities, Gpu, GpuInfo, Node as RawNode, Pool, Section, Snapshot};
use super::{
    Capacity, Cluster, ClusterBuilder, DescribedCard, Interconnect, InterconnectId, MAX_NODE_GPUS, Node, StoragePool,
};
use crate::quantity::{Bytes, MilliCpu};
use crate::text::{self, excerpt, plural};
use amount::{CheckedAmount, Unit, believe, believe_leased_ips};

/// The result of validating an inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validated {
    /// The part that can be reserved.
    pub cluster: Cluster,
    /// What was wrong: the nodes' findings in the inventory's order, then those of the cluster.
    pub findings: Vec<Finding>,
}

/// Validates an inventory. This never fails: an inventory without anything usable gives an empty cluster.
#[must_use]
pub fn validate(snapshot: Snapshot) -> Validated {
    let mut validator = Validator::default();
    if snapshot.status_without_inventory {
        validator.find(None, Resource::Node, "the provider's status has no inventory", Action::Kept);
    }
    for (place, node) in snapshot.nodes.into_iter().enumerate() {
        validator.node(place, node);
    }
    for pool in snapshot.storage {
        validator.pool(pool);
    }
    if let Some(pair) = snapshot.leased_ip.filter(|pair| pair.allocatable.is_some() || pair.allocated.is_some()) {
        let free = validator.or_nothing(None, Resource::LeasedIp, believe_leased_ips(&pair)).available;
        validator.builder.leased_ips(free);
    }
    Validated { cluster: validator.builder.build(), findings: validator.findings }
}

#[derive(Default)]
struct Validator {
    builder: ClusterBuilder,
    findings: Vec<Finding>,
    names: BTreeSet<Arc<str>>,
    classes: BTreeSet<String>,
}

impl Validator {
    fn find(&mut self, node: Option<&str>, resource: Resource, problem: impl Into<String>, action: Action) {
        self.findings.push(Finding { node: node.map(str::to_owned), resource, problem: problem.into(), action });
    }

    /// Adds a node. Without a name, CPU or memory it is dropped, since nothing can run there; every other resource
    /// counts as absent if its amounts cannot be believed.
    fn node(&mut self, place: usize, raw: RawNode) {
        let Some(name) = self.name(place, &raw.name) else { return };
        let cpu = self.essential(&name, Resource::Cpu, raw.resources.cpu.quantity.as_ref());
        let memory = self.essential(&name, Resource::Memory, raw.resources.memory.quantity.as_ref());
        let (Some(cpu), Some(memory)) = (cpu, memory) else { return };
        let (gpus, described) = self.gpus(&name, raw.resources.gpu);
        let ephemeral = self.clamped(Some(&name), Resource::EphemeralStorage, raw.resources.ephemeral_storage.as_ref());
        let cards = described.into_iter().map(|card| self.builder.card(card)).collect();
        let hcas = self.clamped(Some(&name), Resource::Interconnect, raw.resources.gpu_interconnect.as_ref());
        let interconnect = self.interconnect(&name, &raw.capabilities, hcas.total);
        self.builder.node(Node {
            name,
            cpu: Capacity { total: MilliCpu::new(cpu.total), available: MilliCpu::new(cpu.available) },
            memory: bytes(memory),
            ephemeral: bytes(ephemeral),
            gpus,
            cards,
            storage_classes: raw.capabilities.storage_classes,
            interconnect,
            hcas,
        });
    }

    /// How the node's GPUs reach those of other nodes, if the inventory says anything about it.
    fn interconnect(&mut self, node: &str, said: &Capabilities, hcas: u64) -> Option<InterconnectId> {
        let interconnect = Interconnect {
            fabric: said.interconnect_fabric.clone(),
            resource_name: said.interconnect_resource_name.clone(),
            hca_prefixes: said.nccl_hca_prefixes.clone(),
        };
        if hcas > 0 && !interconnect.is_usable() {
            let problem = format!("HCAs counted: {hcas}, without a fabric and a resource name; they are not reserved");
            self.find(Some(node), Resource::Interconnect, problem, Action::Kept);
        }
        let says_something = !interconnect.fabric.is_empty() || !interconnect.resource_name.is_empty();
        says_something.then(|| self.builder.interconnect(interconnect))
    }

    /// The node's name. None if it is empty, or an earlier node has the same one.
    fn name(&mut self, place: usize, name: &str) -> Option<Arc<str>> {
        if name.trim().is_empty() {
            let problem = format!("node {place} (counted from 0) has no name");
            self.find(None, Resource::Node, problem, Action::IgnoredNode);
            return None;
        }
        let name: Arc<str> = Arc::from(name);
        if !self.names.insert(Arc::clone(&name)) {
            let problem = "an earlier node has the same name; the first one counts";
            self.find(Some(&name), Resource::Node, problem, Action::IgnoredNode);
            return None;
        }
        Some(name)
    }

    /// CPU or memory. None drops the node, because it is of no use without them.
    fn essential(&mut self, node: &str, resource: Resource, pair: Option<&AllocatedQuantity>) -> Option<Capacity<u64>> {
        let unit = if resource == Resource::Cpu { Unit::Milli } else { Unit::Whole };
        let problem = match pair.map(|pair| believe(pair, unit)) {
            Some(Ok(believed)) => {
                let capacity = self.keep(Some(node), resource, believed);
                if capacity.total == 0 {
                    self.find(Some(node), resource, "nothing is allocatable; no pod fits here", Action::Kept);
                }
                return Some(capacity);
            }
            Some(Err(problem)) => problem,
            None => format!("the node does not say how much {} it has", resource.name()),
        };
        self.find(Some(node), resource, problem, Action::IgnoredNode);
        None
    }

    /// A resource that counts as absent if its amounts cannot be believed.
    fn clamped(&mut self, node: Option<&str>, resource: Resource, pair: Option<&AllocatedQuantity>) -> Capacity<u64> {
        let believed = pair.map(|pair| believe(pair, Unit::Whole));
        believed.map_or_else(Capacity::default, |believed| self.or_nothing(node, resource, believed))
    }

    fn or_nothing(
        &mut self,
        node: Option<&str>,
        resource: Resource,
        believed: Result<CheckedAmount, String>,
    ) -> Capacity<u64> {
        match believed {
            Ok(believed) => self.keep(node, resource, believed),
            Err(problem) => {
                self.find(node, resource, problem, Action::Clamped);
                Capacity::default()
            }
        }
    }

    fn keep(&mut self, node: Option<&str>, resource: Resource, believed: CheckedAmount) -> Capacity<u64> {
        for (problem, action) in believed.problems {
            self.find(node, resource, problem, action);
        }
        believed.capacity
    }

    /// The node's number of cards, and their descriptions. The number may exceed the descriptions; the schedulers only
    /// hand out described cards, so the rest stay unused.
    fn gpus(&mut self, node: &str, gpu: Section<Gpu>) -> (Capacity<u64>, Vec<DescribedCard>) {
        let none = (Capacity::default(), Vec::new());
        let gpu = match gpu {
            Section::Absent => return none,
            Section::Null => {
                self.find(Some(node), Resource::Gpu, "`gpu` is null; the node's cards are not known", Action::Clamped);
                return none;
            }
            Section::Present(gpu) => gpu,
        };
        let unbelievable = u64::try_from(gpu.info.len()).map_or(true, |cards| cards > MAX_NODE_GPUS);
        let problem = match gpu.quantity.as_ref().map(|pair| believe(pair, Unit::Whole)) {
            Some(Err(problem)) => problem,
            Some(Ok(CheckedAmount { capacity, .. })) if capacity.total > MAX_NODE_GPUS => {
                format!("{} cards are counted; at most {MAX_NODE_GPUS} for a node are accepted", capacity.total)
            }
            _ if unbelievable => {
                format!("{} cards are described; at most {MAX_NODE_GPUS} for a node are accepted", gpu.info.len())
            }
            believed => {
                let believed = believed.and_then(Result::ok).unwrap_or_default();
                let capacity = self.keep(Some(node), Resource::Gpu, believed);
                return (capacity, self.described(node, gpu, capacity.total));
            }
        };
        self.find(Some(node), Resource::Gpu, problem, Action::Clamped);
        none
    }

    /// The described cards that an order can name, with findings where their number and the count disagree.
    fn described(&mut self, node: &str, gpu: Gpu, counted: u64) -> Vec<DescribedCard> {
        let reported = gpu.quantity.as_ref().and_then(|pair| pair.capacity).map_or(0, |amount| amount.0.floor());
        let entries = gpu.info.len();
        let cards: Vec<DescribedCard> = gpu.info.into_iter().filter_map(describe).collect();
        let dropped = entries.saturating_sub(cards.len());
        if dropped > 0 {
            let (cards, have) = (text::counted(dropped, "described card"), plural(dropped, "has", "have"));
            let problem = format!("{cards} {have} no vendor and name that an order could ask for");
            self.find(Some(node), Resource::Gpu, problem, Action::Clamped);
        }
        self.words_of_cards(node, &cards);
        let described = u64::try_from(cards.len()).unwrap_or(u64::MAX);
        if counted > described {
            let problem = format!("cards counted: {counted}, described: {described}; the others are never handed out");
            self.find(Some(node), Resource::Gpu, problem, Action::Kept);
        } else if counted < described {
            let problem = format!("cards described: {described}, counted: {counted}");
            self.find(Some(node), Resource::Gpu, problem, Action::Kept);
        } else if counted == 0 && reported > 0 {
            let problem = format!("cards by the node's capacity: {reported}, none of them allocatable");
            self.find(Some(node), Resource::Gpu, problem, Action::Kept);
        }
        cards
    }

    /// Findings about descriptions that had to be interpreted, or could not be read. Equal descriptions share a
    /// finding.
    fn words_of_cards(&mut self, node: &str, cards: &[DescribedCard]) {
        let mut distinct: BTreeMap<&DescribedCard, u64> = BTreeMap::new();
        for card in cards {
            let number = distinct.entry(card).or_default();
            *number = number.saturating_add(1);
        }
        for (card, number) in distinct {
            for (problem, action) in words::problems(card, number) {
                self.find(Some(node), Resource::Gpu, problem, action);
            }
        }
    }

    fn pool(&mut self, pool: Pool) {
        let class = pool.info.class;
        if class.is_empty() {
            self.find(None, Resource::Storage, "a storage class has no name and is not used", Action::Clamped);
            return;
        }
        let shown = excerpt(&class);
        if !self.classes.insert(class.clone()) {
            let problem = format!("`{shown}` is listed again; its first entry counts");
            self.find(None, Resource::Storage, problem, Action::Clamped);
            return;
        }
        let before = self.findings.len();
        let capacity = bytes(self.clamped(None, Resource::Storage, pool.quantity.as_ref()));
        for finding in self.findings.iter_mut().skip(before) {
            finding.problem = format!("`{shown}`: {}", finding.problem);
        }
        self.builder.storage(StoragePool { class, capacity });
    }
}

fn bytes(capacity: Capacity<u64>) -> Capacity<Bytes> {
    Capacity { total: Bytes::new(capacity.total), available: Bytes::new(capacity.available) }
}

/// A description that an order could name. `*` would mean any card in an order, and `/` separates words there.
fn describe(info: GpuInfo) -> Option<DescribedCard> {
    let GpuInfo { vendor, name, interface, memory_size } = info;
    let nameable = |word: &str| !word.trim().is_empty() && word != "*" && !word.contains('/');
    (nameable(&vendor) && nameable(&name)).then_some(DescribedCard { vendor, name, interface, memory_size })
}

#[cfg(test)]
mod tests;
