//! The outcome in words.

use pricing_sim::report::grouped;

use crate::answer::cents;
use crate::candidate::{Candidate, Space};
use crate::decision::Decision;
use crate::interval::Interval;
use crate::tune::Tuned;
use pricing_core::text::plural;

/// The sentence that comes first.
#[must_use]
pub fn headline(space: &Space, names: &[String], tuned: &Tuned) -> String {
    let data = data(tuned);
    let change = changes(space, names, &tuned.proposal);
    // A proposal that loses for certain is none.
    let is_same = tuned.proposal == space.current || tuned.percent.is_some_and(|percent| percent.high <= 0.0);
    match tuned.decided.decision {
        Decision::Change => format!("{}: {}, {data}", capital(&change), effect(tuned)),
        Decision::Stay if is_same => format!("Stay where you are: nothing better was found, {data}"),
        Decision::Stay => {
            format!(
                "Stay where you are: to {change} would bring {}, which is not more than chance, {data}",
                effect(tuned)
            )
        }
        Decision::NeedMoreData if is_same => format!("Wait for more data{}: {data}", more(tuned)),
        Decision::NeedMoreData => {
            format!("Wait for more data{}: to {change} would bring {}, {data}", more(tuned), effect(tuned))
        }
    }
}

fn more(tuned: &Tuned) -> String {
    tuned.decided.more_days.map_or_else(String::new, |days| format!(" (about {} more)", days_of(u64::from(days))))
}

/// What there was to learn from, in words.
fn data(tuned: &Tuned) -> String {
    let orders = grouped(&tuned.history.orders.to_string());
    format!("{} of {orders} {}", days_of(tuned.history.days), plural(tuned.history.orders, "order", "orders"))
}

fn days_of(days: u64) -> String {
    format!("{} {}", grouped(&days.to_string()), plural(days, "day", "days"))
}

/// The gain in words: `+8 % revenue (4 to 12 %)`.
#[must_use]
pub fn effect(tuned: &Tuned) -> String {
    let name = tuned.objective.name();
    match &tuned.percent {
        Some(percent) => format!("{} {name} ({})", signed(percent.mean), range(percent)),
        None => format!("{} USD of {name} in place of nothing", grouped(&cents(tuned.gain.mean))),
    }
}

/// A percentage with its sign: whole from 10 on, else with one decimal.
#[must_use]
pub fn signed(percent: f64) -> String {
    let text = digits(percent);
    if percent > 0.0 && text != "0" { format!("+{text} %") } else { format!("{text} %") }
}

/// The ends of an interval of percentages: `4 to 12 %`.
#[must_use]
pub fn range(percent: &Interval) -> String {
    if !percent.half().is_finite() {
        return "it cannot be said how sure that is".to_owned();
    }
    format!("{} to {} %", digits(percent.low), digits(percent.high))
}

fn digits(percent: f64) -> String {
    let text = if percent.abs() < 9.95 { format!("{percent:.1}") } else { format!("{percent:.0}") };
    let text = text.strip_suffix(".0").unwrap_or(&text);
    grouped(text)
}

/// The changes of a candidate: `lower h100 from 1,900 to 1,700 and raise t4 from 80 to 85`.
#[must_use]
pub fn changes(space: &Space, names: &[String], candidate: &Candidate) -> String {
    let pairs = names.iter().zip(space.current.0.iter().zip(&candidate.0));
    let moved = pairs.filter(|(_, (from, to))| from != to).map(|(name, (from, to))| {
        let verb = if to < from { "lower" } else { "raise" };
        format!("{verb} {name} from {} to {}", grouped(&from.to_string()), grouped(&to.to_string()))
    });
    let moved: Vec<String> = moved.collect();
    match moved.split_last() {
        None => "change nothing".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::Decided;
    use crate::evaluate::{HistorySize, Objective};

    fn tuned(proposal: i64, decision: Decision, percent: (f64, f64, f64)) -> (Space, Tuned) {
        let current = Candidate(vec![1900.into()]);
        let space = Space::new(vec!["rates.gpu.h100=1300..2200".parse().unwrap()], current, None).unwrap();
        let (mean, low, high) = percent;
        let tuned = Tuned {
            history: HistorySize { orders: 214, blocks: 31, days: 31 },
            objective: Objective::Revenue,
            proposal: Candidate(vec![proposal.into()]),
            gain: Interval::default(),
            percent: Some(Interval { mean, low, high }),
            utilisation: (0.0, 0.0),
            decided: Decided { decision, more_days: Some(12) },
            indistinguishable: Vec::new(),
            curve: Vec::new(),
        };
        (space, tuned)
    }

    #[test]
    fn the_first_sentence_says_what_to_do() {
        let said = |(space, tuned): (Space, Tuned)| headline(&space, &["h100".to_owned()], &tuned);
        assert_eq!(
            said(tuned(1700, Decision::Change, (8.04, 4.02, 12.4))),
            "Lower h100 from 1,900 to 1,700: +8 % revenue (4 to 12 %), 31 days of 214 orders"
        );
        assert_eq!(
            said(tuned(1950, Decision::Stay, (1.23, -3.0, 5.0))),
            "Stay where you are: to raise h100 from 1,900 to 1,950 would bring +1.2 % revenue (−3 to 5 %), which is not more \
             than chance, 31 days of 214 orders"
        );
        assert_eq!(
            said(tuned(1900, Decision::Stay, (0.0, 0.0, 0.0))),
            "Stay where you are: nothing better was found, 31 days of 214 orders"
        );
        assert!(
            said(tuned(1700, Decision::NeedMoreData, (8.0, -40.0, 60.0)))
                .starts_with("Wait for more data (about 12 days more): ")
        );
    }
}
