//! What rules an order out before any search: more storage than the cluster has, or more than can be counted.

use std::collections::BTreeMap;

use crate::inventory::Cluster;
use crate::order::StorageClass;
use crate::reserve::{CommittedUnit, ReserveError, Shortage};
use crate::text::counted;

/// The error with a message about the cluster as a whole.
pub(super) fn insufficient(message: String) -> ReserveError {
    ReserveError::InsufficientCapacity(Shortage::of_cluster(message))
}

/// Compares the bytes that are asked of each storage class, over all replicas, with what the cluster has left. All
/// replicas together may ask for more than 64 bits can count.
/// Persistent volumes live in pools of the cluster, so it makes no difference where the replicas run.
pub(super) fn check_storage(units: &[CommittedUnit], cluster: &Cluster) -> Result<(), ReserveError> {
    let mut asked: BTreeMap<&str, u128> = BTreeMap::new();
    for unit in units.iter().filter(|unit| unit.count > 0) {
        for (class, size) in unit.storage.iter().filter(|(_, size)| !size.is_zero()) {
            if let StorageClass::Persistent(name) = class {
                let bytes = u128::from(size.get()).saturating_mul(u128::from(unit.count));
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

/// Formats a number of bytes in the largest binary unit that is exact.
pub(super) fn bytes(bytes: u128) -> String {
    for (shift, suffix) in [(40, "Ti"), (30, "Gi"), (20, "Mi"), (10, "Ki")] {
        let whole = bytes.checked_shr(shift).unwrap_or(0);
        if whole > 0 && whole.checked_shl(shift) == Some(bytes) {
            return format!("{whole}{suffix}");
        }
    }
    counted(bytes, "byte")
}
