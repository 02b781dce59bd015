//! A quote as tables for people.

use std::fmt::Write as _;

use pricing_core::money::Usd;
use pricing_core::text::printable;

use crate::amounts::{self, cents};
use crate::answered::{
    Alternative, Answered, Cards, Decided, Explored, Lack, LackOnNode, Line, NodeShortage, Pending, PluginUse, Reason,
};
use crate::card_words;
use crate::colours::paint;
use crate::table::{self, lacking, table, wrapped};
use crate::wording::{count, reason_message, unit, wrap};

/// A quote. `note` is a paragraph between the bill and the alternatives.
pub(crate) fn quote(quote: &Answered, note: Option<&str>) -> String {
    let shortage = shortage_table(&quote.nodes, quote.nodes_left_out);
    let parts = [
        Some(headline(quote)),
        shortage,
        (!quote.targets.is_empty()).then(|| targets_table(quote)),
        quote.pending.as_ref().map(pending),
        (!quote.lines.is_empty()).then(|| lines_table(&quote.lines, quote.usd_per_month.as_deref())),
        quote.plugin.as_ref().map(plugin_line),
        quote.explored.as_ref().map(explored_line),
        note.map(str::to_owned),
        quote.alternatives.as_ref().map(|list| alternatives_table(list, quote.alternatives_complete == Some(true))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n") + "\n"
}

/// A quote by scales.
pub(crate) fn by_scales(quote: &Answered) -> String {
    let targets = (!quote.targets.is_empty()).then(|| targets_table(quote));
    [Some(headline(quote)), targets, quote.pending.as_ref().map(pending)]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("\n")
        + "\n"
}

/// What the old rule would have charged. Less than a cent is not a difference.
pub(crate) fn old_rule(total: Usd, old: Usd) -> String {
    let (total, old) = (cents(total), cents(old));
    if old == total {
        return "The old rule (the dearest card of the table) would charge the same.\n".to_owned();
    }
    format!("Priced as the dearest card of the table, this would cost {old} USD a month.\n")
}

/// What the dearest candidate would cost in place of the one that the policy chose. None if it costs the same.
pub(crate) fn highest(total: Usd, highest: Usd) -> Option<String> {
    let (total, highest) = (cents(total), cents(highest));
    let words = || format!("With `ambiguous_gpu = \"highest\"`, this would cost {highest} USD a month.\n");
    (highest != total).then(words)
}

/// The decision, with the price or the reason, and the tenant's maximum.
fn headline(quote: &Answered) -> String {
    let (price, max) = (quote.price.as_ref(), quote.max_price.as_ref());
    let [bid, most] = match (price, max) {
        (Some(price), Some(max)) if price.denom == max.denom => amounts::compared(&price.amount, &max.amount),
        _ => [price, max].map(|amount| amount.map(|amount| amounts::units(&amount.amount)).unwrap_or_default()),
    };
    let reason = || quote.reason.as_ref().map(reason_words).unwrap_or_default();
    let (decided, mut rest) = match (price, quote.decision) {
        (Some(price), _) => ("bid", format!(" {bid} {} a block", unit(price.denom.exact()))),
        (None, Decided::Fault) => ("fault", format!(", {}", reason())),
        (None, _) => ("no bid", format!(", {}", reason())),
    };
    if let Some(usd) = &quote.usd_per_month {
        let _ = write!(rest, "; {} USD a month", amounts::usd(usd));
    }
    if let Some(max) = max {
        let _ = write!(rest, "; the tenant pays at most {most} {} a block", unit(max.denom.exact()));
    }
    let (group, decided) = (printable(&format!("{}: ", quote.group)), paint(quote.decision, decided));
    wrap(&(group + &decided + &printable(&rest))) + "\n"
}

/// The reason for no bid.
fn reason_words(reason: &Reason) -> String {
    format!("{}: {}", reason.code, reason_message(&reason.code, &reason.message))
}

/// The plugin that priced, and what priced in its place if it failed.
fn plugin_line(plugin: &PluginUse) -> String {
    let digest: String = plugin.digest.chars().take(19).collect();
    let mut line = format!("Plugin {} ({digest})", plugin.name);
    if let Some(fuel) = plugin.fuel {
        let _ = write!(line, ", {} of fuel", count(fuel, "unit"));
    }
    if let Some(fallback) = &plugin.fallback {
        let by = match &*fallback.by {
            "builtin" => "the built-in pricer",
            "last-plugin" => "the plugin's last version",
            other => other,
        };
        let _ = write!(line, "; {by} priced in its place: {}: {}", fallback.fault.code, fallback.fault.message);
    }
    wrap(&printable(&line)) + "\n"
}

/// How the price was varied, and what it would have been otherwise.
fn explored_line(explored: &Explored) -> String {
    let Explored { factor, base_price, base_usd_per_month, propensity, .. } = explored;
    let line = format!(
        "Explored: the price was multiplied by {factor}, which had the probability {propensity}. Without exploration it \
         would be {} {} a block; {} USD a month.",
        amounts::units(&base_price.amount),
        unit(base_price.denom.exact()),
        amounts::usd(base_usd_per_month)
    );
    wrap(&printable(&line)) + "\n"
}

fn shortage_table(nodes: &[NodeShortage], left_out: u64) -> Option<String> {
    let lack =
        |lack: &Lack| [lack.resource.clone(), lack.asked.clone(), lack.free.clone().unwrap_or_else(|| "-".to_owned())];
    let lacks =
        |node: &NodeShortage| node.lacks.iter().map(lack).map(|cells| (node.node.clone(), cells)).collect::<Vec<_>>();
    lacking(nodes.iter().flat_map(lacks).collect(), left_out)
}

/// A replica that Kubernetes may leave without a node, and what each node lacks for it.
fn pending(pod: &Pending) -> String {
    let what = wrap(&table::pending((pod.replica, pod.resource_id), &card_words::pending_percent(pod))) + "\n";
    let lack = |LackOnNode { node, lack }: &LackOnNode| {
        let free = lack.free.clone().unwrap_or_else(|| "-".to_owned());
        (node.clone(), [lack.resource.clone(), lack.asked.clone(), free])
    };
    let lacks = lacking(pod.lacks.iter().map(lack).collect(), 0);
    lacks.map_or(what.clone(), |lacks| what + "\n" + &lacks)
}

fn targets_table(quote: &Answered) -> String {
    let mut table = table(&["unit", "replicas", "node", "cards each", "card"], &[0, 1, 3]);
    for target in &quote.targets {
        let unit = target.resource_id.to_string();
        let Some(gpu) = target.gpu.as_ref().filter(|gpu| !gpu.cards.is_empty()) else {
            for (node, replicas) in target.replicas_by_node() {
                let node = node.unwrap_or("not placed").to_owned();
                table.add_row([unit.clone(), replicas.to_string(), node, String::new(), String::new()]);
            }
            continue;
        };
        for cards in &gpu.cards {
            let node = cards.node.as_deref().unwrap_or("not placed").to_owned();
            let replicas = target.replicas_of(cards).to_string();
            table.add_row([unit.clone(), replicas, node, gpu.units.to_string(), card(cards)]);
        }
    }
    wrapped(table, &[4]) + &card_words::uncertain_cards(&quote.targets, quote.pending.as_ref())
}

/// The card that a replica gets, as far as it is known.
fn card(cards: &Cards) -> String {
    let kinds: Vec<String> = cards.kinds.iter().map(|kind| kind.kind().to_string()).collect();
    match (cards.known, kinds.len()) {
        (true, 1) => kinds.join(""),
        (true, _) => format!("one of {}", kinds.join(", ")),
        (false, _) => format!("asked for {}", kinds.join(" or ")),
    }
}

fn lines_table(lines: &[Line], total: Option<&str>) -> String {
    let header = ["unit", "item", "kind", "quantity", "", "USD each", "USD a month", "rate card entry"];
    let mut table = table(&header, &[0, 3, 5, 6]);
    for line in lines {
        table.add_row([
            &line.resource_id.to_string(),
            &line.item,
            line.kind.as_deref().unwrap_or_default(),
            &amounts::quantity(&line.quantity),
            line.unit.as_deref().unwrap_or_default(),
            &amounts::unit_price(&line.usd_per_unit_month),
            &amounts::line(&line.usd_per_month),
            &line.rate,
        ]);
    }
    if let Some(total) = total {
        table.add_row(["", "total", "", "", "", "", &amounts::usd(total), ""]);
    }
    wrapped(table, &[2, 7])
}

/// The sets of cards that could be allocated, with their prices. A list that is not complete says so.
fn alternatives_table(list: &[Alternative], complete: bool) -> String {
    if list.is_empty() {
        let why = if complete { "could be allocated and priced" } else { "is known to be available" };
        return format!("No set of cards {why}.\n");
    }
    let mut table = table(&["could be allocated", "price a block", "", "USD a month"], &[1, 3]);
    for alternative in list {
        let mut kinds: Vec<String> = Vec::new();
        for target in &alternative.targets {
            let Some(gpu) = &target.gpu else { continue };
            let mut names: Vec<String> = gpu.kinds.iter().map(|candidate| candidate.kind.kind().to_string()).collect();
            names.sort();
            names.dedup();
            kinds.push(format!("unit {}: {}", target.resource_id, names.join(", ")));
        }
        let price = &alternative.price;
        table.add_row([
            if kinds.is_empty() { "no cards".to_owned() } else { kinds.join("; ") },
            amounts::units(&price.amount),
            unit(price.denom.exact()),
            alternative.usd_per_month.as_deref().map(amounts::usd).unwrap_or_default(),
        ]);
    }
    let mut shown = wrapped(table, &[0]);
    if !complete {
        shown.push_str("These are not all: listing them took too long.\n");
    }
    shown
}
