//! Alternatives: the distinct sets of GPU kinds that an order could be allocated.
//!
//! Where pods are tied to their nodes ([`alternatives`]), a unit's set is every kind that could be handed out on the nodes
//! of its replicas. For each set that the cluster's nodes suggest, the search is asked for a placement that comes to
//! exactly that set: some replicas are tied to nodes that together have all of it, and the others to nodes that add
//! nothing to it.
//!
//! Where they are not ([`wherever_pods_start`]), a unit's set is every kind on the nodes where its pods could start, which
//! only depends on the model that is reserved. So each set is asked for by its models, on any nodes.

use std::collections::{BTreeMap, BTreeSet};

use super::interconnect;
use super::sound::{Choice, Piece, Problem, Steps, kinds_on, reservation, solve};
use super::start::{self, PodRequest, PodSelector};
use super::{CommittedUnit, Reservation, ReserveError};
use crate::budget::Budget;
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

/// A node's set, by its place in [`OfVendor::sets`].
type SetId = usize;

/// One way to come to a set: a choice of model, and nodes' sets that each have to be used; none where the model alone
/// decides.
#[derive(Clone, Debug)]
struct Cover {
    choice: Choice,
    sets: Option<Vec<SetId>>,
}

/// Where the cards of a unit can come from.
#[derive(Clone, Copy)]
enum Source<'p> {
    /// The reserved nodes.
    Reserved,
    /// The nodes where its pods could start, which ask for so much.
    WhereverPodsStart(&'p [PodRequest]),
}

/// What the nodes could give a unit of one vendor's cards.
#[derive(Default)]
struct OfVendor<'a> {
    /// The distinct sets.
    sets: Vec<Kinds<'a>>,
    /// Each node's set.
    nodes: Vec<SetId>,
}

/// What a unit could come to.
struct Options<'a> {
    vendors: BTreeMap<&'a str, OfVendor<'a>>,
    /// Each set that the nodes suggest, with the ways to come to it.
    sets: Vec<(Kinds<'a>, Vec<Cover>)>,
}

/// Lists one reservation for each distinct combination of the units' sets of GPU kinds that could be allocated.
///
/// # Errors
/// As the sound scheduler has them: when the order cannot be placed at all, or no placement was found in time.
pub fn alternatives(
    units: &[CommittedUnit],
    cluster: &Cluster,
    budget: &Budget<'_>,
) -> Result<Alternatives, ReserveError> {
    list(units, Source::Reserved, cluster, budget)
}

/// Lists one reservation for each distinct combination of the units' sets of GPU kinds that could be handed out wherever
/// their pods start. There is a request for the pods of each unit, in their order.
///
/// # Errors
/// As [`alternatives`].
pub fn wherever_pods_start(
    units: &[CommittedUnit],
    pods: &[PodRequest],
    cluster: &Cluster,
    budget: &Budget<'_>,
) -> Result<Alternatives, ReserveError> {
    list(units, Source::WhereverPodsStart(pods), cluster, budget)
}

fn list(
    units: &[CommittedUnit],
    source: Source<'_>,
    cluster: &Cluster,
    budget: &Budget<'_>,
) -> Result<Alternatives, ReserveError> {
    interconnect::check(units)?;
    let mut steps = Steps::new(budget);
    let problem = Problem::new(units, cluster, &mut steps)?;
    let solution = solve(&problem, &mut steps)?;
    let first = reservation(&problem, &solution, &mut steps)?;
    let mut found = Alternatives { reservations: vec![first], complete: true };
    // What is over ends the list. The first reservation, which every listing has, is there already.
    if find_others(&problem, source, &mut found, &mut steps).is_err() {
        found.complete = false;
    }
    Ok(found)
}

