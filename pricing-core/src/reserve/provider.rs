//! The provider's own algorithm.
use super::{CommittedUnit, Reservation, ReserveError};
use crate::inventory::Cluster;

/// Answers what the provider's daemon does.
///
/// # Errors
/// As the daemon has them.
pub fn reserve(_units: &[CommittedUnit], _cluster: &Cluster) -> Result<Reservation, ReserveError> {
    Err(ReserveError::InsufficientCapacity(String::new()))
}
