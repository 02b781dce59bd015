//! The feed as quotes, `Status` and the metrics read it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pricing_core::money::UsdPerAkt;
use rust_decimal::Decimal;

use super::state::{State, Taken, Tally, Verdict};

/// The value of an AKT now, and where it comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The value of an AKT in USD; `None` if there is no usable one.
    pub usd_per_akt: Option<UsdPerAkt>,
    /// The age of the last value, whether or not it can still be used; `None` for a fixed value, or if there has been
    /// no value yet.
    pub age: Option<Duration>,
    /// The problem: why there is no value, why the newest round was not accepted, or what is wrong with the cache.
    pub problem: Option<String>,
    /// The sources, in the order of the configuration; empty for a fixed value.
    pub sources: Vec<SourceReading>,
}

/// The state of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceReading {
    /// Its name in messages.
    pub name: String,
    /// Its last answer, whether or not it was used.
    pub usd_per_akt: Option<UsdPerAkt>,
    /// The age of that answer.
    pub age: Option<Duration>,
    /// Why it had no usable answer in the newest round, or that its answer is far away from the others.
    pub problem: Option<String>,
}

/// The counters since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// The sources, in the order of the configuration. A source that is removed from the configuration is removed here,
    /// too.
    pub sources: Vec<SourceCounters>,
    /// Rounds whose value was accepted.
    pub taken: u64,
    /// Rounds whose value was refused as an unconfirmed jump.
    pub refused_jumps: u64,
    /// Rounds in which the sources disagreed.
    pub disagreements: u64,
    /// How many times the cache could not be written.
    pub cache_failures: u64,
}

/// The counters of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceCounters {
    /// Its name in messages.
    pub name: String,
    /// How many times it was asked.
    pub fetches: u64,
    /// How many times it had no usable answer.
    pub failures: u64,
}

/// The state of the feed after the newest round. It is immutable, so that readers need no lock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) fixed: Option<Decimal>,
    pub(crate) max_age: Duration,
    last: Option<Taken>,
    problem: Option<String>,
    sources: Vec<SourceStatus>,
    tally: Tally,
    cache_failures: u64,
}

#[derive(Clone, Debug)]
struct SourceStatus {
    name: Arc<str>,
    last: Option<Taken>,
    problem: Option<String>,
    fetches: u64,
    failures: u64,
}

impl Snapshot {
    /// Copies the state machine's state.
    pub(crate) fn of(
        fixed: Option<Decimal>,
        max_age: Duration,
        state: &State,
        cache: Option<&str>,
        cache_failures: u64,
    ) -> Self {
        let verdict = match state.verdict() {
            None if state.last().is_none() => Some("no source has been asked yet".to_owned()),
            None | Some(Verdict::Taken(_)) => None,
            Some(verdict) => Some(verdict.to_string()),
        };
        let source = |line: &super::state::Line| SourceStatus {
            name: Arc::clone(&line.source.name),
            last: line.last,
            problem: line.problem.clone(),
            fetches: line.fetches,
            failures: line.failures,
        };
        Self {
            fixed,
            max_age,
            last: state.last(),
            problem: join([verdict.filter(|_| fixed.is_none()), cache.map(str::to_owned)]),
            sources: state.lines().iter().map(source).collect(),
            tally: state.tally(),
            cache_failures,
        }
    }

    /// Returns the value of an AKT in USD, if it is usable.
    pub(crate) fn usd_per_akt(&self, now: Instant) -> Option<UsdPerAkt> {
        let young = || self.last.filter(|last| last.age(now) <= self.max_age).map(|last| last.value);
        // Every value of the feed is within the bounds, see `number`.
        self.fixed.or_else(young).and_then(|usd| UsdPerAkt::new(usd).ok())
    }

    /// Returns the reading at `now`.
    pub(crate) fn reading(&self, now: Instant) -> Reading {
        let age = self.last.filter(|_| self.fixed.is_none()).map(|last| last.age(now));
        let old = age.filter(|age| *age > self.max_age).map(|age| {
            format!("the last value is {} s old, and {} s is the limit", age.as_secs(), self.max_age.as_secs())
        });
        let source = |source: &SourceStatus| SourceReading {
            name: source.name.to_string(),
            usd_per_akt: source.last.and_then(|last| UsdPerAkt::new(last.value).ok()),
            age: source.last.map(|last| last.age(now)),
            problem: source.problem.clone(),
        };
        Reading {
            usd_per_akt: self.usd_per_akt(now),
            age,
            problem: join([old, self.problem.clone()]),
            sources: self.sources.iter().map(source).collect(),
        }
    }

    /// Returns the counters.
    pub(crate) fn counters(&self) -> Counters {
        let source = |source: &SourceStatus| SourceCounters {
            name: source.name.to_string(),
            fetches: source.fetches,
            failures: source.failures,
        };
        Counters {
            sources: self.sources.iter().map(source).collect(),
            taken: self.tally.taken,
            refused_jumps: self.tally.refused_jumps,
            disagreements: self.tally.disagreements,
            cache_failures: self.cache_failures,
        }
    }
}

fn join(problems: [Option<String>; 2]) -> Option<String> {
    let problems: Vec<String> = problems.into_iter().flatten().collect();
    (!problems.is_empty()).then(|| problems.join("; "))
}
