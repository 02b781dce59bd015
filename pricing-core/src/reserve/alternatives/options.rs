//! The sets of kinds that a unit could arrive at by itself.

use std::collections::{BTreeMap, BTreeSet};

use super::covers::covers;
use super::{CardSource, Cover, Kinds, PodsOfOrder, SetId};
use crate::reserve::sound::{Index, Problem, Steps, Unit, UnitIndex, kinds_on};
use crate::reserve::start::{self, PodSelector};
use crate::reserve::{CommittedUnit, Reservation, ReserveError};

/// The cards of one vendor that the nodes could give to a unit.
#[derive(Default)]
pub(super) struct OfVendor<'a> {
    /// The distinct sets of kinds.
    pub(super) sets: Vec<Kinds<'a>>,
    /// The set of each node.
    pub(super) nodes: Vec<SetId>,
}

/// The sets that a unit could arrive at.
pub(super) struct Options<'a> {
    pub(super) vendors: BTreeMap<&'a str, OfVendor<'a>>,
    /// Each candidate set, with the ways to arrive at it.
    pub(super) sets: Vec<(Kinds<'a>, Vec<Cover>)>,
}

/// The set of kinds of each unit in a reservation.
pub(super) fn sets_of<'a>(
    reservation: &Reservation,
    problem: &Problem<'a>,
    source: CardSource<'a>,
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
pub(super) fn options_by_model<'a>(
    problem: &Problem<'a>,
    unit: UnitIndex,
    pods: PodsOfOrder<'a>,
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
    pods: PodsOfOrder<'a>,
    selector: &PodSelector,
    steps: &mut Steps<'_>,
) -> Result<Kinds<'a>, ReserveError> {
    let asked = problem.units.get(unit)?.asked;
    let pod = pods.requests.get(unit.position());
    debug_assert!(pod.is_some(), "the pods are those of the order's units");
    let pod = pod.ok_or(ReserveError::Internal)?;
    let nodes = start::nodes(pod, selector, pods.running, steps.budget())?;
    steps.take(nodes.len())?;
    let mut kinds = Kinds::new();
    for alike in start::by_outfit(&nodes, pods.running) {
        steps.take(alike.cards.len().saturating_mul(asked.gpu.alternatives.len().saturating_add(8)))?;
        let cards = alike.cards.iter().filter_map(|(id, _)| pods.running.card(*id)).map(|card| &card.kind);
        kinds.extend(cards.filter(|kind| kind.vendor() == selector.vendor && asked.gpu.allows(kind)));
    }
    Ok(kinds)
}

/// The candidate sets of a unit whose pods are tied to their nodes, as if it were alone: the union of each cover of the
/// nodes that could host it.
pub(super) fn options<'a>(
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
