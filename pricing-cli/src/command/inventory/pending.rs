//! Orders that may hang: the daemon reserves room for them, and Kubernetes leaves a replica without a node.

use std::path::Path;

use pricing_core::budget::Budget;
use pricing_core::input::InputError;
use pricing_core::inventory::Cluster;
use pricing_core::inventory::finding::{Action, Finding, Resource};
use pricing_core::order::{Order, detect};
use pricing_core::reserve::kubernetes::{KubeScheduler, PendingPod, PodPlacements, PodTemplate, Probability};
use pricing_core::reserve::shortage::NodeShortage;
use pricing_core::reserve::{CommitLevels, ReserveError, Scheduler, reserve};
use pricing_core::text::{excerpt, printable};
use serde_json::{Value, json};

use super::CheckArgs;
use crate::args::{StrictArgs, commit_levels};
use crate::error::CliError;
use crate::load::{self, Document};
use crate::table::{table, wrapped};
use crate::wording::{count, number, plural, wrap};

/// The most nodes that a finding names.
const NAMED: usize = 4;
/// The most orders that the table names. JSON names all of them.
const LISTED: usize = 20;

/// What became of some orders.
#[derive(Debug, Default)]
pub(super) struct CheckedOrders {
    /// How many orders there are, of which those that cannot be read count once a file.
    orders: u64,
    /// A finding for each order that may hang, and for each of which it is not known.
    pub(super) findings: Vec<Finding>,
    /// Those that the daemon would not reserve, with the reason. They are not bid on, so they cannot hang.
    not_reserved: Vec<(String, String)>,
}

/// Checks the orders of a file or of a folder.
pub(super) fn check(orders: &Path, args: &CheckArgs, cluster: &Cluster) -> Result<CheckedOrders, CliError> {
    let texts = args.scheduler.read()?;
    let kubernetes = texts.parse()?;
    if let Some(configuration) = &texts.scheduler_config {
        load::tell(&configuration.name, &kubernetes.warnings, &NOT_STRICT)?;
    }
    let levels = commit_levels(&args.commit);
    let checker = Checker { cluster, scheduler: &kubernetes.scheduler, levels: &levels };
    let mut checked = CheckedOrders::default();
    if !orders.is_dir() {
        checker.add_file(orders, None, &mut checked)?;
        return Ok(checked);
    }
    for file in load::order_files(orders)? {
        if let Err(error) = checker.add_file(&file, Some(&file), &mut checked) {
            // What was not found out is a finding, too: otherwise the order would pass for one that starts.
            checked.add_finding(format!("it is not known whether the order would hang: {error}"));
            checked.orders = checked.orders.saturating_add(1);
        }
    }
    if checked.orders == 0 {
        let problem = InputError::new("there are no orders in this folder");
        return Err(CliError::unreadable_input(load::name(orders), problem));
    }
    Ok(checked)
}

/// What orders are checked with.
struct Checker<'a> {
    cluster: &'a Cluster,
    scheduler: &'a KubeScheduler,
    levels: &'a CommitLevels,
}

const NOT_STRICT: StrictArgs = StrictArgs { strict: false };