/// Adds the reservations that use other sets of cards than the first.
fn find_others(
    problem: &Problem<'_>,
    source: Source<'_>,
    found: &mut Alternatives,
    steps: &mut Steps<'_>,
) -> Result<(), ReserveError> {
    let mut options = Vec::with_capacity(problem.units.len());
    for unit in 0..problem.units.len() {
        options.push(match source {
            Source::Reserved => self::options(problem, unit, &mut found.complete, steps)?,
            Source::WhereverPodsStart(pods) => options_by_model(problem, unit, pods, steps)?,
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
                // This combination was too hard, which says nothing of the others.
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
fn sets_of<'a>(
    reservation: &Reservation,
    problem: &Problem<'a>,
    source: Source<'_>,
    steps: &mut Steps<'_>,
) -> Result<Vec<Kinds<'a>>, ReserveError> {
    let mut sets = Vec::with_capacity(reservation.targets.len());
    for (unit, target) in reservation.targets.iter().enumerate() {
        let kinds = || target.placements.iter().flat_map(|placement| target.kinds(problem.cluster, placement));
        sets.push(match (source, target.selector()) {
            (Source::WhereverPodsStart(pods), Some(selector)) => kinds_of(problem, unit, pods, &selector, steps)?,
            _ => kinds().collect(),
        });
    }
    Ok(sets)
}

/// What a unit could come to by the model that is reserved.
fn options_by_model<'a>(
    problem: &Problem<'a>,
    unit: usize,
    pods: &[PodRequest],
    steps: &mut Steps<'_>,
) -> Result<Options<'a>, ReserveError> {
    let mut sets: BTreeMap<Kinds<'a>, Vec<Cover>> = BTreeMap::new();
    for choice in problem.choices.get(unit).map_or(&[] as &[Choice], Vec::as_slice) {
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

/// The kinds that a unit's request allows on the nodes where its pods could start, of the selected vendor.
fn kinds_of<'a>(
    problem: &Problem<'a>,
    unit: usize,
    pods: &[PodRequest],
    selector: &PodSelector,
    steps: &mut Steps<'_>,
) -> Result<Kinds<'a>, ReserveError> {
    let (Some(asked), Some(pod)) = (problem.units.get(unit), pods.get(unit)) else { return Ok(Kinds::new()) };
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

/// What a unit could come to, by itself.
fn options<'a>(
    problem: &Problem<'a>,
    unit: usize,
    complete: &mut bool,
    steps: &mut Steps<'_>,
) -> Result<Options<'a>, ReserveError> {
    let mut options = Options { vendors: BTreeMap::new(), sets: Vec::new() };
    let mut sets: BTreeMap<Kinds<'a>, Vec<Cover>> = BTreeMap::new();
    let (Some(asked), Some(choices)) = (problem.units.get(unit), problem.choices.get(unit)) else {
        return Ok(options);
    };
    for choice in choices {
        let Some(model) = choice.model.and_then(|model| problem.cluster.index().models().get(model)) else {
            // Without cards there is one set, of nothing, and one way to come to it.
            sets.entry(Kinds::new()).or_default().push(Cover { choice: choice.clone(), sets: None });
            continue;
        };
        let vendor = model.vendor.as_str();
        if !options.vendors.contains_key(vendor) {
            options.vendors.insert(vendor, OfVendor::new(problem, asked, vendor, steps)?);
        }
        let Some(of_vendor) = options.vendors.get(vendor) else { continue };
        let hosts = problem.can_host(unit, choice, steps)?;
        // By what is in them, so that the order does not depend on which node comes first.
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

/// Every choice of at most `most` sets of which each has a kind that the others have not, by number of sets.
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
        // No replicas come to nothing.
        return Ok(vec![Vec::new()]);
    }
    let kinds = |place: usize| distinct.get(place).and_then(|set| sets.get(*set));
    while let Some(cover) = found.get(start).cloned() {
        start = start.saturating_add(1);
        let next = cover.last().map_or(0, |last| last.saturating_add(1));
        for more in next..distinct.len() {
            let mut wider = cover.clone();
            wider.push(more);
            // Each of its sets is held against each other.
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

fn is_irredundant<'s, 'a: 's>(cover: &[usize], kinds: impl Fn(usize) -> Option<&'s Kinds<'a>>) -> bool {
    cover.iter().all(|place| {
        let others = || cover.iter().filter(|other| *other != place).filter_map(|other| kinds(*other));
        kinds(*place).is_some_and(|set| set.iter().any(|kind| !others().any(|other| other.contains(kind))))
    })
}

/// Looks for a placement in which each unit comes to exactly the wanted set.
fn come_to(
    problem: &Problem<'_>,
    options: &[Options<'_>],
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
            Err(error) if steps.is_over() => return Err(error),
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

/// The same problem, in which each unit may use only the nodes of one cover of its wanted set of cards.
fn narrowed<'a>(
    problem: &Problem<'a>,
    options: &[Options<'_>],
    wanted: &[&(Kinds<'_>, Vec<Cover>)],
    odometer: &[usize],
    steps: &mut Steps<'_>,
) -> Result<Problem<'a>, ReserveError> {
    steps.take(problem.size())?;
    let mut narrowed = problem.clone();
    narrowed.choices.clear();
    narrowed.pieces.clear();
    for (unit, ((set, covers), at)) in wanted.iter().zip(odometer).enumerate() {
        let (Some(cover), Some(options)) = (covers.get(*at), options.get(unit)) else { continue };
        narrow(&mut narrowed, unit, set, cover, options, steps)?;
    }
    Ok(narrowed)
}

/// Ties a unit's replicas to nodes that come to the set: one replica to each of the cover's, the others to any that add
/// nothing.
fn narrow(
    problem: &mut Problem<'_>,
    unit: usize,
    set: &Kinds<'_>,
    cover: &Cover,
    options: &Options<'_>,
    steps: &mut Steps<'_>,
) -> Result<(), ReserveError> {
    let count = problem.units.get(unit).map_or(0, |unit| unit.count);
    let model = cover.choice.model.and_then(|model| problem.cluster.index().models().get(model));
    let of_vendor = model.and_then(|model| options.vendors.get(model.vendor.as_str()));
    problem.choices.push(vec![cover.choice.clone()]);
    let (Some(of_vendor), Some(sets)) = (of_vendor, &cover.sets) else {
        problem.pieces.push(Piece { unit, count, nodes: None });
        return Ok(());
    };
    steps.take(of_vendor.nodes.len().saturating_mul(sets.len().saturating_add(1)))?;
    let mut left = count;
    for tied in sets {
        let nodes = of_vendor.nodes.iter().map(|node| node == tied).collect();
        problem.pieces.push(Piece { unit, count: 1, nodes: Some(nodes) });
        left = left.saturating_sub(1);
    }
    steps.take(of_vendor.sets.len().saturating_mul(set.len().saturating_add(1)))?;
    let within: Vec<bool> = of_vendor.sets.iter().map(|node| node.is_subset(set)).collect();
    let nodes = of_vendor.nodes.iter().map(|node| within.get(*node) == Some(&true)).collect();
    problem.pieces.push(Piece { unit, count: left, nodes: Some(nodes) });
    Ok(())
}
