//! What the sources feed and decisions read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tracing::{debug, info, warn};

use super::believe::{Believed, Refusal, shown};
use super::holds::Holds;
use super::keep::{Keep, Taken, View};
use super::plan::Plan;
use super::reading::Reading;

/// The most missing nodes that a log line names.
const NAMED: usize = 8;

/// The snapshot in use and what is held back of it.
#[derive(Debug)]
pub(super) struct Core {
    /// Locked before `holds` where both are.
    keep: Mutex<Fed>,
    /// What decisions read, without a lock.
    pub(super) view: ArcSwap<View>,
    holds: Mutex<Holds>,
}

/// The keep, and which source feeds it.
#[derive(Debug)]
struct Fed {
    keep: Keep,
    generation: u64,
}

/// A lock whose holder panicked is taken all the same: everything behind these locks is whole between two statements.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Core {
    pub(super) fn new(plan: &Plan) -> Self {
        let keep = Keep::new(&plan.source.name(), plan.max_age);
        let view = ArcSwap::from_pointee(keep.view());
        Self { keep: Mutex::new(Fed { keep, generation: 0 }), view, holds: Mutex::new(Holds::new(plan.hold)) }
    }

    pub(super) fn holds(&self) -> MutexGuard<'_, Holds> {
        lock(&self.holds)
    }

    /// The good snapshot, of whatever age.
    pub(super) fn good(&self) -> Option<Believed> {
        lock(&self.keep).keep.good().cloned()
    }

    /// Takes other settings for the same source, which goes on feeding.
    pub(super) fn adjust(&self, plan: &Plan, now: Instant) {
        let generation = lock(&self.keep).generation;
        self.fed(generation, |keep| keep.reconfigure(&plan.source.name(), plan.max_age, true, now));
        self.set_hold(plan, now);
    }

    fn set_hold(&self, plan: &Plan, now: Instant) {
        let mut holds = self.holds();
        holds.set_length(plan.hold, now);
        holds.expire(now);
    }

    /// Takes another plan, and answers the number under which its source feeds.
    pub(super) fn reconfigure(&self, plan: &Plan, same_source: bool, now: Instant) -> u64 {
        let mut fed = lock(&self.keep);
        fed.generation = fed.generation.saturating_add(1);
        fed.keep.reconfigure(&plan.source.name(), plan.max_age, same_source, now);
        self.view.store(Arc::new(fed.keep.view()));
        self.set_hold(plan, now);
        fed.generation
    }

    /// Changes the keep when the right source says so, and shows decisions what came of it.
    fn fed<R>(&self, generation: u64, change: impl FnOnce(&mut Keep) -> R) -> Option<R> {
        let mut fed = lock(&self.keep);
        if fed.generation != generation {
            return None;
        }
        let answer = change(&mut fed.keep);
        self.view.store(Arc::new(fed.keep.view()));
        Some(answer)
    }

    pub(super) fn take(&self, generation: u64, snapshot: Result<Believed, Refusal>, age: Duration, now: Instant) {
        match snapshot {
            Ok(believed) => {
                let known = Arc::clone(&believed.known);
                let change = |keep: &mut Keep| {
                    let taken = keep.take(believed, age, now);
                    let loud = taken.is_news() && keep.is_loud(now);
                    (taken, loud)
                };
                if let Some((taken, loud)) = self.fed(generation, change) {
                    self.holds().observe(&known.cluster);
                    tell_taken(&taken, known.cluster.nodes().len(), loud);
                }
            }
            Err(refusal) => {
                let loud = self.fed(generation, |keep| keep.refuse(&refusal) && keep.is_loud(now));
                tell(loud, &format!("a snapshot of {} is not used: {refusal}", self.source()));
            }
        }
    }

    pub(super) fn lost(&self, generation: u64, why: &str, now: Instant) {
        let loud = self.fed(generation, |keep| keep.lost(why) && keep.is_loud(now));
        tell(loud, &format!("{} is not heard: {}", self.source(), shown(why)));
    }

    fn source(&self) -> Arc<str> {
        self.view.load().source()
    }

    pub(super) fn opened(&self, generation: u64) {
        self.fed(generation, Keep::opened);
    }

    pub(super) fn reading(&self, now: Instant) -> Reading {
        let mut reading = lock(&self.keep).keep.reading(now);
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

fn tell_taken(taken: &Taken, nodes: usize, loud: bool) {
    if taken.first {
        info!(nodes, "the inventory is there");
    } else if let Some(problem) = taken.problem_before.as_deref().filter(|_| loud) {
        info!(nodes, before = problem, "the inventory is heard again");
    }
    if !taken.vanished.is_empty() {
        let names: Vec<String> = taken.vanished.iter().take(NAMED).map(|name| shown(name)).collect();
        let (missing, names) = (taken.vanished.len(), names.join(", "));
        tell(Some(loud), &format!("{missing} nodes are missing from the inventory, {nodes} are left: {names}"));
    }
    if let Some(finding) = &taken.finding {
        tell(Some(loud), &format!("the inventory has findings, the first of them: {finding}"));
    }
}
