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
use crate::args::{KubernetesArgs, StrictArgs};
use crate::error::CliError;
use crate::load::{self, Document};
use crate::output;

/// The most nodes that a finding names.
const NAMED: usize = 4;

/// A finding for each order of a file with a replica that may find no node. An order that cannot be reserved is not bid
/// on, so it cannot hang.
pub(super) fn findings(orders: &Path, args: &CheckArgs, cluster: &Cluster) -> Result<Vec<Finding>, CliError> {
    let document = Document::order(orders)?;
    let read = detect::read_with_warnings(&document.text, None).map_err(|error| document.malformed(error))?;
    let not_strict = StrictArgs { strict: false };
    load::tell(&document.name, &read.warnings, &not_strict)?;
    let options = KubernetesArgs {
        scheduler_config: args.scheduler_config.clone(),
        kubernetes_version: args.kubernetes_version,
        pods_without_requests: args.pods_without_requests,
        no_predict: false,
    };
    let texts = options.read()?;
    let kubernetes = texts.parse()?;
    if let Some(configuration) = &texts.scheduler_config {
        load::tell(&configuration.name, &kubernetes.warnings, &not_strict)?;
    }
    let mut findings = Vec::new();
    for order in &read.orders {
        match pending(order, cluster, &kubernetes.scheduler) {
            Ok(pod) => findings.extend(pod.map(|pod| finding(order, &pod))),
            Err(error) => output::complain(&format!("warning: {}: it is not known: {error}", order.group.name())),
        }
    }
    Ok(findings)
}

/// The replica of an order that may find no node, with the daemon's own reservation.
fn pending(order: &Order, cluster: &Cluster, scheduler: &KubeScheduler) -> Result<Option<PendingPod>, ReserveError> {
    let (levels, budget) = (CommitLevels::default(), Budget::default());
    let levels = levels.for_order(order);
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

fn finding(order: &Order, pod: &PendingPod) -> Finding {
    let lacks = |node: &NodeShortage| {
        let names: Vec<&str> = node.lacks.iter().map(|lack| lack.resource.name()).collect();
        format!("{} lacks {}", excerpt(&node.node), names.join(" and "))
    };
    let mut nodes: Vec<String> = pod.lacks.iter().take(NAMED).map(lacks).collect();
    if pod.lacks.len() > NAMED {
        nodes.push("others lack something, too".to_owned());
    }
    let why = if nodes.is_empty() { String::new() } else { format!(" ({})", nodes.join("; ")) };
    let problem = format!(
        "the order `{}` would hang: the daemon reserves room for it, and Kubernetes leaves replica {} of resource unit {} \
         without a node, with probability {}{why}",
        order.group.name(),
        pod.replica,
        pod.resource_id,
        pod.probability
    );
    Finding { node: None, resource: Resource::Pod, problem, action: Action::Kept }
}
