//! An independent check of whether a reservation can really be made.

use std::collections::BTreeMap;

use pricing_core::gpu::{GpuKind, GpuSelector};
use pricing_core::inventory::{CardId, Cluster, Node, NodeId};
use pricing_core::order::StorageClass;
use pricing_core::reserve::{CommittedUnit, Reservation, Target};

/// Checks that a reservation can be made, and that its targets list the kinds that may be handed out.
///
/// # Errors
/// What is wrong, for people.
pub fn check_reservation(reservation: &Reservation, units: &[CommittedUnit], cluster: &Cluster) -> Result<(), String> {
    check_realisable(reservation, units, cluster)?;
    check_kinds(reservation, units, cluster)
}

/// Checks that a reservation places every replica of an order, and that no node, card or storage class is exceeded:
/// replicas of a unit get cards of one vendor and model, which the target's GPU attribute and the request allow, and no
/// described card is given out twice.
///
/// # Errors
/// What is wrong, for people.
pub fn check_realisable(reservation: &Reservation, units: &[CommittedUnit], cluster: &Cluster) -> Result<(), String> {
    check_counts(reservation, units)?;
    check_storage(units, cluster)?;
    let mut nodes: BTreeMap<NodeId, Vec<(usize, u32)>> = BTreeMap::new();
    for (place, target) in reservation.targets.iter().enumerate() {
        for placement in &target.placements {
            nodes.entry(placement.node).or_default().push((place, placement.replicas));
        }
    }
    for (id, given) in nodes {
        let node = cluster.node(id).ok_or_else(|| format!("{id:?} is not a node of the cluster"))?;
        check_node(reservation, units, cluster, node, &given).map_err(|problem| format!("{}: {problem}", node.name))?;
    }
    Ok(())
}

fn check_counts(reservation: &Reservation, units: &[CommittedUnit]) -> Result<(), String> {
    if reservation.targets.len() != units.len() {
        return Err(format!("{} targets for {} units", reservation.targets.len(), units.len()));
    }
    for (target, unit) in reservation.targets.iter().zip(units) {
        let placed: u64 = target.placements.iter().map(|placement| u64::from(placement.replicas)).sum();
        let mut ids: Vec<NodeId> = target.placements.iter().map(|placement| placement.node).collect();
        ids.sort_unstable();
        ids.dedup();
        let same = (target.resource_id, target.count, target.gpu_units) == (unit.id, unit.count, unit.gpu.units);
        if !same || placed != u64::from(unit.count) || ids.len() != target.placements.len() {
            return Err(format!("unit {} of {} replicas got {target:?}", unit.id, unit.count));
        }
        if target.gpu_attribute.is_some() != (unit.gpu.units > 0) {
            return Err(format!("unit {} got the attribute {:?}", unit.id, target.gpu_attribute));
        }
    }
    Ok(())
}

fn check_storage(units: &[CommittedUnit], cluster: &Cluster) -> Result<(), String> {
    let mut asked: BTreeMap<&str, u128> = BTreeMap::new();
    for unit in units {
        for (class, size) in &unit.storage {
            if let StorageClass::Persistent(name) = class {
                *asked.entry(name.exact()).or_default() += u128::from(unit.count) * u128::from(size.get());
            }
        }
    }
    for (class, asked) in asked {
        let pool = cluster.storage().iter().find(|pool| pool.class == class);
        let left = pool.map_or(0, |pool| u128::from(pool.capacity.available.get()));
        if asked > left {
            return Err(format!("{asked} of class {class} asked, {left} left"));
        }
    }
    Ok(())
}

