//! A brute-force oracle: tries every assignment of replicas to nodes and of their cards to described cards.
//!
//! It shares no code with the scheduler that it judges and knows no shortcut, so it is for small clusters only.

use pricing_core::inventory::{CardId, Cluster};
use pricing_core::order::StorageClass;
use pricing_core::reserve::CommittedUnit;

/// What is left of a node while trying.
#[derive(Clone, Debug)]
struct Left {
    cpu: i128,
    memory: i128,
    ephemeral: i128,
    gpus: i128,
    /// The described cards that nobody has.
    cards: Vec<CardId>,
    classes: Vec<String>,
}

/// Whether an order can be placed on a cluster, each replica's cards being described cards of its own, and those of one
/// unit of one vendor and model.
#[must_use]
pub fn feasible(units: &[CommittedUnit], cluster: &Cluster) -> bool {
    let mut nodes: Vec<Left> = cluster
        .nodes()
        .iter()
        .map(|node| Left {
            cpu: i128::from(node.cpu.available.get()),
            memory: i128::from(node.memory.available.get()),
            ephemeral: i128::from(node.ephemeral.available.get()),
            gpus: i128::from(node.gpus.available),
            cards: node.cards.clone(),
            classes: node.storage_classes.clone(),
        })
        .collect();
    storage_suffices(units, cluster) && place_units(units, cluster, &mut nodes)
}

fn storage_suffices(units: &[CommittedUnit], cluster: &Cluster) -> bool {
    let volumes = || units.iter().flat_map(|unit| unit.storage.iter().map(move |volume| (unit.count, volume)));
    volumes().all(|(_, (class, _))| {
        let StorageClass::Persistent(name) = class else { return true };
        let same = volumes().filter(|(_, (other, _))| other == class);
        let asked: i128 = same.map(|(count, (_, size))| i128::from(count) * i128::from(*size)).sum();
        let pool = cluster.storage().iter().find(|pool| pool.class == *name);
        asked <= pool.map_or(0, |pool| i128::from(pool.capacity.available.get()))
    })
}

fn place_units(units: &[CommittedUnit], cluster: &Cluster, nodes: &mut Vec<Left>) -> bool {
    let Some((unit, rest)) = units.split_first() else { return true };
    if unit.gpu.units == 0 {
        return place_replicas(unit, unit.count, 0, None, rest, cluster, nodes);
    }
    let mut models: Vec<(&str, &str)> =
        cluster.cards().iter().map(|card| (card.kind.vendor(), card.kind.model())).collect();
    models.sort_unstable();
    models.dedup();
    models.into_iter().any(|model| place_replicas(unit, unit.count, 0, Some(model), rest, cluster, nodes))
}

/// Places the replicas that are left of a unit; a later one never on an earlier node, as replicas are alike.
fn place_replicas(
    unit: &CommittedUnit,
    left: u32,
    first: usize,
    model: Option<(&str, &str)>,
    rest: &[CommittedUnit],
    cluster: &Cluster,
    nodes: &mut Vec<Left>,
) -> bool {
    if left == 0 {
        return place_units(rest, cluster, nodes);
    }
    for place in first..nodes.len() {
        let Some(before) = nodes.get(place).cloned() else { continue };
        let Some(without) = take(unit, before.clone()) else { continue };
        for after in hand_out(unit, unit.gpu.units, 0, model, cluster, without) {
            if let Some(slot) = nodes.get_mut(place) {
                *slot = after;
            }
            if place_replicas(unit, left - 1, place, model, rest, cluster, nodes) {
                return true;
            }
        }
        if let Some(slot) = nodes.get_mut(place) {
            *slot = before;
        }
    }
    false
}

/// A node without what a replica takes of it, but for the cards themselves.
fn take(unit: &CommittedUnit, mut node: Left) -> Option<Left> {
    node.cpu -= i128::from(unit.cpu);
    node.memory -= i128::from(unit.memory);
    node.gpus -= i128::from(unit.gpu.units);
    for (class, size) in &unit.storage {
        match class {
            StorageClass::Ephemeral => node.ephemeral -= i128::from(*size),
            StorageClass::Ram => node.memory -= i128::from(*size),
            StorageClass::Persistent(name) => {
                if *size > 0 && !node.classes.contains(name) {
                    return None;
                }
            }
        }
    }
    let fits = node.cpu >= 0 && node.memory >= 0 && node.ephemeral >= 0 && node.gpus >= 0;
    fits.then_some(node)
}

/// Every way to hand out cards of a model, as what is left of the node.
fn hand_out(
    unit: &CommittedUnit,
    wanted: u64,
    from: usize,
    model: Option<(&str, &str)>,
    cluster: &Cluster,
    node: Left,
) -> Vec<Left> {
    if wanted == 0 {
        return vec![node];
    }
    let mut ways = Vec::new();
    let mut tried: Vec<CardId> = Vec::new();
    for place in from..node.cards.len() {
        let Some(id) = node.cards.get(place).copied() else { continue };
        let Some(kind) = cluster.card(id).map(|card| &card.kind) else { continue };
        let right = Some((kind.vendor(), kind.model())) == model && unit.gpu.allows(kind);
        // Cards of one description are alike: one of them stands for all.
        if right && !tried.contains(&id) {
            tried.push(id);
            let mut without = node.clone();
            without.cards.remove(place);
            ways.extend(hand_out(unit, wanted - 1, place, model, cluster, without));
        }
    }
    ways
}
