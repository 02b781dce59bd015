//! A quote as people look at it.

use std::fmt::Write as _;

use pricing_core::gpu::GpuKind;
use pricing_core::money::Usd;
use pricing_core::text::printable;

use crate::answered::{
    Alternative, Answered, Cards, Decided, GpuTarget, Kind, Lack, Line, NodeShortage, PluginUse, Target,
};
use crate::table::{lacking, table, text};

/// A quote. `beside` stands below it, before the alternatives.
pub(crate) fn quote(quote: &Answered, beside: Option<&str>) -> String {
    let shortage = shortage_table(&quote.nodes, quote.nodes_left_out);
    let parts = [
        Some(headline(quote)),
        shortage,
        (!quote.targets.is_empty()).then(|| targets_table(&quote.targets)),
        (!quote.lines.is_empty()).then(|| lines_table(&quote.lines, quote.usd_per_month.as_deref())),
        quote.plugin.as_ref().map(plugin_line),
        beside.map(str::to_owned),
        quote.alternatives.as_ref().map(|list| alternatives_table(list, quote.alternatives_complete == Some(true))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n") + "\n"
}

/// A quote by scales.
pub(crate) fn by_scales(quote: &Answered) -> String {
    let targets = (!quote.targets.is_empty()).then(|| targets_table(&quote.targets));
    [Some(headline(quote)), targets].into_iter().flatten().collect::<Vec<_>>().join("\n") + "\n"
}

/// What the old rule would have charged.
pub(crate) fn old_rule(total: Usd, old: Usd) -> String {
    match old.checked_sub(total) {
        Ok(more) if !more.is_zero() => {
            format!("Priced as the dearest card of the table, this would cost {old} USD a month.\n")
        }
        _ => "The old rule (the dearest card of the table) would charge the same.\n".to_owned(),
    }
}

/// What was decided, and the bid in words where there is one.
fn headline(quote: &Answered) -> String {
    let group = &quote.group;
    let reason = || quote.reason.as_ref().map(|reason| format!("{}: {}", reason.code, reason.message));
    let mut line = match (&quote.price, quote.decision) {
        (Some(bid), _) => format!("{group}: bid {} {} a block", bid.amount, bid.denom),
        (None, Decided::Fault) => format!("{group}: fault, {}", reason().unwrap_or_default()),
        (None, _) => format!("{group}: no bid, {}", reason().unwrap_or_default()),
    };
    if let Some(usd) = &quote.usd_per_month {
        let _ = write!(line, "; {usd} USD a month");
    }
    if let Some(max) = &quote.max_price {
        let _ = write!(line, "; the tenant pays at most {} {} a block", max.amount, max.denom);
    }
    printable(&line) + "\n"
}

/// Which plugin priced, and what stood in for it.
fn plugin_line(plugin: &PluginUse) -> String {
    let digest: String = plugin.digest.chars().take(19).collect();
    let mut line = format!("Plugin {} ({digest})", plugin.name);
    if let Some(fuel) = plugin.fuel {
        let _ = write!(line, ", {fuel} units of fuel");
    }
    if let Some(fallback) = &plugin.fallback {
        let by = match &*fallback.by {
            "builtin" => "the built-in pricer",
            "last-plugin" => "the plugin before",
            other => other,
        };
        let _ = write!(line, "; {by} stood in for it: {}: {}", fallback.fault.code, fallback.fault.message);
    }
    printable(&line) + "\n"
}

fn shortage_table(nodes: &[NodeShortage], left_out: u64) -> Option<String> {
    let lack =
        |lack: &Lack| [lack.resource.clone(), lack.asked.clone(), lack.free.clone().unwrap_or_else(|| "-".to_owned())];
    let lacks =
        |node: &NodeShortage| node.lacks.iter().map(lack).map(|cells| (node.node.clone(), cells)).collect::<Vec<_>>();
    lacking(nodes.iter().flat_map(lacks).collect(), left_out)
}

fn targets_table(targets: &[Target]) -> String {
    let mut table = table(&["unit", "replicas", "node", "cards each", "card"], &[0, 1, 3]);
    for target in targets {
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
    text(&table) + &other_cards(targets)
}

/// The card that a replica gets, as far as that is known.
fn card(cards: &Cards) -> String {
    let kinds: Vec<String> = cards.kinds.iter().map(|kind| kind.kind().to_string()).collect();
    match (cards.known, kinds.len()) {
        (true, 1) => kinds.join(""),
        (true, _) => format!("one of {}", kinds.join(", ")),
        (false, _) => format!("asked for {}", kinds.join(" or ")),
    }
}

/// What else than the reserved card a unit may get, since Kubernetes may start it on other nodes.
fn other_cards(targets: &[Target]) -> String {
    let gpus = targets.iter().filter_map(|target| Some((target.resource_id, target.gpu.as_ref()?)));
    let uncertain = gpus.filter(|(_, gpu)| !gpu.certain && gpu.cards.iter().all(|cards| cards.known));
    uncertain.map(|(unit, gpu)| printable(&uncertain_card(unit, gpu)) + "\n").collect()
}

/// Why the card of a unit is not certain.
fn uncertain_card(unit: u32, gpu: &GpuTarget) -> String {
    let names = |kinds: Vec<GpuKind>| kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut line = match gpu.kinds.as_slice() {
        [one] if one.kind.kind().is_known() => format!("Unit {unit} is priced as {}", one.kind.kind()),
        [one] => format!("Unit {unit} gets {}, of which not everything is known", one.kind.kind()),
        several => {
            let kinds = names(several.iter().map(|candidate| candidate.kind.kind()).collect());
            format!("Unit {unit} may start where it gets one of {kinds}")
        }
    };
    if !gpu.others.is_empty() {
        let others = names(gpu.others.iter().map(Kind::kind).collect());
        let _ = write!(line, "; Kubernetes could also hand out {others}, which the order does not ask for");
    }
    line + "."
}

fn lines_table(lines: &[Line], total: Option<&str>) -> String {
    let header = ["unit", "item", "kind", "quantity", "", "USD each", "USD a month", "rate card entry"];
    let mut table = table(&header, &[0, 3, 5, 6]);
    for line in lines {
        table.add_row([
            &line.resource_id.to_string(),
            &line.item,
            line.kind.as_deref().unwrap_or_default(),
            &line.quantity,
            line.unit.as_deref().unwrap_or_default(),
            &line.usd_per_unit_month,
            &line.usd_per_month,
            &line.rate,
        ]);
    }
    if let Some(total) = total {
        table.add_row(["", "total", "", "", "", "", total, ""]);
    }
    text(&table)
}

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
            price.amount.clone(),
            price.denom.to_string(),
            alternative.usd_per_month.clone().unwrap_or_default(),
        ]);
    }
    let mut shown = text(&table);
    if !complete {
        shown.push_str("These are not all: listing them took too long.\n");
    }
    shown
}
