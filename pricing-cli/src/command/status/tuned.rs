//! The rates that the service proposes.

use pricing_proto::bidprice::v1::{TuneGain, TuneStatus};
use serde_json::{Value, json};

use crate::wording::count;

/// The proposal as JSON.
pub(super) fn json(tune: &TuneStatus) -> Value {
    let gain = |gain: &TuneGain| json!({ "mean": gain.mean, "low": gain.low, "high": gain.high });
    let rates =
        tune.rates.iter().map(|rate| json!({ "key": rate.key, "current": rate.current, "proposal": rate.proposal }));
    json!({
        "decision": Some(&tune.decision).filter(|decision| !decision.is_empty()),
        "rates": rates.collect::<Vec<_>>(),
        "gain_usd": tune.gain_usd.as_ref().map(gain), "gain_percent": tune.gain_percent.as_ref().map(gain),
        "days": tune.days, "orders": tune.orders, "warnings": tune.warnings,
        "proposed_at": tune.proposed_at, "changed_at": tune.changed_at,
        "apply": tune.apply, "running": tune.running, "problem": tune.problem,
    })
}

/// Adds the rows of the proposal to the table.
pub(super) fn add(add: &mut impl FnMut(&str, &str, String), tune: &TuneStatus) {
    let state = match (tune.decision.as_str(), tune.running) {
        ("", true) => "at work",
        ("", false) => "no proposal yet",
        (decision, _) => decision,
    };
    let mut detail = match &tune.gain_usd {
        Some(TuneGain { mean, low, high }) => {
            format!("{mean} USD more ({low} to {high}), {} of {}", count(tune.days, "day"), count(tune.orders, "order"))
        }
        None => String::new(),
    };
    detail.extend(tune.proposed_at.iter().map(|at| format!(", proposed at {at}")));
    detail.extend(tune.changed_at.iter().map(|at| format!(", rates last changed at {at}")));
    add("tune", state, detail.trim_start_matches(", ").to_owned());
    for rate in &tune.rates {
        add("", "", format!("{}: {} -> {}", rate.key, rate.current, rate.proposal));
    }
    for warning in &tune.warnings {
        add("", "doubt", warning.clone());
    }
    if let Some(problem) = &tune.problem {
        add("", "PROBLEM", problem.clone());
    }
}
