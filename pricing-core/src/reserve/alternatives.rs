//! Lists alternatives: the distinct sets of GPU kinds that an order could be allocated.
//!
//! Where pods are tied to their nodes ([`alternatives`]), a unit's set is every kind that Kubernetes could hand out on
//! the nodes of its replicas. A set can only be a union of nodes' sets, so the candidates are the unions of irredundant
//! families of them (*covers*). For each candidate the search looks for a placement that comes to exactly that set: one
//! replica is tied to each set of the cover, and the others go to nodes that add nothing to it.
//!
//! Where they are not tied ([`wherever_pods_start`]), a unit's set is every kind on the nodes where its pods could
//! start, which depends only on the reserved model. So there is one candidate per choice of model, on any nodes.

use std::collections::{BTreeMap, BTreeSet};

use super::interconnect;
use super::sound::{
    Choice, Index, List, Problem, ReplicaGroup, Steps, Unit, UnitIndex, kinds_on, place, reservation, solve,
};
use super::start::{self, PodRequest, PodSelector};
use super::{CommittedUnit, Preference, Reservation, ReserveError};
use crate::budget::Budget;
use crate::gpu::GpuKind;
use crate::inventory::Cluster;

/// The most alternatives that are listed.
pub const MAX_ALTERNATIVES: usize = 256;
/// The most covers that are considered for one unit and model.
const MAX_COVERS: usize = 1024;
/// The most combinations of units' covers that are tried.
const MAX_TRIED: usize = 4096;
/// Each combination may use at most this fraction of the budget, so that one hard combination does not use it up.
const BUDGET_PARTS: u64 = 16;

/// Reservations of one order, each with a different set of GPU kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alternatives {
    /// One reservation for each set. The first is the answer of [`super::sound::reserve_by`].
    pub reservations: Vec<Reservation>,
    /// Whether these are all. If not, the list or the search was cut short, and there may be others.
    pub complete: bool,
}

/// A set of kinds: the kinds of card that a unit's replicas could be given.
type Kinds<'a> = BTreeSet<&'a GpuKind>;

/// A node's set of kinds, by its index in [`OfVendor::sets`].
type SetId = usize;

/// One way to arrive at a set: a choice of model, and the nodes' sets that each have to be used. No sets where the
/// model alone decides.
#[derive(Clone, Debug)]
struct Cover {
    choice: Choice,
    sets: Option<Vec<SetId>>,
}

/// Where the cards of a unit can come from.
#[derive(Clone, Copy)]
enum CardSource<'p> {
    /// The reserved nodes.
    Reserved,
    /// The nodes where its pods could start, given what these ask for.
    WhereverPodsStart(&'p [PodRequest]),
}

/// The cards of one vendor that the nodes could give to a unit.
#[derive(Default)]
struct OfVendor<'a> {
    /// The distinct sets of kinds.
    sets: Vec<Kinds<'a>>,
    /// The set of each node.
    nodes: Vec<SetId>,
}

/// The sets that a unit could arrive at.
struct Options<'a> {
    vendors: BTreeMap<&'a str, OfVendor<'a>>,
    /// Each candidate set, with the ways to arrive at it.
    sets: Vec<(Kinds<'a>, Vec<Cover>)>,
}

/// Lists one reservation for each distinct combination of the units' sets of GPU kinds that could be allocated.
///
/// At most [`MAX_ALTERNATIVES`] are listed; [`Alternatives::complete`] says whether that is all of them.
///
/// # Errors
/// The errors of the sound scheduler: the order cannot be placed at all, or no placement was found within the budget.
pub fn alternatives(
    units: &[CommittedUnit],
    cluster: &Cluster,
    preference: Preference<'_>,
    budget: &Budget<'_>,
) -> Result<Alternatives, ReserveError> {
    list(units, CardSource::Reserved, cluster, preference, budget)
}

