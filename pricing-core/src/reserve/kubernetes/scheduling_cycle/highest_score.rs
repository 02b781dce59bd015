//! The highest score of some nodes, found without scoring all of them.

use crate::inventory::{Free, Node};

use super::scorer::Scorer;

/// The highest score so far.
///
/// Most nodes are not scored at all: either they cannot reach it, or they are in the state of the node that was scored
/// last, such as idle nodes of one make.
#[derive(Debug)]
pub(super) struct HighestScore<'s, 'n> {
    scorer: &'s Scorer<'s>,
    highest: Option<u64>,
    last: Option<(&'n Free, &'n Node, u64)>,
}

impl<'s, 'n> HighestScore<'s, 'n> {
    /// Before any node is looked at.
    pub(super) fn new(scorer: &'s Scorer<'s>) -> Self {
        Self { scorer, highest: None, last: None }
    }

    /// The highest score so far. None if no node was scored.
    pub(super) fn get(&self) -> Option<u64> {
        self.highest
    }

    /// Takes scores into account that were worked out before.
    pub(super) fn raise(&mut self, score: Option<u64>) {
        self.highest = self.highest.max(score);
    }

    /// The score of a node that passes the filters, PodTopologySpread left out. None if it is certainly lower than the
    /// highest one so far.
    pub(super) fn score(&mut self, free: &'n Free, node: &'n Node) -> Option<u64> {
        let score = match self.last {
            Some((same_free, same_node, score)) if self.scorer.scores_alike((free, node), (same_free, same_node)) => {
                score
            }
            _ if !self.scorer.may_reach(self.highest.unwrap_or(0), free, node) => return None,
            _ => self.scorer.score(free, node),
        };
        self.last = Some((free, node, score));
        self.raise(Some(score));
        Some(score)
    }
}
