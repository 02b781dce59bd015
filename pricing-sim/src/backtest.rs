//! The backtest: what the simulation would have said of the past, beside what happened.
//!
//! The history is cut into equally long pieces. Each piece but the first is a fold: what has to be learned (the tenants'
//! choice, the lengths of leases) is learned from what came before it, and then applied to the orders of the fold (a
//! rolling hold-out). The prices are those that we really bid, so the backtest asks one question: given these prices,
//! does the model say how many orders we won, and what they paid? Whether the scenario's first strategy charges what we
//! bid is a check of its own ([`StrategyPrices`]).
//!
//! With `choice = "cheapest"` it is taken from the history which orders nobody won, as the simulation does. Only what the
//! model adds to that is tested then: that the cheapest bid wins.

mod figures;
pub mod off_policy;
mod prices;
mod reliability;
mod training;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use crate::history::{FitError, MarketHistory};
use crate::scenario::{ChoiceName, ScenarioError};
use crate::sweep::Prepared;
use crate::time::{Millis, Window};

pub use figures::{Figures, Outcomes};
pub use off_policy::{ExploredBid, ExploredBidError, OffPolicy};
pub use prices::StrategyPrices;
pub use reliability::{ReliabilityRow, Scores};

use figures::{Lease, Sums};
use off_policy::Exploration;
use reliability::Predictions;
use training::Training;

/// The number of folds, if the user names none.
pub const FOLDS: usize = 4;
/// The most folds.
pub const MOST_FOLDS: usize = 1000;

/// A backtest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Backtest {
    /// The version of the format.
    pub schema: u32,
    /// The provider whose bids are our own.
    pub provider: String,
    /// Which bid tenants take in the model: `cheapest` or `fitted`.
    pub choice: &'static str,
    /// The folds, by time.
    pub folds: Vec<Fold>,
    /// The bids of all folds by their predicted probability of winning.
    pub reliability: Vec<ReliabilityRow>,
    /// How good the probabilities are.
    pub scores: Option<Scores>,
    /// How far the predictions were off.
    pub error: ErrorFigures,
    /// Whether the first strategy charges what we bid.
    pub strategy_prices: StrategyPrices,
    /// Off-policy estimates, where explored bids are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off_policy: Option<OffPolicy>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// A piece of the history.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fold {
    /// When it begins, as RFC 3339.
    pub from: String,
    /// When it ends.
    pub until: String,
    /// Its orders.
    #[serde(flatten)]
    pub all: Comparison,
    /// Its orders by kind of card.
    pub by_kind: Vec<KindFigures>,
}

/// Orders of one kind of card.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KindFigures {
    /// The kind; empty without cards.
    pub kind: String,
    /// Its orders.
    #[serde(flatten)]
    pub all: Comparison,
}

/// What was predicted, and what happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The orders that arrived.
    pub orders: usize,
    /// Those that we bid on.
    pub bids: usize,
    /// What was predicted for our bids.
    pub predicted: Figures,
    /// What happened to them.
    pub actual: Figures,
}

/// How far predictions were off: means over the folds with bids of the absolute differences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ErrorFigures {
    /// The folds with bids.
    pub folds: usize,
    /// Of the share of bids that won, from 0 to 1.
    pub win_rate: Option<f64>,
    /// Of the revenue, in USD.
    #[serde(serialize_with = "optional_text")]
    pub revenue_usd: Option<f64>,
    /// The latter relative to the mean revenue, in percent.
    pub revenue_percent: Option<f64>,
}

/// Runs a backtest of a scenario that replays a history. With the explored bids of a bid log, it has off-policy estimates of
/// the first strategy, too.
///
/// # Errors
/// When the scenario has no history, or there is too little to learn from.
pub fn backtest(
    prepared: &Prepared,
    folds: usize,
    explored: Option<&[ExploredBid]>,
) -> Result<Backtest, ScenarioError> {
    let meaning = |message: &str| ScenarioError::Meaning(message.to_owned());
    let history =
        prepared.history().ok_or_else(|| meaning("a backtest needs a history: name one as `orders.history`"))?;
    let choice = prepared.scenario.market.as_ref().map(|market| market.choice).unwrap_or_default();
    let exploration = explored.map(|bids| Exploration::new(bids, prepared, history));
    let predictions = Predictions::default();
    let mut work = Work { history, prepared, choice, folds: Vec::new(), predictions, exploration };
    let mut unlearned = None;
    for window in windows(history, folds.clamp(1, MOST_FOLDS)) {
        match Training::before(history, window.start, choice) {
            Ok(training) => work.fold(window, &training),
            Err(error) => unlearned = Some(error),
        }
    }
    work.finish(unlearned)
}

/// The folds of a history: all pieces but the first.
fn windows(history: &MarketHistory, folds: usize) -> Vec<Window> {
    let start = history.stream.arrivals.first().map_or(0, |first| first.at);
    let span = u128::from(history.end.saturating_add(1).saturating_sub(start));
    let pieces = u128::try_from(folds).unwrap_or(1).saturating_add(1);
    let edge = |piece: usize| {
        let part = span.saturating_mul(u128::try_from(piece).unwrap_or(0)).checked_div(pieces).unwrap_or(0);
        start.saturating_add(Millis::try_from(part).unwrap_or(Millis::MAX))
    };
    (1..=folds).map(|piece| Window { start: edge(piece), end: edge(piece.saturating_add(1)) }).collect()
}

