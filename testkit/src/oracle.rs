//! A brute-force oracle: tries every assignment of replicas to nodes, and of their cards to described cards.
//!
//! It shares no code with the scheduler that it checks and takes no shortcuts, so it is only for small clusters.

use std::collections::BTreeSet;

use pricing_core::gpu::GpuKind;
use pricing_core::inventory::{CardId, Cluster, InterconnectId, Node};
use pricing_core::order::StorageClass;
use pricing_core::reserve::CommittedUnit;

/// What is left of a node during the search.
#[derive(Clone, Debug)]
struct Left {
    cpu: i128,
    memory: i128,
    ephemeral: i128,
    gpus: i128,
    hcas: i128,
    interconnect: Option<InterconnectId>,
    /// The labels of connected replicas.
    labels: Vec<String>,
    /// The described cards that are left.
    cards: Vec<CardId>,
    classes: Vec<String>,
}

/// The position of a replica: unit and node by index, and the vendor of its cards.
#[derive(Clone, Copy, Debug)]
struct Step<'a> {
    unit: usize,
    node: usize,
    vendor: Option<&'a str>,
}

/// What all replicas of a unit share: the vendor and model of their cards, and the interconnect of their nodes.
#[derive(Clone, Copy, Debug)]
struct Wanted<'a> {
    model: Option<(&'a str, &'a str)>,
    interconnect: Option<InterconnectId>,
}

/// Tries every placement, and reports each complete one until it is told to stop.
struct Trial<'a> {
    units: &'a [CommittedUnit],
    cluster: &'a Cluster,
    nodes: Vec<Left>,
    steps: Vec<Step<'a>>,
}

/// The GPU kinds that each unit of an order could be handed.
pub type Outcome = Vec<BTreeSet<GpuKind>>;

/// Whether an order can be placed on a cluster, with distinct described cards for each replica, and cards of one vendor
/// and model for each unit.
#[must_use]
pub fn feasible(units: &[CommittedUnit], cluster: &Cluster) -> bool {
    storage_suffices(units, cluster) && Trial::new(units, cluster).place_units(0, &mut |_| true)
}

/// Every combination of kinds that the placements of an order can have. A unit may be handed any card that it allows,
/// of its vendor, on the nodes of its replicas.
#[must_use]
pub fn outcomes(units: &[CommittedUnit], cluster: &Cluster) -> BTreeSet<Outcome> {
    let mut found = BTreeSet::new();
    if storage_suffices(units, cluster) {
        Trial::new(units, cluster).place_units(0, &mut |steps| {
            found.insert(outcome(units, cluster, steps));
            false
        });
    }
    found
}

