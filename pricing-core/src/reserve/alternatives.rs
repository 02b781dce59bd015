//! Lists alternatives: the distinct sets of GPU kinds that an order could be allocated.
//!
//! Where pods are tied to their nodes ([`alternatives`]), a unit's set is every kind that Kubernetes could hand out on
//! the nodes of its replicas. A set can only be a union of nodes' sets, so the candidates are the unions of irredundant
//! families of them (*covers*). For each candidate the search looks for a placement that comes to exactly that set: one
//! replica is tied to each set of the cover, and the others go to nodes that add nothing to it.
//!
//! Where they are not tied ([`wherever_pods_start`]), a unit's set is every kind on the nodes where its pods could
//! start, which depends only on the reserved model. So there is one candidate per choice of model, on any nodes.

mod covers;
mod options;
mod placement;

use std::collections::BTreeSet;

use super::sound::{Choice, List, Problem, Steps, UnitIndex, place};
use super::start::PodRequest;
use super::{CommittedUnit, Preference, Reservation, ReserveError, interconnect};
use crate::budget::Budget;
use crate::gpu::GpuKind;
use crate::inventory::Cluster;
use options::{Options, options_by_model, sets_of};
use placement::come_to;

/// The most alternatives that are listed.
pub const MAX_ALTERNATIVES: usize = 256;
/// The most combinations of units' covers that are tried.
const MAX_TRIED: usize = 4096;

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

/// A node's set of kinds, by its index in [`options::OfVendor::sets`].
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
    /// The nodes where its pods could start.
    WhereverPodsStart(PodsOfOrder<'p>),
}

/// The pods of an order, and where they start.
#[derive(Clone, Copy, Debug)]
pub struct PodsOfOrder<'a> {
    /// What the pods of each unit request, in the units' order.
    pub requests: &'a [PodRequest],
    /// The cluster as Kubernetes sees it: the nodes of the cluster that is reserved on, with what is held for other bids.
    pub running: &'a Cluster,
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
/// wherever their pods start.
///
/// # Errors
/// The same as [`alternatives`].
pub fn wherever_pods_start(
    units: &[CommittedUnit],
    pods: PodsOfOrder<'_>,
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
            CardSource::Reserved => options::options(problem, unit, &mut found.complete, steps)?,
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
