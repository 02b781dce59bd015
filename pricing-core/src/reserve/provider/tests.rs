//! The daemon's own answers, and its mistakes, each named after its number in the list of the provider's known faults.

mod faults;
mod naive;
mod vectors;

use super::*;
use crate::gpu::{GpuRequest, GpuSelector};

/// Reserves with as many steps as it takes.
pub(super) fn reserve(units: &[CommittedUnit], cluster: &Cluster) -> Result<Reservation, ReserveError> {
    super::reserve(units, cluster, &Budget::default())
}