/// A backtest while it is made.
struct Work<'a> {
    history: &'a Arc<MarketHistory>,
    prepared: &'a Prepared,
    choice: ChoiceName,
    folds: Vec<Fold>,
    predictions: Predictions,
    exploration: Option<Exploration<'a>>,
}

impl Work<'_> {
    /// Adds a fold.
    fn fold(&mut self, window: Window, training: &Training) {
        let mut all = Sums::default();
        let mut by_kind: BTreeMap<Arc<str>, Sums> = BTreeMap::new();
        for (order, (arrival, facts)) in self.history.stream.arrivals.iter().zip(&self.history.facts).enumerate() {
            if !(window.start..window.end).contains(&arrival.at) {
                continue;
            }
            let of_kind = by_kind.entry(Arc::clone(&facts.kind)).or_default();
            of_kind.order();
            all.order();
            let Some(own) = facts.own else { continue };
            let chance = training.chance(facts, own);
            let won = facts.taker == crate::history::Taker::Us;
            let lease = Lease::of(arrival, facts, own, training, (window, self.history.end));
            of_kind.bid(chance, won, &lease);
            all.bid(chance, won, &lease);
            self.predictions.add(chance, training.base_rate, won);
            if let Some(exploration) = &mut self.exploration {
                exploration.order(order, (arrival, facts), training, (window, self.history.end));
            }
        }
        let cards = |kind: Option<&str>| self.prepared.cards(kind);
        self.folds.push(Fold {
            from: date(window.start),
            until: date(window.end),
            all: all.comparison(cards(None), window),
            by_kind: by_kind
                .into_iter()
                .map(|(kind, sums)| KindFigures {
                    all: sums.comparison(cards(Some(&kind)), window),
                    kind: kind.to_string(),
                })
                .collect(),
        });
    }

    fn finish(self, unlearned: Option<FitError>) -> Result<Backtest, ScenarioError> {
        let mut warnings = self.history.warnings();
        if let Some(error) = unlearned {
            let advice = "use `market.choice = \"cheapest\"`";
            if self.folds.is_empty() {
                return Err(ScenarioError::Meaning(format!("{error}; {advice}")));
            }
            warnings.push(format!("the first folds are left out: {error}; {advice}"));
        }
        if self.predictions.is_empty() {
            warnings.push("we bid on no order of the folds, so nothing can be compared".to_owned());
        }
        let off_policy = self.exploration.map(|exploration| exploration.finish(&mut warnings));
        Ok(Backtest {
            schema: 1,
            off_policy,
            provider: self.history.provider.to_string(),
            choice: match self.choice {
                ChoiceName::Cheapest => "cheapest",
                ChoiceName::Fitted => "fitted",
            },
            error: ErrorFigures::of(&self.folds),
            reliability: self.predictions.rows(),
            scores: self.predictions.scores(),
            strategy_prices: StrategyPrices::of(self.prepared, self.history),
            folds: self.folds,
            warnings,
        })
    }
}

impl ErrorFigures {
    /// The errors of some folds.
    fn of(folds: &[Fold]) -> Self {
        let with_bids: Vec<&Comparison> = folds.iter().map(|fold| &fold.all).filter(|all| all.bids > 0).collect();
        let mean = |of: &dyn Fn(&Comparison) -> f64| {
            let sum: f64 = with_bids.iter().map(|all| of(all)).sum();
            (!with_bids.is_empty()).then(|| sum / figures::count(with_bids.len()))
        };
        let rate = |figures: &Figures| figures.win_rate.unwrap_or(0.0);
        let revenue = mean(&|all| (all.predicted.revenue_usd - all.actual.revenue_usd).abs());
        let level = mean(&|all| all.actual.revenue_usd).filter(|level| *level > 0.0);
        Self {
            folds: with_bids.len(),
            win_rate: mean(&|all| (rate(&all.predicted) - rate(&all.actual)).abs())
                .map(|rate| figures::rounded(rate, 4)),
            revenue_usd: revenue.map(|usd| figures::rounded(usd, 2)),
            revenue_percent: revenue.zip(level).map(|(usd, level)| figures::rounded(usd / level * 100.0, 2)),
        }
    }
}

/// Writes a figure as text, as all money is written.
fn optional_text<S: serde::Serializer>(figure: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match figure {
        Some(figure) => figures::text(figure, serializer),
        None => serializer.serialize_none(),
    }
}

/// A moment as RFC 3339, to the second.
fn date(at: Millis) -> String {
    let date = i64::try_from(at).ok().and_then(DateTime::<Utc>::from_timestamp_millis);
    date.map_or_else(|| at.to_string(), |date| date.to_rfc3339_opts(SecondsFormat::Secs, true))
}
