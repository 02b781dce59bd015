//! The scheduling cycle of a pod: which nodes pass the filters, and which of them has the highest score.
//!
//! All replicas of a unit are alike, so the nodes are filtered and scored once, as they are before any pod of the order
//! starts. Afterwards only the nodes that took pods are looked at again. This works because the score of PodTopologySpread
//! is the same on all other nodes. Nodes are not sorted: mostly the ones with the highest score decide, and those with the
//! next lower score are looked for when all of these have pods. Until then, nodes that cannot have the highest score have
//! none ([`HighestScore`]).

mod highest_score;
mod lacks;
mod only_pod;
mod scorer;

use crate::budget::{Budget, Spent};
use crate::inventory::{Cluster, Free, Node};
use crate::reserve::shortage::NodeShortage;

use super::branches::PlacedPods;
use super::node_affinity::LabelledNodes;
use super::pod_topology_spread::{RawScores, raw_score};
use super::pods::PodTemplate;
use super::{KubeScheduler, inter_pod_affinity};
use highest_score::HighestScore;
use scorer::Scorer;

/// The steps of a budget that a score takes.
const STEPS_PER_SCORE: usize = 16;

/// The cycle of a unit's pods.
#[derive(Debug)]
pub(super) struct SchedulingCycle<'a> {
    cluster: &'a Cluster,
    pods: &'a [PodTemplate],
    /// The unit's place among the pods.
    place: usize,
    template: &'a PodTemplate,
    labelled: LabelledNodes<'a>,
    /// For each of the cluster's interconnects, whether the pods can use it. None if they ask for none.
    connected: Option<Vec<bool>>,
    scorer: Scorer<'a>,
    /// The nodes that pass the filters before any pod of the order starts, in the inventory's order.
    feasible: Vec<FeasibleNode>,
    /// The best of these, as far as they were needed: the highest score first.
    buckets: Vec<Bucket>,
}

/// A node that passes the filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FeasibleNode {
    node: usize,
    /// Its score, PodTopologySpread left out. None if that is lower than the highest one, and was not needed so far.
    score: Option<u64>,
}

/// Every node with one score, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bucket {
    score: u64,
    nodes: Vec<usize>,
}

/// The nodes with the highest score. kube-scheduler draws lots among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct BestNodes {
    /// The bucket with the nodes that have no pods of the order.
    pub(super) bucket: usize,
    /// The number of these nodes.
    pub(super) untouched: usize,
    /// The positions in the bucket of nodes that have pods of the order after all, ascending.
    pub(super) skipped: Vec<usize>,
    /// Nodes with pods of the order, as indices, ascending.
    pub(super) touched: Vec<usize>,
}

/// A node that has pods of the order and passed the filters before.
struct TouchedNode {
    node: usize,
    /// How many pods of the same unit it has, and its score. None if it does not pass the filters any more.
    scored: Option<(u32, u64)>,
}

impl BestNodes {
    /// The number of nodes.
    pub(super) fn len(&self) -> usize {
        self.untouched.saturating_add(self.touched.len())
    }

    /// One of the nodes, by its place among them: those without pods of the order come first.
    pub(super) fn node(&self, place: usize, cycle: &SchedulingCycle<'_>) -> Option<usize> {
        if let Some(place) = place.checked_sub(self.untouched) {
            return self.touched.get(place).copied();
        }
        let past = |at: usize, skipped: &usize| if *skipped <= at { at.saturating_add(1) } else { at };
        cycle.bucket(self.bucket).get(self.skipped.iter().fold(place, past)).copied()
    }
}

