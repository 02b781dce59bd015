//! Every way in which the placement of an order may go on, with its probability.
//!
//! Where several nodes have the highest score, a branch divides into one for each of them. Branches in which the same
//! nodes have the same pods are one, and so are branches that differ only by an exchange of nodes that are alike
//! ([`Symmetry`]; in clusters of which kube-scheduler looks at every node). At most [`MAX_BRANCHES`] are followed: the likeliest ones, scaled up to the
//! probability of all.
//!
//! Probabilities are integer weights of a common total, so they are exact. When the total no longer fits, they are
//! rounded to multiples of 2^-64, and are approximate from then on.

use core::cmp::Reverse;
use std::collections::BTreeMap;

use ethnum::U256;

use crate::budget::{Budget, Spent};
use crate::divisor::{greatest_common_divisor, least_common_multiple};
use crate::inventory::NodeId;

use super::pods::PodTemplate;
use super::scheduling_cycle::{BestNodes, SchedulingCycle};
use super::symmetry::Symmetry;
use super::{MIN_FEASIBLE_NODES_TO_FIND, NodeProbability, Probability};

/// The most branches that are followed.
const MAX_BRANCHES: usize = 64;
/// The most branches that are compared with each other in large clusters, where probabilities are approximate anyway.
const MAX_COMPARED: usize = 1024;
/// The total of weights that no longer fit as exact fractions.
const ROUNDED_TOTAL: u128 = 1 << 64;

/// Pods of one unit on one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PlacedPods {
    /// The node, as an index.
    pub(super) node: usize,
    /// The unit, by its place among the pods.
    pub(super) template: usize,
    /// The number of pods.
    pub(super) replicas: u32,
}

/// One way in which the placement may have gone.
#[derive(Clone, Debug, Default)]
struct Branch {
    weight: u128,
    /// A hash of the names of the nodes that took pods. It decides which of equally likely branches are followed, so
    /// that neither the inventory's order nor the alphabet does.
    key: u64,
    /// The pods so far, sorted.
    placed: Vec<PlacedPods>,
    /// The nodes among which the next replica is drawn.
    best: BestNodes,
}

/// The branches of a placement.
#[derive(Clone, Debug)]
pub(super) struct Branches<'a> {
    pods: &'a [PodTemplate],
    /// Which nodes are alike. None until a branch divides.
    symmetry: Option<Symmetry>,
    /// The branches in which every replica so far has a node.
    running: Vec<Branch>,
    /// The likeliest branch in which the latest replica fits nowhere.
    stuck: Option<Branch>,
    /// The weight of all branches with a replica that fits nowhere.
    pending: u128,
    total: u128,
    is_approximate: bool,
}

impl<'a> Branches<'a> {
    /// The branch in which nothing is placed yet.
    pub(super) fn new(pods: &'a [PodTemplate]) -> Self {
        let root = Branch { weight: 1, ..Branch::default() };
        let running = vec![root];
        Self { pods, symmetry: None, running, stuck: None, pending: 0, total: 1, is_approximate: false }
    }

    /// Whether some branches were left out, or weights were rounded.
    pub(super) fn are_approximate(&self) -> bool {
        self.is_approximate
    }

    /// Whether no branch is left in which every replica has a node.
    pub(super) fn all_pending(&self) -> bool {
        self.running.is_empty()
    }

    /// The likeliest branch in which the latest replica fits nowhere, and the probability that any replica so far does.
    pub(super) fn likeliest_pending(&self) -> Option<(Probability, &[PlacedPods])> {
        let stuck = self.stuck.as_ref()?;
        Some((Probability::new(self.pending, self.total), &stuck.placed))
    }

    /// Finds the best nodes for the next replica in each branch. Branches without any end here.
    pub(super) fn choose(&mut self, cycle: &mut SchedulingCycle<'_>, budget: &Budget<'_>) -> Result<(), Spent> {
        self.stuck = None;
        let mut fits_everywhere = true;
        for branch in &mut self.running {
            branch.best = cycle.best_nodes(&branch.placed, budget)?;
            fits_everywhere &= branch.best.len() > 0;
        }
        if fits_everywhere {
            return Ok(());
        }
        for branch in std::mem::take(&mut self.running) {
            if branch.best.len() > 0 {
                self.running.push(branch);
                continue;
            }
            self.pending = self.pending.saturating_add(branch.weight);
            let likelier = |stuck: &Branch| (branch.weight, branch.key) > (stuck.weight, stuck.key);
            if self.stuck.as_ref().is_none_or(likelier) {
                self.stuck = Some(branch);
            }
        }
        Ok(())
    }

