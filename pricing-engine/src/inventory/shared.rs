//! The inventory as sources update it and decisions read it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tracing::{debug, info, warn};

use super::accepted::{AcceptedSnapshot, Refusal, shown};
use super::current::{Changes, CurrentInventory, CurrentView};
use super::holds::Holds;
use super::plan::Plan;
use super::reading::Reading;
use crate::placements::Placements;
use pricing_core::text::plural;

/// The most missing nodes that a log line names.
const NAMED: usize = 8;

/// The current inventory and the capacity that is held for orders.
#[derive(Debug)]
pub(super) struct SharedInventory {
    /// If both are locked, this one is locked before `holds`.
    current: Mutex<CurrentSource>,
    /// The copy that decisions read without a lock.
    pub(super) view: ArcSwap<CurrentView>,
    holds: Mutex<Holds>,
    /// What follows how the use of nodes changes.
    placements: Option<Placements>,
}

/// The current inventory, and the number of the source that may update it.
#[derive(Debug)]
struct CurrentSource {
    current: CurrentInventory,
    generation: u64,
}

/// Locks a mutex, also after a panic of its holder: the data behind these locks is consistent after every statement.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SharedInventory {
    pub(super) fn new(plan: &Plan, placements: Option<Placements>) -> Self {
        let current = CurrentInventory::new(&plan.source.name(), plan.max_age);
        let view = ArcSwap::from_pointee(current.view());
        Self {
            current: Mutex::new(CurrentSource { current, generation: 0 }),
            view,
            holds: Mutex::new(Holds::new(plan.hold)),
            placements,
        }
    }

    pub(super) fn holds(&self) -> MutexGuard<'_, Holds> {
        lock(&self.holds)
    }

    /// The last accepted snapshot, of whatever age.
    pub(super) fn accepted(&self) -> Option<AcceptedSnapshot> {
        lock(&self.current).current.accepted().cloned()
    }

    /// Takes other settings for the same source, which continues.
    pub(super) fn adjust(&self, plan: &Plan, now: Instant) {
        let generation = lock(&self.current).generation;
        self.update(generation, |current| current.reconfigure(&plan.source.name(), plan.max_age, true, now));
        self.set_hold(plan, now);
    }

    fn set_hold(&self, plan: &Plan, now: Instant) {
        let mut holds = self.holds();
        holds.set_length(plan.hold, now);
        holds.expire(now);
    }

    /// Takes another plan, and returns the number of its source.
    pub(super) fn reconfigure(&self, plan: &Plan, same_source: bool, now: Instant) -> u64 {
        let mut source = lock(&self.current);
        source.generation = source.generation.saturating_add(1);
        source.current.reconfigure(&plan.source.name(), plan.max_age, same_source, now);
        self.view.store(Arc::new(source.current.view()));
        self.set_hold(plan, now);
        source.generation
    }

    /// Updates the inventory, and publishes the result to decisions. A source that has been replaced changes nothing.
    fn update<R>(&self, generation: u64, change: impl FnOnce(&mut CurrentInventory) -> R) -> Option<R> {
        let mut source = lock(&self.current);
        if source.generation != generation {
            return None;
        }
        let answer = change(&mut source.current);
        self.view.store(Arc::new(source.current.view()));
        Some(answer)
    }

    /// Takes a snapshot from a source. An accepted one is published before the holds that it shows are ended: in the
    /// reverse order, their capacity would look free in between.
    pub(super) fn take(
        &self,
        generation: u64,
        snapshot: Result<AcceptedSnapshot, Refusal>,
        age: Duration,
        now: Instant,
    ) {
        match snapshot {
            Ok(accepted) => {
                let snapshot = Arc::clone(&accepted.snapshot);
                let change = |current: &mut CurrentInventory| {
                    let taken = current.take(accepted, age, now);
                    let loud = taken.is_news() && current.may_warn(now);
                    (taken, loud)
                };
                if let Some((taken, loud)) = self.update(generation, change) {
                    self.holds().observe(&snapshot.cluster);
                    if let Some(placements) = &self.placements {
                        placements.snapshot(Arc::clone(&snapshot), taken.first, now);
                    }
                    tell_taken(&taken, snapshot.cluster.nodes().len(), loud);
                }
            }
            Err(refusal) => {
                let loud = self.update(generation, |current| current.refuse(&refusal) && current.may_warn(now));
                tell(loud, &format!("a snapshot of {} is not used: {refusal}", self.source()));
            }
        }
    }

    /// Records and logs that a source is not reachable.
    pub(super) fn lost(&self, generation: u64, why: &str, now: Instant) {
        let loud = self.update(generation, |current| current.lost(why) && current.may_warn(now));
        tell(loud, &format!("{} does not respond: {}", self.source(), shown(why)));
    }

    fn source(&self) -> Arc<str> {
        self.view.load().source()
    }

    pub(super) fn opened(&self, generation: u64) {
        self.update(generation, CurrentInventory::opened);
    }

    pub(super) fn reading(&self, now: Instant) -> Reading {
        let mut reading = lock(&self.current).current.reading(now);
        let mut holds = self.holds();
        holds.expire(now);
        reading.held = u32::try_from(holds.orders()).unwrap_or(u32::MAX);
        reading.holds = holds.counters;
        reading
    }
}

fn tell(loud: Option<bool>, what: &str) {
    match loud {
        Some(true) => warn!("{what}"),
        Some(false) => debug!("{what}"),
        None => {}
    }
}

fn tell_taken(taken: &Changes, nodes: usize, loud: bool) {
    if taken.first {
        info!(nodes, "the first inventory was received");
    } else if let Some(problem) = taken.problem_before.as_deref().filter(|_| loud) {
        info!(nodes, before = problem, "the inventory is received again");
    }
    if !taken.vanished.is_empty() {
        let names: Vec<String> = taken.vanished.iter().take(NAMED).map(|name| shown(name)).collect();
        let (missing, names) = (taken.vanished.len(), names.join(", "));
        let are = plural(missing, "node is", "nodes are");
        tell(Some(loud), &format!("{missing} {are} missing from the inventory, with {nodes} left: {names}"));
    }
    if let Some(finding) = &taken.finding {
        tell(Some(loud), &format!("the inventory has findings, the first of them: {finding}"));
    }
}
