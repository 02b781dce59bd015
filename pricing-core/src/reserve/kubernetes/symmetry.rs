//! Nodes that kube-scheduler cannot tell apart before any pod of the order starts.
//!
//! Exchanging two of them changes nothing about how the placement may go on. So branches that differ only by such an
//! exchange are one, which is written with its pods on the first nodes of each class. And each node of a class is as
//! likely as the others, whatever has happened so far. Without this, equal nodes would soon make more branches than are
//! followed, and the ones that are left out would decide by their names.

use std::collections::BTreeMap;

use crate::inventory::{Cluster, Free, Node};

use super::branches::PlacedPods;
use super::node_affinity::LabelledNodes;
use super::pods::PodTemplate;
use super::scheduling_cycle::connects;

/// The classes of nodes that are alike.
#[derive(Clone, Debug, Default)]
pub(super) struct Symmetry {
    /// For each node, its class.
    class_of: Vec<usize>,
    /// The nodes of each class, sorted by name, so that the inventory's order decides nothing.
    classes: Vec<Vec<usize>>,
}

/// All that kube-scheduler sees of a node.
#[derive(Debug, PartialEq)]
struct Seen<'a> {
    free: &'a Free,
    /// The units, by place, whose pods may start there. A node on which one may not start now will not do later.
    admitted: Vec<usize>,
}

impl Symmetry {
    /// Finds the nodes that are alike for the pods of an order.
    pub(super) fn new(pods: &[PodTemplate], cluster: &Cluster) -> Self {
        let (nodes, free) = (cluster.nodes(), cluster.index().free());
        let mut seen: Vec<Seen<'_>> = free.iter().map(|free| Seen { free, admitted: Vec::new() }).collect();
        for (place, template) in pods.iter().enumerate() {
            let selector = template.selector.as_ref();
            let connected = selector.and_then(|selector| selector.interconnects(cluster));
            for at in LabelledNodes::new(selector, cluster).iter() {
                if let (Some(node), Some(seen)) = (nodes.get(at), seen.get_mut(at))
                    && connects(connected.as_ref(), node)
                    && template.request.could_start(seen.free, node)
                {
                    seen.admitted.push(place);
                }
            }
        }
        let mut symmetry = Self::default();
        for (at, (node, one)) in nodes.iter().zip(&seen).enumerate() {
            let is_alike = |class: &Vec<usize>| {
                let first = class.first().and_then(|first| nodes.get(*first).zip(seen.get(*first)));
                first.is_some_and(|(first, other)| one == other && have_the_same(node, first))
            };
            let known = symmetry.classes.iter().position(is_alike);
            let class = known.unwrap_or(symmetry.classes.len());
            symmetry.class_of.push(class);
            match symmetry.classes.get_mut(class) {
                Some(class) => class.push(at),
                None => symmetry.classes.push(vec![at]),
            }
        }
        for class in &mut symmetry.classes {
            class.sort_unstable_by_key(|at| nodes.get(*at).map(|node| &node.name));
        }
        symmetry
    }

    /// The pods with nodes exchanged, so that those with the same pods come first in their class. What differs only by
    /// an exchange becomes the same.
    pub(super) fn canonical(&self, placed: &[PlacedPods]) -> Vec<PlacedPods> {
        let mut loads: BTreeMap<usize, Vec<&[PlacedPods]>> = BTreeMap::new();
        for here in placed.chunk_by(|one, other| one.node == other.node) {
            let class = here.first().and_then(|pods| self.class_of.get(pods.node));
            if let Some(class) = class {
                loads.entry(*class).or_default().push(here);
            }
        }
        let mut canonical = Vec::with_capacity(placed.len());
        for (class, mut loads) in loads {
            let pods = |load: &[PlacedPods]| load.iter().map(|pods| (pods.template, pods.replicas)).collect::<Vec<_>>();
            loads.sort_by_cached_key(|load| pods(load));
            let nodes = self.nodes(class).iter();
            canonical.extend(
                nodes.zip(loads).flat_map(|(node, load)| load.iter().map(|pods| PlacedPods { node: *node, ..*pods })),
            );
        }
        canonical.sort_unstable();
        canonical
    }

    /// The class of a node.
    pub(super) fn class(&self, node: usize) -> Option<usize> {
        self.class_of.get(node).copied()
    }

    /// The nodes of a class.
    pub(super) fn nodes(&self, class: usize) -> &[usize] {
        self.classes.get(class).map_or(&[], Vec::as_slice)
    }
}

/// Whether two nodes have the same of everything that scores count.
fn have_the_same(one: &Node, other: &Node) -> bool {
    one.cpu.total == other.cpu.total
        && one.memory.total == other.memory.total
        && one.ephemeral.total == other.ephemeral.total
        && one.gpus.total == other.gpus.total
        && one.hcas.total == other.hcas.total
}
