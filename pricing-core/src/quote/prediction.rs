//! Where Kubernetes will start the pods of a quote, and with which probability they get which card.
//!
//! The reservation says which vendor and model a unit's pods ask for, and [`KubeScheduler`] says on which nodes they
//! start. Which of a node's cards the device plugin hands out is not known, so each allowed card is equally likely.
//! Probabilities are exact fractions until they are written.
//!
//! A prediction takes its steps from a part of the budget that is its own. If these are used up, probabilities are
//! null, and nothing else of the quote changes, unless [`AmbiguousGpu::Likely`](crate::rates::AmbiguousGpu) prices by
//! them.

use std::sync::Arc;

use super::candidates::{Candidate, KindPlace};
use super::cards::{PlacedOn, QuotedTarget};
use super::reason::{Reason, ReasonCode};
use crate::budget::{Budget, Spent};
use crate::inventory::{Cluster, NodeId};
use crate::order::GroupSpec;
use crate::rates::{GpuRates, Pending, Placement, Policy};
use crate::reserve::kubernetes::{
    KubeScheduler, NodeProbability, PendingPod, PodPlacements, PodTemplate, Probability, ProbabilitySum,
};
use crate::reserve::{CommittedUnit, Reservation, Target};

/// The cost of adding up a probability, in steps.
const STEPS_PER_SUM: usize = 64;

/// Which kube-scheduler is to start the pods of an order, if that is to be predicted.
#[derive(Clone, Copy, Debug, Default)]
pub enum Predict<'a> {
    /// One without a configuration of its own.
    #[default]
    Default,
    /// This one.
    By(&'a KubeScheduler),
    /// Nothing is predicted.
    Never,
}

/// What is known of where the pods of an order will start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PodPrediction {
    /// Nothing: the order was not placed here, its pods are tied to the reserved nodes, or a prediction was not wanted.
    #[default]
    None,
    /// Nothing, since the part of the budget for predictions is used up.
    GivenUp,
    /// These placements. There may be many, and what checks them later keeps them.
    Placed(Arc<PodPlacements>),
}

/// Told in place of probabilities when they were given up.
pub const GIVEN_UP: &str =
    "where the pods will start is not known: the part of the search steps for predictions is used up";

impl PodPrediction {
    /// The decline of an order that would probably hang, if the policy says so.
    pub(super) fn check_pending(&self, policy: &Policy) -> Result<(), Reason> {
        let Some(placements) = self.placements().filter(|_| policy.pending == Pending::Decline) else { return Ok(()) };
        let is_probable = |pod: &&PendingPod| pod.probability >= Probability::new(1, 2);
        let Some(pod) = placements.pending.as_ref().filter(is_probable) else { return Ok(()) };
        let about = if placements.approximate { "about " } else { "" };
        let probably = if pod.probability == Probability::ONE && !placements.approximate { "" } else { "probably " };
        let message = format!(
            "replica {} of resource unit {} would {probably}not start: the daemon can reserve the order, but with a \
             probability of {about}{} kube-scheduler finds no node for this replica; free what the nodes lack, or bid all \
             the same with `pending = \"warn\"` under [policy]",
            pod.replica,
            pod.resource_id,
            pod.probability.percent()
        );
        Err(Reason::new(ReasonCode::Pending, message))
    }

    /// Whether the budget did not allow a prediction.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        *self == Self::GivenUp
    }

    /// The placements, if there are any.
    #[must_use]
    pub fn placements(&self) -> Option<&PodPlacements> {
        self.shared_placements().map(|placements| &**placements)
    }

    /// The placements, to be kept without a copy.
    #[must_use]
    pub fn shared_placements(&self) -> Option<&Arc<PodPlacements>> {
        match self {
            Self::Placed(placements) => Some(placements),
            Self::None | Self::GivenUp => None,
        }
    }
}

/// Predicts where the pods of a reserved order start, and writes the probability of each kind into the targets.
pub(super) fn predict(
    targets: &mut [QuotedTarget],
    reserved: (&GroupSpec, &[CommittedUnit], &Reservation),
    on: PlacedOn<'_>,
    budget: &Budget<'_>,
) -> PodPrediction {
    let default;
    let scheduler = match on.predict {
        Predict::Never => return PodPrediction::None,
        Predict::By(scheduler) => scheduler,
        Predict::Default => {
            default = KubeScheduler::default();
            &default
        }
    };
    let predicted = budget.predict(|part| match on.pricing.policy.placement {
        Placement::Kubernetes => {
            by_scheduler(targets, scheduler, reserved, on, part).map(|placed| PodPrediction::Placed(Arc::new(placed)))
        }
        Placement::Pinned => on_reserved_nodes(targets, reserved.2, on, part).map(|()| PodPrediction::None),
    });
    predicted.unwrap_or_else(|_| {
        targets.iter_mut().for_each(forget);
        PodPrediction::GivenUp
    })
}

