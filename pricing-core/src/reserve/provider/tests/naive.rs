//! The same answers, replica by replica and without shortcuts: every attempt works on a copy of the whole cluster.

use proptest::prelude::*;

use super::faults::{Build, asks};
use super::*;
use crate::quantity::MilliCpu;

#[derive(Clone)]
struct Naive {
    /// Thousandths of threads, cards, memory and disk of each node.
    nodes: Vec<[u64; 4]>,
    pools: Vec<(String, u64)>,
}

#[derive(Debug, PartialEq)]
enum Fate {
    Placed,
    Node,
    Cluster,
}

impl Naive {
    fn of(cluster: &Cluster) -> Self {
        let node = |node: &Node| {
            [node.cpu.available.get(), node.gpus.available, node.memory.available.get(), node.ephemeral.available.get()]
        };
        Self {
            nodes: cluster.nodes().iter().map(node).collect(),
            pools: cluster.storage().iter().map(|p| (p.class.clone(), p.capacity.available.get())).collect(),
        }
    }

    /// One replica on one node. The keys are rewritten as soon as cards are found.
    fn attempt(
        &mut self,
        place: usize,
        node: &Node,
        cluster: &Cluster,
        unit: &CommittedUnit,
        keys: &mut Vec<String>,
    ) -> Fate {
        let mut next = self.clone();
        let free = &mut next.nodes[place];
        let take = |from: &mut u64, size: u64| from.checked_sub(size).map(|left| *from = left).is_some();
        if !take(&mut free[0], unit.cpu.get()) {
            return Fate::Node;
        }
        if unit.gpu.units > 0 {
            let matching: Vec<String> = node.cards.iter().filter_map(|id| rewritten(keys, cluster, *id)).collect();
            let last = usize::try_from(unit.gpu.units)
                .ok()
                .and_then(|units| matching.chunks(units).next()?.get(..units)?.last());
            match last {
                Some(key) if take(&mut free[1], unit.gpu.units) => *keys = vec![key.clone()],
                _ => return Fate::Node,
            }
        }
        if !take(&mut free[2], unit.memory.get()) {
            return Fate::Node;
        }
        for (class, size) in &unit.storage {
            match class {
                StorageClass::Ram if take(&mut free[2], size.get()) => {}
                StorageClass::Ephemeral if take(&mut free[3], size.get()) => {}
                StorageClass::Ram | StorageClass::Ephemeral => return Fate::Node,
                StorageClass::Persistent(class) if !node.storage_classes.iter().any(|known| *class == **known) => {
                    return Fate::Node;
                }
                StorageClass::Persistent(class) => {
                    let pool = next.pools.iter_mut().find(|(name, _)| *class == **name);
                    if !pool.is_some_and(|(_, left)| take(left, size.get())) {
                        return Fate::Cluster;
                    }
                }
            }
        }
        *self = next;
        Fate::Placed
    }
}

/// What the request becomes when this card is the last one found, if it matches.
fn rewritten(keys: &[String], cluster: &Cluster, id: CardId) -> Option<String> {
    let card = &cluster.card(id)?.described;
    let entry = |model: &str| {
        let prefix = format!("vendor/{}/model/{model}", card.vendor);
        keys.iter().rev().find(|key| **key == prefix || key.starts_with(&format!("{prefix}/ram/")))
    };
    let ram = entry(&card.name).or_else(|| entry("*"))?.split_once("/ram/").map(|(_, ram)| ram);
    match ram {
        Some(ram) if ram != card.memory_size => None,
        Some(ram) => Some(format!("vendor/{}/model/{}/ram/{ram}", card.vendor, card.name)),
        None => Some(format!("vendor/{}/model/{}", card.vendor, card.name)),
    }
}

/// Each unit's nodes by replica, with its attribute.
type Answer = Result<Vec<(Vec<usize>, Option<String>)>, bool>;

