//! What is asked of a replay.

use std::collections::BTreeMap;
use std::sync::Arc;

use pricing_core::money::Usd;
use pricing_sim::scenario::ScenarioError;
use rust_decimal::Decimal;

use crate::candidate::Candidate;

/// Replays candidates on resamples of the days of a history.
pub trait Evaluate: Sync {
    /// What the history has.
    fn history(&self) -> HistorySize;

    /// Replays candidates on one resample. All of them see the same orders with the same luck.
    ///
    /// # Errors
    /// When a candidate is not a valid rate card, or a sum overflows.
    fn evaluate(&self, candidates: &[Candidate], resample: u64) -> Result<Sample, TuneError>;
}

/// How much there is to learn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistorySize {
    /// The orders.
    pub orders: usize,
    /// The blocks of which resamples are drawn.
    pub blocks: usize,
    /// The days that the blocks cover.
    pub days: u64,
}

/// The courses of candidates on one resample.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// How often each block was drawn.
    pub drawn: Vec<u32>,
    /// One course per candidate, in their order.
    pub courses: Vec<Course>,
}

/// What came of a candidate on a resample.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// What leases paid in the window that counts, in USD.
    pub revenue: Usd,
    /// What the leased resources cost in that window, in USD. Zero unless costs are known.
    pub cost: Usd,
    /// Orders that arrived.
    pub orders: u64,
    /// Orders that were won.
    pub won: u64,
    /// The leased share of the cards, in millionths.
    pub utilisation: u64,
    /// The same by kind of card.
    pub kinds: BTreeMap<Arc<str>, KindCourse>,
}

/// What came of the orders for one kind of card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindCourse {
    /// Orders that arrived.
    pub orders: u64,
    /// Orders that were won.
    pub won: u64,
    /// What their leases paid, in USD.
    pub revenue: Usd,
}

/// What is to be raised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Objective {
    /// Revenue.
    #[default]
    Revenue,
    /// Revenue less what leased resources cost.
    Profit,
    /// Revenue, among the rates that lease at least this share of the cards, in millionths.
    UtilisationAtLeast(u64),
}

impl Objective {
    /// What a course is worth, in USD.
    #[must_use]
    pub fn score(self, course: &Course) -> f64 {
        match self {
            Self::Revenue | Self::UtilisationAtLeast(_) => float(course.revenue.decimal()),
            Self::Profit => float(course.revenue.decimal()) - float(course.cost.decimal()),
        }
    }

    /// The share of the cards that must be leased, in millionths.
    #[must_use]
    pub fn least_utilisation(self) -> u64 {
        match self {
            Self::Revenue | Self::Profit => 0,
            Self::UtilisationAtLeast(least) => least,
        }
    }

    /// What is raised, as sentences name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Revenue | Self::UtilisationAtLeast(_) => "revenue",
            Self::Profit => "profit",
        }
    }
}

/// The nearest float. Parsing decimal text is rounded correctly everywhere.
#[must_use]
pub fn float(value: Decimal) -> f64 {
    value.to_string().parse().unwrap_or(0.0)
}

/// A count as a float.
#[must_use]
pub fn count(things: usize) -> f64 {
    f64::from(u32::try_from(things).unwrap_or(u32::MAX))
}

/// Why rates cannot be tuned.
#[derive(Debug, thiserror::Error)]
pub enum TuneError {
    /// What is to be varied makes no sense for the scenario.
    #[error("{0}")]
    Meaning(String),
    /// Somebody stopped it.
    #[error("tuning was stopped")]
    Cancelled,
    /// A replay failed.
    #[error(transparent)]
    Replay(Box<ScenarioError>),
}

impl From<ScenarioError> for TuneError {
    fn from(error: ScenarioError) -> Self {
        Self::Replay(Box::new(error))
    }
}
