//! Decides which value is accepted: a state machine that is handed each round of answers and its time.
//!
//! The rules are in the [module](super). The state machine uses neither a clock nor the network.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rust_decimal::Decimal;

use super::number;
use super::source::Source;

/// The number of rounds within which a jump must be confirmed.
const CONFIRMED_WITHIN: usize = 3;
/// The number of sources that must confirm a jump.
const CONFIRMED_BY: usize = 2;

/// An accepted value, and when it was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The value of an AKT in USD.
    pub(crate) value: Decimal,
    /// When this process got it.
    at: Instant,
    /// Its age then.
    before: Duration,
}

impl Taken {
    /// Returns its age.
    pub(crate) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.at).saturating_add(self.before)
    }
}

/// The result of a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Its value was accepted.
    Taken(Decimal),
    /// No source answered.
    Unanswered,
    /// The sources contradict each other, and there is no majority.
    Disagreement(String),
    /// The value is far away from the last one, and not enough sources confirm it.
    Jump {
        /// The round's value.
        value: Decimal,
        /// The last accepted value.
        last: Decimal,
        /// The source that confirms it.
        witness: Arc<str>,
        /// Whether it is the only source.
        alone: bool,
    },
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken(value) => write!(f, "{value} was taken"),
            Self::Unanswered => f.write_str("no source has a usable answer"),
            Self::Disagreement(values) => write!(f, "the sources disagree by more than 20 %: {values}"),
            Self::Jump { value, last, witness, alone } => {
                write!(f, "{value} is more than 20 % away from the last value {last}, and only `{witness}` says so; ")?;
                f.write_str(match alone {
                    false => "a second source must confirm it within three fetches",
                    true => {
                        "no other source is configured that could confirm it: configure one, or remove the cache and \
                         start again"
                    }
                })
            }
        }
    }
}

/// The state of a source.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// The source.
    pub(crate) source: Source,
    /// Its answers of the last rounds, newest first; `None` for a round without one.
    answers: VecDeque<Option<Decimal>>,
    /// Its last answer.
    pub(crate) last: Option<Taken>,
    /// Its current problem.
    pub(crate) problem: Option<String>,
    /// How many times it was asked.
    pub(crate) fetches: u64,
    /// How many times it had no usable answer.
    pub(crate) failures: u64,
}

impl Line {
    fn new(source: Source) -> Self {
        Self { source, answers: VecDeque::new(), last: None, problem: None, fetches: 0, failures: 0 }
    }

    /// Records the answer of a round; `None` if the source was not asked.
    fn note(&mut self, answer: Option<Result<Decimal, String>>, now: Instant) {
        let value = match answer {
            None => None,
            Some(answer) => {
                self.fetches = self.fetches.saturating_add(1);
                self.failures = self.failures.saturating_add(u64::from(answer.is_err()));
                self.problem = answer.as_ref().err().cloned();
                answer.ok()
            }
        };
        if let Some(value) = value {
            self.last = Some(Taken { value, at: now, before: Duration::ZERO });
        }
        self.answers.push_front(value);
        self.answers.truncate(CONFIRMED_WITHIN);
    }

    /// Returns its newest answer within the last rounds.
    fn word(&self) -> Option<Decimal> {
        self.answers.iter().find_map(|answer| *answer)
    }

    /// Returns its answer of the newest round.
    fn answer(&self) -> Option<Decimal> {
        self.answers.front().copied().flatten()
    }
}

/// The number of rounds by their result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Rounds whose value was accepted.
    pub(crate) taken: u64,
    /// Rounds whose value was refused as an unconfirmed jump.
    pub(crate) refused_jumps: u64,
    /// Rounds in which the sources disagreed.
    pub(crate) disagreements: u64,
}

/// The state machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    lines: Vec<Line>,
    last: Option<Taken>,
    verdict: Option<Verdict>,
    tally: Tally,
}

impl State {
    /// Returns the state without a value.
    pub(crate) fn new(sources: &[Source]) -> Self {
        Self { lines: sources.iter().cloned().map(Line::new).collect(), ..Self::default() }
    }

    /// Sets the last value to the one of the cache.
    pub(crate) fn restore(&mut self, value: Decimal, age: Duration, now: Instant) {
        self.last = Some(Taken { value, at: now, before: age });
    }

    /// Replaces the sources. The last value stays, and so does the state of those sources that stay.
    pub(crate) fn replace_sources(&mut self, sources: &[Source]) {
        let mut known = std::mem::take(&mut self.lines);
        let line = |source: &Source| match known.iter().position(|line| line.source == *source) {
            Some(place) => known.swap_remove(place),
            None => Line::new(source.clone()),
        };
        self.lines = sources.iter().map(line).collect();
    }

    /// Returns the last accepted value, of whatever age.
    pub(crate) fn last(&self) -> Option<Taken> {
        self.last
    }

