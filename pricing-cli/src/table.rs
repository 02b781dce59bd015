//! Answers as people look at them: aligned columns, and a sentence for what matters.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, Table, presets};
use pricing_core::gpu::GpuKind;
use pricing_core::inventory::{Cluster, finding::Finding};
use pricing_core::money::Usd;
use pricing_core::quote::scale::ScaleQuote;
use pricing_core::quote::{Alternatives, Decision, FallbackBy, PluginUse, Quote, QuotedTarget, Reason};
use pricing_core::rates::{self, Pricing};
use pricing_core::reserve::{Reservation, ReserveError, Shortage};
use pricing_core::text::{Untrusted, excerpt, printable};

use crate::command::rates::{Entry, origin_text};

/// A table without frames, with some columns aligned to the right.
pub(crate) fn table(header: &[&str], right: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header.iter().copied());
    for column in right {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

pub(crate) fn text(table: &Table) -> String {
    let lines: Vec<String> = table.trim_fmt().lines().map(printable).collect();
    lines.join("\n") + "\n"
}

/// A quote, with what the old rule would have charged.
pub(crate) fn quote(quote: &Quote, old_rule: Option<Usd>, alternatives: Option<&Alternatives>) -> String {
    let bid = match &quote.decision {
        Decision::Bid(price) => Ok(format!("{} {}", price.amount(), price.denom())),
        Decision::NoBid(reason) => Err(reason),
    };
    let mut shown = headline(quote, bid);
    if let Some(lacking) = quote.reason().and_then(|reason| reason.shortage.as_deref()).and_then(shortage) {
        shown.push('\n');
        shown.push_str(&lacking);
    }
    if !quote.targets.is_empty() {
        shown.push('\n');
        shown.push_str(&targets(&quote.targets));
    }
    if !quote.lines.is_empty() {
        shown.push('\n');
        shown.push_str(&lines(quote));
    }
    if let Some(plugin) = &quote.plugin {
        shown.push('\n');
        shown.push_str(&plugin_line(plugin));
    }
    if let (Some(total), Some(old)) = (quote.usd_per_month, old_rule) {
        let _ = match old.checked_sub(total) {
            Ok(more) if !more.is_zero() => {
                writeln!(shown, "\nPriced as the dearest card of the table, this would cost {old} USD a month.")
            }
            _ => writeln!(shown, "\nThe old rule (the dearest card of the table) would charge the same."),
        };
    }
    if let Some(alternatives) = alternatives {
        shown.push('\n');
        shown.push_str(&alternatives_table(alternatives));
    }
    shown.push('\n');
    shown
}

/// A quote by scales.
pub(crate) fn by_scales(quoted: &ScaleQuote) -> String {
    let bid = quoted.decision.as_ref().map(|amount| format!("{amount} {}", quoted.denom));
    let mut shown = headline(&quoted.quote, bid);
    if !quoted.quote.targets.is_empty() {
        shown.push('\n');
        shown.push_str(&targets(&quoted.quote.targets));
    }
    shown.push('\n');
    shown
}

/// What was decided, and the bid in words where there is one.
fn headline(quote: &Quote, bid: Result<String, &Reason>) -> String {
    let mut line = match bid {
        Ok(bid) => format!("{}: bid {bid} a block", quote.group),
        Err(reason) if reason.code.is_fault() => format!("{}: fault, {reason}", quote.group),
        Err(reason) => format!("{}: no bid, {reason}", quote.group),
    };
    if let Some(usd) = quote.usd_per_month {
        let _ = write!(line, "; {usd} USD a month");
    }
    if let Some(max) = &quote.max_price {
        let _ = write!(line, "; the tenant pays at most {} {} a block", max.amount(), max.denom());
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
        let by = match fallback.by {
            FallbackBy::Builtin => "the built-in pricer",
            FallbackBy::LastPlugin => "the plugin before",
        };
        let _ = write!(line, "; {by} stood in for it: {}", fallback.fault);
    }
    printable(&line) + "\n"
}

fn targets(targets: &[QuotedTarget]) -> String {
    let mut table = table(&["unit", "replicas", "node", "cards each", "card"], &[0, 1, 3]);
    for target in targets {
        let unit = target.resource_id.to_string();
        if target.cards.is_empty() {
            for (node, replicas) in target.replicas_by_node() {
                let node = node.unwrap_or("not placed").to_owned();
                table.add_row([unit.clone(), replicas.to_string(), node, String::new(), String::new()]);
            }
        }
        for group in &target.cards {
            let node = group.node.as_deref().unwrap_or("not placed").to_owned();
            let kinds: Vec<String> = group.kinds.iter().map(ToString::to_string).collect();
            let card = match (group.known, kinds.len()) {
                (true, 1) => kinds.join(""),
                (true, _) => format!("one of {}", kinds.join(", ")),
                (false, _) => format!("asked for {}", kinds.join(" or ")),
            };
            let units = target.gpu_units.to_string();
            table.add_row([unit.clone(), group.replicas.to_string(), node, units, card]);
        }
    }
    text(&table) + &elsewhere(targets)
}

/// What else than the reserved card a unit may get, since Kubernetes may start it on other nodes.
fn elsewhere(targets: &[QuotedTarget]) -> String {
    let known = |target: &&QuotedTarget| target.gpu_units > 0 && target.cards.iter().all(|group| group.known);
    let lines = targets.iter().filter(known).filter(|target| !target.is_certain());
    lines.map(|target| printable(&uncertain(target)) + "\n").collect()
}

/// Why the card of a unit is not certain.
fn uncertain(target: &QuotedTarget) -> String {
    let names = |kinds: Vec<&GpuKind>| kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let unit = target.resource_id;
    let mut line = match target.kinds.as_slice() {
        [one] if one.kind.is_known() => format!("Unit {unit} is priced as {}", one.kind),
        [one] => format!("Unit {unit} gets {}, of which not everything is known", one.kind),
        several => {
            let kinds = names(several.iter().map(|candidate| &candidate.kind).collect());
            format!("Unit {unit} may start where it gets one of {kinds}")
        }
    };
    if !target.others.is_empty() {
        let others = names(target.others.iter().collect());
        let _ = write!(line, "; Kubernetes could also hand out {others}, which the order does not ask for");
    }
    line + "."
}

fn lines(quote: &Quote) -> String {
    let header = ["unit", "item", "kind", "quantity", "", "USD each", "USD a month", "rate card entry"];
    let mut table = table(&header, &[0, 3, 5, 6]);
    for line in &quote.lines {
        table.add_row([
            line.resource_id.to_string(),
            line.item.name().to_owned(),
            line.kind.clone().unwrap_or_default(),
            line.quantity.to_string(),
            line.item.unit().unwrap_or_default().to_owned(),
            line.usd_per_unit_month.to_string(),
            line.usd_per_month.to_string(),
            line.rate.clone(),
        ]);
    }
    if let Some(total) = quote.usd_per_month {
        table.add_row(["", "total", "", "", "", "", &total.to_string(), ""]);
    }
    text(&table)
}

fn alternatives_table(alternatives: &Alternatives) -> String {
    if alternatives.list.is_empty() {
        let why = if alternatives.complete { "could be allocated and priced" } else { "is known to be available" };
        return format!("No set of cards {why}.\n");
    }
    let mut table = table(&["could be allocated", "price a block", "", "USD a month"], &[1, 3]);
    for alternative in &alternatives.list {
        let mut kinds: Vec<String> = Vec::new();
        for target in alternative.targets.iter().filter(|target| target.gpu_units > 0) {
            let mut names: Vec<String> = target.kinds.iter().map(|candidate| candidate.kind.to_string()).collect();
            names.sort();
            names.dedup();
            kinds.push(format!("unit {}: {}", target.resource_id, names.join(", ")));
        }
        let price = &alternative.price;
        table.add_row([
            if kinds.is_empty() { "no cards".to_owned() } else { kinds.join("; ") },
            price.amount().to_string(),
            price.denom().to_string(),
            alternative.usd_per_month.map(|usd| usd.to_string()).unwrap_or_default(),
        ]);
    }
    let mut shown = text(&table);
    if !alternatives.complete {
        shown.push_str("These are not all: listing them took too long.\n");
    }
    shown
}

/// A reservation.
pub(crate) fn reservation(group: Untrusted<&str>, reservation: &Reservation, cluster: &Cluster) -> String {
    let mut table = table(&["unit", "replicas", "node", "cards each", "card"], &[0, 1, 3]);
    for target in &reservation.targets {
        for placement in &target.placements {
            let node = cluster.node(placement.node).map_or("", |node| &node.name);
            let kinds: Vec<String> = target.kinds(cluster, placement).iter().map(ToString::to_string).collect();
            let cards = if target.gpu_units == 0 { String::new() } else { target.gpu_units.to_string() };
            let card = if kinds.len() > 1 { format!("one of {}", kinds.join(", ")) } else { kinds.join("") };
            let unit = target.resource_id.to_string();
            table.add_row([unit, placement.replicas.to_string(), node.to_owned(), cards, card]);
        }
    }
    format!("{group}: reserved\n\n{}\n", text(&table))
}

/// Why a group was not reserved.
pub(crate) fn failure(group: Untrusted<&str>, why: impl std::fmt::Display) -> String {
    printable(&format!("{group}: {why}")) + "\n"
}

/// A reservation that failed, and what each node lacks where that is why.
pub(crate) fn unreserved(group: Untrusted<&str>, error: &ReserveError) -> String {
    let mut shown = failure(group, error);
    if let ReserveError::InsufficientCapacity(short) = error
        && let Some(lacking) = shortage(short)
    {
        shown.push('\n');
        shown.push_str(&lacking);
    }
    shown
}

/// What each node lacks for a replica; none where no node is to blame.
fn shortage(shortage: &Shortage) -> Option<String> {
    if shortage.nodes.is_empty() {
        return None;
    }
    let mut table = table(&["node", "lacks", "a replica asks for", "free"], &[2, 3]);
    for node in &shortage.nodes {
        for lack in &node.lacks {
            table.add_row([&*node.node, lack.resource.name(), &lack.asked, lack.free.as_deref().unwrap_or("-")]);
        }
    }
    let mut shown = text(&table);
    if shortage.nodes_left_out > 0 {
        let _ = writeln!(shown, "{} more nodes lack something.", shortage.nodes_left_out);
    }
    Some(shown)
}

/// What was found wrong with an inventory.
pub(crate) fn inventory(cluster: &Cluster, findings: &[Finding]) -> String {
    let mut shown = format!("{} nodes, {} findings\n", cluster.nodes().len(), findings.len());
    if findings.is_empty() {
        return shown;
    }
    let mut table = table(&["node", "resource", "problem", "done"], &[]);
    for finding in findings {
        let node = finding.node.as_deref().unwrap_or("(cluster)");
        table.add_row([node, finding.resource.name(), &finding.problem, finding.action.name()]);
    }
    shown.push('\n');
    shown.push_str(&text(&table));
    shown
}

/// What there is to look at in a rate card.
pub(crate) fn rate_findings(findings: &[rates::check::Finding]) -> String {
    if findings.is_empty() {
        return "no findings\n".to_owned();
    }
    let mut table = table(&["entry", "card", "problem", "try"], &[]);
    for finding in findings {
        let kind = finding.kind.as_ref().map(ToString::to_string).unwrap_or_default();
        let (entry, suggestion) = (finding.entry_name().unwrap_or_default(), finding.suggestion.as_deref());
        table.add_row([&excerpt(&entry), &kind, &finding.problem, suggestion.unwrap_or_default()]);
    }
    text(&table)
}

/// A rate card.
pub(crate) fn rates(entries: &[Entry], pricing: &Pricing) -> String {
    let mut table = table(&["key", "value", "", "from"], &[1]);
    for entry in entries {
        let origin = origin_text(pricing.origins.get(&entry.key));
        table.add_row([entry.key.as_str(), &entry.value, entry.unit, &origin]);
    }
    text(&table)
}
