//! The cycle of an order with a single pod, which most orders are.
//!
//! The score of PodTopologySpread is the same on all nodes then, and no list of scores is needed.

use crate::budget::{Budget, Spent};
use crate::inventory::Cluster;

use super::super::{KubeScheduler, PodTemplate};
use super::SchedulingCycle;
use super::highest_score::HighestScore;

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
        let (mut best, mut highest) = (Vec::new(), HighestScore::new(&cycle.scorer));
        for (place, free, node) in cycle.nodes().filter(|(_, free, node)| cycle.admits(free, node)) {
            let before = highest.get();
            let score = highest.score(free, node);
            if score.is_none() || score < before {
                continue;
            }
            if score > before {
                best.clear();
            }
            best.push(place);
        }
        Ok(best)
    }
}
