//! What each node lacks, as JSON.

use serde::Serialize;

use crate::reserve::shortage::{Lack, NodeShortage, Shortage};

/// What each node lacks, next to the reason that it explains.
#[derive(Debug, Serialize)]
pub struct ShortageJson<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    nodes: Vec<NodeShortageJson<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    nodes_left_out: usize,
}

#[derive(Debug, Serialize)]
struct NodeShortageJson<'a> {
    node: &'a str,
    lacks: Vec<LackJson<'a>>,
}

#[derive(Debug, Serialize)]
struct LackJson<'a> {
    resource: &'static str,
    asked: &'a str,
    free: Option<&'a str>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl<'a> ShortageJson<'a> {
    /// Converts the nodes of a shortage.
    #[must_use]
    pub fn new(shortage: &'a Shortage) -> Self {
        let lack = |lack: &'a Lack| LackJson {
            resource: lack.resource.name(),
            asked: &lack.asked,
            free: lack.free.as_deref(),
        };
        let node = |node: &'a NodeShortage| NodeShortageJson {
            node: &node.node,
            lacks: node.lacks.iter().map(lack).collect(),
        };
        Self { nodes: shortage.nodes.iter().map(node).collect(), nodes_left_out: shortage.nodes_left_out }
    }
}
