//! Alternatives: the distinct sets of GPU kinds that an order could be allocated.
//!
//! A unit's set is every kind that Kubernetes could hand out on the nodes of its replicas. For each set that the
//! cluster's nodes suggest, the search is asked for a placement that comes to exactly that set: some replicas are tied to
//! nodes that together have all of it, and the others to nodes that add nothing to it.

use std::collections::{BTreeMap, BTreeSet};

use super::sound::{Choice, Piece, Problem, Solution, Steps, kinds_on, reservation, solve};
use super::{CommittedUnit, Reservation, ReserveError, SearchBudget};
use crate::gpu::GpuKind;
use crate::inventory::Cluster;

/// The most alternatives that are listed.
pub const MAX_ALTERNATIVES: usize = 256;
/// The most combinations of nodes' sets that are thought of for one unit and model.
const MAX_COVERS: usize = 1024;
/// The most combinations of units' sets that are tried.
const MAX_TRIED: usize = 4096;
/// Into how many parts the budget is cut at least, so that one hard combination does not use it up.
const BUDGET_PARTS: u64 = 16;

/// Reservations of one order that come to distinct sets of GPU kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alternatives {
    /// One reservation for each set; first the one that [`super::sound::reserve`] answers.
    pub reservations: Vec<Reservation>,
    /// Whether these are all. There may be others when the list or the search was cut short.
    pub complete: bool,
}

/// A set of kinds: what a unit's replicas could be given.
type Kinds<'a> = BTreeSet<&'a GpuKind>;

/// One way to come to a set: a choice of model, and nodes' sets that each have to be used.
#[derive(Clone, Debug)]
struct Cover<'a> {
    choice: Choice,
    sets: Vec<Kinds<'a>>,
}

/// What a unit could come to.
struct Options<'a> {
    /// By vendor, each node's set.
    nodes: BTreeMap<&'a str, Vec<Kinds<'a>>>,
    /// Each set that the nodes suggest, with the ways to come to it.
    sets: Vec<(Kinds<'a>, Vec<Cover<'a>>)>,
}

/// Lists one reservation for each distinct combination of the units' sets of GPU kinds that could be allocated.
///
/// # Errors
/// As the sound scheduler has them: when the order cannot be placed at all, or no placement was found in time.
pub fn alternatives(
    units: &[CommittedUnit],
    cluster: &Cluster,
    budget: SearchBudget,
) -> Result<Alternatives, ReserveError> {
    let problem = Problem::new(units, cluster)?;
    let mut steps = Steps::new(budget);
    let first = reservation(&problem, &solve(&problem, &mut steps)?);
    let mut complete = true;
    let options: Vec<Options<'_>> = (0..units.len()).map(|unit| options(&problem, unit, &mut complete)).collect();
    let known = sets_of(&first, cluster);
    let mut reservations = vec![first];
    let mut odometer = vec![0_usize; options.len()];
    let mut tried = 0_usize;
    loop {
        let wanted: Vec<&(Kinds<'_>, Vec<Cover<'_>>)> =
            options.iter().zip(&odometer).filter_map(|(options, at)| options.sets.get(*at)).collect();
        let sets_differ = wanted.iter().zip(&known).any(|((set, _), known)| set != known);
        if sets_differ && wanted.len() == options.len() {
            match come_to(&problem, &options, &wanted, &mut steps, &mut tried) {
                Ok(Some(found)) => reservations.push(found),
                Ok(None) => {}
                Err(_) => complete = false,
            }
        }
        if !turn(&mut odometer, &options) {
            break;
        }
        if reservations.len() >= MAX_ALTERNATIVES || tried >= MAX_TRIED || steps.is_empty() {
            complete = false;
            break;
        }
    }
    Ok(Alternatives { reservations, complete })
}

/// Goes to the next combination, if there is one.
fn turn(odometer: &mut [usize], options: &[Options<'_>]) -> bool {
    for (at, options) in odometer.iter_mut().zip(options) {
        *at = at.saturating_add(1);
        if *at < options.sets.len() {
            return true;
        }
        *at = 0;
    }
    false
}

/// The sets that a reservation comes to, by unit.
fn sets_of<'a>(reservation: &Reservation, cluster: &'a Cluster) -> Vec<Kinds<'a>> {
    let of_target = |target: &super::Target| -> Kinds<'a> {
        target.placements.iter().flat_map(|placement| target.kinds(cluster, placement)).collect()
    };
    reservation.targets.iter().map(of_target).collect()
}