    /// The nodes where the next replica may start, with their probabilities.
    pub(super) fn probabilities(
        &mut self,
        cycle: &SchedulingCycle<'_>,
        budget: &Budget<'_>,
    ) -> Result<Vec<NodeProbability>, Spent> {
        if let Some(node) = self.only_node(cycle) {
            return Ok(vec![NodeProbability { node: NodeId::at(node), probability: Probability::ONE }]);
        }
        let ways: Vec<usize> = self.running.iter().map(|branch| branch.best.len()).collect();
        self.make_divisible(&ways);
        let mut weights = self.weights_of_nodes(cycle, budget)?;
        self.share_among_alike(&mut weights);
        weights.sort_unstable_by_key(|(node, weight)| (Reverse(*weight), *node));
        let mut latest = (0, Probability::ZERO);
        let probability = |(node, weight): (usize, u128)| {
            if weight != latest.0 {
                latest = (weight, Probability::new(weight, self.total));
            }
            NodeProbability { node: NodeId::at(node), probability: latest.1 }
        };
        Ok(weights.into_iter().map(probability).collect())
    }

    /// The node where the next replica starts, if that is certain and no other node is like it.
    fn only_node(&self, cycle: &SchedulingCycle<'_>) -> Option<usize> {
        match self.running.as_slice() {
            [only] if only.best.len() == 1 && self.pending == 0 && self.symmetry.is_none() => only.best.node(0, cycle),
            _ => None,
        }
    }

    /// The weight of each node where the next replica may start. Branches mostly share the nodes that have no pods of
    /// the order, so these are added up for all of them at once.
    fn weights_of_nodes(&self, cycle: &SchedulingCycle<'_>, budget: &Budget<'_>) -> Result<Vec<(usize, u128)>, Spent> {
        let mut weights: Vec<(usize, u128)> = Vec::new();
        let mut shared: BTreeMap<usize, Vec<(u128, &[usize])>> = BTreeMap::new();
        for branch in &self.running {
            let share = share(branch.weight, branch.best.len());
            weights.extend(branch.best.touched.iter().map(|node| (*node, share)));
            if branch.best.untouched > 0 {
                shared.entry(branch.best.bucket).or_default().push((share, &branch.best.skipped));
            }
        }
        for (bucket, branches) in shared {
            let nodes = cycle.bucket(bucket);
            budget.take(nodes.len().saturating_add(branches.len()))?;
            let all = branches.iter().fold(0_u128, |sum, (share, _)| sum.saturating_add(*share));
            let mut here = vec![all; nodes.len()];
            for (share, skipped) in branches {
                for position in skipped {
                    if let Some(weight) = here.get_mut(*position) {
                        *weight = weight.saturating_sub(share);
                    }
                }
            }
            weights.extend(nodes.iter().copied().zip(here).filter(|(_, weight)| *weight > 0));
        }
        weights.sort_unstable_by_key(|(node, _)| *node);
        weights.dedup_by(|next, first| {
            let same = next.0 == first.0;
            if same {
                first.1 = first.1.saturating_add(next.1);
            }
            same
        });
        Ok(weights)
    }

    /// Gives each node of a class the same part of the weight of the class.
    fn share_among_alike(&mut self, weights: &mut Vec<(usize, u128)>) {
        let Some(symmetry) = self.symmetry.take() else { return };
        let mut sums: BTreeMap<usize, u128> = BTreeMap::new();
        for (node, weight) in weights.drain(..) {
            let sum = sums.entry(symmetry.class(node).unwrap_or_default()).or_default();
            *sum = sum.saturating_add(weight);
        }
        let size = |class: usize| wide(symmetry.nodes(class).len());
        let multiple = sums.iter().try_fold(1, |multiple, (class, sum)| {
            let parts = size(*class).checked_div(greatest_common_divisor(*sum, size(*class)))?;
            least_common_multiple(multiple, parts)
        });
        let factor = multiple.filter(|multiple| self.scale(*multiple, *multiple).is_some());
        self.is_approximate |= factor.is_none();
        for (class, sum) in sums {
            // The weights add up to the total at most, so this fits if that did.
            let sum = sum.saturating_mul(factor.unwrap_or(1));
            let each = sum.checked_div(size(class)).unwrap_or(0);
            // Without a factor there is a rest. It is handed out, too, so that the sum stays what it was.
            let rest = sum.checked_rem(size(class)).unwrap_or(0);
            let part = |place: usize| each.saturating_add(u128::from(wide(place) < rest));
            let nodes = symmetry.nodes(class).iter().enumerate().map(|(place, node)| (*node, part(place)));
            weights.extend(nodes.filter(|(_, weight)| *weight > 0));
        }
        self.symmetry = Some(symmetry);
    }

