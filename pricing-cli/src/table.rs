//! Shows answers as aligned columns, with a sentence for what matters most.

use std::fmt::Write as _;

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};
use pricing_core::inventory::{Cluster, finding::Finding};
use pricing_core::rates::{self, Pricing};
use pricing_core::reserve::kubernetes::PodPlacements;
use pricing_core::reserve::shortage::{Lack, NodeShortage};
use pricing_core::reserve::{Reservation, ReserveError, Shortage};
use pricing_core::text::{Untrusted, excerpt, printable};

use crate::amounts;
use crate::answered::Decided;
use crate::colours::paint;
use crate::rate_entries::{Entry, origin_text};
use crate::wording::{count, number, plural, wrap};

/// Creates a table without borders. The columns in `right` are aligned to the right.
pub(crate) fn table(header: &[&str], right: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    // An empty header would be an empty line.
    if !header.is_empty() {
        table.set_header(header.iter().copied());
    }
    for column in right {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// The columns that a line may take, unless a name takes more.
pub(crate) const LINE_COLUMNS: u16 = 120;
/// The fewest columns that prose is wrapped to.
const PROSE_COLUMNS: u16 = 18;
/// The columns of padding beside the content of a cell.
const PADDING: u16 = 2;

/// Whether every line of a text fits into [`LINE_COLUMNS`].
pub(crate) fn fits(text: &str) -> bool {
    text.lines().all(|line| line.chars().count() <= usize::from(LINE_COLUMNS))
}

/// The text of a table. Where it is too wide, the cells of the columns in `prose` are wrapped between words.
pub(crate) fn wrapped(mut table: Table, prose: &[usize]) -> String {
    let wide = text(&table);
    if fits(&wide) {
        return wide;
    }
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(LINE_COLUMNS);
    let narrowest: Vec<u16> = (0..table.column_count()).map(|column| narrowest(&table, column)).collect();
    for ((number, column), narrowest) in table.column_iter_mut().enumerate().zip(narrowest) {
        column.set_constraint(match prose.contains(&number) {
            true => ColumnConstraint::LowerBoundary(Width::Fixed(narrowest)),
            false => ColumnConstraint::ContentWidth,
        });
    }
    text(&table)
}

/// How narrow a column may become. A long word is a name, which is not broken.
fn narrowest(table: &Table, column: usize) -> u16 {
    let cells = table.column_cells_iter(column).flatten().map(Cell::content);
    let longest = cells.map(|cell| cell.split_whitespace().map(|word| word.chars().count()).max().unwrap_or(0)).max();
    let longest = longest.and_then(|longest| u16::try_from(longest).ok()).unwrap_or(0);
    longest.saturating_add(PADDING).max(PROSE_COLUMNS)
}

/// The text of a table, of which each cell is as wide as it has to be.
pub(crate) fn text(table: &Table) -> String {
    let lines: Vec<String> = table.trim_fmt().lines().map(printable).collect();
    lines.join("\n") + "\n"
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
    format!("{group}: {}\n\n{}\n", paint(Decided::Bid, "reserved"), wrapped(table, &[4]))
}

/// Where kube-scheduler will start the pods of a reservation.
pub(crate) fn placements(placements: &PodPlacements, cluster: &Cluster) -> String {
    let mut table = table(&["unit", "replica", "kube-scheduler starts it on", "probability"], &[0, 1, 3]);
    for step in &placements.steps {
        for node in &step.nodes {
            let name = cluster.node(node.node).map_or("", |node| &node.name);
            let (unit, replica) = (step.resource_id.to_string(), step.replica.to_string());
            table.add_row([unit, replica, name.to_owned(), node.probability.percent()]);
        }
    }
    let mut shown = String::new();
    if !placements.steps.is_empty() {
        let _ = writeln!(shown, "{}", text(&table));
    }
    if placements.approximate {
        let why = "These probabilities are approximate: kube-scheduler looks at a part of so large a cluster only, or \
                   there are too many equally good ways to follow all of them.";
        let _ = writeln!(shown, "{}\n", wrap(why));
    }
    if let Some(pod) = &placements.pending {
        let about = if placements.approximate { "about " } else { "" };
        let what = pending((pod.replica, pod.resource_id), &format!("{about}{}", pod.probability.percent()));
        let _ = writeln!(shown, "{}\n", wrap(&what));
        if let Some(lacks) = lacking(pod.lacks.iter().flat_map(lacks_of).collect(), 0) {
            let _ = writeln!(shown, "{lacks}");
        }
    }
    shown
}

/// What is said of a replica that Kubernetes may leave without a node.
pub(crate) fn pending((replica, unit): (u32, u32), percent: &str) -> String {
    format!(
        "Replica {replica} of resource unit {unit} stays pending with a probability of {percent}: the daemon reserved \
         room for it, but kube-scheduler places the pods before it differently."
    )
}

/// Shows why a group was not reserved.
pub(crate) fn failure(group: Untrusted<&str>, decided: Decided, why: impl std::fmt::Display) -> String {
    wrap(&format!("{group}: {}", paint(decided, &printable(&why.to_string())))) + "\n"
}

/// Shows why a group was not reserved, with what each node lacks.
pub(crate) fn unreserved(group: Untrusted<&str>, decided: Decided, error: &ReserveError) -> String {
    let mut shown = failure(group, decided, error);
    if let ReserveError::InsufficientCapacity(short) = error
        && let Some(lacking) = shortage(short)
    {
        shown.push('\n');
        shown.push_str(&lacking);
    }
    shown
}

/// Shows what each node lacks for a replica, or returns `None` if no node lacks anything.
fn shortage(shortage: &Shortage) -> Option<String> {
    let left_out = u64::try_from(shortage.nodes_left_out).unwrap_or(u64::MAX);
    lacking(shortage.nodes.iter().flat_map(lacks_of).collect(), left_out)
}

/// What a node lacks, as cells of a table.
fn lacks_of(node: &NodeShortage) -> Vec<(String, [String; 3])> {
    let lack =
        |lack: &Lack| [lack.resource.name(), &lack.asked, lack.free.as_deref().unwrap_or("-")].map(str::to_owned);
    node.lacks.iter().map(lack).map(|cells| (node.node.to_string(), cells)).collect()
}

/// What each node lacks for a replica, as resource, amount asked and amount free; none where no node is to blame.
pub(crate) fn lacking(lacks: Vec<(String, [String; 3])>, nodes_left_out: u64) -> Option<String> {
    if lacks.is_empty() {
        return None;
    }
    let mut table = table(&["node", "lacks", "a replica asks for", "free"], &[2, 3]);
    for (node, [resource, asked, free]) in lacks {
        let [asked, free] = amounts::compared(&asked, &free);
        table.add_row([node, resource, asked, free]);
    }
    let mut shown = text(&table);
    if nodes_left_out > 0 {
        let lack = plural(nodes_left_out, "lacks", "lack");
        let _ = writeln!(shown, "{} {lack} something.", count(nodes_left_out, "more node"));
    }
    Some(shown)
}

/// Shows the findings about an inventory.
pub(crate) fn inventory(cluster: &Cluster, findings: &[Finding]) -> String {
    let (nodes, found) = (number(cluster.nodes().len()), number(findings.len()));
    let mut shown = format!("{}, {}\n", count(nodes, "node"), count(found, "finding"));
    if findings.is_empty() {
        return shown;
    }
    let mut table = table(&["node", "resource", "problem", "done"], &[]);
    for finding in findings {
        let node = finding.node.as_deref().unwrap_or("(cluster)");
        table.add_row([node, finding.resource.name(), &finding.problem, finding.action.name()]);
    }
    shown.push('\n');
    shown.push_str(&wrapped(table, &[2]));
    shown
}

/// Shows the findings about a rate card.
pub(crate) fn rate_findings(findings: &[rates::finding::Finding]) -> String {
    if findings.is_empty() {
        return "no findings\n".to_owned();
    }
    let mut table = table(&["entry", "card", "problem", "try"], &[]);
    for finding in findings {
        let kind = finding.kind.as_ref().map(ToString::to_string).unwrap_or_default();
        let (entry, suggestion) = (finding.entry_name().unwrap_or_default(), finding.suggestion.as_deref());
        table.add_row([&excerpt(&entry), &kind, &finding.problem, suggestion.unwrap_or_default()]);
    }
    wrapped(table, &[2, 3])
}

/// Shows a rate card.
pub(crate) fn rates(entries: &[Entry], pricing: &Pricing) -> String {
    let mut table = table(&["key", "value", "", "from"], &[1]);
    for entry in entries {
        let origin = origin_text(pricing.origins.get(&entry.key));
        table.add_row([entry.short_key(), entry.value_for_people(), entry.unit.to_owned(), origin]);
    }
    wrapped(table, &[1])
}
