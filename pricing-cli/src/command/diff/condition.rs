//! `--fail-if`: the conditions under which a difference makes the command fail.

use std::fmt;
use std::str::FromStr;

use pricing_core::money::parse_decimal;
use pricing_engine::comparison::{Summary, Tally};
use rust_decimal::Decimal;

/// The name of a number of orders, and how to get it.
type Count = (&'static str, fn(&Tally) -> u64);

/// The metrics that are numbers of orders.
const COUNTS: [Count; 12] = [
    ("orders", |tally| tally.orders),
    ("same", |tally| tally.same),
    ("changed", |tally| tally.orders.saturating_sub(tally.same)),
    ("cheaper", |tally| tally.cheaper),
    ("dearer", |tally| tally.dearer),
    ("won", |tally| tally.won),
    ("lost", |tally| tally.lost),
    ("fault", |tally| tally.fault),
    ("reason", |tally| tally.reason),
    ("now_above_max", |tally| tally.now_above_max),
    ("no_longer_above_max", |tally| tally.no_longer_above_max),
    ("without_usd", |tally| tally.without_usd),
];
/// The comparisons. One that begins with another stands before it.
const COMPARISONS: [&str; 6] = [">=", "<=", "!=", "==", ">", "<"];

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Metric {
    /// A number of orders, by its index in [`COUNTS`].
    Count(usize),
    /// The sum of B's bids less that of A's, in USD a month.
    Usd,
    /// The largest difference of one order, in USD a month.
    Largest,
}

/// A condition such as `lost>=5%`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    text: String,
    metric: Metric,
    percent: bool,
    comparison: &'static str,
    bound: Decimal,
}

impl FromStr for Condition {
    type Err = String;

    // The percent sign may stand after the metric or after the bound, because both are common.
    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || {
            let counts = COUNTS.map(|(name, _)| name).join(", ");
            format!("expected such as `dearer>0`, `lost>=5%` or `usd<-100`, of {counts}, usd or largest")
        };
        let at = text.find(['<', '>', '=', '!']).ok_or_else(expected)?;
        let (name, rest) = text.split_at(at);
        let written = COMPARISONS.into_iter().find(|comparison| rest.starts_with(comparison));
        let (comparison, bound) = match (written, rest.strip_prefix('=')) {
            (Some(comparison), _) => (comparison, rest.get(comparison.len()..).unwrap_or_default()),
            (None, Some(bound)) => ("==", bound),
            (None, None) => return Err(expected()),
        };
        let (name, bound) = (name.trim(), bound.trim());
        let (metric, of_metric) = name.strip_suffix('%').map_or((name, false), |name| (name, true));
        let (number, of_bound) = bound.strip_suffix('%').map_or((bound, false), |bound| (bound, true));
        let metric = match metric.trim_end() {
            "usd" => Metric::Usd,
            "largest" if of_metric || of_bound => return Err("`largest` is in USD a month, not in percent".to_owned()),
            "largest" => Metric::Largest,
            name => Metric::Count(COUNTS.iter().position(|(count, _)| *count == name).ok_or_else(expected)?),
        };
        let bound = parse_decimal(number.trim_end()).map_err(|error| error.to_string())?;
        Ok(Self { text: text.trim().to_owned(), metric, percent: of_metric || of_bound, comparison, bound })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A condition that holds, with the measured value. A value that cannot be computed is `None`, and fails, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) condition: String,
    pub(super) value: Option<Decimal>,
}

impl Condition {
    /// Whether the condition holds.
    pub(super) fn check(&self, summary: &Summary) -> Option<Failed> {
        let value = self.value(summary);
        let holds = value.is_none_or(|value| match self.comparison {
            ">=" => value >= self.bound,
            "<=" => value <= self.bound,
            "!=" => value != self.bound,
            "==" => value == self.bound,
            ">" => value > self.bound,
            _ => value < self.bound,
        });
        let value = value.map(|value| value.round_dp(6).normalize());
        holds.then(|| Failed { condition: self.text.clone(), value })
    }

    fn value(&self, summary: &Summary) -> Option<Decimal> {
        let total = &summary.total;
        let (value, whole) = match self.metric {
            Metric::Count(place) => {
                let (_, count) = COUNTS.get(place)?;
                (Decimal::from(count(total)), Decimal::from(total.orders))
            }
            Metric::Usd => {
                let more = total.usd_after.checked_sub(total.usd_before).ok()?;
                (more.decimal(), total.usd_before.decimal())
            }
            Metric::Largest => (summary.widest.decimal(), Decimal::ONE),
        };
        if !self.percent {
            return Some(value);
        }
        if value.is_zero() {
            return Some(value);
        }
        value.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(whole)
    }
}

#[cfg(test)]
mod tests {
    use pricing_core::money::Usd;

    use super::*;

    fn holds(text: &str) -> bool {
        let mut summary = Summary::default();
        let usd = |usd: &str| Usd::parse(usd).unwrap();
        summary.total = Tally {
            orders: 40,
            same: 30,
            lost: 2,
            dearer: 8,
            usd_before: usd("1000"),
            usd_after: usd("900.5"),
            ..Tally::default()
        };
        text.parse::<Condition>().unwrap().check(&summary).is_some()
    }

    #[test]
    fn conditions_hold_or_do_not() {
        let holding =
            ["dearer>0", "lost>=5%", "lost%>=5", "usd<-99", "usd%<-9.9", "changed=10", " same != 31 ", "fault==0"];
        for text in holding {
            assert!(holds(text), "{text}");
        }
        for text in ["fault>0", "lost>5%", "usd<-100", "usd%>10", "dearer<=7", "won>0%"] {
            assert!(!holds(text), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_said_is_not_taken_for_well() {
        let mut summary = Summary::default();
        summary.total.usd_after = Usd::parse("5").unwrap();
        let failed = "usd%>10".parse::<Condition>().unwrap().check(&summary).unwrap();
        assert_eq!(failed.value, None);
    }

    #[test]
    fn malformed_conditions_are_refused() {
        for text in
            ["", "dearer", "dearer>", ">0", "dearest>0", "dearer>x", "dearer=>1", "usd>1e3", "largest>5%", "a b>1"]
        {
            assert!(text.parse::<Condition>().is_err(), "{text}");
        }
    }
}