    /// Places the replica in each branch, on each of its best nodes.
    pub(super) fn follow(&mut self, cycle: &SchedulingCycle<'_>, budget: &Budget<'_>) -> Result<(), Spent> {
        if let [only] = self.running.as_mut_slice()
            && only.best.len() == 1
            && let Some(node) = only.best.node(0, cycle)
        {
            // By far the most frequent case. The key may stay: every later branch has this pod.
            only.placed = with_pod(&only.placed, node, cycle.place());
            if let Some(symmetry) = &self.symmetry {
                only.exchange(symmetry, cycle);
            }
            return Ok(());
        }
        let is_small = cycle.cluster().nodes().len() < MIN_FEASIBLE_NODES_TO_FIND;
        let most = MAX_COMPARED.checked_div(self.running.len()).unwrap_or(0).max(1);
        let ways = |branch: &Branch| if is_small { branch.best.len() } else { branch.best.len().min(most) };
        let ways: Vec<usize> = self.running.iter().map(ways).collect();
        self.is_approximate |= self.running.iter().zip(&ways).any(|(branch, ways)| *ways < branch.best.len());
        self.make_divisible(&ways);
        let mut next = Vec::with_capacity(ways.iter().fold(0, |sum: usize, ways| sum.saturating_add(*ways)));
        for (branch, ways) in self.running.iter().zip(ways) {
            budget.take(ways.saturating_mul(branch.placed.len().saturating_add(8)))?;
            next.extend((0..ways).filter_map(|way| branch.after(way, ways, cycle)));
        }
        if is_small {
            let nodes = cycle.cluster().nodes().len();
            if self.symmetry.is_none() {
                budget.take(nodes.saturating_mul(nodes.saturating_add(self.pods.len().saturating_mul(8))))?;
            }
            let symmetry = self.symmetry.get_or_insert_with(|| Symmetry::new(self.pods, cycle.cluster()));
            next.iter_mut().for_each(|branch: &mut Branch| branch.exchange(symmetry, cycle));
        }
        self.running = merged(next);
        if self.running.len() > MAX_BRANCHES {
            self.keep_likeliest();
        }
        self.reduce();
        Ok(())
    }

    /// Keeps the likeliest branches, and scales their weights up to those of all.
    fn keep_likeliest(&mut self) {
        self.is_approximate = true;
        self.running.sort_unstable_by_key(|branch| (Reverse(branch.weight), branch.key));
        let sum = |branches: &[Branch]| branches.iter().fold(0_u128, |sum, branch| sum.saturating_add(branch.weight));
        for rounded in [false, true] {
            if rounded {
                self.round();
            }
            let all = sum(&self.running);
            let kept = sum(self.running.get(..MAX_BRANCHES).unwrap_or_default());
            let divisor = greatest_common_divisor(all, kept);
            let factors = all.checked_div(divisor).zip(kept.checked_div(divisor));
            if factors.is_some_and(|(all, kept)| self.scale(all, kept).is_some()) {
                break;
            }
        }
        self.running.truncate(MAX_BRANCHES);
    }

    /// Multiplies the weights of running branches by one factor, and everything else by another. None if it does not
    /// fit; then nothing changes.
    fn scale(&mut self, running: u128, others: u128) -> Option<()> {
        let total = self.total.checked_mul(others)?;
        let pending = self.pending.checked_mul(others)?;
        let weights = self.running.iter().map(|branch| branch.weight.checked_mul(running));
        let weights: Vec<u128> = weights.collect::<Option<_>>()?;
        (self.total, self.pending) = (total, pending);
        for (branch, weight) in self.running.iter_mut().zip(weights) {
            branch.weight = weight;
        }
        Some(())
    }

    /// Makes the weight of each branch a multiple of the number of its ways.
    fn make_divisible(&mut self, ways: &[usize]) {
        let is_divisible = |(branch, ways): (&Branch, &usize)| branch.weight.checked_rem(wide(*ways)) == Some(0);
        if self.running.iter().zip(ways).all(is_divisible) {
            return;
        }
        let multiple = ways.iter().try_fold(1, |multiple, ways| least_common_multiple(multiple, wide(*ways)));
        if multiple.is_some_and(|multiple| self.scale(multiple, multiple).is_some()) {
            return;
        }
        self.round();
        for (branch, ways) in self.running.iter_mut().zip(ways) {
            let rest = branch.weight.checked_rem(wide(*ways)).unwrap_or(0);
            // No way becomes impossible.
            branch.weight = branch.weight.saturating_sub(rest).max(wide(*ways));
        }
        self.sum_up();
    }

