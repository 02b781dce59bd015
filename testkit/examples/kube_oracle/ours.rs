//! Where we place the pods of a case.

use std::collections::BTreeMap;

use pricing_core::budget::Budget;
use pricing_core::inventory::{Cluster, read, validate};
use pricing_core::order::{GroupSpec, group_spec};
use pricing_core::reserve::kubernetes::configuration;
use pricing_core::reserve::kubernetes::{KubeScheduler, PodPlacements, PodTemplate};
use pricing_core::reserve::{CommitLevels, Reservation, Scheduler, reserve};

use crate::cases::Case;

/// The probability of each node, in millionths, of each replica in turn.
pub(crate) type Steps = Vec<BTreeMap<String, u32>>;

/// A reserved case and where its pods are placed.
#[derive(Debug)]
pub(crate) struct Placed {
    /// What was reserved.
    pub(crate) reservation: Reservation,
    /// The cluster.
    pub(crate) cluster: Cluster,
    placements: PodPlacements,
    group: GroupSpec,
}

/// Places the pods. None if the daemon would not reserve the order.
pub(crate) fn place(case: &Case) -> Result<Option<Placed>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let snapshot = read::read(&case.cluster().to_string()).map_err(|error| text(&error))?;
    let cluster = validate::validate(snapshot).cluster;
    let groups = group_spec::read(&case.group().to_string()).map_err(|error| text(&error))?;
    let group = groups.into_iter().next().ok_or("no group")?;
    let (levels, budget) = (CommitLevels::default(), Budget::default());
    let Ok(reservation) = reserve(&group, &cluster, Scheduler::Provider, &levels, &budget) else { return Ok(None) };
    let profile = match case.config.as_str() {
        "" => Default::default(),
        config => configuration::read(config).map_err(|error| text(&error))?.profile,
    };
    let scheduler = KubeScheduler { version: case.version, profile, pods_without_requests: case.pods_without_requests };
    let units = levels.units(&group, Scheduler::Provider);
    let pods = PodTemplate::of_group(&group, &units, &reservation, &cluster);
    let placements = scheduler.place(&pods, &cluster, &budget).map_err(|_| "the search took too long")?;
    Ok(Some(Placed { reservation, cluster, placements, group }))
}

impl Placed {
    /// Whether there were too many equally good ways to follow all of them.
    pub(crate) fn is_approximate(&self) -> bool {
        self.placements.approximate
    }

    pub(crate) fn steps(&self) -> Steps {
        let steps = self.placements.steps.iter();
        steps
            .map(|step| {
                let nodes = step.nodes.iter();
                let name = |id| self.cluster.node(id).map_or_else(String::new, |node| node.name.to_string());
                nodes.map(|node| (name(node.node), node.probability.millionths())).collect()
            })
            .collect()
    }

    /// The index of the first pod that may fit nowhere, and the probability of that in millionths.
    pub(crate) fn pending(&self) -> Option<(u64, u32)> {
        let pending = self.placements.pending.as_ref()?;
        let before = self.group.resources().iter().take_while(|unit| unit.id != pending.resource_id);
        let index = before.map(|unit| u64::from(unit.count)).sum::<u64>();
        let index = index.saturating_add(u64::from(pending.replica)).saturating_sub(1);
        Some((index, pending.probability.millionths()))
    }
}