fn forget(target: &mut QuotedTarget) {
    target.approximate = false;
    target.kinds.iter_mut().for_each(|candidate| candidate.probability = None);
}

fn by_scheduler(
    targets: &mut [QuotedTarget],
    scheduler: &KubeScheduler,
    (group, committed, reservation): (&GroupSpec, &[CommittedUnit], &Reservation),
    on: PlacedOn<'_>,
    budget: &Budget<'_>,
) -> Result<PodPlacements, Spent> {
    let pods = PodTemplate::of_group(group, committed, reservation, on.running);
    let placements = scheduler.place(&pods, on.running, budget)?;
    let tally = KindTally { cluster: on.running, rates: &on.pricing.rates.gpu };
    for target in targets.iter_mut().filter(|target| !target.kinds.is_empty()) {
        let steps = placements.steps.iter().filter(|step| step.resource_id == target.resource_id);
        let steps = steps.map(|step| step.nodes.as_slice());
        let is_exact = tally.add_up(&mut target.kinds, steps, target.count, budget)?;
        target.approximate = placements.approximate || !is_exact;
    }
    Ok(placements)
}

/// Pods that are tied to the reserved nodes start there.
fn on_reserved_nodes(
    targets: &mut [QuotedTarget],
    reservation: &Reservation,
    on: PlacedOn<'_>,
    budget: &Budget<'_>,
) -> Result<(), Spent> {
    let tally = KindTally { cluster: on.cluster, rates: &on.pricing.rates.gpu };
    for (target, reserved) in targets.iter_mut().zip(&reservation.targets) {
        let nodes = nodes_of(reserved);
        let is_exact = tally.add_up(&mut target.kinds, std::iter::once(nodes.as_slice()), 1, budget)?;
        target.approximate = !is_exact;
    }
    Ok(())
}

/// The reserved nodes of a unit, with the part of the replicas that each of them gets.
fn nodes_of(reserved: &Target) -> Vec<NodeProbability> {
    let placements = reserved.placements.iter().map(|placement| NodeProbability {
        node: placement.node,
        probability: Probability::new(placement.replicas.into(), reserved.count.into()),
    });
    placements.collect()
}

/// Adds up the probabilities of kinds.
struct KindTally<'a> {
    cluster: &'a Cluster,
    rates: &'a GpuRates,
}

impl KindTally<'_> {
    /// Writes the probability of each candidate: the mean over `replicas` of the probabilities in the steps. False if a
    /// sum was rounded.
    ///
    /// The nodes of a step are sorted by probability, and mostly many of them have the same one. So they are counted
    /// first, by their cards, and each distinct probability is added up once.
    fn add_up<'n>(
        &self,
        candidates: &mut [Candidate],
        steps: impl Iterator<Item = &'n [NodeProbability]>,
        replicas: u32,
        budget: &Budget<'_>,
    ) -> Result<bool, Spent> {
        let mut sums = vec![KindSum::default(); candidates.len()];
        let mut outfits = OutfitCounts::new(self.cluster, budget)?;
        for nodes in steps {
            budget.take(nodes.len())?;
            for alike in nodes.chunk_by(|one, other| one.probability == other.probability) {
                let Some(NodeProbability { probability, .. }) = alike.first() else { continue };
                outfits.count(alike, |outfit| self.kinds_of(outfit, candidates, budget))?;
                outfits.add_to(&mut sums, (*probability, replicas), budget)?;
            }
        }
        for (candidate, KindSum { sum, first, nodes }) in candidates.iter_mut().zip(&sums) {
            candidate.probability = Some(sum.get());
            if let Some(node) = first.and_then(|id| self.cluster.node(id)) {
                candidate.place = KindPlace { node: Some(Arc::clone(&node.name)), nodes: *nodes };
            }
        }
        Ok(sums.iter().all(|kind| kind.sum.is_exact()))
    }

    /// The candidates among the cards of an outfit. A candidate is named as the rate card knows it, or as the inventory
    /// does.
    fn kinds_of(&self, outfit: usize, candidates: &[Candidate], budget: &Budget<'_>) -> Result<OutfitKinds, Spent> {
        let mut counted = OutfitKinds::default();
        let Some(outfit) = self.cluster.index().outfits().get(outfit) else { return Ok(counted) };
        budget.take(outfit.cards.len().saturating_mul(candidates.len().saturating_add(8)))?;
        for (id, number) in &outfit.cards {
            let Some(card) = self.cluster.card(*id) else { continue };
            let sized = self.rates.sized(&card.kind);
            let is_kind = |candidate: &Candidate| candidate.kind == *sized || candidate.kind == card.kind;
            let Some(place) = candidates.iter().position(is_kind) else { continue };
            let number = u128::from(*number);
            counted.cards = counted.cards.saturating_add(number);
            match counted.kinds.iter_mut().find(|(known, _)| *known == place) {
                Some((_, sum)) => *sum = sum.saturating_add(number),
                None => counted.kinds.push((place, number)),
            }
        }
        Ok(counted)
    }
}