    /// Rounds all weights to multiples of [`ROUNDED_TOTAL`]'s reciprocal, down but not to 0.
    fn round(&mut self) {
        self.is_approximate = true;
        let total = U256::from(self.total);
        let rounded = |weight: u128| {
            let scaled = U256::from(weight).saturating_mul(U256::from(ROUNDED_TOTAL)).checked_div(total);
            scaled.and_then(|scaled| u128::try_from(scaled).ok()).unwrap_or(0)
        };
        self.pending = rounded(self.pending);
        for branch in &mut self.running {
            branch.weight = rounded(branch.weight).max(1);
        }
        self.sum_up();
    }

    /// Makes the total what the weights add up to.
    fn sum_up(&mut self) {
        let weights = self.running.iter().map(|branch| branch.weight);
        self.total = weights.fold(self.pending, u128::saturating_add);
    }

    /// Divides large weights by their greatest common divisor.
    fn reduce(&mut self) {
        if self.total < ROUNDED_TOTAL {
            return;
        }
        let weights = self.running.iter().map(|branch| branch.weight);
        let divisor = weights.fold(greatest_common_divisor(self.total, self.pending), greatest_common_divisor);
        let reduced = |weight: u128| weight.checked_div(divisor).unwrap_or(weight);
        (self.total, self.pending) = (reduced(self.total), reduced(self.pending));
        for branch in &mut self.running {
            branch.weight = reduced(branch.weight);
        }
    }
}

impl Branch {
    /// The branch after its next replica started on one of its best nodes: the one that comes first in a part of them.
    fn after(&self, part: usize, parts: usize, cycle: &SchedulingCycle<'_>) -> Option<Self> {
        let place = part.checked_mul(self.best.len())?.checked_div(parts)?;
        let node = self.best.node(place, cycle)?;
        let name = &cycle.cluster().nodes().get(node)?.name;
        let template = cycle.place();
        Some(Self {
            weight: share(self.weight, parts),
            key: self.key.wrapping_add(hash(name, template)),
            placed: with_pod(&self.placed, node, template),
            best: BestNodes::default(),
        })
    }

    /// Exchanges nodes that are alike, so that branches which differ only by that become equal.
    fn exchange(&mut self, symmetry: &Symmetry, cycle: &SchedulingCycle<'_>) {
        self.placed = symmetry.canonical(&self.placed);
        let nodes = cycle.cluster().nodes();
        let hashes = self.placed.iter().filter_map(|pods| {
            Some(hash(&nodes.get(pods.node)?.name, pods.template).wrapping_mul(u64::from(pods.replicas)))
        });
        self.key = hashes.fold(0, u64::wrapping_add);
    }
}

/// The pods with another one.
fn with_pod(placed: &[PlacedPods], node: usize, template: usize) -> Vec<PlacedPods> {
    let mut placed = placed.to_vec();
    add_pod(&mut placed, node, template);
    placed
}

/// Adds a pod to pods that are sorted.
pub(super) fn add_pod(placed: &mut Vec<PlacedPods>, node: usize, template: usize) {
    match placed.binary_search_by_key(&(node, template), |pods| (pods.node, pods.template)) {
        Ok(at) => {
            if let Some(pods) = placed.get_mut(at) {
                pods.replicas = pods.replicas.saturating_add(1);
            }
        }
        Err(at) => placed.insert(at, PlacedPods { node, template, replicas: 1 }),
    }
}

/// Merges branches in which the same nodes have the same pods.
fn merged(mut branches: Vec<Branch>) -> Vec<Branch> {
    branches.sort_unstable_by(|one, other| (one.key, &one.placed).cmp(&(other.key, &other.placed)));
    branches.dedup_by(|next, first| {
        let same = next.placed == first.placed;
        if same {
            first.weight = first.weight.saturating_add(next.weight);
        }
        same
    });
    branches
}

/// The part of a weight that each way gets. Weights are multiples of the number of ways.
fn share(weight: u128, ways: usize) -> u128 {
    weight.checked_div(wide(ways)).unwrap_or(0)
}

fn wide(number: usize) -> u128 {
    u128::try_from(number).unwrap_or(u128::MAX)
}

/// A hash of a node's name and a unit: FNV-1a, with the finalizer of SplitMix64 so that sums of hashes are spread, too.
fn hash(name: &str, template: usize) -> u64 {
    let template = u64::try_from(template).unwrap_or(u64::MAX);
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    let hash = name.bytes().fold(0xCBF2_9CE4_8422_2325 ^ template, fnv);
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    hash ^ (hash >> 31)
}
