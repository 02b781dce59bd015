//! Targets that the daemon names: where it placed an order, to be priced as given.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::cards::{CardGroup, QuotedTarget};
use crate::gpu::GpuKind;
use crate::order::{Order, ResourceUnit};
use crate::quantity::Quantity;
use crate::text::excerpt;

/// Where the daemon placed one resource unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenTarget {
    /// The unit.
    pub resource_id: u32,
    /// The number of its replicas.
    pub count: u32,
    /// The node of each replica. Empty if the nodes are unknown.
    pub nodes: Vec<String>,
    /// Cards per replica.
    pub gpu_units: u64,
    /// The cards: one entry per distinct node, or a single one without a node. Empty without GPUs.
    pub cards: Vec<GivenCards>,
}

/// The cards on one node, or on all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenCards {
    /// The node. None if the replicas' nodes are unknown, or all of them get the same cards.
    pub node: Option<String>,
    /// One kind if the card is certain, otherwise every candidate. A kind with the model `*`, or without RAM or
    /// interface, can be any card within it that the rate card lists.
    pub kinds: Vec<GivenKind>,
}

/// A kind of card, in the daemon's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenKind {
    /// The vendor, such as `nvidia`.
    pub vendor: String,
    /// The model, such as `a100`.
    pub model: String,
    /// The RAM, such as `80Gi`.
    pub ram: Option<String>,
    /// The interface: `pcie`, `sxm`, or the hardware's word for one of them.
    pub interface: Option<String>,
}

/// Why a target does not belong to its order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// The number of targets differs from the number of units.
    #[error("the order has {units} resource units, and {targets} targets are given")]
    Number {
        /// The number of units.
        units: usize,
        /// The number of targets.
        targets: usize,
    },
    /// The target is for another unit.
    #[error("target {place} (counted from 0) is for resource {given}; the order has resource {unit} there")]
    Unit {
        /// The target's index.
        place: usize,
        /// The target's unit.
        given: u32,
        /// The order's unit.
        unit: u32,
    },
    /// The target and the unit have different amounts.
    #[error("resource {unit} has {wanted} {what}, its target {given}")]
    Amount {
        /// The unit.
        unit: u32,
        /// What is counted.
        what: &'static str,
        /// The order's number.
        wanted: u64,
        /// The target's number.
        given: u64,
    },
    /// Cards are missing, or have no kind.
    #[error("the target of resource {unit} does not say which cards {node} has")]
    NoCards {
        /// The unit.
        unit: u32,
        /// Where.
        node: String,
    },
    /// Cards are named where no replica is.
    #[error("the target of resource {unit} has cards {node}, where no replica is")]
    StrayCards {
        /// The unit.
        unit: u32,
        /// Where.
        node: String,
    },
    /// A node has more than one entry.
    #[error("the target of resource {unit} says twice which cards there are {node}; expected one entry a node")]
    RepeatedCards {
        /// The unit.
        unit: u32,
        /// Where.
        node: String,
    },
    /// An entry without a node applies to no replica.
    #[error("the target of resource {unit} has cards without a node, though each of its nodes has an entry")]
    UnusedCards {
        /// The unit.
        unit: u32,
    },
    /// A card's description is malformed.
    #[error("the target of resource {unit} has the card `{kind}`, whose {problem}")]
    MalformedCard {
        /// The unit.
        unit: u32,
        /// The card.
        kind: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The order does not allow such a card.
    #[error("the target of resource {unit} has the card `{kind}`, which the order does not ask for")]
    UnwantedCard {
        /// The unit.
        unit: u32,
        /// The card.
        kind: String,
    },
}

impl QuotedTarget {
    /// Checks the targets that the daemon names for an order, for [`super::Supply::Given`].
    ///
    /// # Errors
    /// When they do not belong to this order: another number of units, replicas or cards, or cards that the order does
    /// not allow.
    pub fn given(order: &Order, targets: &[GivenTarget]) -> Result<Vec<Self>, TargetError> {
        let units = order.group.resources();
        if units.len() != targets.len() {
            return Err(TargetError::Number { units: units.len(), targets: targets.len() });
        }
        let pairs = units.iter().zip(targets).enumerate();
        pairs.map(|(place, (unit, target))| of_unit(place, unit, target)).collect()
    }
}

fn of_unit(place: usize, unit: &ResourceUnit, target: &GivenTarget) -> Result<QuotedTarget, TargetError> {
    if target.resource_id != unit.id {
        return Err(TargetError::Unit { place, given: target.resource_id, unit: unit.id });
    }
    let amount = |what, wanted: u64, given: u64| {
        (wanted == given).then_some(()).ok_or(TargetError::Amount { unit: unit.id, what, wanted, given })
    };
    amount("replicas", unit.count.into(), target.count.into())?;
    amount("cards a replica", unit.gpu.units, target.gpu_units)?;
    if !target.nodes.is_empty() {
        amount("replicas", unit.count.into(), u64::try_from(target.nodes.len()).unwrap_or(u64::MAX))?;
    }
    let mut nodes: Vec<Arc<str>> = target.nodes.iter().map(|node| Arc::from(node.as_str())).collect();
    // The replicas of a node are made consecutive, as in this program's own placements.
    let first = |node: &Arc<str>| target.nodes.iter().position(|other| **other == **node);
    nodes.sort_by_key(first);
    let quoted = QuotedTarget { nodes, ..QuotedTarget::bare(unit) };
    let cards = cards(unit, target, &quoted)?;
    Ok(quoted.with_cards(cards))
}

