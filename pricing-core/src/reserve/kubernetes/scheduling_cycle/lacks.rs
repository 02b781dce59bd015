//! What keeps a pod off each node, for a pod that fits nowhere.

use std::sync::Arc;

use crate::inventory::{Free, Node};
use crate::reserve::shortage::{Lack, NodeShortage, Resource};

use super::super::branches::PlacedPods;
use super::super::inter_pod_affinity;
use super::SchedulingCycle;

/// The most nodes that are listed.
const NODES: usize = 100;

/// What the nodes with the label of the pod's vendor and model lack, in the inventory's order.
pub(super) fn of_nodes(cycle: &SchedulingCycle<'_>, placed: &[PlacedPods]) -> Vec<NodeShortage> {
    cycle.labelled.iter().take(NODES).filter_map(|node| of_node(cycle, node, placed)).collect()
}

fn of_node(cycle: &SchedulingCycle<'_>, at: usize, placed: &[PlacedPods]) -> Option<NodeShortage> {
    let here: Vec<PlacedPods> = placed.iter().filter(|pods| pods.node == at).copied().collect();
    let (free, node) = cycle.free(at, &here)?;
    let mut lacks = amounts(cycle, &free);
    lacks.extend(cycle.template.request.classes_missing_on(cycle.cluster, node).map(Lack::of_class));
    lacks.extend(interconnect(cycle, &free, node, &here));
    (!lacks.is_empty()).then(|| NodeShortage { node: Arc::clone(&node.name), lacks })
}

fn amounts(cycle: &SchedulingCycle<'_>, free: &Free) -> Vec<Lack> {
    let pod = &cycle.template.request;
    let amounts = [
        (Resource::Cpu, pod.cpu.get(), free.cpu.get()),
        (Resource::Memory, pod.memory.get(), free.memory.get()),
        (Resource::EphemeralStorage, pod.ephemeral.get(), free.ephemeral.get()),
        (Resource::Gpu, pod.gpus, free.gpus),
    ];
    let lacking = amounts.into_iter().filter(|(_, asked, free)| free < asked);
    lacking.map(|(resource, asked, free)| Lack::of_amount(resource, asked, free)).collect()
}

/// A node without the interconnect, or with a peer of the pod, has no HCAs for it.
fn interconnect(cycle: &SchedulingCycle<'_>, free: &Free, node: &Node, here: &[PlacedPods]) -> Option<Lack> {
    let labels = here.iter().map(|pods| cycle.pods.get(pods.template)?.label.as_deref());
    let is_free = cycle.connects(node) && !inter_pod_affinity::repels(cycle.template.label.as_deref(), labels);
    let (asked, free) = (cycle.template.request.hcas, if is_free { free.hcas } else { 0 });
    (!is_free || free < asked).then(|| Lack::of_amount(Resource::Interconnect, asked, free))
}
