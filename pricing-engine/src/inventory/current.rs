//! The current inventory: a state machine that is handed the time.
//!
//! An accepted snapshot replaces the one in use at once, so nothing is placed on a node that it lacks. A
//! refused snapshot, or silence, changes nothing until the one in use is older than `inventory.max_age`. From then on
//! there is no usable snapshot, and every quote is the fault `inventory-unusable`.
//!
//! When the configuration names another source, the old source's snapshot stays in use until the new one's first
//! accepted snapshot, for at most [`HANDOVER`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::accepted::{AcceptedSnapshot, Refusal, shown};
use super::reading::{Counters, HoldCounters, Reading, State};
use super::snapshot::Snapshot;

/// The most missing nodes that are listed by name.
const MAX_MISSING: usize = 256;

/// After a warning, how long further warnings are logged at the debug level.
const QUIET: Duration = Duration::from_secs(5);

/// How long the old source's snapshot is used when the configuration names another source. Both normally describe the
/// same cluster. If they do not, this bounds how long the wrong one is priced with.
const HANDOVER: Duration = Duration::from_secs(30);

/// The accepted snapshot, and its age.
#[derive(Clone, Debug)]
struct InUse {
    accepted: AcceptedSnapshot,
    /// When it was accepted.
    at: Instant,
    /// Its age then.
    age: Duration,
}

impl InUse {
    fn age(&self, now: Instant) -> Duration {
        self.age.saturating_add(now.saturating_duration_since(self.at))
    }
}

/// The state that decisions read. A copy is published after every change.
#[derive(Clone, Debug)]
pub(super) struct CurrentView {
    source: Arc<str>,
    max_age: Duration,
    in_use: Option<InUse>,
    /// The snapshot is the old source's, and may be used until this moment.
    handover: Option<Instant>,
    problem: Option<Arc<str>>,
}

impl CurrentView {
    /// Returns the source as messages name it.
    pub(super) fn source(&self) -> Arc<str> {
        Arc::clone(&self.source)
    }

    /// Returns the snapshot in use, or why there is none.
    pub(super) fn usable(&self, now: Instant) -> Result<&Arc<Snapshot>, String> {
        let source = &self.source;
        let why = |problem: &str| self.problem.as_deref().map_or_else(String::new, |what| format!("{problem}{what}"));
        let Some(in_use) = &self.in_use else {
            return Err(format!("{source} has given no usable snapshot yet{}", why(": ")));
        };
        let age = in_use.age(now);
        if age > self.max_age {
            let [age, most] = [age, self.max_age].map(format_age);
            return Err(format!(
                "the last good snapshot of {source} is {age} old, and `inventory.max_age` is {most}{}",
                why("; ")
            ));
        }
        if self.handover.is_some_and(|until| now >= until) {
            return Err(format!(
                "{source}, which the configuration names now, has given no usable snapshot{}",
                why(": ")
            ));
        }
        Ok(&in_use.accepted.snapshot)
    }

    /// Returns the number of nodes of the accepted snapshot.
    pub(super) fn nodes(&self) -> usize {
        self.in_use.as_ref().map_or(0, |in_use| in_use.accepted.snapshot.cluster.nodes().len())
    }

    fn state(&self, now: Instant) -> State {
        match self.usable(now) {
            Err(_) => State::Unusable,
            Ok(_) if self.problem.is_some() || self.handover.is_some() => State::Stale,
            Ok(_) => State::Fresh,
        }
    }
}

/// Formats a duration in seconds, or in milliseconds if it is short.
fn format_age(duration: Duration) -> String {
    let coarse = if duration < Duration::from_secs(10) {
        Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    } else {
        Duration::from_secs(duration.as_secs())
    };
    humantime::format_duration(coarse).to_string()
}

/// The changes that an accepted snapshot made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// The problem that it ended.
    pub(super) problem_before: Option<Arc<str>>,
    /// Whether it is the source's first.
    pub(super) first: bool,
    /// Nodes that are missing now.
    pub(super) vanished: Vec<Arc<str>>,
    /// The first finding, when there are more or fewer than before.
    pub(super) finding: Option<String>,
}

impl Changes {
    /// Returns whether any of it is worth a log line.
    pub(super) fn is_news(&self) -> bool {
        self.first || self.problem_before.is_some() || !self.vanished.is_empty() || self.finding.is_some()
    }
}

/// The current inventory and its history.
#[derive(Debug)]
pub(super) struct CurrentInventory {
    view: CurrentView,
    missing: BTreeMap<Arc<str>, Instant>,
    pub(super) counters: Counters,
    /// When a warning was last logged.
    last_warning: Option<Instant>,
}

impl CurrentInventory {
    pub(super) fn new(source: &str, max_age: Duration) -> Self {
        let view = CurrentView { source: Arc::from(source), max_age, in_use: None, handover: None, problem: None };
        Self { view, missing: BTreeMap::new(), counters: Counters::default(), last_warning: None }
    }

    /// Returns whether an event may be logged as a warning now. A source that flaps many times a second must not fill
    /// the log.
    pub(super) fn may_warn(&mut self, now: Instant) -> bool {
        let quiet = self.last_warning.is_some_and(|last| now.saturating_duration_since(last) < QUIET);
        if !quiet {
            self.last_warning = Some(now);
        }
        !quiet
    }