/// Lists one reservation for each distinct combination of the units' sets of GPU kinds that Kubernetes could hand out
/// wherever their pods start. `pods` has the request of each unit's pods, in the units' order.
///
/// # Errors
/// The same as [`alternatives`].
pub fn wherever_pods_start(
    units: &[CommittedUnit],
    pods: &[PodRequest],
    cluster: &Cluster,
    preference: Preference<'_>,
    budget: &Budget<'_>,
) -> Result<Alternatives, ReserveError> {
    list(units, CardSource::WhereverPodsStart(pods), cluster, preference, budget)
}

/// Both listings: one reservation as the sound scheduler makes it, then the others. An error in the search for others
/// ends the list but does not lose it.
fn list(
    units: &[CommittedUnit],
    source: CardSource<'_>,
    cluster: &Cluster,
    preference: Preference<'_>,
    budget: &Budget<'_>,
) -> Result<Alternatives, ReserveError> {
    interconnect::check(units)?;
    let mut steps = Steps::new(budget);
    let problem = Problem::new(units, cluster, &mut steps)?;
    let first = place(&problem, preference, &mut steps)?;
    let mut found = Alternatives { reservations: vec![first], complete: true };
    // Running out of budget ends the list. The first reservation, which every listing has, is there already.
    if find_others(&problem, source, &mut found, &mut steps).is_err() {
        found.complete = false;
    }
    Ok(found)
}

/// Adds the reservations that use other sets of cards than the first.
///
/// An odometer runs over all combinations of the units' candidate sets. A combination that was too hard makes the list
/// incomplete, but the search goes on with the next one.
fn find_others(
    problem: &Problem<'_>,
    source: CardSource<'_>,
    found: &mut Alternatives,
    steps: &mut Steps<'_>,
) -> Result<(), ReserveError> {
    let mut options: List<UnitIndex, Options<'_>> = Vec::with_capacity(problem.units.len()).into();
    for unit in problem.units.indices() {
        options.push(match source {
            CardSource::Reserved => self::options(problem, unit, &mut found.complete, steps)?,
            CardSource::WhereverPodsStart(pods) => options_by_model(problem, unit, pods, steps)?,
        });
    }
    let known = match found.reservations.first() {
        Some(first) => sets_of(first, problem, source, steps)?,
        None => Vec::new(),
    };
    let mut odometer = vec![0_usize; options.len()];
    let mut tried = 0_usize;
    loop {
        steps.take(options.len().saturating_mul(4))?;
        let wanted: Vec<&(Kinds<'_>, Vec<Cover>)> =
            options.iter().zip(&odometer).filter_map(|(options, at)| options.sets.get(*at)).collect();
        let sets_differ = wanted.iter().zip(&known).any(|((set, _), known)| set != known);
        if sets_differ && wanted.len() == options.len() {
            match come_to(problem, &options, &wanted, steps, &mut tried) {
                Ok(Some(reservation)) => found.reservations.push(reservation),
                Ok(None) => {}
                Err(error) if steps.is_over() => return Err(error),
                // This combination was too hard. That says nothing about the others.
                Err(_) => found.complete = false,
            }
        }
        if !turn(&mut odometer, &options) {
            return Ok(());
        }
        if found.reservations.len() >= MAX_ALTERNATIVES || tried >= MAX_TRIED {
            found.complete = false;
            return Ok(());
        }
    }
}

/// Advances the odometer. False after the last combination.
fn turn(odometer: &mut [usize], options: &List<UnitIndex, Options<'_>>) -> bool {
    for (at, options) in odometer.iter_mut().zip(options.iter()) {
        *at = at.saturating_add(1);
        if *at < options.sets.len() {
            return true;
        }
        *at = 0;
    }
    false
}

/// The set of kinds of each unit in a reservation.
fn sets_of<'a>(
    reservation: &Reservation,
    problem: &Problem<'a>,
    source: CardSource<'_>,
    steps: &mut Steps<'_>,
) -> Result<Vec<Kinds<'a>>, ReserveError> {
    let mut sets = Vec::with_capacity(reservation.targets.len());
    for (unit, target) in problem.units.indices().zip(&reservation.targets) {
        let kinds = || target.placements.iter().flat_map(|placement| target.kinds(problem.cluster, placement));
        sets.push(match (source, target.selector()) {
            (CardSource::WhereverPodsStart(pods), Some(selector)) => kinds_of(problem, unit, pods, &selector, steps)?,
            _ => kinds().collect(),
        });
    }
    Ok(sets)
}

