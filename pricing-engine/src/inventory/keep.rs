//! Which snapshot is in use: a state machine that is told of the time.
//!
//! A good snapshot replaces the one in use at once, so nodes that it lacks are not priced with any longer. A bad one, or
//! none, changes nothing until the good one is too old; then there is none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::believe::{Believed, Refusal, shown};
use super::reading::{Counters, HoldCounters, Reading, State};
use super::stock::Known;

/// The most missing nodes that are remembered by name.
const MAX_MISSING: usize = 256;

/// After a warning, how long further ones are told only to those who debug.
const QUIET: Duration = Duration::from_secs(5);

/// How long the snapshot of the source before is used when the configuration names another one. Both are normally views
/// of one cluster; were they not, this is how long the wrong one could be priced with.
const HANDOVER: Duration = Duration::from_secs(30);

/// A good snapshot and when it was had.
#[derive(Clone, Debug)]
struct Good {
    believed: Believed,
    /// When it was taken.
    at: Instant,
    /// How old it was then.
    age: Duration,
}

impl Good {
    fn age(&self, now: Instant) -> Duration {
        self.age.saturating_add(now.saturating_duration_since(self.at))
    }
}

/// What decisions see: replaced as a whole whenever something happens.
#[derive(Clone, Debug)]
pub(super) struct View {
    source: Arc<str>,
    max_age: Duration,
    good: Option<Good>,
    /// The good snapshot is another source's, and is used until then.
    handover: Option<Instant>,
    problem: Option<Arc<str>>,
}

impl View {
    /// The source as messages name it.
    pub(super) fn source(&self) -> Arc<str> {
        Arc::clone(&self.source)
    }

    /// The snapshot in use, or why there is none.
    pub(super) fn usable(&self, now: Instant) -> Result<&Arc<Known>, String> {
        let source = &self.source;
        let why = |problem: &str| self.problem.as_deref().map_or_else(String::new, |what| format!("{problem}{what}"));
        let Some(good) = &self.good else {
            return Err(format!("{source} has sent no good snapshot yet{}", why(": ")));
        };
        let age = good.age(now);
        if age > self.max_age {
            let [age, most] = [age, self.max_age].map(whole_seconds);
            return Err(format!(
                "the last good snapshot of {source} is {age} old, and `inventory.max_age` is {most}{}",
                why("; ")
            ));
        }
        if self.handover.is_some_and(|until| now >= until) {
            return Err(format!("{source}, which the configuration names now, has sent no good snapshot{}", why(": ")));
        }
        Ok(&good.believed.known)
    }

    /// How many nodes the good snapshot has.
    pub(super) fn nodes(&self) -> usize {
        self.good.as_ref().map_or(0, |good| good.believed.known.cluster.nodes().len())
    }

    fn state(&self, now: Instant) -> State {
        match self.usable(now) {
            Err(_) => State::Unusable,
            Ok(_) if self.problem.is_some() || self.handover.is_some() => State::Stale,
            Ok(_) => State::Fresh,
        }
    }
}

/// A duration as people read it: ages of minutes do not need nanoseconds.
fn whole_seconds(duration: Duration) -> String {
    let coarse = if duration < Duration::from_secs(10) {
        Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    } else {
        Duration::from_secs(duration.as_secs())
    };
    humantime::format_duration(coarse).to_string()
}

/// What a good snapshot changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// What was wrong before.
    pub(super) problem_before: Option<Arc<str>>,
    /// Whether there was none before.
    pub(super) first: bool,
    /// Nodes that are missing now.
    pub(super) vanished: Vec<Arc<str>>,
    /// The first finding, when there are more or fewer than before.
    pub(super) finding: Option<String>,
}

impl Taken {
    /// Whether there is anything to tell.
    pub(super) fn is_news(&self) -> bool {
        self.first || self.problem_before.is_some() || !self.vanished.is_empty() || self.finding.is_some()
    }
}

/// The snapshot in use and what happened to it.
#[derive(Debug)]
pub(super) struct Keep {
    view: View,
    missing: BTreeMap<Arc<str>, Instant>,
    pub(super) counters: Counters,
    /// When something was last told loudly.
    loud: Option<Instant>,
}

impl Keep {
    pub(super) fn new(source: &str, max_age: Duration) -> Self {
        let view = View { source: Arc::from(source), max_age, good: None, handover: None, problem: None };
        Self { view, missing: BTreeMap::new(), counters: Counters::default(), loud: None }
    }

    /// Whether what happens now may be told as a warning. A source that flaps many times a second does not fill the log.
    pub(super) fn is_loud(&mut self, now: Instant) -> bool {
        let quiet = self.loud.is_some_and(|last| now.saturating_duration_since(last) < QUIET);
        if !quiet {
            self.loud = Some(now);
        }
        !quiet
    }

