//! A naive kube-scheduler: it scores every node for every replica in every branch, and never takes a shortcut.
//!
//! It knows the default profile only. Fractions are compared as integers, and each plugin is a few lines.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "scores are small and positive, and a broken test case must say so at once"
)]

use std::collections::BTreeMap;

use pricing_core::inventory::{Cluster, Node};
use pricing_core::order::{GroupSpec, StorageClass};
use pricing_core::reserve::kubernetes::{PodPlacements, Probability};
use pricing_core::reserve::{CommittedUnit, Reservation};

/// How many pods of which unit each node has: by node and unit.
type State = BTreeMap<(usize, usize), u64>;

/// What a replica requests: thousandths of a thread, bytes of memory, bytes of ephemeral storage, and cards.
type Amounts = [u64; 4];

/// For each replica the probability of each node, by name. Ends before the first replica without any node.
pub(super) type Placement = Vec<BTreeMap<String, Probability>>;

/// Places a reserved group. None if the fractions do not fit or there are more than `most` branches.
pub(super) fn place(
    group: &GroupSpec,
    units: &[CommittedUnit],
    reservation: &Reservation,
    cluster: &Cluster,
    most: usize,
) -> Option<Placement> {
    let mut branches: BTreeMap<State, Probability> = BTreeMap::from([(State::new(), Probability::ONE)]);
    let mut steps = Vec::new();
    let asked: Vec<Amounts> = units.iter().map(amounts).collect();
    for (place, unit) in group.resources().iter().enumerate() {
        let selector = reservation.targets[place].selector();
        let labelled = |node: &Node| {
            selector.as_ref().is_none_or(|selector| {
                let kinds = node.cards.iter().map(|card| &cluster.card(*card).unwrap().kind);
                kinds.into_iter().any(|kind| (kind.vendor(), kind.model()) == (&*selector.vendor, &*selector.model))
            })
        };
        let classes = |node: &Node| {
            units[place].storage.iter().all(|(class, _)| match class {
                StorageClass::Persistent(name) => node.storage_classes.iter().any(|known| known == name.exact()),
                StorageClass::Ephemeral | StorageClass::Ram => true,
            })
        };
        for _ in 0..unit.count {
            let mut next: BTreeMap<State, Probability> = BTreeMap::new();
            let mut step: BTreeMap<String, Probability> = BTreeMap::new();
            for (state, probability) in &branches {
                let all = cluster.nodes().iter().enumerate();
                let mut feasible: Vec<(usize, u64, u64)> = Vec::new();
                for (index, node) in all.filter(|(_, node)| labelled(node) && classes(node)) {
                    if let Some(score) = score(index, node, place, state, &asked) {
                        feasible.push((index, score, state.get(&(index, place)).copied().unwrap_or(0)));
                    }
                }
                let best = best(&feasible);
                let ways = u128::try_from(best.len()).unwrap();
                for node in best {
                    let (part, whole) = (probability.numerator(), probability.denominator().checked_mul(ways)?);
                    let share = Probability::new(part, whole);
                    let mut state = state.clone();
                    *state.entry((node, place)).or_default() += 1;
                    add(next.entry(state).or_insert(Probability::ZERO), share)?;
                    let name = cluster.nodes()[node].name.to_string();
                    add(step.entry(name).or_insert(Probability::ZERO), share)?;
                }
            }
            if next.len() > most {
                return None;
            }
            if step.is_empty() {
                return Some(steps);
            }
            branches = next;
            steps.push(step);
        }
    }
    Some(steps)
}

/// The same form of what is to be compared with this.
pub(super) fn written(placements: &PodPlacements, cluster: &Cluster) -> Placement {
    let step = |step: &super::Step| {
        let node = |node: &pricing_core::reserve::kubernetes::NodeProbability| {
            (cluster.node(node.node).unwrap().name.to_string(), node.probability)
        };
        step.nodes.iter().map(node).collect()
    };
    placements.steps.iter().map(step).collect()
}

fn add(sum: &mut Probability, more: Probability) -> Option<()> {
    *sum = sum.checked_add(more)?;
    Some(())
}

fn amounts(unit: &CommittedUnit) -> Amounts {
    let mut ephemeral =
        unit.storage.iter().filter(|(class, _)| *class == StorageClass::Ephemeral).map(|(_, size)| size.get());
    [unit.cpu.get(), unit.memory.get(), ephemeral.next_back().unwrap_or(0), unit.gpu.units]
}

/// The sum of NodeResourcesFit and NodeResourcesBalancedAllocation. None if the pod does not fit.
fn score(index: usize, node: &Node, place: usize, state: &State, asked: &[Amounts]) -> Option<u64> {
    let total = [node.cpu.total.get(), node.memory.total.get(), node.ephemeral.total.get(), node.gpus.total];
    let free =
        [node.cpu.available.get(), node.memory.available.get(), node.ephemeral.available.get(), node.gpus.available];
    let mut used = [0; 4];
    for at in 0..4 {
        used[at] = u128::from(total[at] - free[at]) + u128::from(asked[place][at]);
        for ((_, unit), pods) in state.iter().filter(|((node, _), _)| *node == index) {
            used[at] += u128::from(*pods) * u128::from(asked[*unit][at]);
        }
        if asked[place][at] > 0 && used[at] > u128::from(total[at]) {
            return None;
        }
    }
    let have: Vec<usize> = [0, 1].into_iter().filter(|at| total[*at] > 0).collect();
    let left = |at: &usize| u128::from(total[*at]).saturating_sub(used[*at]) * 100 / u128::from(total[*at]);
    let fit = have.iter().map(left).sum::<u128>().checked_div(have.len() as u128).unwrap_or(0);
    let fraction = |at: &usize| (used[*at] as f64 / total[*at] as f64).min(1.0);
    let deviation = if have.len() == 2 { ((fraction(&0) - fraction(&1)) / 2.0).abs() } else { 0.0 };
    let best_effort = asked[place][0] == 0 && asked[place][1] == 0;
    let balanced = if best_effort { 0 } else { ((1.0 - deviation) * 100.0) as u64 };
    Some(u64::try_from(fit).unwrap() + balanced)
}

/// The nodes with the highest sum, PodTopologySpread included.
fn best(feasible: &[(usize, u64, u64)]) -> Vec<usize> {
    let weight = ((feasible.len() + 2) as f64).ln();
    let raw = |pods: u64| (pods as f64 * weight + 2.0).round() as u64;
    let raws = || feasible.iter().map(|(_, _, pods)| raw(*pods));
    let (Some(min), Some(max)) = (raws().min(), raws().max()) else { return Vec::new() };
    let sum = |(_, score, pods): &(usize, u64, u64)| score + 2 * (100 * (max + min - raw(*pods)) / max);
    let highest = feasible.iter().map(sum).max();
    feasible.iter().filter(|node| Some(sum(node)) == highest).map(|(node, ..)| *node).collect()
}
