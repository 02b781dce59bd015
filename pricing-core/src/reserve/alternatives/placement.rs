//! A placement in which each unit arrives at exactly one of its sets.

use super::options::Options;
use super::{Cover, Kinds, MAX_TRIED};
use crate::reserve::sound::{List, Problem, ReplicaGroup, Steps, UnitIndex, reservation, solve};
use crate::reserve::{Reservation, ReserveError};

/// Each combination may use at most this fraction of the budget, so that one hard combination does not use it up.
const BUDGET_PARTS: u64 = 16;

/// Looks for a placement in which each unit arrives at exactly the wanted set. Tries every combination of the units'
/// covers, and gives each one a share of the budget.
pub(super) fn come_to(
    problem: &Problem<'_>,
    options: &List<UnitIndex, Options<'_>>,
    wanted: &[&(Kinds<'_>, Vec<Cover>)],
    steps: &mut Steps<'_>,
    tried: &mut usize,
) -> Result<Option<Reservation>, ReserveError> {
    let mut odometer = vec![0_usize; wanted.len()];
    let mut exhausted = None;
    loop {
        *tried = tried.saturating_add(1);
        let narrowed = narrowed(problem, options, wanted, &odometer, steps)?;
        let mut part = steps.part(BUDGET_PARTS);
        match solve(&narrowed, &mut part) {
            Ok(solution) => return reservation(&narrowed, &solution, steps).map(Some),
            Err(error) if steps.is_over() || error == ReserveError::Internal => return Err(error),
            Err(ReserveError::SearchExhausted(limit)) => exhausted = Some(ReserveError::SearchExhausted(limit)),
            Err(_) => {}
        }
        let mut turned = false;
        for (at, (_, covers)) in odometer.iter_mut().zip(wanted) {
            *at = at.saturating_add(1);
            turned = *at < covers.len();
            if turned {
                break;
            }
            *at = 0;
        }
        if *tried >= MAX_TRIED && turned {
            exhausted = Some(steps.exhausted());
        }
        if !turned || *tried >= MAX_TRIED {
            return exhausted.map_or(Ok(None), Err);
        }
    }
}

/// The same problem, in which each unit can only use the nodes of one cover of its wanted set.
fn narrowed<'a>(
    problem: &Problem<'a>,
    options: &List<UnitIndex, Options<'_>>,
    wanted: &[&(Kinds<'_>, Vec<Cover>)],
    odometer: &[usize],
    steps: &mut Steps<'_>,
) -> Result<Problem<'a>, ReserveError> {
    steps.take(problem.size())?;
    let mut narrowed = problem.clone();
    narrowed.groups.clear();
    for (unit, ((set, covers), at)) in problem.units.indices().zip(wanted.iter().zip(odometer)) {
        let cover = covers.get(*at);
        debug_assert!(cover.is_some(), "the odometer only counts covers");
        narrow(&mut narrowed, unit, set, cover.ok_or(ReserveError::Internal)?, options.get(unit)?, steps)?;
    }
    Ok(narrowed)
}

/// Splits a unit into replica groups that together arrive at exactly the set: one replica is tied to the nodes of each
/// of the cover's sets, and the others go to any nodes whose cards are all in the set.
fn narrow(
    problem: &mut Problem<'_>,
    unit: UnitIndex,
    set: &Kinds<'_>,
    cover: &Cover,
    options: &Options<'_>,
    steps: &mut Steps<'_>,
) -> Result<(), ReserveError> {
    let count = problem.units.get(unit)?.asked.count;
    let model = cover.choice.model.and_then(|model| problem.cluster.index().models().get(model));
    let of_vendor = model.and_then(|model| options.vendors.get(model.vendor.as_str()));
    problem.units.get_mut(unit)?.choices = vec![cover.choice.clone()].into();
    let (Some(of_vendor), Some(sets)) = (of_vendor, &cover.sets) else {
        problem.groups.push(ReplicaGroup { unit, count, nodes: None });
        return Ok(());
    };
    steps.take(of_vendor.nodes.len().saturating_mul(sets.len().saturating_add(1)))?;
    let mut left = count;
    for tied in sets {
        let nodes = of_vendor.nodes.iter().map(|node| node == tied).collect();
        problem.groups.push(ReplicaGroup { unit, count: 1, nodes: Some(nodes) });
        left = left.saturating_sub(1);
    }
    steps.take(of_vendor.sets.len().saturating_mul(set.len().saturating_add(1)))?;
    let within: Vec<bool> = of_vendor.sets.iter().map(|node| node.is_subset(set)).collect();
    let nodes = of_vendor.nodes.iter().map(|node| within.get(*node) == Some(&true)).collect();
    problem.groups.push(ReplicaGroup { unit, count: left, nodes: Some(nodes) });
    Ok(())
}
