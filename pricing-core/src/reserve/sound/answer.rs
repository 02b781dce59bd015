//! Turns the solution of a search into a reservation.

use std::collections::BTreeMap;

use crate::gpu::{GpuKind, GpuRequest, GpuSelector};
use crate::inventory::{CardId, Cluster, Node, NodeId};
use crate::reserve::{Placement, Reservation, ReserveError, Target};

use super::Solution;
use super::index::UnitIndex;
use super::problem::{Choice, Problem, Steps};

/// The targets of a solution, in the order of the order's units.
pub(in crate::reserve) fn reservation(
    problem: &Problem<'_>,
    solution: &Solution,
    steps: &mut Steps<'_>,
) -> Result<Reservation, ReserveError> {
    let targets = problem.units.indices().map(|unit| target(problem, solution, unit, steps));
    Ok(Reservation { targets: targets.collect::<Result<_, _>>()? })
}

/// One unit's target. The kinds on each node are all that Kubernetes may hand out there, not only those of the chosen
/// model, because pods ask for cards by number.
fn target(
    problem: &Problem<'_>,
    solution: &Solution,
    index: UnitIndex,
    steps: &mut Steps<'_>,
) -> Result<Target, ReserveError> {
    let unit = problem.units.get(index)?.asked;
    let choice = problem.choice(index, solution.choice(index)?)?;
    let model = choice.model.and_then(|model| problem.cluster.index().models().get(model));
    let mut target = Target {
        resource_id: unit.id,
        count: unit.count,
        gpu_units: unit.gpu.units,
        placements: Vec::new(),
        gpu_attribute: None,
        interconnect: choice.interconnect,
    };
    for (node, replicas) in nodes(problem, solution, index)? {
        let kinds = match (model, problem.cluster.nodes().get(node)) {
            (Some(model), Some(node)) => kinds_on(problem.cluster, node, &unit.gpu, &model.vendor, steps)?,
            _ => Vec::new(),
        };
        steps.take(4)?;
        target.placements.push(Placement { node: NodeId::at(node), replicas, kinds });
    }
    if let Some(model) = model {
        // Each description of the model is compared with the kinds of each placement, and with each alternative.
        let held_against = target.placements.iter().map(|placement| placement.kinds.len());
        let held_against = held_against.fold(unit.gpu.alternatives.len(), usize::saturating_add);
        steps.take(model.cards.len().saturating_mul(held_against))?;
        let cards = cards_of(problem.cluster, choice, &model.cards, &target.placements);
        target.gpu_attribute = Some(attribute(&unit.gpu, &model.vendor, &model.model, &cards));
    }
    Ok(target)
}

/// The nodes of a unit's replicas, each node once. A unit of one replica group keeps the order of placement; those of
/// several replica groups are merged by node.
fn nodes(problem: &Problem<'_>, solution: &Solution, unit: UnitIndex) -> Result<Vec<(usize, u32)>, ReserveError> {
    let groups = problem.groups_of(unit).map(|(group, _)| solution.placed.get(group));
    let mut groups = groups.collect::<Result<Vec<_>, _>>()?.into_iter();
    let first = groups.next().cloned().unwrap_or_default();
    let mut merged: BTreeMap<usize, u32> = first.iter().copied().collect();
    let mut single = true;
    for (node, replicas) in groups.flatten() {
        single = false;
        let sum = merged.entry(*node).or_default();
        *sum = sum.saturating_add(*replicas);
    }
    Ok(if single { first } else { merged.into_iter().collect() })
}

/// The distinct kinds of a vendor's cards on a node that a request allows, in the node's order.
pub(in crate::reserve) fn kinds_on(
    cluster: &Cluster,
    node: &Node,
    request: &GpuRequest,
    vendor: &str,
    steps: &mut Steps<'_>,
) -> Result<Vec<CardId>, ReserveError> {
    steps.take(node.cards.len())?;
    let mut seen: Vec<CardId> = Vec::new();
    let mut kinds: Vec<(CardId, &GpuKind)> = Vec::new();
    for id in &node.cards {
        if seen.contains(id) {
            continue;
        }
        steps.take(request.alternatives.len().saturating_add(seen.len()).saturating_add(1))?;
        seen.push(*id);
        let Some(kind) = cluster.card(*id).map(|card| &card.kind) else { continue };
        let fits = kind.vendor() == vendor && request.allows(kind);
        if fits && kinds.iter().all(|(_, known)| *known != kind) {
            kinds.push((*id, kind));
        }
    }
    Ok(kinds.into_iter().map(|(id, _)| id).collect())
}

/// The kinds of the chosen model that the placements may be given.
fn cards_of<'a>(cluster: &'a Cluster, choice: &Choice, model: &[CardId], placements: &[Placement]) -> Vec<&'a GpuKind> {
    let given = |id: &&CardId| placements.iter().any(|placement| placement.kinds.contains(id));
    let ids = model.iter().filter(|id| choice.allows(**id)).filter(given);
    ids.filter_map(|id| cluster.card(*id)).map(|card| &card.kind).collect()
}

/// The GPU attribute that the daemon would write: vendor and model, then RAM and interface if the request names them
/// and all cards that may be given agree with it. The request's entry for the model takes precedence over its entry for
/// any model of the vendor; among equal entries the last one wins.
fn attribute(request: &GpuRequest, vendor: &str, model: &str, cards: &[&GpuKind]) -> String {
    let of_vendor = || request.alternatives.iter().rev().filter(|selector| selector.vendor() == vendor);
    let exact = of_vendor().filter(|selector| selector.model() == Some(model));
    let any = of_vendor().filter(|selector| selector.model().is_none());
    let agrees = |selector: &&GpuSelector| cards.iter().all(|kind| selector.matches(kind));
    let entry = exact.chain(any).find(agrees);
    let (ram, interface) = entry.map_or((None, None), |entry| (entry.ram(), entry.interface()));
    GpuSelector::new(vendor, model, ram, interface).attribute_key()
}
