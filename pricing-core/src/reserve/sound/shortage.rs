//! What to say when the cluster cannot hold the order.
//!
//! These messages come from the search itself and name no node. [`crate::reserve::shortage`] adds the reasons by node
//! where somebody reads them.

use crate::reserve::{CommittedUnit, ReserveError};

use super::capacity::{bytes, insufficient};
use super::index::UnitIndex;
use super::problem::Problem;

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
    let needs = needs(unit);
    insufficient(match count {
        1 => format!("the replica of resource unit {id} cannot be placed{beside}; it needs {needs}"),
        _ => format!(
            "{fit} of the {count} replicas of resource unit {id} can be placed{beside}; a replica needs {needs}"
        ),
    })
}

/// What one replica needs from a node, for people.
fn needs(unit: &CommittedUnit) -> String {
    let mut parts = vec![format!("{}m CPU", unit.cpu), format!("{} of memory", bytes(unit.memory.get().into()))];
    for (class, size) in unit.storage.iter().filter(|(_, size)| !size.is_zero()) {
        parts.push(format!("{} of `{}` storage", bytes(size.get().into()), class));
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
        parts.push(match unit.gpu.units {
            1 => format!("1 GPU (`{kinds}`)"),
            units => format!("{units} GPUs of one model (`{kinds}`)"),
        });
    }
    parts.join(", ")
}