impl<'a> SchedulingCycle<'a> {
    /// The cycle of the pods at a place of the list.
    pub(super) fn new(
        scheduler: &'a KubeScheduler,
        (place, pods): (usize, &'a [PodTemplate]),
        template: &'a PodTemplate,
        cluster: &'a Cluster,
        budget: &Budget<'_>,
    ) -> Result<Self, Spent> {
        let cycle = Self::unscored(scheduler, (place, pods), template, cluster);
        budget.take(cycle.size())?;
        let mut feasible = Vec::with_capacity(cycle.labelled.len());
        let mut highest = HighestScore::new(&cycle.scorer);
        cycle.nodes().for_each(|(place, free, node)| {
            if cycle.admits(free, node) {
                feasible.push(FeasibleNode { node: place, score: highest.score(free, node) });
            }
        });
        Ok(Self { feasible, ..cycle })
    }

    /// The cycle before any node is looked at.
    fn unscored(
        scheduler: &'a KubeScheduler,
        (place, pods): (usize, &'a [PodTemplate]),
        template: &'a PodTemplate,
        cluster: &'a Cluster,
    ) -> Self {
        let selector = template.selector.as_ref();
        Self {
            cluster,
            pods,
            place,
            template,
            labelled: LabelledNodes::new(selector, cluster),
            connected: selector.and_then(|selector| selector.interconnects(cluster)),
            scorer: Scorer::new(scheduler, template, cluster),
            feasible: Vec::new(),
            buckets: Vec::new(),
        }
    }

    /// The cycle of another unit with the same scores before any pod of the order starts: one whose pods request the
    /// same of nodes with the same labels. None if the unit's pods are not alike.
    pub(super) fn for_alike(self, place: usize, template: &'a PodTemplate) -> Option<Self> {
        let is_alike = template.request == self.template.request && template.selector == self.template.selector;
        is_alike.then_some(Self { place, template, ..self })
    }

    /// The unit's pods.
    pub(super) fn template(&self) -> &'a PodTemplate {
        self.template
    }

    /// The unit's place among the pods.
    pub(super) fn place(&self) -> usize {
        self.place
    }

    /// The cluster.
    pub(super) fn cluster(&self) -> &'a Cluster {
        self.cluster
    }

    /// The cost of looking at every node, in steps.
    pub(super) fn size(&self) -> usize {
        self.labelled.len().saturating_mul(STEPS_PER_SCORE.saturating_add(self.template.request.compared()))
    }

    /// What each node with the label lacks for another replica.
    pub(super) fn lacks(&self, placed: &[PlacedPods]) -> Vec<NodeShortage> {
        lacks::of_nodes(self, placed)
    }