/// The candidate sets of a unit whose pods are not tied to nodes: one for each model that fits on some node.
fn options_by_model<'a>(
    problem: &Problem<'a>,
    unit: UnitIndex,
    pods: &[PodRequest],
    steps: &mut Steps<'_>,
) -> Result<Options<'a>, ReserveError> {
    let mut sets: BTreeMap<Kinds<'a>, Vec<Cover>> = BTreeMap::new();
    for choice in problem.units.get(unit)?.choices.iter() {
        let cover = Cover { choice: choice.clone(), sets: None };
        let kinds = match choice.model.and_then(|model| problem.cluster.index().models().get(model)) {
            None => Kinds::new(),
            Some(_) if problem.can_host(unit, choice, steps)?.is_empty() => continue,
            Some(model) => {
                let (vendor, model, interconnect) = (model.vendor.clone(), model.model.clone(), choice.interconnect);
                kinds_of(problem, unit, pods, &PodSelector { vendor, model, interconnect }, steps)?
            }
        };
        sets.entry(kinds).or_default().push(cover);
    }
    Ok(Options { vendors: BTreeMap::new(), sets: sets.into_iter().collect() })
}

/// The kinds of the selected vendor that a unit's request allows on the nodes where its pods could start. Nodes with
/// the same cards are looked at once.
fn kinds_of<'a>(
    problem: &Problem<'a>,
    unit: UnitIndex,
    pods: &[PodRequest],
    selector: &PodSelector,
    steps: &mut Steps<'_>,
) -> Result<Kinds<'a>, ReserveError> {
    let asked = problem.units.get(unit)?.asked;
    let pod = pods.get(unit.position());
    debug_assert!(pod.is_some(), "the pods are those of the order's units");
    let pod = pod.ok_or(ReserveError::Internal)?;
    let nodes = start::nodes(pod, selector, problem.cluster, steps.budget())?;
    steps.take(nodes.len())?;
    let mut kinds = Kinds::new();
    for alike in start::by_outfit(&nodes, problem.cluster) {
        steps.take(alike.cards.len().saturating_mul(asked.gpu.alternatives.len().saturating_add(8)))?;
        let cards = alike.cards.iter().filter_map(|(id, _)| problem.cluster.card(*id)).map(|card| &card.kind);
        kinds.extend(cards.filter(|kind| kind.vendor() == selector.vendor && asked.gpu.allows(kind)));
    }
    Ok(kinds)
}

/// The candidate sets of a unit whose pods are tied to their nodes, as if it were alone: the union of each cover of the
/// nodes that could host it.
fn options<'a>(
    problem: &Problem<'a>,
    unit: UnitIndex,
    complete: &mut bool,
    steps: &mut Steps<'_>,
) -> Result<Options<'a>, ReserveError> {
    let mut options = Options { vendors: BTreeMap::new(), sets: Vec::new() };
    let mut sets: BTreeMap<Kinds<'a>, Vec<Cover>> = BTreeMap::new();
    let Unit { asked, choices, .. } = problem.units.get(unit)?;
    for choice in choices.iter() {
        let Some(model) = choice.model.and_then(|model| problem.cluster.index().models().get(model)) else {
            // Without cards there is one set, the empty one, and one way to arrive at it.
            sets.entry(Kinds::new()).or_default().push(Cover { choice: choice.clone(), sets: None });
            continue;
        };
        let vendor = model.vendor.as_str();
        if !options.vendors.contains_key(vendor) {
            options.vendors.insert(vendor, OfVendor::new(problem, asked, vendor, steps)?);
        }
        let Some(of_vendor) = options.vendors.get(vendor) else { continue };
        let hosts = problem.can_host(unit, choice, steps)?;
        // Sorted by content, so that the order does not depend on which node comes first.
        let distinct: BTreeSet<SetId> = hosts.iter().filter_map(|node| of_vendor.nodes.get(*node).copied()).collect();
        let mut distinct: Vec<SetId> = distinct.into_iter().collect();
        distinct.sort_by_key(|set| of_vendor.sets.get(*set));
        for cover in covers(&distinct, &of_vendor.sets, asked.count, complete, steps)? {
            let kinds = cover.iter().filter_map(|set| of_vendor.sets.get(*set)).flatten();
            let union: Kinds<'a> = kinds.copied().collect();
            steps.take(union.len().saturating_add(1).saturating_mul(16))?;
            sets.entry(union).or_default().push(Cover { choice: choice.clone(), sets: Some(cover) });
        }
    }
    options.sets = sets.into_iter().collect();
    Ok(options)
}