    /// Returns the accepted snapshot, of whatever age.
    pub(super) fn accepted(&self) -> Option<&AcceptedSnapshot> {
        self.view.in_use.as_ref().map(|in_use| &in_use.accepted)
    }

    /// Returns the view for decisions.
    pub(super) fn view(&self) -> CurrentView {
        self.view.clone()
    }

    /// Takes other settings. See the module's comment for what happens when the source is another one.
    pub(super) fn reconfigure(&mut self, source: &str, max_age: Duration, same_source: bool, now: Instant) {
        self.view.max_age = max_age;
        self.view.source = Arc::from(source);
        if !same_source {
            self.view.problem = None;
            if self.view.in_use.is_some() {
                let until = now.checked_add(HANDOVER);
                self.view.handover = self.view.handover.or(until);
                self.view.problem = Some("its first snapshot is awaited".into());
            }
        }
    }

    /// Takes an accepted snapshot, whose age was `age` when it arrived.
    pub(super) fn take(&mut self, accepted: AcceptedSnapshot, age: Duration, now: Instant) -> Changes {
        self.counters.taken = self.counters.taken.saturating_add(1);
        let mut taken = Changes { problem_before: self.view.problem.take(), ..Changes::default() };
        let handed_over = self.view.handover.take().is_some();
        let before = self.view.in_use.take();
        taken.first = before.is_none() || handed_over;
        let findings_before = before.as_ref().map_or(0, |in_use| in_use.accepted.findings);
        if findings_before != accepted.findings {
            taken.finding.clone_from(&accepted.first_finding);
        }
        match before {
            Some(before) if !handed_over => {
                if before.accepted.snapshot.text.digest != accepted.snapshot.text.digest {
                    taken.vanished = self.compare(&before.accepted.snapshot, &accepted.snapshot, now);
                }
            }
            // Another source has other nodes; none of them is missing.
            _ => self.missing.clear(),
        }
        self.forget(now);
        self.view.in_use = Some(InUse { accepted, at: now, age });
        taken
    }

    /// Records a refused snapshot. Returns whether the problem is a new one.
    pub(super) fn refuse(&mut self, refusal: &Refusal) -> bool {
        let sum = self.counters.refused.entry(refusal.code()).or_default();
        *sum = sum.saturating_add(1);
        self.problem(format!("its last snapshot is not used: {refusal}"))
    }

    /// Records that the source is not reachable. Returns whether the problem is a new one.
    pub(super) fn lost(&mut self, why: &str) -> bool {
        self.counters.lost = self.counters.lost.saturating_add(1);
        self.problem(shown(why))
    }

    /// Records that the source was opened.
    pub(super) fn opened(&mut self) {
        self.counters.opened = self.counters.opened.saturating_add(1);
    }

    /// Sets the current problem. Returns whether it is a new one.
    fn problem(&mut self, problem: String) -> bool {
        let news = self.view.problem.as_deref() != Some(problem.as_str());
        self.view.problem = Some(problem.into());
        news
    }

    /// Updates the missing nodes. Returns those that went missing now.
    fn compare(&mut self, before: &Snapshot, after: &Snapshot, now: Instant) -> Vec<Arc<str>> {
        let here: BTreeSet<&str> = after.cluster.nodes().iter().map(|node| &*node.name).collect();
        self.missing.retain(|name, _| !here.contains(&**name));
        let gone = before.cluster.nodes().iter().filter(|node| !here.contains(&*node.name));
        let gone: Vec<Arc<str>> = gone.map(|node| Arc::clone(&node.name)).collect();
        self.counters.vanished = self.counters.vanished.saturating_add(u64::try_from(gone.len()).unwrap_or(u64::MAX));
        self.missing.extend(gone.iter().map(|name| (Arc::clone(name), now)));
        gone
    }

    /// Forgets missing nodes after `max_age`, and the oldest of too many.
    fn forget(&mut self, now: Instant) {
        let max_age = self.view.max_age;
        self.missing.retain(|_, since| now.saturating_duration_since(*since) <= max_age);
        while self.missing.len() > MAX_MISSING {
            let oldest = self.missing.iter().min_by_key(|(_, since)| **since).map(|(name, _)| Arc::clone(name));
            let Some(oldest) = oldest else { break };
            self.missing.remove(&oldest);
        }
    }

    /// Returns the state for `status` and the metrics.
    pub(super) fn reading(&self, now: Instant) -> Reading {
        let view = &self.view;
        let in_use = view.in_use.as_ref();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let listed = self.missing.iter();
        let listed = listed.filter(|(_, since)| now.saturating_duration_since(**since) <= view.max_age);
        Reading {
            source: view.source.to_string(),
            state: view.state(now),
            age: in_use.map(|in_use| in_use.age(now)),
            digest: in_use.map(|in_use| in_use.accepted.snapshot.text.digest),
            nodes: in_use.map_or(0, |in_use| count(in_use.accepted.snapshot.cluster.nodes().len())),
            findings: in_use.map_or(0, |in_use| count(in_use.accepted.findings)),
            missing_nodes: listed.map(|(name, _)| shown(name)).collect(),
            problem: view.problem.as_deref().map(str::to_owned).or_else(|| view.usable(now).err()),
            held: 0,
            counters: self.counters.clone(),
            holds: HoldCounters::default(),
        }
    }
}

#[cfg(test)]
mod tests;
