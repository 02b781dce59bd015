//! The answer in JSON.

use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::candidate::{Candidate, Space};
use crate::decision::Decision;
use crate::interval::Interval;
use crate::tune::{CurvePoint, KindPoint, Tuned};

/// The version of the answer's form.
pub const SCHEMA: u32 = 1;

/// The answer, as scripts read it.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// The version of the form.
    pub schema: u32,
    /// The current values by key.
    pub current: Map<String, Value>,
    /// The best values that were found, by key. Whether they are reason to change is in `decision`.
    pub proposal: Map<String, Value>,
    /// What the proposal earns beyond the current values, in USD over as many days as the history has.
    pub gain_usd: Ends,
    /// The same in percent. Null if the current values earn nothing.
    pub gain_percent: Option<Ends>,
    /// What to do.
    pub decision: Decision,
    /// The values that cannot be told from the proposal.
    pub indistinguishable: Vec<Map<String, Value>>,
    /// What was replayed.
    pub curve: Vec<Point>,
    /// What to doubt, one sentence each.
    pub warnings: Vec<String>,
    /// What was raised: `revenue` or `profit`.
    pub objective: &'static str,
    /// The days of the history.
    pub days: u64,
    /// Its orders.
    pub orders: usize,
    /// How many more days would tell whether the gain is real. Null if it is, or if that would take years.
    pub more_days: Option<u32>,
}

/// A mean and its 95 % interval, as decimal text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ends {
    /// The mean.
    pub mean: String,
    /// The lower end.
    pub low: String,
    /// The upper end.
    pub high: String,
}

/// A point of the curve.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    /// The values by key.
    pub values: Map<String, Value>,
    /// What they earn, in USD over as many days as the history has.
    pub revenue_usd: String,
    /// The orders that they win.
    pub won: u64,
    /// The same by kind of card.
    pub kinds: Vec<Kind>,
}

/// A point of the curve, for one kind of card.
#[derive(Clone, Debug, Serialize)]
pub struct Kind {
    /// The kinds of card that the orders take. Empty without cards.
    pub kind: String,
    /// The orders that arrive.
    pub orders: u64,
    /// The orders that are won.
    pub won: u64,
    /// What they pay, in USD.
    pub revenue_usd: String,
}

impl Answer {
    /// The answer of a tuned space.
    #[must_use]
    pub fn new(space: &Space, tuned: &Tuned, warnings: Vec<String>) -> Self {
        Self {
            schema: SCHEMA,
            current: values(space, &space.current),
            proposal: values(space, &tuned.proposal),
            gain_usd: Ends::of(&tuned.gain),
            gain_percent: tuned.percent.as_ref().map(Ends::of),
            decision: tuned.decided.decision,
            indistinguishable: tuned.indistinguishable.iter().map(|candidate| values(space, candidate)).collect(),
            curve: tuned.curve.iter().map(|point| of_point(space, point)).collect(),
            warnings,
            objective: tuned.objective.name(),
            days: tuned.history.days,
            orders: tuned.history.orders,
            more_days: tuned.decided.more_days,
        }
    }
}

impl Ends {
    fn of(interval: &Interval) -> Self {
        let [mean, low, high] = [interval.mean, interval.low, interval.high].map(cents);
        Self { mean, low, high }
    }
}

fn values(space: &Space, candidate: &Candidate) -> Map<String, Value> {
    let pair = |(variation, value): (&crate::Variation, &Decimal)| {
        (variation.key.clone(), Value::String(value.normalize().to_string()))
    };
    space.variations.iter().zip(&candidate.0).map(pair).collect()
}

fn of_point(space: &Space, point: &CurvePoint) -> Point {
    let kind = |kind: &KindPoint| Kind {
        kind: kind.kind.clone(),
        orders: whole(kind.orders),
        won: whole(kind.won),
        revenue_usd: cents(kind.revenue),
    };
    Point {
        values: values(space, &point.candidate),
        revenue_usd: cents(point.earns),
        won: whole(point.won),
        kinds: point.kinds.iter().map(kind).collect(),
    }
}

/// A number with two decimals, as formatting rounds it. What rounds to nothing has no sign.
#[must_use]
pub fn cents(value: f64) -> String {
    let text = format!("{value:.2}");
    if text == "-0.00" { "0.00".to_owned() } else { text }
}

/// The nearest whole number.
#[must_use]
pub fn whole(value: f64) -> u64 {
    format!("{value:.0}").parse().unwrap_or(0)
}