impl<'a> OfVendor<'a> {
    /// Computes each node's set, and numbers the distinct ones.
    fn new(
        problem: &Problem<'a>,
        asked: &CommittedUnit,
        vendor: &str,
        steps: &mut Steps<'_>,
    ) -> Result<Self, ReserveError> {
        let cluster = problem.cluster;
        let mut ids: BTreeMap<Kinds<'a>, SetId> = BTreeMap::new();
        let mut of_vendor = Self::default();
        for node in cluster.nodes() {
            let kinds = kinds_on(cluster, node, &asked.gpu, vendor, steps)?;
            let kinds: Kinds<'a> = kinds.iter().filter_map(|id| Some(&cluster.card(*id)?.kind)).collect();
            steps.take(kinds.len().saturating_add(1).saturating_mul(8))?;
            let next = of_vendor.sets.len();
            let id = *ids.entry(kinds).or_insert_with_key(|kinds| {
                of_vendor.sets.push(kinds.clone());
                next
            });
            of_vendor.nodes.push(id);
        }
        Ok(of_vendor)
    }
}

/// The irredundant families of at most `most` sets, by size: each set of a family has a kind that no other set of it
/// has.
///
/// Redundant families add nothing, since a smaller one has the same union. Every part of an irredundant family is
/// irredundant too, so extending the families of size n finds all of size n + 1 (level-wise search, as in the Apriori
/// algorithm). `complete` becomes false if there are more than [`MAX_COVERS`].
fn covers(
    distinct: &[SetId],
    sets: &[Kinds<'_>],
    most: u32,
    complete: &mut bool,
    steps: &mut Steps<'_>,
) -> Result<Vec<Vec<SetId>>, ReserveError> {
    let mut found: Vec<Vec<usize>> = (0..distinct.len()).map(|place| vec![place]).collect();
    let mut start = 0;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    if most == 0 {
        // Without replicas there is only the empty family.
        return Ok(vec![Vec::new()]);
    }
    let kinds = |place: usize| distinct.get(place).and_then(|set| sets.get(*set));
    while let Some(cover) = found.get(start).cloned() {
        start = start.saturating_add(1);
        let next = cover.last().map_or(0, |last| last.saturating_add(1));
        for more in next..distinct.len() {
            let mut wider = cover.clone();
            wider.push(more);
            // Each set is compared with each other.
            let size = wider.iter().filter_map(|place| kinds(*place)).map(BTreeSet::len).fold(1, usize::saturating_add);
            steps.take(size.saturating_mul(wider.len()))?;
            if wider.len() <= most && is_irredundant(&wider, kinds) {
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
    let ids = |cover: Vec<usize>| cover.into_iter().filter_map(|place| distinct.get(place)).copied().collect();
    Ok(found.into_iter().map(ids).collect())
}

/// Whether each set of a family has a kind that the others do not have.
fn is_irredundant<'s, 'a: 's>(cover: &[usize], kinds: impl Fn(usize) -> Option<&'s Kinds<'a>>) -> bool {
    cover.iter().all(|place| {
        let others = || cover.iter().filter(|other| *other != place).filter_map(|other| kinds(*other));
        kinds(*place).is_some_and(|set| set.iter().any(|kind| !others().any(|other| other.contains(kind))))
    })
}

/// Looks for a placement in which each unit arrives at exactly the wanted set. Tries every combination of the units'
/// covers, and gives each one a share of the budget.
fn come_to(
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