fn outcome(units: &[CommittedUnit], cluster: &Cluster, steps: &[Step<'_>]) -> Outcome {
    let of_unit = |(place, unit): (usize, &CommittedUnit)| {
        let mut kinds = BTreeSet::new();
        for step in steps.iter().filter(|step| step.unit == place) {
            let cards = cluster.nodes().get(step.node).map_or(&[] as &[CardId], |node| &node.cards);
            let cards = cards.iter().filter_map(|id| Some(&cluster.card(*id)?.kind));
            kinds.extend(cards.filter(|kind| Some(kind.vendor()) == step.vendor && unit.gpu.allows(kind)).cloned());
        }
        kinds
    };
    units.iter().enumerate().map(of_unit).collect()
}

fn storage_suffices(units: &[CommittedUnit], cluster: &Cluster) -> bool {
    let volumes = || units.iter().flat_map(|unit| unit.storage.iter().map(move |volume| (unit.count, volume)));
    volumes().all(|(_, (class, _))| {
        let StorageClass::Persistent(name) = class else { return true };
        let same = volumes().filter(|(_, (other, _))| other == class);
        let asked: i128 = same.map(|(count, (_, size))| i128::from(count) * i128::from(size.get())).sum();
        let pool = cluster.storage().iter().find(|pool| *name == *pool.class);
        asked <= pool.map_or(0, |pool| i128::from(pool.capacity.available.get()))
    })
}

type Told<'f> = &'f mut dyn FnMut(&[Step<'_>]) -> bool;

impl<'a> Trial<'a> {
    fn new(units: &'a [CommittedUnit], cluster: &'a Cluster) -> Self {
        let left = |node: &Node| Left {
            cpu: i128::from(node.cpu.available.get()),
            memory: i128::from(node.memory.available.get()),
            ephemeral: i128::from(node.ephemeral.available.get()),
            gpus: i128::from(node.gpus.available),
            hcas: i128::from(node.hcas.available),
            interconnect: node.interconnect,
            labels: Vec::new(),
            cards: node.cards.clone(),
            classes: node.storage_classes.clone(),
        };
        Self { units, cluster, nodes: cluster.nodes().iter().map(left).collect(), steps: Vec::new() }
    }

    /// Places the units from an index on.
    fn place_units(&mut self, unit: usize, told: Told<'_>) -> bool {
        let Some(asked) = self.units.get(unit) else { return told(&self.steps) };
        let interconnects: Vec<Option<InterconnectId>> = match &asked.interconnect {
            None => vec![None],
            Some(request) => {
                let nodes = self.cluster.nodes().iter();
                let met =
                    nodes.filter(|node| self.cluster.interconnect_of(node).is_some_and(|one| request.is_met_by(one)));
                met.map(|node| node.interconnect).collect::<BTreeSet<_>>().into_iter().collect()
            }
        };
        interconnects.into_iter().any(|interconnect| self.place_unit(unit, interconnect, told))
    }

    /// Places a unit on nodes with one interconnect, if it asks for any, and the units after it.
    fn place_unit(&mut self, unit: usize, interconnect: Option<InterconnectId>, told: Told<'_>) -> bool {
        let Some(asked) = self.units.get(unit) else { return false };
        let wanted = Wanted { model: None, interconnect };
        if asked.gpu.units == 0 {
            return self.place_replicas(unit, asked.count, 0, wanted, told);
        }
        let mut models: Vec<(&str, &str)> =
            self.cluster.cards().iter().map(|card| (card.kind.vendor(), card.kind.model())).collect();
        models.sort_unstable();
        models.dedup();
        let wanted = |model| Wanted { model: Some(model), interconnect };
        models.into_iter().any(|model| self.place_replicas(unit, asked.count, 0, wanted(model), told))
    }

    /// Places the remaining replicas of a unit. A later replica never goes to an earlier node, because replicas are
    /// interchangeable.
    fn place_replicas(&mut self, unit: usize, left: u32, first: usize, wanted: Wanted<'a>, told: Told<'_>) -> bool {
        let Some(asked) = self.units.get(unit).filter(|_| left > 0) else { return self.place_units(unit + 1, told) };
        for node in first..self.nodes.len() {
            let Some(before) = self.nodes.get(node).cloned() else { continue };
            let Some(without) = take(asked, wanted.interconnect, before.clone()) else { continue };
            self.steps.push(Step { unit, node, vendor: wanted.model.map(|(vendor, _)| vendor) });
            for after in hand_out(asked, asked.gpu.units, 0, wanted.model, self.cluster, without) {
                self.set(node, after);
                if self.place_replicas(unit, left - 1, node, wanted, told) {
                    return true;
                }
            }
            self.steps.pop();
            self.set(node, before);
        }
        false
    }

    fn set(&mut self, node: usize, left: Left) {
        if let Some(slot) = self.nodes.get_mut(node) {
            *slot = left;
        }
    }
}

/// A node after subtracting what a replica takes, except for the cards.
fn take(unit: &CommittedUnit, interconnect: Option<InterconnectId>, mut node: Left) -> Option<Left> {
    if let Some(request) = &unit.interconnect {
        let has_peer = !request.label.is_empty() && node.labels.contains(&request.label);
        if node.interconnect != interconnect || has_peer {
            return None;
        }
        node.labels.push(request.label.clone());
        node.hcas -= i128::from(unit.gpu.units);
    }
    node.cpu -= i128::from(unit.cpu.get()) + i128::from(unit.sidecar.cpu.get());
    node.memory -= i128::from(unit.memory.get()) + i128::from(unit.sidecar.memory.get());
    node.gpus -= i128::from(unit.gpu.units);
    for (class, size) in &unit.storage {
        match class {
            StorageClass::Ephemeral => node.ephemeral -= i128::from(size.get()),
            StorageClass::Ram => node.memory -= i128::from(size.get()),
            StorageClass::Persistent(name) => {
                if !size.is_zero() && !node.classes.iter().any(|known| *name == **known) {
                    return None;
                }
            }
        }
    }
    let fits = node.cpu >= 0 && node.memory >= 0 && node.ephemeral >= 0 && node.gpus >= 0 && node.hcas >= 0;
    fits.then_some(node)
}

/// Every way to hand out cards of a model, as the node that is left.
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
        // Cards with the same description are interchangeable, so one of them stands for all.
        if right && !tried.contains(&id) {
            tried.push(id);
            let mut without = node.clone();
            without.cards.remove(place);
            ways.extend(hand_out(unit, wanted - 1, place, model, cluster, without));
        }
    }
    ways
}