/// The probability of a kind so far.
#[derive(Clone, Debug)]
struct KindSum {
    sum: ProbabilitySum,
    /// The likeliest node for the first replica that may get the kind.
    first: Option<NodeId>,
    /// The number of nodes on which a replica may get it. A node counts once for each replica.
    nodes: u64,
}

impl Default for KindSum {
    fn default() -> Self {
        Self { sum: ProbabilitySum::ZERO, first: None, nodes: 0 }
    }
}

/// The candidates on nodes with the same cards.
#[derive(Clone, Debug, Default)]
struct OutfitKinds {
    /// Each candidate, by its place, with its number of cards on a node.
    kinds: Vec<(usize, u128)>,
    /// The sum of these numbers.
    cards: u128,
    /// The number of nodes that are being counted.
    nodes: u64,
    /// The first of these nodes.
    first: Option<NodeId>,
}

/// Counts nodes by their outfits.
struct OutfitCounts<'a> {
    cluster: &'a Cluster,
    /// By the place of the outfit in the index, once it was needed.
    outfits: Vec<Option<OutfitKinds>>,
    /// The places of those that any counted node has.
    counted: Vec<usize>,
}

impl<'a> OutfitCounts<'a> {
    fn new(cluster: &'a Cluster, budget: &Budget<'_>) -> Result<Self, Spent> {
        let outfits = cluster.index().outfits().len();
        budget.take(outfits)?;
        Ok(Self { cluster, outfits: vec![None; outfits], counted: Vec::new() })
    }

    /// Counts some nodes.
    fn count(
        &mut self,
        nodes: &[NodeProbability],
        kinds_of: impl Fn(usize) -> Result<OutfitKinds, Spent>,
    ) -> Result<(), Spent> {
        for NodeProbability { node, .. } in nodes {
            let Some(place) = self.cluster.index().outfit_of(node.place()) else { continue };
            let Some(outfit) = self.outfits.get_mut(place) else { continue };
            let outfit = match outfit {
                Some(outfit) => outfit,
                None => outfit.insert(kinds_of(place)?),
            };
            if outfit.nodes == 0 {
                self.counted.push(place);
                outfit.first = Some(*node);
            }
            outfit.nodes = outfit.nodes.saturating_add(1);
        }
        Ok(())
    }

    /// Adds the probability that each counted node has, divided by a number of replicas, to the sums of its kinds. Then
    /// no node is counted any more.
    fn add_to(
        &mut self,
        sums: &mut [KindSum],
        (probability, replicas): (Probability, u32),
        budget: &Budget<'_>,
    ) -> Result<(), Spent> {
        for place in self.counted.drain(..) {
            let Some(outfit) = self.outfits.get_mut(place).and_then(Option::as_mut) else { continue };
            let nodes = std::mem::take(&mut outfit.nodes);
            budget.take(outfit.kinds.len().saturating_mul(STEPS_PER_SUM))?;
            let whole = outfit.cards.saturating_mul(replicas.into());
            for (candidate, number) in &outfit.kinds {
                if let Some(kind) = sums.get_mut(*candidate) {
                    kind.sum.add(probability, number.saturating_mul(nodes.into()), whole);
                    kind.first = kind.first.or(outfit.first);
                    kind.nodes = kind.nodes.saturating_add(nodes);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