/// The answer, or whether the failure is a mismatch.
fn naive(units: &[CommittedUnit], cluster: &Cluster) -> Answer {
    let mut left = Naive::of(cluster);
    let mut answers = Vec::new();
    for unit in units.iter().rev() {
        let mut keys: Vec<String> = unit.gpu.alternatives.iter().map(GpuSelector::attribute_key).collect();
        let mut nodes = Vec::new();
        'nodes: for (place, node) in cluster.nodes().iter().enumerate() {
            let mut copy = keys.clone();
            let settled = !nodes.is_empty();
            while nodes.len() < usize::try_from(unit.count).unwrap() {
                let seen = if settled { &mut copy } else { &mut keys };
                match left.attempt(place, node, cluster, unit, seen) {
                    Fate::Cluster => return Err(false),
                    Fate::Node => continue 'nodes,
                    Fate::Placed => {}
                }
                if settled && copy != keys {
                    return Err(true);
                }
                nodes.push(place);
            }
        }
        if nodes.len() < usize::try_from(unit.count).unwrap() {
            return Err(false);
        }
        answers.push((nodes, keys.pop().filter(|_| unit.gpu.units > 0)));
    }
    answers.reverse();
    Ok(answers)
}

fn fast(units: &[CommittedUnit], cluster: &Cluster) -> Answer {
    match reserve(units, cluster) {
        Ok(reservation) => {
            let answer = |target: &Target| (target.nodes().map(NodeId::place).collect(), target.gpu_attribute.clone());
            Ok(reservation.targets.iter().map(answer).collect())
        }
        Err(error) => Err(matches!(error, ReserveError::ReplicaMismatch(_))),
    }
}

fn any_cluster() -> BoxedStrategy<Cluster> {
    let card = prop_oneof![
        4 => Just("t4 PCIe 16Gi"), 3 => Just("a100 PCIe 40Gi"), 3 => Just("a100 PCIe 80Gi"),
        2 => Just("h100 PCIe 80Gi"), 2 => Just("mi210 PCIe 64Gi"), 1 => Just("* PCIe 16Gi"),
    ];
    let node = (proptest::collection::vec(card, 0..5), 0_u64..5, 0_u64..6);
    (proptest::collection::vec(node, 1..5), 0_u64..8)
        .prop_map(|(nodes, pool)| {
            let mut build = Build::default();
            for (place, (cards, free, memory)) in nodes.into_iter().enumerate() {
                let free = free.min(u64::try_from(cards.len()).unwrap());
                build = build.node_with(&format!("n{place}"), &cards, free, memory << 30);
            }
            build.pool("beta2", pool << 30).build()
        })
        .boxed()
}

fn any_unit() -> BoxedStrategy<CommittedUnit> {
    let key = prop_oneof![
        Just("vendor/nvidia/model/*"),
        Just("vendor/nvidia/model/*/ram/80Gi"),
        Just("vendor/nvidia/model/a100"),
        Just("vendor/nvidia/model/a100/ram/40Gi"),
        Just("vendor/nvidia/model/t4"),
        Just("vendor/amd/model/*"),
    ];
    let class = prop_oneof![
        Just(StorageClass::Ram),
        Just(StorageClass::Ephemeral),
        Just(StorageClass::Persistent("beta2".into())),
        Just(StorageClass::Persistent("beta3".into())),
    ];
    let volumes = proptest::collection::vec((class, 0_u64..3), 0..3);
    (1_u32..5, 0_u64..3, proptest::collection::vec(key, 1..3), volumes, 0_u64..30_000)
        .prop_map(|(count, gpus, keys, volumes, cpu)| {
            let mut unit = asks(1, count, gpus, &keys);
            unit.cpu = MilliCpu::new(cpu);
            // A class that the cluster lacks ends most searches, so it is rare.
            let size = |(class, size): (StorageClass, u64)| (class, Bytes::new(size << 30));
            unit.storage =
                volumes.into_iter().map(size).filter(|(class, _)| class.name() != *"beta3" || cpu < 3000).collect();
            unit
        })
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn shortcuts_change_no_answer(
        cluster in any_cluster(),
        units in proptest::collection::vec(any_unit(), 1..4),
    ) {
        prop_assert_eq!(fast(&units, &cluster), naive(&units, &cluster));
    }
}
