//! One placement of an order's pods, with the lots drawn: what happens on a cluster, once.

use crate::budget::{Budget, Spent};
use crate::inventory::{Cluster, NodeId};

use super::branches::add_pod;
use super::scheduling_cycle::SchedulingCycle;
use super::{KubeScheduler, PodTemplate};

/// Where the pods of an order started, or that one of them did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Draw {
    /// For each unit, the node of each replica, in the order of placement.
    Started(Vec<Vec<NodeId>>),
    /// A replica fits nowhere. Kubernetes leaves its pod pending.
    Pending {
        /// The resource unit.
        resource_id: u32,
        /// The replica of the unit, counted from 1.
        replica: u32,
    },
}

impl KubeScheduler {
    /// Places the pods of an order once. Where several nodes have the highest score, `choose` gets their number and
    /// returns which of them to take, counted from 0.
    ///
    /// With an even choice, nodes are drawn with the probabilities of [`Self::place`], where these are exact.
    ///
    /// # Errors
    /// When the budget is used up.
    pub fn draw(
        &self,
        pods: &[PodTemplate],
        cluster: &Cluster,
        choose: &mut dyn FnMut(usize) -> usize,
        budget: &Budget<'_>,
    ) -> Result<Draw, Spent> {
        if let [only] = pods
            && only.replicas == 1
        {
            let best = SchedulingCycle::best_for_only_pod(self, only, cluster, budget)?;
            let drawn = drawn(best.len(), choose).and_then(|place| best.get(place));
            return Ok(drawn.map_or(only.pending(1), |node| Draw::Started(vec![vec![NodeId::at(*node)]])));
        }
        let (mut started, mut placed) = (Vec::with_capacity(pods.len()), Vec::new());
        let mut before: Option<SchedulingCycle<'_>> = None;
        for (place, template) in pods.iter().enumerate() {
            let mut cycle = match before.take().and_then(|before| before.for_alike(place, template)) {
                Some(cycle) => cycle,
                None => SchedulingCycle::new(self, (place, pods), template, cluster, budget)?,
            };
            let mut nodes = Vec::new();
            for replica in 1..=template.replicas {
                let best = cycle.best_nodes(&placed, budget)?;
                let drawn = drawn(best.len(), choose).and_then(|way| best.node(way, &cycle));
                let Some(node) = drawn else { return Ok(template.pending(replica)) };
                add_pod(&mut placed, node, place);
                nodes.push(NodeId::at(node));
            }
            started.push(nodes);
            before = Some(cycle);
        }
        Ok(Draw::Started(started))
    }
}

impl PodTemplate {
    fn pending(&self, replica: u32) -> Draw {
        Draw::Pending { resource_id: self.resource_id, replica }
    }
}

/// Which of some ways is taken. None if there is none. Lots are only drawn where there is a choice.
fn drawn(ways: usize, choose: &mut dyn FnMut(usize) -> usize) -> Option<usize> {
    let last = ways.checked_sub(1)?;
    Some(if last == 0 { 0 } else { choose(ways).min(last) })
}