    /// The nodes with the label of the unit's vendor and model, as indices, with what each of them has free.
    fn nodes(&self) -> impl Iterator<Item = (usize, &'a Free, &'a Node)> + use<'a> {
        let (free, nodes) = (self.cluster.index().free(), self.cluster.nodes());
        let (all, some): (_, &[usize]) = match self.labelled {
            LabelledNodes::All(_) => (Some(free.iter().zip(nodes).enumerate()), &[]),
            LabelledNodes::Some(places) => (None, places),
        };
        let all = all.into_iter().flatten().map(|(place, (free, node))| (place, free, node));
        all.chain(some.iter().filter_map(|place| Some((*place, free.get(*place)?, nodes.get(*place)?))))
    }

    /// The nodes of a bucket, ascending.
    pub(super) fn bucket(&self, place: usize) -> &[usize] {
        self.buckets.get(place).map_or(&[], |bucket| &bucket.nodes)
    }

    /// Adds the bucket with the next lower score. None if there are no more nodes.
    fn add_bucket(&mut self, budget: &Budget<'_>) -> Result<Option<()>, Spent> {
        budget.take(self.feasible.len())?;
        let above = self.buckets.last().map(|bucket| bucket.score);
        let mut highest = HighestScore::new(&self.scorer);
        let below = |score: &u64| above.is_none_or(|above| *score < above);
        let known = self.feasible.iter().filter_map(|node| node.score).filter(below).max();
        highest.raise(known);
        if above.is_some() {
            // Without a score, a node is below all buckets so far.
            let (free, nodes) = (self.cluster.index().free(), self.cluster.nodes());
            for feasible in self.feasible.iter_mut().filter(|node| node.score.is_none()) {
                if let Some((free, node)) = free.get(feasible.node).zip(nodes.get(feasible.node)) {
                    feasible.score = highest.score(free, node);
                }
            }
        }
        let Some(score) = highest.get() else { return Ok(None) };
        let nodes = self.feasible.iter().filter(|node| node.score == Some(score)).map(|node| node.node).collect();
        self.buckets.push(Bucket { score, nodes });
        Ok(Some(()))
    }

    /// A node's score without PodTopologySpread, given the order's pods on it. None if it does not pass the filters.
    fn score(&self, node: usize, here: &[PlacedPods]) -> Option<u64> {
        let (free, node) = self.free(node, here)?;
        let labels = here.iter().map(|pods| self.pods.get(pods.template)?.label.as_deref());
        let passes = self.admits(&free, node) && !inter_pod_affinity::repels(self.template.label.as_deref(), labels);
        passes.then(|| self.scorer.score(&free, node))
    }

    /// Whether a node passes the filters, the order's pods there aside.
    fn admits(&self, free: &Free, node: &Node) -> bool {
        self.connects(node) && self.template.request.could_start(free, node)
    }

    /// What a node has free with the order's pods on it.
    fn free(&self, node: usize, here: &[PlacedPods]) -> Option<(Free, &'a Node)> {
        let mut free = *self.cluster.index().free().get(node)?;
        for pods in here {
            if let Some(template) = self.pods.get(pods.template) {
                template.request.take(&mut free, pods.replicas);
            }
        }
        Some((free, self.cluster.nodes().get(node)?))
    }

    fn connects(&self, node: &Node) -> bool {
        connects(self.connected.as_ref(), node)
    }

    /// The nodes with the highest score for another replica, given the order's pods so far, sorted by node. Empty if the
    /// replica fits nowhere.
    pub(super) fn best_nodes(&mut self, placed: &[PlacedPods], budget: &Budget<'_>) -> Result<BestNodes, Spent> {
        budget.take(placed.len().saturating_add(1).saturating_mul(STEPS_PER_SCORE))?;
        let here = placed.chunk_by(|one, other| one.node == other.node);
        let touched: Vec<TouchedNode> = here.filter_map(|here| self.touched(here)).collect();
        let untouched = self.best_untouched(&touched, budget)?;
        let scored = || touched.iter().filter_map(|node| Some((node.node, node.scored?)));
        let feasible = self.feasible.len().saturating_sub(touched.len()).saturating_add(scored().count());
        let raw = |pods: u32| raw_score(pods, feasible);
        let raw_scores = scored().map(|(_, (pods, _))| raw(pods)).chain(untouched.iter().map(|_| raw(0)));
        let Some(range) = RawScores::of(raw_scores) else { return Ok(BestNodes::default()) };
        let total = |pods: u32, score: u64| self.scorer.with_spread(score, range.normalize(raw(pods)));
        let (mut highest, mut best) = match untouched {
            Some((score, best)) => (total(0, score), best),
            None => (0, BestNodes::default()),
        };
        for (node, (pods, score)) in scored() {
            let total = total(pods, score);
            if total > highest || best.len() == 0 {
                (highest, best) = (total, BestNodes::default());
            }
            if total == highest {
                best.touched.push(node);
            }
        }
        Ok(best)
    }

    fn touched(&self, here: &[PlacedPods]) -> Option<TouchedNode> {
        let node = here.first()?.node;
        self.feasible.binary_search_by_key(&node, |feasible| feasible.node).ok()?;
        let same = here.iter().find(|pods| pods.template == self.place).map_or(0, |pods| pods.replicas);
        Some(TouchedNode { node, scored: self.score(node, here).map(|score| (same, score)) })
    }

    /// The best nodes without pods of the order, and their score.
    fn best_untouched(
        &mut self,
        touched: &[TouchedNode],
        budget: &Budget<'_>,
    ) -> Result<Option<(u64, BestNodes)>, Spent> {
        for place in 0.. {
            if self.buckets.len() <= place && self.add_bucket(budget)?.is_none() {
                break;
            }
            let Some(bucket) = self.buckets.get(place) else { break };
            let position = |touched: &TouchedNode| bucket.nodes.binary_search(&touched.node).ok();
            let skipped: Vec<usize> = touched.iter().filter_map(position).collect();
            let untouched = bucket.nodes.len().saturating_sub(skipped.len());
            if untouched > 0 {
                let best = BestNodes { bucket: place, untouched, skipped, touched: Vec::new() };
                return Ok(Some((bucket.score, best)));
            }
        }
        Ok(None)
    }
}

/// Whether a node has the interconnect that pods ask for, if they ask for any: for each of the cluster's, whether they
/// can use it.
pub(super) fn connects(connected: Option<&Vec<bool>>, node: &Node) -> bool {
    let usable = |connected: &Vec<bool>| node.interconnect.and_then(|id| connected.get(id.place())) == Some(&true);
    connected.is_none_or(usable)
}
