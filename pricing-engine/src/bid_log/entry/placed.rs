//! The line of where a pod started.

use pricing_core::text::Untrusted;
use serde::{Deserialize, Serialize};

use super::Group;
use crate::order_name::OrderName;
use crate::placements::{PlacementResult, UnknownReason};

/// Where a pod of an order was predicted to start, and where it did. Pods of which the same is not known share a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedPod {
    /// Its sequence number.
    #[serde(skip_serializing)]
    pub sequence: u64,
    /// When it was written. Nothing depends on it.
    #[serde(default)]
    pub time: String,
    /// The order's name.
    pub order_id: OrderName,
    /// The group of the order.
    pub group: Group,
    /// The sequence number of the decision; `None` if it is not in a log.
    #[serde(default)]
    pub decision: Option<u64>,
    /// The resource unit.
    pub resource_id: u32,
    /// The replica of the unit, counted from 1.
    pub replica: u32,
    /// How many pods the line is for; the resource unit and the replica are those of the first one.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub pods: u32,
    /// How the prediction turned out.
    pub result: PlacementResult,
    /// Why it is not known where the pod started.
    #[serde(default)]
    pub reason: Option<UnknownReason>,
    /// Whether the probabilities are approximate.
    #[serde(default)]
    pub approximate: bool,
    /// The nodes that were predicted, the likeliest first. Empty if it is not known where the pod started.
    pub predicted: Vec<PlacementNode>,
    /// How many further nodes were predicted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub predicted_left_out: usize,
    /// The node where the pod started, with the probability that the prediction gave it.
    #[serde(default)]
    pub seen: Option<PlacementNode>,
}

/// A node where a pod was predicted to start, or did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacementNode {
    /// The node.
    pub node: Untrusted,
    /// Its kinds of card. Empty if the pod asks for none.
    pub kinds: Vec<Untrusted>,
    /// The predicted probability, as decimal text.
    pub probability: String,
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_one(number: &u32) -> bool {
    *number == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}
