//! Interconnect: units whose GPUs communicate with those of other nodes.
//!
//! Such a replica takes one host channel adapter (HCA) per card, on a node that names a fabric and a resource. Replicas
//! with the same label are peers and run on distinct nodes, including those of one unit. This follows provider 0.16.2.

use crate::inventory::Interconnect;
use crate::order::{Fabric, GroupSpec};

use super::{CommittedUnit, ReserveError};

/// The maximum length of a label's value in Kubernetes.
const MAX_LABEL: usize = 63;

/// What a unit asks of its nodes' interconnect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterconnectRequest {
    /// The label of its replicas and their peers. Replicas with an empty label have no peers.
    pub label: String,
    /// The fabric, if the group is pinned to one.
    pub fabric: Option<Fabric>,
}

impl InterconnectRequest {
    /// What a unit of a group asks for, if anything.
    pub(super) fn new(label: Option<&str>, group: &GroupSpec) -> Option<Self> {
        label.map(|label| Self { label: label.to_owned(), fabric: group.requirements().fabric() })
    }

    /// Whether a node with this interconnect is suitable.
    #[must_use]
    pub fn is_met_by(&self, interconnect: &Interconnect) -> bool {
        interconnect.is_usable() && self.fabric.is_none_or(|fabric| fabric.name() == interconnect.fabric)
    }

    /// The label that no other replica on the same node may have.
    #[must_use]
    pub fn exclusive_label(&self) -> Option<&str> {
        Some(self.label.as_str()).filter(|label| !label.is_empty())
    }
}

/// Rejects an order with a label that Kubernetes does not accept.
pub(super) fn check(units: &[CommittedUnit]) -> Result<(), ReserveError> {
    let labels = units.iter().filter_map(|unit| Some((unit.id, &unit.interconnect.as_ref()?.label)));
    match labels.into_iter().find(|(_, label)| !is_label(label)) {
        Some((id, label)) => Err(ReserveError::InvalidInterconnectGroup(id, crate::text::excerpt(label))),
        None => Ok(()),
    }
}

/// Whether a text is a valid label value in Kubernetes: at most 63 letters, digits, `-`, `_` and `.`, with a letter or
/// digit at both ends.
fn is_label(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.len() <= MAX_LABEL && ends(text.chars().next()) && ends(text.chars().last()) && text.chars().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_those_of_kubernetes() {
        for label in ["", "a", "auto", "a-b_c.d", "0", &"x".repeat(63)] {
            assert!(is_label(label), "{label}");
        }
        for label in ["-a", "a.", "bad label!", "ä", &"x".repeat(64)] {
            assert!(!is_label(label), "{label}");
        }
    }
}
