//! Every kind of card that the replicas of a unit may get, wherever Kubernetes starts them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::reason::Reason;
use crate::budget::Budget;
use crate::divisor::{greatest_common_divisor, least_common_multiple};
use crate::gpu::{GpuKind, GpuRequest};
use crate::inventory::{CardId, Cluster};
use crate::money::ArithmeticOverflow;
use crate::rates::GpuRates;
use crate::reserve::Scheduler;
use crate::reserve::kubernetes::Probability;
use crate::reserve::start::{SameCards, by_outfit};

/// A kind of card that an order may get, with its weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The kind.
    pub kind: GpuKind,
    /// Its weight relative to the other candidates: its share of the cards that are free where a replica could start.
    /// The weights of a list are integers without a common divisor.
    pub weight: u128,
    /// The probability that a replica gets it, if that was predicted: the mean over the unit's replicas.
    pub probability: Option<Probability>,
    /// Where it may be handed out.
    pub place: KindPlace,
}

/// Where a kind of card may be handed out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KindPlace {
    /// The node: the likeliest one, or the first one if none is likely. None if no inventory says so.
    pub node: Option<Arc<str>>,
    /// The number of such nodes.
    pub nodes: u64,
}

impl Candidate {
    /// A kind with a weight, and nothing more.
    #[must_use]
    pub fn new(kind: GpuKind, weight: u128) -> Self {
        Self { kind, weight, probability: None, place: KindPlace::default() }
    }

    /// The kinds of a cluster's cards, sorted, each weighted by its number of cards, in use or free.
    #[must_use]
    pub fn of_cluster(cluster: &Cluster) -> Vec<Self> {
        let mut kinds: BTreeMap<&GpuKind, u128> = BTreeMap::new();
        for card in cluster.nodes().iter().flat_map(|node| &node.cards).filter_map(|id| cluster.card(*id)) {
            let number = kinds.entry(&card.kind).or_default();
            *number = number.saturating_add(1);
        }
        kinds.into_iter().map(|(kind, weight)| Self::new(kind.clone(), weight)).collect()
    }
}

/// The kinds of card that could be handed out on some nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CandidateKinds {
    /// The kinds that the order allows, in the order of the nodes.
    pub(super) candidates: Vec<Candidate>,
    /// The kinds that it does not allow, but that the device plugin could hand out anyway.
    pub(super) others: Vec<GpuKind>,
}

/// Whose reading of a request decides which cards it allows.
#[derive(Clone, Copy, Debug)]
pub(super) enum CardMatching {
    /// The tenant's: any alternative may match.
    Tenant,
    /// The daemon's: only the alternative that it looks up for the card's model.
    Daemon,
}

impl CardMatching {
    pub(super) fn of(scheduler: Scheduler) -> Self {
        match scheduler {
            Scheduler::Sound => Self::Tenant,
            Scheduler::Provider | Scheduler::Kubernetes => Self::Daemon,
        }
    }

    fn allows(self, request: &GpuRequest, kind: &GpuKind) -> bool {
        match self {
            Self::Tenant => request.allows(kind),
            Self::Daemon => request.allows_by_daemon(kind),
        }
    }
}

/// How the cards of nodes are weighted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weigh {
    /// By free cards. A node's free cards are divided among its suitable kinds in proportion to their number.
    Free,
    /// By all cards, where the number of free ones says nothing.
    All,
}

/// Counts the cards of nodes for one request.
pub(super) struct Tally<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) request: &'a GpuRequest,
    pub(super) reading: CardMatching,
    /// The rate card, which may know which size a measured amount of RAM stands for.
    pub(super) rates: &'a GpuRates,
}

/// The suitable cards of nodes with the same outfit.
struct Counted {
    /// The suitable kinds, as indices of the candidates, with their number of cards per node.
    kinds: Vec<(usize, u64)>,
    /// The number of suitable cards per node.
    cards: u64,
    /// How many cards are free on all of these nodes.
    free: u64,
    nodes: u64,
}

