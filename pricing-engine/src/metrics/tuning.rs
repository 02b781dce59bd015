//! The rates that are proposed.

use std::sync::atomic::AtomicU64;

use pricing_core::text::excerpt;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use rust_decimal::prelude::ToPrimitive;

use super::Labels;
use super::readings::Sheet;
use crate::tune::{Gain, Reading, TuneDecision};

/// A gauge of any number.
type Level = Gauge<f64, AtomicU64>;

/// Adds what is known of tuning.
pub(super) fn add(page: &mut Sheet, reading: &Reading) {
    let runs = [("proposed".to_owned(), reading.proposed), ("failed".to_owned(), reading.failed)];
    let runs = runs.iter().map(|(outcome, count)| ([("outcome", outcome)], *count));
    page.counts("bidprice_tune_runs", "How often rates were proposed, or could not be", runs);
    page.count("bidprice_tune_changes", "How often the rate card was changed", reading.changed);
    let Some(proposal) = &reading.proposal else { return };
    let decisions = Family::<Labels<1>, Gauge>::default();
    for decision in TuneDecision::ALL {
        let labels = [("decision", decision.name().to_owned())];
        decisions.get_or_create(&labels).set(i64::from(decision == proposal.decision));
    }
    page.add("bidprice_tune_decision", "Whether this is the decision about the proposed rates", decisions);
    let rates = Family::<Labels<2>, Level>::default();
    for rate in &proposal.rates {
        for (what, value) in [("current", rate.current), ("proposal", rate.proposal)] {
            let labels = [("key", excerpt(&rate.key)), ("value", what.to_owned())];
            rates.get_or_create(&labels).set(value.to_f64().unwrap_or(f64::NAN));
        }
    }
    page.add("bidprice_tune_rate", "A rate when it was varied, and the proposed one", rates);
    let gains = Family::<Labels<1>, Level>::default();
    let Gain { mean, low, high } = &proposal.gain_usd;
    for (what, value) in [("mean", mean), ("low", low), ("high", high)] {
        gains.get_or_create(&[("value", what.to_owned())]).set(value.parse().unwrap_or(f64::NAN));
    }
    page.add(
        "bidprice_tune_gain_usd",
        "What the proposed rates earn more over the history, with its 95 % interval",
        gains,
    );
}
