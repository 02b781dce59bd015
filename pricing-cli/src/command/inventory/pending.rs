//! Orders that would hang: the daemon reserves room for them, and Kubernetes leaves a replica without a node.

use std::path::Path;

use pricing_core::budget::Budget;
use pricing_core::inventory::Cluster;
use pricing_core::inventory::finding::{Action, Finding, Resource};
use pricing_core::order::{Order, detect};
use pricing_core::reserve::kubernetes::{KubeScheduler, PendingPod, PodTemplate};
use pricing_core::reserve::shortage::NodeShortage;
use pricing_core::reserve::{CommitLevels, ReserveError, Scheduler, reserve};
use pricing_core::text::excerpt;

use super::CheckArgs;
use crate::args::{StrictArgs, commit_levels};
use crate::error::CliError;
use crate::load::{self, Document};

/// The most nodes that a finding names.
const NAMED: usize = 4;

/// A finding for each order of a file with a replica that may find no node. An order that cannot be reserved is not bid
/// on, so it cannot hang.
pub(super) fn findings(orders: &Path, args: &CheckArgs, cluster: &Cluster) -> Result<Vec<Finding>, CliError> {
    let document = Document::order(orders)?;
    let read = detect::read_with_warnings(&document.text, None).map_err(|error| document.malformed(error))?;
    let not_strict = StrictArgs { strict: false };
    load::tell(&document.name, &read.warnings, &not_strict)?;
    let texts = args.scheduler.read()?;
    let kubernetes = texts.parse()?;
    if let Some(configuration) = &texts.scheduler_config {
        load::tell(&configuration.name, &kubernetes.warnings, &not_strict)?;
    }
    let levels = commit_levels(&args.commit);
    let problem = |order: &Order| match pending(order, cluster, &kubernetes.scheduler, &levels) {
        Ok(pod) => pod.map(|pod| would_hang(order, &pod)),
        // What was not found out is a finding, too: otherwise the order would pass for one that starts.
        Err(error) => Some(format!("it is not known whether the order `{}` would hang: {error}", order.group.name())),
    };
    let finding = |problem| Finding { node: None, resource: Resource::Pod, problem, action: Action::Kept };
    Ok(read.orders.iter().filter_map(problem).map(finding).collect())
}

/// The replica of an order that may find no node, with the daemon's own reservation.
fn pending(
    order: &Order,
    cluster: &Cluster,
    scheduler: &KubeScheduler,
    levels: &CommitLevels,
) -> Result<Option<PendingPod>, ReserveError> {
    let (levels, budget) = (levels.for_order(order), Budget::default());
    let reservation = match reserve(&order.group, cluster, Scheduler::Kubernetes, &levels, &budget) {
        Ok(reservation) => reservation,
        Err(error @ (ReserveError::SearchExhausted(_) | ReserveError::DeadlineExceeded | ReserveError::Internal)) => {
            return Err(error);
        }
        Err(_) => return Ok(None),
    };
    let units = levels.units(&order.group, Scheduler::Kubernetes);
    let pods = PodTemplate::of_group(&order.group, &units, &reservation, cluster);
    Ok(scheduler.place(&pods, cluster, &budget)?.pending)
}

fn would_hang(order: &Order, pod: &PendingPod) -> String {
    let lacks = |node: &NodeShortage| {
        let names: Vec<&str> = node.lacks.iter().map(|lack| lack.resource.name()).collect();
        format!("{} lacks {}", excerpt(&node.node), names.join(" and "))
    };
    let mut nodes: Vec<String> = pod.lacks.iter().take(NAMED).map(lacks).collect();
    if pod.lacks.len() > NAMED {
        nodes.push("others lack something, too".to_owned());
    }
    let why = if nodes.is_empty() { String::new() } else { format!(" ({})", nodes.join("; ")) };
    format!(
        "the order `{}` would hang: the daemon reserves room for it, and Kubernetes leaves replica {} of resource unit {} \
         without a node, with probability {}{why}",
        order.group.name(),
        pod.replica,
        pod.resource_id,
        pod.probability
    )
}