/// The cards of each node. An entry without a node applies to all nodes without an entry of their own; every entry must
/// apply to some replica, so that none is silently ignored.
fn cards(unit: &ResourceUnit, target: &GivenTarget, quoted: &QuotedTarget) -> Result<Vec<CardGroup>, TargetError> {
    let replicas = quoted.replicas_by_node();
    let is_place =
        |given: &GivenCards| given.node.is_none() || replicas.iter().any(|(node, _)| *node == given.node.as_deref());
    if let Some(stray) = target.cards.iter().find(|given| unit.gpu.units == 0 || !is_place(given)) {
        return Err(TargetError::StrayCards { unit: unit.id, node: on(stray.node.as_deref()) });
    }
    if unit.gpu.units == 0 {
        return Ok(Vec::new());
    }
    check_entries(unit, &target.cards, &replicas)?;
    let mut groups = Vec::new();
    for (node, replicas) in replicas {
        let given = target.cards.iter().find(|given| given.node.as_deref() == node);
        let given = given.or_else(|| target.cards.iter().find(|given| given.node.is_none()));
        let kinds = given.map_or(&[][..], |given| &given.kinds);
        if kinds.is_empty() {
            return Err(TargetError::NoCards { unit: unit.id, node: on(node) });
        }
        let kinds = kinds.iter().map(|kind| allowed(unit, kind)).collect::<Result<Vec<_>, _>>()?;
        // What is left open can be any card within it, as in a request.
        let known = kinds.iter().all(is_whole);
        groups.push(CardGroup { node: node.map(Arc::from), replicas, kinds, known, candidates: Vec::new() });
    }
    Ok(groups)
}

/// Rejects entries that would be ignored, because their cards would not be priced.
fn check_entries(
    unit: &ResourceUnit,
    cards: &[GivenCards],
    replicas: &[(Option<&str>, u32)],
) -> Result<(), TargetError> {
    let mut named: BTreeSet<Option<&str>> = BTreeSet::new();
    for given in cards {
        if !named.insert(given.node.as_deref()) {
            return Err(TargetError::RepeatedCards { unit: unit.id, node: on(given.node.as_deref()) });
        }
    }
    let needed = replicas.iter().any(|(node, _)| node.is_none() || !named.contains(node));
    if named.contains(&None) && !needed {
        return Err(TargetError::UnusedCards { unit: unit.id });
    }
    Ok(())
}

fn allowed(unit: &ResourceUnit, given: &GivenKind) -> Result<GpuKind, TargetError> {
    let GivenKind { vendor, model, ram, interface } = given;
    let kind = GpuKind::new(vendor, model, ram.as_deref().unwrap_or(""), interface.as_deref().unwrap_or(""));
    if let Some(problem) = malformed(&kind) {
        return Err(TargetError::MalformedCard { unit: unit.id, kind: excerpt(&kind.to_string()), problem });
    }
    if unit.gpu.allows(&kind) {
        return Ok(kind);
    }
    Err(TargetError::UnwantedCard { unit: unit.id, kind: excerpt(&kind.to_string()) })
}

/// Whether a kind identifies a card completely.
fn is_whole(kind: &GpuKind) -> bool {
    kind.model() != "*" && kind.ram().is_some() && kind.interface().is_some()
}

/// What is wrong with a kind's fields, if anything.
fn malformed(kind: &GpuKind) -> Option<&'static str> {
    let is_word =
        |word: &str| !word.is_empty() && !word.contains(|c: char| c == '/' || c.is_whitespace() || c.is_control());
    if !is_word(kind.vendor()) {
        return Some("vendor is not a word");
    }
    if !is_word(kind.model()) {
        return Some("model is not a word");
    }
    let bytes = |ram| Quantity::parse(ram).ok().and_then(Quantity::whole);
    if kind.ram().is_some_and(|ram| bytes(ram).is_none_or(|bytes| bytes == 0)) {
        return Some("ram is not an amount such as `80Gi`");
    }
    if kind.interface().is_some_and(|interface| !matches!(interface, "pcie" | "sxm")) {
        return Some("interface is neither `pcie` nor `sxm`");
    }
    None
}

fn on(node: Option<&str>) -> String {
    node.map_or_else(|| "anywhere".to_owned(), |node| format!("on `{}`", excerpt(node)))
}

#[cfg(test)]
mod tests;