/// What a unit could come to, by itself.
fn options<'a>(problem: &Problem<'a>, unit: usize, complete: &mut bool) -> Options<'a> {
    let mut options = Options { nodes: BTreeMap::new(), sets: Vec::new() };
    let mut sets: BTreeMap<Kinds<'a>, Vec<Cover<'a>>> = BTreeMap::new();
    let (Some(asked), Some(choices)) = (problem.units.get(unit), problem.choices.get(unit)) else { return options };
    let cluster = problem.cluster;
    for choice in choices {
        let Some(model) = choice.model.and_then(|model| cluster.index().models().get(model)) else {
            // Without cards there is one set, of nothing, and one way to come to it.
            sets.entry(Kinds::new()).or_default().push(Cover { choice: choice.clone(), sets: Vec::new() });
            continue;
        };
        let nodes = options.nodes.entry(&model.vendor).or_insert_with(|| {
            let kinds = |node| kinds_on(cluster, node, &asked.gpu, &model.vendor);
            let kinds = cluster.nodes().iter().map(kinds);
            kinds.map(|ids| ids.iter().filter_map(|id| Some(&cluster.card(*id)?.kind)).collect()).collect()
        });
        let distinct: BTreeSet<&Kinds<'a>> =
            problem.can_host(unit, choice).filter_map(|node| nodes.get(node)).collect();
        let distinct: Vec<&Kinds<'a>> = distinct.into_iter().collect();
        for cover in covers(&distinct, asked.count, complete) {
            let union: Kinds<'a> = cover.iter().flat_map(|set| set.iter().copied()).collect();
            sets.entry(union).or_default().push(Cover { choice: choice.clone(), sets: cover });
        }
    }
    options.sets = sets.into_iter().collect();
    options
}

/// Every choice of at most `most` sets of which each has a kind that the others have not, by number of sets.
fn covers<'a>(distinct: &[&Kinds<'a>], most: u32, complete: &mut bool) -> Vec<Vec<Kinds<'a>>> {
    let mut found: Vec<Vec<usize>> = (0..distinct.len()).map(|place| vec![place]).collect();
    let mut start = 0;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    if most == 0 {
        // No replicas come to nothing.
        return vec![Vec::new()];
    }
    while let Some(cover) = found.get(start).cloned() {
        start = start.saturating_add(1);
        let next = cover.last().map_or(0, |last| last.saturating_add(1));
        for more in next..distinct.len() {
            let mut wider = cover.clone();
            wider.push(more);
            if wider.len() <= most && is_irredundant(&wider, distinct) {
                found.push(wider);
            }
            if found.len() >= MAX_COVERS {
                *complete = false;
                break;
            }
        }
        if found.len() >= MAX_COVERS {
            break;
        }
    }
    let sets =
        |cover: Vec<usize>| cover.into_iter().filter_map(|at| distinct.get(at)).map(|set| (*set).clone()).collect();
    found.into_iter().map(sets).collect()
}

fn is_irredundant(cover: &[usize], distinct: &[&Kinds<'_>]) -> bool {
    cover.iter().all(|place| {
        let others = || cover.iter().filter(|other| *other != place).filter_map(|other| distinct.get(*other));
        let set = distinct.get(*place);
        set.is_some_and(|set| set.iter().any(|kind| !others().any(|other| other.contains(kind))))
    })
}

/// Looks for a placement in which each unit comes to exactly the wanted set.
fn come_to(
    problem: &Problem<'_>,
    options: &[Options<'_>],
    wanted: &[&(Kinds<'_>, Vec<Cover<'_>>)],
    steps: &mut Steps,
    tried: &mut usize,
) -> Result<Option<Reservation>, ReserveError> {
    let mut odometer = vec![0_usize; wanted.len()];
    let mut exhausted = None;
    loop {
        *tried = tried.saturating_add(1);
        let mut narrowed = problem.clone();
        narrowed.choices.clear();
        narrowed.pieces.clear();
        for (unit, ((set, covers), at)) in wanted.iter().zip(&odometer).enumerate() {
            let (Some(cover), Some(options)) = (covers.get(*at), options.get(unit)) else { continue };
            narrow(&mut narrowed, unit, set, cover, options);
        }
        match in_part(&narrowed, steps) {
            Ok(solution) => return Ok(Some(reservation(&narrowed, &solution))),
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

/// Solves with a part of the steps that are left.
fn in_part(problem: &Problem<'_>, steps: &mut Steps) -> Result<Solution, ReserveError> {
    let mut part = steps.part(BUDGET_PARTS);
    let before = part.left();
    let solved = solve(problem, &mut part);
    steps.spend(before.saturating_sub(part.left()));
    solved
}

/// Ties a unit's replicas to nodes that come to the set: one replica to each of the cover's, the others to any that add
/// nothing.
fn narrow(problem: &mut Problem<'_>, unit: usize, set: &Kinds<'_>, cover: &Cover<'_>, options: &Options<'_>) {
    let count = problem.units.get(unit).map_or(0, |unit| unit.count);
    let model = cover.choice.model.and_then(|model| problem.cluster.index().models().get(model));
    let nodes = model.and_then(|model| options.nodes.get(model.vendor.as_str()));
    problem.choices.push(vec![cover.choice.clone()]);
    let Some(nodes) = nodes else {
        problem.pieces.push(Piece { unit, count, nodes: None });
        return;
    };
    let mut left = count;
    for tied in &cover.sets {
        let nodes = nodes.iter().map(|node| node == tied).collect();
        problem.pieces.push(Piece { unit, count: 1, nodes: Some(nodes) });
        left = left.saturating_sub(1);
    }
    let nodes = nodes.iter().map(|node| node.is_subset(set)).collect();
    problem.pieces.push(Piece { unit, count: left, nodes: Some(nodes) });
}
