//! The request that the provider's daemon passes to a bid price script.

use pricing_core::gpu::{GpuKind, GpuRequest, GpuSelector};
use pricing_core::order::{GroupSpec, Order, ResourceUnit, StorageClass, Volume};
use pricing_core::quantity::Bytes;
use pricing_core::quote::QuotedTarget;
use pricing_core::reserve::{CommitLevels, Scheduler};

/// The order in the form that the daemon passes: amounts after commit levels by its own formula, and the allocated
/// model if it is certain. Otherwise the cards are those that the tenant wrote.
pub(super) fn allocated(order: &Order, targets: &[QuotedTarget], commit: &CommitLevels) -> Order {
    let committed = commit.for_order(order).units(&order.group, Scheduler::Provider);
    let units = order.group.resources().iter().zip(committed).map(|(unit, committed)| {
        let target = targets.iter().find(|target| target.resource_id == unit.id);
        let alternatives = target.and_then(|target| handed_out(&unit.gpu, target));
        ResourceUnit {
            cpu: committed.cpu,
            memory: committed.memory,
            gpu: GpuRequest {
                units: committed.gpu.units,
                alternatives: alternatives.map_or(committed.gpu.alternatives, |selector| vec![selector]),
                ..GpuRequest::default()
            },
            storage: volumes(&unit.storage, &committed.storage),
            ..unit.clone()
        }
    });
    let (name, requirements) = (order.group.name().exact().to_owned(), order.group.requirements().clone());
    // IDs, counts and prices do not change, so the group stays valid.
    GroupSpec::new(name, requirements, units.collect())
        .map_or_else(|_| order.clone(), |group| Order { group, ..order.clone() })
}

/// Volumes with their reserved amounts, which are in the same order.
fn volumes(written: &[Volume], committed: &[(StorageClass, Bytes)]) -> Vec<Volume> {
    let sized = |(volume, (_, size)): (&Volume, &(StorageClass, Bytes))| Volume { size: *size, ..volume.clone() };
    written.iter().zip(committed).map(sized).collect()
}

/// The GPU attribute that the daemon writes for the cards of a unit: vendor and model, and RAM and interface if the
/// tenant's entry for the card names these.
fn handed_out(request: &GpuRequest, target: &QuotedTarget) -> Option<GpuSelector> {
    if !target.cards.iter().all(|group| group.known) {
        return None;
    }
    let mut kinds = target.cards.iter().flat_map(|group| &group.kinds);
    let first = kinds.next()?;
    let named = named(request, first);
    for kind in kinds {
        if (kind.vendor(), kind.model()) != (first.vendor(), first.model()) {
            return None;
        }
        // If the entries for two cards of a model name different RAM, no attribute is certain.
        if self::named(request, kind) != named {
            return Some(GpuSelector::new(first.vendor(), first.model(), None, None));
        }
    }
    let (ram, interface) = named;
    Some(GpuSelector::new(first.vendor(), first.model(), ram, interface))
}

/// The RAM and interface that the tenant's entry for a card names: the last one for its model, or else the last one for
/// any model.
fn named<'a>(request: &'a GpuRequest, kind: &GpuKind) -> (Option<&'a str>, Option<&'a str>) {
    let matching = || request.alternatives.iter().rev().filter(|selector| selector.matches(kind));
    let entry = matching().find(|selector| selector.model().is_some()).or_else(|| matching().next());
    entry.map_or((None, None), |selector| (selector.ram(), selector.interface()))
}
