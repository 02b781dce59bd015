//! Which value is believed: a state machine that is told each round of answers and the time of it.
//!
//! The rules are those of the [module](super). It knows neither clock nor network.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rust_decimal::Decimal;

use super::number;
use super::source::Source;

/// Rounds within which a jump must be confirmed.
const CONFIRMED_WITHIN: usize = 3;
/// Sources that must confirm a jump.
const CONFIRMED_BY: usize = 2;

/// A value that was taken, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// USD for an AKT.
    pub(crate) value: Decimal,
    /// When this process came to know it.
    at: Instant,
    /// How old it was then.
    before: Duration,
}

impl Taken {
    /// How old it is.
    pub(crate) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.at).saturating_add(self.before)
    }
}

/// What became of a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Its value was taken.
    Taken(Decimal),
    /// No source answered.
    Unanswered,
    /// The sources contradict each other, and none of their values has a majority.
    Disagreement(String),
    /// The value is too far away from the last one for those who vouch for it.
    Jump {
        /// The round's value.
        value: Decimal,
        /// The last one that was taken.
        last: Decimal,
        /// Who vouches for it.
        witness: Arc<str>,
        /// Whether anybody else could.
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

/// What is known of a source.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// The source.
    pub(crate) source: Source,
    /// Its answers of the last rounds, the newest first; none where it had none.
    answers: VecDeque<Option<Decimal>>,
    /// Its last answer.
    pub(crate) last: Option<Taken>,
    /// What is wrong with it.
    pub(crate) problem: Option<String>,
    /// How often it was asked.
    pub(crate) fetches: u64,
    /// How often it had no usable answer.
    pub(crate) failures: u64,
}

impl Line {
    fn new(source: Source) -> Self {
        Self { source, answers: VecDeque::new(), last: None, problem: None, fetches: 0, failures: 0 }
    }

    /// Keeps an answer, or that there is none.
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

    /// What it said last within the rounds that count.
    fn word(&self) -> Option<Decimal> {
        self.answers.iter().find_map(|answer| *answer)
    }

    /// What it said in the newest round.
    fn answer(&self) -> Option<Decimal> {
        self.answers.front().copied().flatten()
    }
}

/// How often something went wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Rounds whose value was taken.
    pub(crate) taken: u64,
    /// Rounds whose value was refused as too far away from the last.
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
    /// Knows of no value yet.
    pub(crate) fn new(sources: &[Source]) -> Self {
        Self { lines: sources.iter().cloned().map(Line::new).collect(), ..Self::default() }
    }

    /// Takes a value that was kept across a restart.
    pub(crate) fn restore(&mut self, value: Decimal, age: Duration, now: Instant) {
        self.last = Some(Taken { value, at: now, before: age });
    }

    /// Asks other sources from now on. The last value stays, and so does what is known of sources that stay.
    pub(crate) fn replace_sources(&mut self, sources: &[Source]) {
        let mut known = std::mem::take(&mut self.lines);
        let line = |source: &Source| match known.iter().position(|line| line.source == *source) {
            Some(place) => known.swap_remove(place),
            None => Line::new(source.clone()),
        };
        self.lines = sources.iter().map(line).collect();
    }

    /// The value that was taken last, however old.
    pub(crate) fn last(&self) -> Option<Taken> {
        self.last
    }

    /// What became of the newest round.
    pub(crate) fn verdict(&self) -> Option<&Verdict> {
        self.verdict.as_ref()
    }

    /// What is known of each source.
    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// How often something went wrong.
    pub(crate) fn tally(&self) -> Tally {
        self.tally
    }

    /// Is told a round. Answers of sources that are asked no more are dropped.
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

    /// Takes a value far away from the last when enough sources vouch for it.
    fn jump(&self, value: Decimal, last: Decimal) -> Verdict {
        let vouches = |line: &&Line| line.word().is_some_and(|word| near(word, value));
        let mut witnesses = self.lines.iter().filter(vouches);
        let witness = witnesses.next().map_or_else(|| Arc::from(""), |line| Arc::clone(&line.source.name));
        if witnesses.count().saturating_add(1) >= CONFIRMED_BY {
            return Verdict::Taken(value);
        }
        Verdict::Jump { value, last, witness, alone: self.lines.len() < CONFIRMED_BY }
    }

    /// Whether a source said something else within the rounds that count.
    fn is_contradicted(&self, value: Decimal) -> bool {
        self.lines.iter().filter_map(Line::word).any(|word| !agree(word, value))
    }

    fn disagreement(&self) -> Verdict {
        let say = |line: &Line| line.word().map(|word| format!("`{}` says {word}", line.source.name));
        Verdict::Disagreement(self.lines.iter().filter_map(say).collect::<Vec<_>>().join(", "))
    }

    /// Tells which answers are far away from the round's value.
    fn name_liars(&mut self, value: Decimal, answers: usize) {
        for line in &mut self.lines {
            if let Some(answer) = line.answer().filter(|answer| !near(*answer, value)) {
                let problem = format!("it says {answer}, and the median of {answers} sources is {value}");
                line.problem = Some(problem);
            }
        }
    }
}

/// The median of sorted values: the one in the middle, or the mean of the two there.
fn median(sorted: &[Decimal]) -> Option<Decimal> {
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    number::mean(*sorted.get((sorted.len() / 2).checked_sub(1)?)?, upper)
}

/// Whether more than half of sorted values agree with each other. The median is then one of them, or between two.
fn has_majority(sorted: &[Decimal]) -> bool {
    let most = sorted.len() / 2 + 1;
    sorted.windows(most).any(|window| match (window.first(), window.last()) {
        (Some(lowest), Some(highest)) => agree(*lowest, *highest),
        _ => false,
    })
}

/// Whether two values are at most 20 % of the lower one apart.
fn agree(a: Decimal, b: Decimal) -> bool {
    near(a.max(b), a.min(b))
}

/// Whether a value is at most 20 % of the other away from it, on either side.
fn near(value: Decimal, other: Decimal) -> bool {
    // Values fill at most 25 of the 28 digits, so that nothing is rounded here.
    let distance = value.checked_sub(other).map(|distance| distance.abs());
    distance.and_then(|distance| distance.checked_mul(Decimal::from(5))).is_some_and(|distance| distance <= other)
}

#[cfg(test)]
mod tests;
