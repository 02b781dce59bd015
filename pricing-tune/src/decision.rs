//! Whether a gain is reason to change.

use serde::Serialize;

use crate::evaluate::{HistorySize, count};
use crate::interval::Interval;

/// The fewest blocks that say anything. With fewer, an interval of the blocks is a guess.
pub const FEWEST_BLOCKS: usize = 7;
/// The fewest orders that say anything.
pub const FEWEST_ORDERS: usize = 30;
/// An interval that spans 0 and is wider than this many percent either way says that there is too little data, not that
/// the rates are equally good.
const WIDE_PERCENT: f64 = 20.0;
/// A gain of less percent is not worth waiting for.
const WORTH_PERCENT: f64 = 2.0;
/// Nobody waits longer than this many days.
const MOST_DAYS: f64 = 3650.0;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// The interval of the gain is above 0: change to the proposal.
    Change,
    /// It is not: stay with the current rates.
    Stay,
    /// There is too little data to tell.
    NeedMoreData,
}

/// A decision, and how many more days would tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The decision.
    pub decision: Decision,
    /// How many more days of data would tell whether the gain is real. None if it is, or if that would take years.
    pub more_days: Option<u32>,
}

/// Decides on the gain of a proposal, in percent of what the current rates earn.
///
/// `required` is whether only the proposal does what was asked for, such as leasing enough of the cards: then the gain
/// need not be above 0.
#[must_use]
pub fn decide(history: HistorySize, percent: Option<Interval>, is_same: bool, required: bool) -> Decided {
    let is_thin = history.blocks < FEWEST_BLOCKS || history.orders < FEWEST_ORDERS;
    let Some(percent) = percent else {
        return Decided { decision: Decision::NeedMoreData, more_days: None };
    };
    let more_days = more_days(history, percent);
    let decision = match () {
        () if is_thin => Decision::NeedMoreData,
        () if is_same => Decision::Stay,
        () if percent.low > 0.0 || required => Decision::Change,
        () if percent.high > 0.0 && percent.half() > WIDE_PERCENT => Decision::NeedMoreData,
        () => Decision::Stay,
    };
    Decided { decision, more_days: more_days.filter(|_| decision != Decision::Change) }
}

/// How many more days narrow the interval to less than the gain: its width shrinks with the root of their number. If that
/// would take years, how many more there must be to say anything.
fn more_days(history: HistorySize, percent: Interval) -> Option<u32> {
    let days = count(usize::try_from(history.days).unwrap_or(usize::MAX)).max(1.0);
    let ratio = percent.half() / percent.mean.max(WORTH_PERCENT);
    let of_blocks = days / count(history.blocks).max(1.0) * count(FEWEST_BLOCKS);
    let of_orders = days / count(history.orders).max(1.0) * count(FEWEST_ORDERS);
    let least = (of_blocks.max(of_orders) - days).ceil();
    let of_width = (days * ratio * ratio - days).ceil();
    let more = if of_width <= MOST_DAYS { of_width.max(least) } else { least };
    // A plain conversion of a small whole number.
    (1.0..=MOST_DAYS).contains(&more).then(|| format!("{more:.0}").parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONTH: HistorySize = HistorySize { orders: 170, blocks: 30, days: 30 };

    fn interval(low: f64, high: f64) -> Option<Interval> {
        Some(Interval { mean: (low + high) / 2.0, low, high })
    }

    fn decision(history: HistorySize, interval: Option<Interval>) -> (Decision, Option<u32>) {
        let decided = decide(history, interval, false, false);
        (decided.decision, decided.more_days)
    }

    #[test]
    fn only_an_interval_above_zero_is_reason_to_change() {
        assert_eq!(decision(MONTH, interval(1.0, 9.0)), (Decision::Change, None));
        // Half as wide again as the gain: with 2.25 times the days it would be as wide as the gain.
        assert_eq!(decision(MONTH, interval(-2.0, 10.0)), (Decision::Stay, Some(38)));
        assert_eq!(decision(MONTH, interval(-20.0, 30.0)).0, Decision::NeedMoreData);
        assert_eq!(decision(MONTH, interval(-60.0, -10.0)).0, Decision::Stay);
        assert_eq!(decide(MONTH, interval(0.0, 0.0), true, false).decision, Decision::Stay);
        assert_eq!(decide(MONTH, interval(-2.0, 1.0), false, true).decision, Decision::Change);
        assert_eq!(decision(MONTH, None).0, Decision::NeedMoreData);
    }

    #[test]
    fn of_a_few_orders_or_days_nothing_is_decided() {
        for thin in [HistorySize { orders: 29, ..MONTH }, HistorySize { blocks: 6, days: 6, ..MONTH }] {
            let (decision, more) = decision(thin, interval(5.0, 9.0));
            assert_eq!((decision, more), (Decision::NeedMoreData, Some(if thin.days == 6 { 1 } else { 2 })));
        }
        assert_eq!(decision(MONTH, interval(f64::NEG_INFINITY, f64::INFINITY)).0, Decision::NeedMoreData);
    }
}
