//! Off-policy estimates as text.

use std::fmt::Write as _;

use pricing_core::text::{counted, printable};
use pricing_sim::backtest::off_policy::{Estimate, Estimates};
use pricing_sim::backtest::{OffPolicy, Outcomes};

use super::rounded;
use crate::table;
use crate::wording::wrap;

/// The estimates beside what the replay predicts, and what they are of.
pub(super) fn shown(off: &OffPolicy) -> String {
    let mut shown = String::new();
    let _ = writeln!(shown, "\n{}\n", wrap(&printable(&sentence(off))));
    let mut listed = table::table(&["estimate", "win rate %", "95 %", "revenue USD", "95 %"], &[1, 3]);
    listed.add_row(replayed("replay", &off.replay));
    let named = [
        ("inverse propensity", off.inverse_propensity),
        ("self-normalised", off.self_normalised),
        ("doubly robust", off.doubly_robust),
    ];
    for (name, estimates) in named {
        if let Some(estimates) = estimates {
            listed.add_row(row(name, &estimates));
        }
    }
    if off.unsupported.bids > 0 {
        listed.add_row(replayed("replay, without support", &off.unsupported.replay));
    }
    shown.push_str(&table::text(&listed));
    let _ = writeln!(shown, "\n{}", wrap(&left_out(off)));
    shown
}

/// From how much the estimates are.
fn sentence(off: &OffPolicy) -> String {
    if off.supported == 0 {
        return format!("No explored bid tells what the strategy `{}` would have got.", off.strategy);
    }
    format!(
        "For the strategy `{}`, by {} of {}, {} of them at its price by chance (effective sample size {}):",
        off.strategy,
        counted(off.supported, "explored bid"),
        counted(off.days, "day"),
        off.matching,
        off.effective_sample_size
    )
}

/// The orders that are in no estimate, by reason.
fn left_out(off: &OffPolicy) -> String {
    format!(
        "Of {}: not in the history {}, at another price there {}, outside of the folds {}, declined by the strategy {}, \
         and without support, since its price is outside of the explored band, {}.",
        counted(off.explored, "explored order"),
        off.not_in_history,
        off.other_price,
        off.outside_folds,
        off.declined,
        off.unsupported.bids
    )
}

fn replayed(name: &str, outcomes: &Outcomes) -> [String; 5] {
    let rate = outcomes.win_rate.map(|rate| rounded(rate * 100.0).to_string()).unwrap_or_default();
    [name.to_owned(), rate, String::new(), outcomes.revenue_usd.to_string(), String::new()]
}

fn row(name: &str, estimates: &Estimates) -> [String; 5] {
    let percent = |share: f64| rounded(share * 100.0).to_string();
    let range = |estimate: &Estimate, shown: &dyn Fn(f64) -> String| {
        estimate.interval.map(|(low, high)| format!("{} to {}", shown(low), shown(high))).unwrap_or_default()
    };
    let (rate, revenue) = (&estimates.win_rate, &estimates.revenue_usd);
    [
        name.to_owned(),
        percent(rate.mean),
        range(rate, &percent),
        revenue.mean.to_string(),
        range(revenue, &|figure| figure.to_string()),
    ]
}