impl Tally<'_> {
    /// The kinds of a vendor's cards on some nodes, in the order of the nodes.
    pub(super) fn on_nodes(
        &self,
        nodes: &[usize],
        vendor: &str,
        budget: &Budget<'_>,
    ) -> Result<CandidateKinds, Reason> {
        budget.take(nodes.len())?;
        self.count(&by_outfit(nodes, self.cluster), Some(vendor), Weigh::Free, budget)
    }

    /// The kinds of all cards of the cluster, in use or free.
    pub(super) fn anywhere(&self, budget: &Budget<'_>) -> Result<CandidateKinds, Reason> {
        let nodes: Vec<usize> = (0..self.cluster.nodes().len()).collect();
        budget.take(nodes.len().saturating_mul(2))?;
        self.count(&by_outfit(&nodes, self.cluster), None, Weigh::All, budget)
    }

    fn count(
        &self,
        alike: &[SameCards<'_>],
        vendor: Option<&str>,
        weigh: Weigh,
        budget: &Budget<'_>,
    ) -> Result<CandidateKinds, Reason> {
        let mut reach = CandidateKinds::default();
        let mut counted = Vec::with_capacity(alike.len());
        for nodes in alike {
            let compared = self.request.alternatives.len().saturating_add(reach.candidates.len()).saturating_add(8);
            budget.take(nodes.cards.len().saturating_mul(compared.saturating_add(reach.others.len())))?;
            counted.push(self.count_alike(nodes, vendor, &mut reach));
        }
        // A kind that some node makes a candidate is not among the others, regardless of the order of the nodes.
        let CandidateKinds { candidates, others } = &mut reach;
        others.retain(|other| candidates.iter().all(|candidate| candidate.kind != *other));
        let free = counted.iter().any(|nodes| nodes.free > 0 && nodes.cards > 0);
        let weigh = if free { weigh } else { Weigh::All };
        weigh_candidates(candidates, &counted, weigh)?;
        Ok(reach)
    }

    /// Counts the cards of nodes with the same outfit, and adds their kinds to `reach`.
    ///
    /// An outfit is looked at once, however many nodes have it. What it counts for is decided later, in
    /// [`weigh_candidates`], when all outfits are known.
    fn count_alike(&self, nodes: &SameCards<'_>, vendor: Option<&str>, reach: &mut CandidateKinds) -> Counted {
        let mut counted = Counted { kinds: Vec::new(), cards: 0, free: nodes.free, nodes: nodes.nodes };
        let mut unwanted: Vec<Cow<'_, GpuKind>> = Vec::new();
        for (id, number) in nodes.cards {
            let Some(kind) = self.kind(*id).filter(|kind| vendor.is_none_or(|vendor| kind.vendor() == vendor)) else {
                continue;
            };
            if !self.reading.allows(self.request, &kind) {
                unwanted.push(kind);
                continue;
            }
            let known = reach.candidates.iter().position(|candidate| candidate.kind == *kind);
            let place = known.unwrap_or(reach.candidates.len());
            if known.is_none() {
                let mut candidate = Candidate::new(kind.into_owned(), 0);
                candidate.place.node = self.cluster.nodes().get(nodes.first).map(|node| Arc::clone(&node.name));
                reach.candidates.push(candidate);
            }
            counted.cards = counted.cards.saturating_add(*number);
            match counted.kinds.iter_mut().find(|(known, _)| *known == place) {
                Some((_, sum)) => *sum = sum.saturating_add(*number),
                None => {
                    counted.kinds.push((place, *number));
                    if let Some(candidate) = reach.candidates.get_mut(place) {
                        candidate.place.nodes = candidate.place.nodes.saturating_add(nodes.nodes);
                    }
                }
            }
        }
        // Without a reserved vendor, an unwanted card only counts if the node also has a suitable card of its vendor:
        // otherwise no replica would be there to get it.
        let is_of_vendor = |kind: &GpuKind| {
            let mut wanted = counted.kinds.iter().filter_map(|(place, _)| reach.candidates.get(*place));
            vendor.is_some() || wanted.any(|candidate| candidate.kind.vendor() == kind.vendor())
        };
        unwanted.retain(|kind| is_of_vendor(kind));
        for kind in unwanted {
            if reach.others.iter().all(|other| *other != *kind) {
                reach.others.push(kind.into_owned());
            }
        }
        counted
    }

    fn kind(&self, id: CardId) -> Option<Cow<'_, GpuKind>> {
        self.cluster.card(id).map(|card| self.rates.sized(&card.kind))
    }
}

/// Computes the candidates' weights from the nodes that have them.
///
/// On a node with `cards` suitable cards of which `free` are free, a kind with `number` cards gets `free * number /
/// cards`. The fractions are brought to the least common multiple of the denominators, so the weights are exact
/// integers.
fn weigh_candidates(candidates: &mut [Candidate], counted: &[Counted], weigh: Weigh) -> Result<(), ArithmeticOverflow> {
    let mut multiple = 1_u128;
    for nodes in counted.iter().filter(|nodes| nodes.cards > 0) {
        multiple = least_common_multiple(multiple, u128::from(nodes.cards)).ok_or(ArithmeticOverflow)?;
    }
    for nodes in counted {
        for (place, number) in &nodes.kinds {
            let weight = match weigh {
                Weigh::Free => multiple
                    .checked_div(u128::from(nodes.cards))
                    .and_then(|part| part.checked_mul(u128::from(*number))?.checked_mul(u128::from(nodes.free))),
                Weigh::All => u128::from(*number).checked_mul(u128::from(nodes.nodes)),
            };
            let Some(candidate) = candidates.get_mut(*place) else { continue };
            let sum = weight.and_then(|weight| candidate.weight.checked_add(weight));
            candidate.weight = sum.ok_or(ArithmeticOverflow)?;
        }
    }
    reduce(candidates);
    Ok(())
}