/// Checks one node: the sums of what the replicas there take, their labels and classes, and whether their cards can be
/// distinct.
fn check_node(
    reservation: &Reservation,
    units: &[CommittedUnit],
    cluster: &Cluster,
    node: &Node,
    given: &[(usize, u32)],
) -> Result<(), String> {
    let (mut cpu, mut memory, mut ephemeral, mut gpus, mut hcas) = (0_u128, 0_u128, 0_u128, 0_u128, 0_u128);
    let mut labels: Vec<&str> = Vec::new();
    let mut cards: Vec<(u64, Vec<CardId>)> = Vec::new();
    for (place, replicas) in given {
        let (Some(unit), Some(target)) = (units.get(*place), reservation.targets.get(*place)) else { continue };
        let times = u128::from(*replicas);
        cpu += times * (u128::from(unit.cpu.get()) + u128::from(unit.sidecar.cpu.get()));
        memory += times * (u128::from(unit.memory.get()) + u128::from(unit.sidecar.memory.get()));
        gpus += times * u128::from(unit.gpu.units);
        if let Some(asked) = &unit.interconnect {
            hcas += times * u128::from(unit.gpu.units);
            if node.interconnect != target.interconnect
                || !cluster.interconnect_of(node).is_some_and(|found| asked.is_met_by(found))
            {
                return Err(format!("unit {} is not connected as it asks", unit.id));
            }
            labels.extend((0..*replicas).map(|_| asked.label.as_str()).filter(|label| !label.is_empty()));
        }
        for (class, size) in unit.storage.iter().filter(|(_, size)| !size.is_zero()) {
            match class {
                StorageClass::Ephemeral => ephemeral += times * u128::from(size.get()),
                StorageClass::Ram => memory += times * u128::from(size.get()),
                StorageClass::Persistent(name) if !node.storage_classes.iter().any(|known| *name == **known) => {
                    return Err(format!("unit {} needs class {name}", unit.id));
                }
                StorageClass::Persistent(_) => {}
            }
        }
        if unit.gpu.units > 0 {
            let allowed = |id: &&CardId| {
                let kind = cluster.card(**id).map(|card| &card.kind);
                kind.is_some_and(|kind| unit.gpu.allows(kind) && may_be(target, kind))
            };
            let wanted = u64::from(*replicas) * unit.gpu.units;
            cards.push((wanted, node.cards.iter().filter(allowed).copied().collect()));
        }
    }
    for (what, given, left) in [
        ("cpu", cpu, node.cpu.available.get()),
        ("memory", memory, node.memory.available.get()),
        ("ephemeral storage", ephemeral, node.ephemeral.available.get()),
        ("gpus", gpus, node.gpus.available),
        ("HCAs", hcas, node.hcas.available),
    ] {
        if given > u128::from(left) {
            return Err(format!("{given} of {what} given, {left} left"));
        }
    }
    let replicas = labels.len();
    labels.sort_unstable();
    labels.dedup();
    if labels.len() < replicas {
        return Err("peers share the node".to_owned());
    }
    if disjoint(&cards, &node.cards) { Ok(()) } else { Err("a described card is given twice".to_owned()) }
}

/// Whether a target's GPU attribute allows a card of this kind.
fn may_be(target: &Target, kind: &GpuKind) -> bool {
    let attribute = target.gpu_attribute.as_deref().map(GpuSelector::from_attribute_key);
    matches!(attribute, Some(Ok(selector)) if selector.matches(kind))
}

/// Whether all can have their numbers of distinct cards: by Hall's theorem, if no subset of them wants more cards than
/// are acceptable to it.
fn disjoint(wanted: &[(u64, Vec<CardId>)], described: &[CardId]) -> bool {
    (0..1_u32 << wanted.len().min(20)).all(|set| {
        let chosen = || wanted.iter().enumerate().filter(|(place, _)| set & (1 << place) != 0).map(|(_, entry)| entry);
        let asked: u64 = chosen().map(|(number, _)| number).sum();
        let there = described.iter().filter(|card| chosen().any(|(_, allowed)| allowed.contains(card))).count();
        asked <= u64::try_from(there).unwrap_or(u64::MAX)
    })
}

/// Checks that a placement's kinds are the distinct ones that the node describes and the request allows, of the vendor
/// in the target's attribute.
fn check_kinds(reservation: &Reservation, units: &[CommittedUnit], cluster: &Cluster) -> Result<(), String> {
    for (target, unit) in reservation.targets.iter().zip(units) {
        let attribute = target.gpu_attribute.as_deref().map(GpuSelector::from_attribute_key).and_then(Result::ok);
        for placement in &target.placements {
            let described = cluster.node(placement.node).map_or(&[] as &[CardId], |node| &node.cards);
            let mut expected: Vec<&GpuKind> =
                described.iter().filter_map(|id| Some(&cluster.card(*id)?.kind)).collect();
            expected.retain(|kind| {
                attribute.as_ref().is_some_and(|a| a.vendor() == kind.vendor()) && unit.gpu.allows(kind)
            });
            expected.sort();
            expected.dedup();
            let mut listed = target.kinds(cluster, placement);
            listed.sort();
            if listed != expected || placement.kinds.len() != expected.len() {
                return Err(format!("unit {} lists the kinds {listed:?}, expected {expected:?}", unit.id));
            }
        }
    }
    Ok(())
}
