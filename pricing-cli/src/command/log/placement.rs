//! Where a pod started, as `bidprice log show` shows it below the decision.

use pricing_core::text::{Untrusted, excerpt, printable};
use pricing_engine::bid_log::entry::{PlacedPod, PlacementNode};
use pricing_engine::bid_log::read::Place;
use pricing_engine::placements::{PlacementResult, UnknownReason};

use crate::table;
use crate::wording::{count, number, wrap};

/// The most lines that are shown.
const MAX_LINES: usize = 20;
/// The most predicted nodes that are listed.
const MAX_NODES: usize = 10;

/// The lines of an order's pods, each after an empty line.
pub(super) fn all_shown<'l>(lines: impl Iterator<Item = (&'l Place, &'l PlacedPod)>) -> String {
    let mut lines = lines.fuse();
    let shown = |(place, placed)| format!("\n{}", shown(place, placed));
    let listed: String = lines.by_ref().take(MAX_LINES).map(shown).collect();
    match lines.fold(0, |pods: u64, (_, placed)| pods.saturating_add(u64::from(placed.pods))) {
        0 => listed,
        more => format!("{listed}\nand {} more\n", count(more, "pod")),
    }
}

pub(super) fn shown(place: &Place, placed: &PlacedPod) -> String {
    let PlacedPod { sequence, time, order_id, resource_id, replica, predicted, seen, .. } = placed;
    let pods = match placed.pods {
        1 => format!("replica {replica} of resource {resource_id}"),
        pods => count(u64::from(pods), "pod"),
    };
    let head = format!("Placement {sequence} of {}, {place}: {pods} of {order_id}", excerpt(time));
    let mut rows = table::table(&["node", "cards", "predicted", "started"], &[2]);
    let is_seen = |node: &PlacementNode| seen.as_ref().is_some_and(|seen| seen.node == node.node);
    let mut add = |node: &PlacementNode| {
        let kinds: Vec<String> = node.kinds.iter().map(ToString::to_string).collect();
        let started = if is_seen(node) { "here" } else { "" };
        rows.add_row([node.node.to_string(), kinds.join(", "), percent(&node.probability), started.to_owned()]);
    };
    let listed = predicted.iter().take(MAX_NODES);
    listed.clone().for_each(&mut add);
    let is_listed = |seen: &PlacementNode| listed.clone().any(|node| node.node == seen.node);
    seen.iter().filter(|seen| !is_listed(seen)).for_each(&mut add);
    let left_out = predicted.len().saturating_sub(MAX_NODES).saturating_add(placed.predicted_left_out);
    let more = match left_out {
        0 => String::new(),
        some => format!("and {} more\n", count(number(some), "predicted node")),
    };
    let lines: String = verdict(placed).iter().map(|line| wrap(line) + "\n").collect();
    let nodes = match (predicted.as_slice(), seen) {
        ([], None) => String::new(),
        _ => format!("{}{more}\n", table::text(&rows)),
    };
    format!("{}\n\n{nodes}{lines}", printable(&head))
}

fn verdict(placed: &PlacedPod) -> Vec<String> {
    let verdict = match (placed.result, placed.reason) {
        (PlacementResult::Right, _) => "The pod started where it was likeliest.".to_owned(),
        (PlacementResult::SameKind, _) => "The pod started on another node with the same kinds of card.".to_owned(),
        (PlacementResult::Wrong, _) => "The pod started on another node than the likeliest.".to_owned(),
        (PlacementResult::Unknown, reason) => {
            let why = reason.map(UnknownReason::words).map(|why| format!(": {why}")).unwrap_or_default();
            let pods = if placed.pods == 1 { "the pod" } else { "these pods" };
            format!("It is not known where {pods} started{why}.")
        }
    };
    let approximate = placed.approximate.then(|| "The probabilities are approximate.".to_owned());
    std::iter::once(verdict).chain(approximate).collect()
}

/// A probability in percent, as far as it can be read.
fn percent(probability: &str) -> String {
    use rust_decimal::Decimal;

    let percent = probability.parse::<Decimal>().ok().and_then(|part| part.checked_mul(Decimal::ONE_HUNDRED));
    let shown = percent.map(|percent| format!("{} %", percent.round_dp(1).normalize()));
    shown.unwrap_or_else(|| format!("{:.20}", Untrusted::new(probability)))
}