    /// Returns the result of the newest round.
    pub(crate) fn verdict(&self) -> Option<&Verdict> {
        self.verdict.as_ref()
    }

    /// Returns the state of each source.
    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Returns the number of rounds by their result.
    pub(crate) fn tally(&self) -> Tally {
        self.tally
    }

    /// Takes the answers of a round, and decides. Answers of sources that were removed in the meantime are dropped.
    pub(crate) fn observe(&mut self, mut round: Vec<(Source, Result<Decimal, String>)>, now: Instant) -> Verdict {
        for line in &mut self.lines {
            let place = round.iter().position(|(source, _)| *source == line.source);
            line.note(place.map(|place| round.swap_remove(place).1), now);
        }
        let verdict = self.decide();
        let count = match verdict {
            Verdict::Taken(value) => {
                self.last = Some(Taken { value, at: now, before: Duration::ZERO });
                Some(&mut self.tally.taken)
            }
            Verdict::Unanswered => None,
            Verdict::Disagreement(_) => Some(&mut self.tally.disagreements),
            Verdict::Jump { .. } => Some(&mut self.tally.refused_jumps),
        };
        if let Some(count) = count {
            *count = count.saturating_add(1);
        }
        self.verdict = Some(verdict.clone());
        verdict
    }

    /// Applies the rules of the [module](super) to the answers of the newest round.
    fn decide(&mut self) -> Verdict {
        let mut values: Vec<Decimal> = self.lines.iter().filter_map(Line::answer).collect();
        values.sort();
        let Some(value) = median(&values) else {
            return Verdict::Unanswered;
        };
        if !has_majority(&values) {
            return self.disagreement();
        }
        self.name_liars(value, values.len());
        match self.last {
            None if values.len() == 1 && self.is_contradicted(value) => self.disagreement(),
            None => Verdict::Taken(value),
            Some(last) if near(value, last.value) => Verdict::Taken(value),
            Some(last) => self.jump(value, last.value),
        }
    }

    /// Accepts a value far away from the last one if enough sources confirm it. At least one answer of the round is
    /// always near its value, so there is a witness.
    fn jump(&self, value: Decimal, last: Decimal) -> Verdict {
        let vouches = |line: &&Line| line.word().is_some_and(|word| near(word, value));
        let mut witnesses = self.lines.iter().filter(vouches);
        let witness = witnesses.next().map_or_else(|| Arc::from(""), |line| Arc::clone(&line.source.name));
        if witnesses.count().saturating_add(1) >= CONFIRMED_BY {
            return Verdict::Taken(value);
        }
        Verdict::Jump { value, last, witness, alone: self.lines.len() < CONFIRMED_BY }
    }

    /// Returns whether a source contradicts the value within the last rounds.
    fn is_contradicted(&self, value: Decimal) -> bool {
        self.lines.iter().filter_map(Line::word).any(|word| !agree(word, value))
    }

    fn disagreement(&self) -> Verdict {
        let say = |line: &Line| line.word().map(|word| format!("`{}` says {word}", line.source.name));
        Verdict::Disagreement(self.lines.iter().filter_map(say).collect::<Vec<_>>().join(", "))
    }

    /// Marks the sources whose answers are far away from the round's value.
    fn name_liars(&mut self, value: Decimal, answers: usize) {
        for line in &mut self.lines {
            if let Some(answer) = line.answer().filter(|answer| !near(*answer, value)) {
                let problem = format!("it says {answer}, and the median of {answers} sources is {value}");
                line.problem = Some(problem);
            }
        }
    }
}

/// Returns the median of sorted values.
fn median(sorted: &[Decimal]) -> Option<Decimal> {
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    number::mean(*sorted.get((sorted.len() / 2).checked_sub(1)?)?, upper)
}

/// Returns whether more than half of sorted values agree with each other. It is enough to look at each window of that
/// size, since its first and last value are the farthest apart. Every such window contains the median, or the two
/// values that it is the mean of.
fn has_majority(sorted: &[Decimal]) -> bool {
    let most = sorted.len() / 2 + 1;
    sorted.windows(most).any(|window| match (window.first(), window.last()) {
        (Some(lowest), Some(highest)) => agree(*lowest, *highest),
        _ => false,
    })
}

/// Returns whether two values differ by at most 20 % of the lower one.
fn agree(a: Decimal, b: Decimal) -> bool {
    near(a.max(b), a.min(b))
}

/// Returns whether `value` differs from `other` by at most 20 % of `other`.
fn near(value: Decimal, other: Decimal) -> bool {
    // Values have at most 25 of the 28 digits, so nothing is rounded here.
    let distance = value.checked_sub(other).map(|distance| distance.abs());
    distance.and_then(|distance| distance.checked_mul(Decimal::from(5))).is_some_and(|distance| distance <= other)
}

#[cfg(test)]
mod tests;
