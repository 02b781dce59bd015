//! The cycle of an order with a single pod, which most orders are.
//!
//! The score of PodTopologySpread is the same on all nodes then, and no list of scores is needed. Most nodes are not scored
//! at all: either they cannot reach the highest score so far, or they are in the state of the node that was scored last,
//! such as idle nodes of one make.

use crate::budget::{Budget, Spent};
use crate::inventory::{Cluster, Free, Node};

use super::super::node_resources::NodeResources;
use super::super::{KubeScheduler, PodTemplate};
use super::SchedulingCycle;

impl SchedulingCycle<'_> {
    /// The nodes with the highest score for the only pod of an order, ascending. Empty if it fits nowhere.
    pub(in crate::reserve::kubernetes) fn best_for_only_pod(
        scheduler: &KubeScheduler,
        pod: &PodTemplate,
        cluster: &Cluster,
        budget: &Budget<'_>,
    ) -> Result<Vec<usize>, Spent> {
        let cycle = SchedulingCycle::unscored(scheduler, (0, std::slice::from_ref(pod)), pod, cluster);
        budget.take(cycle.size())?;
        let (mut best, mut highest) = (Vec::new(), 0);
        let mut last: Option<(&Free, &Node, u64)> = None;
        for place in cycle.labelled.iter() {
            let free = cluster.index().free().get(place).filter(|free| pod.request.has_room(free));
            let Some((free, node)) = free.zip(cluster.nodes().get(place)) else { continue };
            let score = match last {
                Some((same_free, same_node, score))
                    if cycle.scorer.scores_alike((free, node), (same_free, same_node)) =>
                {
                    score
                }
                _ if !cycle.scorer.may_reach(highest, free, node) => continue,
                _ => cycle.scorer.score(&NodeResources::with_pod(node, free, &pod.request)),
            };
            last = Some((free, node, score));
            if score < highest || !cycle.connects(node) || !pod.request.finds_classes(node) {
                continue;
            }
            if score > highest {
                highest = score;
                best.clear();
            }
            best.push(place);
        }
        Ok(best)
    }
}
