//! NodeAffinity: the labels that a pod requires of its node.
//!
//! The daemon labels each node with the vendor and model of every card there, and with each storage class. It requires
//! the label of the reserved vendor and model, whatever RAM and interface the card has. Pods without cards may start on
//! every node that it manages, and the inventory has only these. The classes are compared with the rest of the request
//! ([`super::node_resources_fit`]), where the index keeps them. The daemon states no preferences, so there is no score.

use crate::inventory::Cluster;
use crate::reserve::{PodSelector, start};

/// The nodes with the label of a pod's vendor and model.
#[derive(Clone, Copy, Debug)]
pub(super) enum LabelledNodes<'c> {
    /// Every node, as the number of nodes.
    All(usize),
    /// Some nodes, as indices, ascending.
    Some(&'c [usize]),
}

impl<'c> LabelledNodes<'c> {
    /// The nodes where pods may start as far as their labels are concerned.
    pub(super) fn new(selector: Option<&PodSelector>, cluster: &'c Cluster) -> Self {
        match selector {
            Some(selector) => Self::Some(start::labelled(selector, cluster)),
            None => Self::All(cluster.nodes().len()),
        }
    }

    /// The number of nodes.
    pub(super) fn len(self) -> usize {
        match self {
            Self::All(nodes) => nodes,
            Self::Some(nodes) => nodes.len(),
        }
    }

    /// The nodes, as indices, ascending.
    pub(super) fn iter(self) -> impl Iterator<Item = usize> + 'c {
        let at = move |place: usize| match self {
            Self::All(_) => Some(place),
            Self::Some(nodes) => nodes.get(place).copied(),
        };
        (0..self.len()).filter_map(at)
    }
}
