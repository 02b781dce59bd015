//! What to say when the cluster cannot hold the order.
//!
//! These messages come from the search itself and name no node. [`crate::reserve::shortage`] adds the reasons by node
//! where somebody reads them.

use std::collections::BTreeMap;

use crate::inventory::Cluster;
use crate::order::StorageClass;
use crate::reserve::{CommittedUnit, ReserveError, Shortage};

use super::index::UnitIndex;
use super::problem::Problem;

fn insufficient(message: String) -> ReserveError {
    ReserveError::InsufficientCapacity(Shortage::of_cluster(message))
}

/// Compares the bytes that are asked of each storage class, over all replicas, with what the cluster has left.
/// Persistent volumes live in pools of the cluster, so it makes no difference where the replicas run.
pub(super) fn check_storage(units: &[CommittedUnit], cluster: &Cluster) -> Result<(), ReserveError> {
    let mut asked: BTreeMap<&str, u128> = BTreeMap::new();
    for unit in units.iter().filter(|unit| unit.count > 0) {
        for (class, size) in unit.storage.iter().filter(|(_, size)| *size > 0) {
            if let StorageClass::Persistent(name) = class {
                let bytes = u128::from(*size).saturating_mul(u128::from(unit.count));
                let sum = asked.entry(name.exact()).or_default();
                *sum = sum.saturating_add(bytes);
            }
        }
    }
    for (class, asked) in asked {
        let shown = crate::text::excerpt(class);
        let Some(pool) = cluster.storage().iter().find(|pool| pool.class == class) else {
            let problem = format!("the cluster has no storage of class `{shown}`, and {} is asked for", bytes(asked));
            return Err(insufficient(problem));
        };
        let left = u128::from(pool.capacity.available.get());
        if asked > left {
            let problem =
                format!("{} of storage class `{shown}` is asked for and {} is left", bytes(asked), bytes(left));
            return Err(insufficient(problem));
        }
    }
    Ok(())
}

/// The error for a replica whose amounts overflow 64 bits.
pub(super) fn beyond_counting(unit: &CommittedUnit) -> ReserveError {
    insufficient(format!("a replica of resource unit {} asks for more than 16Ei", unit.id))
}

/// The error for a unit that does not fit even on an empty cluster.
pub(super) fn alone(problem: &Problem<'_>, unit: UnitIndex, fit: u64) -> ReserveError {
    shortage(problem, unit, fit, "")
}

/// The error for a unit that does not fit together with the others.
pub(super) fn together(problem: &Problem<'_>, unit: UnitIndex, fit: u64) -> ReserveError {
    shortage(problem, unit, fit, " beside the other resource units")
}

/// The message for a unit of which only `fit` replicas can be placed.
fn shortage(problem: &Problem<'_>, unit: UnitIndex, fit: u64, beside: &str) -> ReserveError {
    let unit = match problem.units.get(unit) {
        Ok(unit) => unit.asked,
        Err(bug) => return bug,
    };
    let (id, count) = (unit.id, unit.count);
    insufficient(format!(
        "{fit} of the {count} replicas of resource unit {id} can be placed{beside}; a replica needs {}",
        needs(unit)
    ))
}

/// What one replica needs from a node, for people.
fn needs(unit: &CommittedUnit) -> String {
    let mut parts = vec![format!("{}m CPU", unit.cpu), format!("{} of memory", bytes(u128::from(unit.memory)))];
    for (class, size) in unit.storage.iter().filter(|(_, size)| *size > 0) {
        parts.push(format!("{} of `{}` storage", bytes(u128::from(*size)), class));
    }
    if unit.gpu.units > 0 {
        let mut kinds: Vec<String> = unit.gpu.alternatives.iter().take(4).map(|kind| kind.to_string()).collect();
        if unit.gpu.alternatives.is_empty() {
            kinds.push("any card".to_owned());
        }
        if unit.gpu.alternatives.len() > kinds.len() {
            kinds.push("...".to_owned());
        }
        let kinds = crate::text::excerpt(&kinds.join(" or "));
        parts.push(format!("{} GPUs of one model (`{kinds}`)", unit.gpu.units));
    }
    parts.join(", ")
}

/// Formats a number of bytes in the largest binary unit that is exact.
fn bytes(bytes: u128) -> String {
    for (shift, suffix) in [(40, "Ti"), (30, "Gi"), (20, "Mi"), (10, "Ki")] {
        let whole = bytes.checked_shr(shift).unwrap_or(0);
        if whole > 0 && whole.checked_shl(shift) == Some(bytes) {
            return format!("{whole}{suffix}");
        }
    }
    format!("{bytes} bytes")
}