    /// The good snapshot, of whatever age.
    pub(super) fn good(&self) -> Option<&Believed> {
        self.view.good.as_ref().map(|good| &good.believed)
    }

    /// What decisions see now.
    pub(super) fn view(&self) -> View {
        self.view.clone()
    }

    /// Takes other settings. Another source's first good snapshot takes over; until then the old one is used for a
    /// short while.
    pub(super) fn reconfigure(&mut self, source: &str, max_age: Duration, same_source: bool, now: Instant) {
        self.view.max_age = max_age;
        self.view.source = Arc::from(source);
        if !same_source {
            self.view.problem = None;
            if self.view.good.is_some() {
                let until = now.checked_add(HANDOVER);
                self.view.handover = self.view.handover.or(until);
                self.view.problem = Some("its first snapshot is awaited".into());
            }
        }
    }

    /// Takes a good snapshot, which was so old when it was had.
    pub(super) fn take(&mut self, believed: Believed, age: Duration, now: Instant) -> Taken {
        self.counters.taken = self.counters.taken.saturating_add(1);
        let mut taken = Taken { problem_before: self.view.problem.take(), ..Taken::default() };
        let handed_over = self.view.handover.take().is_some();
        let before = self.view.good.take();
        taken.first = before.is_none() || handed_over;
        let findings_before = before.as_ref().map_or(0, |good| good.believed.findings);
        if findings_before != believed.findings {
            taken.finding.clone_from(&believed.first_finding);
        }
        match before {
            Some(before) if !handed_over => {
                if before.believed.known.snapshot.digest != believed.known.snapshot.digest {
                    taken.vanished = self.compare(&before.believed.known, &believed.known, now);
                }
            }
            // Another source has other nodes; none of them is missing.
            _ => self.missing.clear(),
        }
        self.forget(now);
        self.view.good = Some(Good { believed, at: now, age });
        taken
    }

    /// Is told of a snapshot that cannot be used.
    pub(super) fn refuse(&mut self, refusal: &Refusal) -> bool {
        let sum = self.counters.refused.entry(refusal.code()).or_default();
        *sum = sum.saturating_add(1);
        self.problem(format!("its last snapshot is not used: {refusal}"))
    }

    /// Is told that the source is not heard.
    pub(super) fn lost(&mut self, why: &str) -> bool {
        self.counters.lost = self.counters.lost.saturating_add(1);
        self.problem(shown(why))
    }

    /// Is told that the source was opened.
    pub(super) fn opened(&mut self) {
        self.counters.opened = self.counters.opened.saturating_add(1);
    }

    /// Whether this is news.
    fn problem(&mut self, problem: String) -> bool {
        let news = self.view.problem.as_deref() != Some(problem.as_str());
        self.view.problem = Some(problem.into());
        news
    }

    /// Remembers which nodes went missing and which came back.
    fn compare(&mut self, before: &Known, now_known: &Known, now: Instant) -> Vec<Arc<str>> {
        let here: BTreeSet<&str> = now_known.cluster.nodes().iter().map(|node| &*node.name).collect();
        self.missing.retain(|name, _| !here.contains(&**name));
        let gone = before.cluster.nodes().iter().filter(|node| !here.contains(&*node.name));
        let gone: Vec<Arc<str>> = gone.map(|node| Arc::clone(&node.name)).collect();
        self.counters.vanished = self.counters.vanished.saturating_add(u64::try_from(gone.len()).unwrap_or(u64::MAX));
        self.missing.extend(gone.iter().map(|name| (Arc::clone(name), now)));
        gone
    }

    /// Forgets missing nodes that are long gone, and the oldest where there are too many.
    fn forget(&mut self, now: Instant) {
        let max_age = self.view.max_age;
        self.missing.retain(|_, since| now.saturating_duration_since(*since) <= max_age);
        while self.missing.len() > MAX_MISSING {
            let oldest = self.missing.iter().min_by_key(|(_, since)| **since).map(|(name, _)| Arc::clone(name));
            let Some(oldest) = oldest else { break };
            self.missing.remove(&oldest);
        }
    }

    /// How the inventory is.
    pub(super) fn reading(&self, now: Instant) -> Reading {
        let view = &self.view;
        let good = view.good.as_ref();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let listed = self.missing.iter();
        let listed = listed.filter(|(_, since)| now.saturating_duration_since(**since) <= view.max_age);
        Reading {
            source: view.source.to_string(),
            state: view.state(now),
            age: good.map(|good| good.age(now)),
            digest: good.map(|good| good.believed.known.snapshot.digest),
            nodes: good.map_or(0, |good| count(good.believed.known.cluster.nodes().len())),
            findings: good.map_or(0, |good| count(good.believed.findings)),
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