impl Checker<'_> {
    /// Checks the orders of a file, which are called by `named` if the file is one of a folder.
    fn add_file(&self, file: &Path, named: Option<&Path>, checked: &mut CheckedOrders) -> Result<(), CliError> {
        let document = Document::order(file)?;
        let read = detect::read_with_warnings(&document.text, None).map_err(|error| document.malformed(error))?;
        load::tell(&document.name, &read.warnings, &NOT_STRICT)?;
        let several = read.orders.len() > 1;
        for order in &read.orders {
            let name = load::order_name(named, order, several);
            match self.placements(order) {
                Ok(placements) => {
                    let hangs = placements.pending.as_ref().map(|pod| may_hang(&name, pod, placements.approximate));
                    hangs.into_iter().for_each(|problem| checked.add_finding(problem));
                }
                Err(error) if is_unknown(&error) => {
                    let shown = excerpt(&name);
                    checked.add_finding(format!("it is not known whether the order `{shown}` would hang: {error}"));
                }
                Err(error) => checked.not_reserved.push((name, error.to_string())),
            }
            checked.orders = checked.orders.saturating_add(1);
        }
        Ok(())
    }

    /// Where the pods of an order start, with the daemon's own reservation.
    fn placements(&self, order: &Order) -> Result<PodPlacements, ReserveError> {
        let (levels, budget) = (self.levels.for_order(order), Budget::default());
        let reserved = reserve(&order.group, self.cluster, Scheduler::Kubernetes, &levels, &budget);
        let explained =
            |error: ReserveError| error.explained(&order.group, self.cluster, Scheduler::Kubernetes, &levels);
        let reservation = reserved.map_err(explained)?;
        let units = levels.units(&order.group, Scheduler::Kubernetes);
        let pods = PodTemplate::of_group(&order.group, &units, &reservation, self.cluster);
        Ok(self.scheduler.place(&pods, self.cluster, &budget)?)
    }
}

/// Whether an error means that it was not found out whether the daemon would reserve the order.
fn is_unknown(error: &ReserveError) -> bool {
    match error {
        ReserveError::SearchExhausted(_) | ReserveError::DeadlineExceeded | ReserveError::Internal => true,
        ReserveError::InsufficientCapacity(_)
        | ReserveError::ReplicaMismatch(_)
        | ReserveError::InvalidInterconnectGroup(..) => false,
    }
}

fn may_hang(order: &str, pod: &PendingPod, approximate: bool) -> String {
    let lacks = |node: &NodeShortage| {
        let names: Vec<&str> = node.lacks.iter().map(|lack| lack.resource.name()).collect();
        format!("{} lacks {}", excerpt(&node.node), names.join(" and "))
    };
    let mut nodes: Vec<String> = pod.lacks.iter().take(NAMED).map(lacks).collect();
    if pod.lacks.len() > NAMED {
        nodes.push("others lack something, too".to_owned());
    }
    let why = if nodes.is_empty() { String::new() } else { format!(" ({})", nodes.join("; ")) };
    let hangs = match (pod.probability == Probability::ONE, approximate) {
        (true, false) => "would hang".to_owned(),
        (_, true) => format!("may hang (about {})", pod.probability.percent()),
        (false, false) => format!("may hang ({})", pod.probability.percent()),
    };
    format!(
        "the order `{}` {hangs}: the daemon reserves room for it, but kube-scheduler then finds no node for replica {} of \
         resource unit {}{why}",
        excerpt(order),
        pod.replica,
        pod.resource_id
    )
}

impl CheckedOrders {
    fn add_finding(&mut self, problem: String) {
        self.findings.push(Finding { node: None, resource: Resource::Pod, problem, action: Action::Kept });
    }

    pub(super) fn json(&self) -> Value {
        let not_reserved = self.not_reserved.iter().map(|(order, why)| json!({ "order": order, "message": why }));
        json!({ "checked": self.orders, "not_reserved": not_reserved.collect::<Vec<_>>() })
    }

    /// How many orders were checked, and which of them the daemon would not reserve.
    pub(super) fn shown(&self) -> String {
        let orders = count(self.orders, "order");
        let without = number(self.not_reserved.len());
        if without == 0 {
            return format!("\n{orders} checked\n");
        }
        let are = plural(without, "it is", "they are");
        let head = format!("{orders} checked; {without} cannot be reserved, so {are} not bid on:");
        let mut rows = table(&["order", "reason"], &[]);
        for (order, why) in self.not_reserved.iter().take(LISTED) {
            rows.add_row([excerpt(order), printable(why)]);
        }
        let more = match self.not_reserved.len().saturating_sub(LISTED) {
            0 => String::new(),
            more => format!("and {}\n", count(number(more), "more order")),
        };
        format!("\n{}\n\n{}{more}", wrap(&head), wrapped(rows, &[1]))
    }
}