/// Divides the weights by their greatest common divisor.
fn reduce(candidates: &mut [Candidate]) {
    let divisor = candidates.iter().fold(0, |divisor, candidate| greatest_common_divisor(divisor, candidate.weight));
    for candidate in candidates {
        candidate.weight = candidate.weight.checked_div(divisor).unwrap_or(candidate.weight);
    }
}

/// The largest common denominator of exact weights. A product with a rate and a number of cards still fits.
const MAX_DENOMINATOR: u128 = 1 << 96;

/// The candidates weighted by probability. None if that is not known, or all of them are impossible.
///
/// The probabilities are brought to the least common multiple of the denominators. If it is larger than
/// [`MAX_DENOMINATOR`], they are in multiples of 2^-64. They add up to less than 1 if a replica may be pending,
/// or may start on a node that has the label but no card that the order allows. The weights are then those of a replica
/// that starts with a card that the order allows.
pub(super) fn by_probability(candidates: &[Candidate]) -> Option<Vec<Candidate>> {
    let known: Vec<Probability> = candidates.iter().map(|candidate| candidate.probability).collect::<Option<_>>()?;
    let multiple =
        known.iter().try_fold(1, |multiple, probability| least_common_multiple(multiple, probability.denominator()));
    let multiple = multiple.filter(|multiple| *multiple <= MAX_DENOMINATOR);
    let weight = |probability: &Probability| match multiple {
        Some(multiple) => multiple.checked_div(probability.denominator())?.checked_mul(probability.numerator()),
        None => Some(probability.rounded()),
    };
    let weights: Vec<u128> = known.iter().map(weight).collect::<Option<_>>()?;
    let weighted = candidates.iter().zip(weights).map(|(known, weight)| Candidate { weight, ..known.clone() });
    let mut weighted: Vec<Candidate> = weighted.collect();
    reduce(&mut weighted);
    weighted.iter().any(|candidate| candidate.weight > 0).then_some(weighted)
}

/// Gives every kind the same weight.
pub(super) fn alike(kinds: &[GpuKind]) -> Vec<Candidate> {
    kinds.iter().map(|kind| Candidate::new(kind.clone(), 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_by_probability_are_exact_and_those_of_a_replica_that_starts() {
        let candidate = |model: &str, probability| Candidate {
            probability,
            ..Candidate::new(GpuKind::new("nvidia", model, "16Gi", "pcie"), 9)
        };
        let weights = |one, other| {
            let weighted = by_probability(&[candidate("t4", one), candidate("a100", other)]);
            weighted.map(|list| list.iter().map(|candidate| candidate.weight).collect::<Vec<_>>())
        };
        let part = |part, whole| Some(Probability::new(part, whole));
        assert_eq!(weights(part(1, 6), part(1, 4)), Some(vec![2, 3]), "7 of 12 replicas are pending");
        assert_eq!(weights(part(0, 1), part(1, 2)), Some(vec![0, 1]));
        assert_eq!(weights(part(0, 1), part(0, 1)), None);
        assert_eq!(weights(None, part(1, 1)), None);
        // The common denominator would have 160 bits.
        let rounded = weights(part(1, (1 << 80) + 1), part(1, (1 << 80) - 1));
        assert_eq!(rounded, None, "less than 2^-64 of 1 is nothing");
        assert_eq!(
            weights(part(1 << 79, (1 << 80) + 1), part(1 << 79, (1 << 80) - 1)),
            Some(vec![(1 << 63) - 1, 1 << 63])
        );
    }

    #[test]
    fn a_nodes_free_cards_are_shared_out_by_its_cards_that_will_do() {
        let kind = |model: &str| Candidate::new(GpuKind::new("nvidia", model, "16Gi", "pcie"), 0);
        let mut candidates = [kind("t4"), kind("a100")];
        // 3 free cards of a node with one of each, and 2 of one that has only the second: 3/2 to 3/2 + 2.
        let counted = [
            Counted { kinds: vec![(0, 1), (1, 1)], cards: 2, free: 3, nodes: 1 },
            Counted { kinds: vec![(1, 4)], cards: 4, free: 2, nodes: 1 },
            Counted { kinds: Vec::new(), cards: 0, free: 9, nodes: 1 },
        ];
        weigh_candidates(&mut candidates, &counted, Weigh::Free).unwrap();
        assert_eq!(candidates.each_ref().map(|candidate| candidate.weight), [3, 7]);
    }
}
