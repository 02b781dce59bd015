//! How predictions of where pods start turned out, in the report of outcomes.

use pricing_core::text::printable;
use pricing_engine::placements::PlacementResult;
use pricing_engine::placements::calibration::{Bin, Binned, Calibration};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{shown_percent, text};
use crate::table;
use crate::wording::{count, wrap};

pub(super) fn json(calibration: &Calibration) -> Value {
    let bins = calibration.bins().map(|(bin, Binned { predicted, expected, seen })| {
        let (from, to) = bin.percent();
        json!({
            "from_percent": from.to_string(), "to_percent": to.to_string(),
            "predicted": predicted, "expected": text(expected), "seen": seen,
        })
    });
    json!({
        "right": calibration.with(PlacementResult::Right),
        "same_kind": calibration.with(PlacementResult::SameKind),
        "wrong": calibration.with(PlacementResult::Wrong),
        "unknown": calibration.with(PlacementResult::Unknown),
        "calibration": bins.collect::<Vec<_>>(),
        "calibration_left_out": calibration.left_out(),
    })
}

/// A sentence with the results, and a row for each range of probabilities.
pub(super) fn table(calibration: &Calibration) -> String {
    let known = calibration.verifiable();
    let with = |result| calibration.with(result);
    let right = Decimal::from(with(PlacementResult::Right)).checked_div(Decimal::from(known));
    let share = right.map(|right| format!(" ({})", shown_percent(right))).unwrap_or_default();
    let left_out = match calibration.left_out() {
        0 => String::new(),
        some => format!(" The table leaves out {}, whose lines do not list all predicted nodes.", count(some, "pod")),
    };
    let summary = format!(
        "Of {} whose node is known, {} started on the likeliest node{share}, {} on another one with the same kinds of \
         card, and {} elsewhere. For {} the node is not known.{left_out}",
        count(known, "predicted pod"),
        with(PlacementResult::Right),
        with(PlacementResult::SameKind),
        with(PlacementResult::Wrong),
        with(PlacementResult::Unknown),
    );
    let summary = wrap(&printable(&summary));
    if known == calibration.left_out() {
        return format!("{summary}\n");
    }
    let mut rows = table::table(&["probability", "nodes", "expected", "got the pod", "share"], &[1, 2, 3, 4]);
    for (bin, Binned { predicted, expected, seen }) in calibration.bins() {
        let share = Decimal::from(seen).checked_div(Decimal::from(predicted));
        rows.add_row([
            range(bin),
            predicted.to_string(),
            expected.round_dp(1).normalize().to_string(),
            seen.to_string(),
            share.map_or_else(|| "-".to_owned(), shown_percent),
        ]);
    }
    format!("{summary}\n\n{}", table::text(&rows))
}

fn range(bin: Bin) -> String {
    match bin.percent() {
        (from, to) if from == to => format!("{from} %"),
        (from, to) => format!("{from} to {to} %"),
    }
}
