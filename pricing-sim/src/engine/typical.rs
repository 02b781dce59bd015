//! The typical requests of a stream, which show how many free cards nobody could use (fragmentation).
//!
//! The measure is that of the FGD paper (Weng and others, "Beware of Fragmentation", USENIX ATC 2023), for whole cards.
//! A free card on a node is unusable to a request if the node cannot take the request, for lack of CPU, memory, or
//! suitable cards. Each kind of request is weighted by its frequency.

use std::collections::BTreeMap;

use pricing_core::gpu::GpuRequest;
use pricing_core::inventory::{CardId, Cluster, Node};

use crate::stream::Arrival;

/// The number of kinds of request that are considered, the most frequent ones.
const MAX_SHAPES: usize = 16;

/// The request of one replica.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shape {
    cpu: u64,
    memory: u64,
    gpu: GpuRequest,
    weight: u64,
}

/// The typical requests of a stream.
#[derive(Clone, Debug, Default)]
pub struct Typical {
    shapes: Vec<Shape>,
    weight: u64,
}

impl Typical {
    /// The most frequent requests for cards in a stream.
    #[must_use]
    pub fn of(arrivals: &[Arrival]) -> Self {
        let mut counts: BTreeMap<(u64, u64, u64, String), (usize, Shape)> = BTreeMap::new();
        for (place, arrival) in arrivals.iter().enumerate() {
            for unit in arrival.order.group.resources().iter().filter(|unit| unit.gpu.units > 0) {
                let key = (unit.cpu.get(), unit.memory.get(), unit.gpu.units, format!("{:?}", unit.gpu.alternatives));
                let new = || {
                    let (cpu, memory) = (unit.cpu.get(), unit.memory.get());
                    (place, Shape { cpu, memory, gpu: unit.gpu.clone(), weight: 0 })
                };
                let (_, shape) = counts.entry(key).or_insert_with(new);
                shape.weight = shape.weight.saturating_add(u64::from(unit.count));
            }
        }
        let mut shapes: Vec<(usize, Shape)> = counts.into_values().collect();
        shapes.sort_by(|(one, a), (other, b)| b.weight.cmp(&a.weight).then(one.cmp(other)));
        let shapes: Vec<Shape> = shapes.into_iter().take(MAX_SHAPES).map(|(_, shape)| shape).collect();
        let weight = shapes.iter().fold(0_u64, |sum, shape| sum.saturating_add(shape.weight));
        Self { shapes, weight }
    }

    /// The total weight.
    pub(super) fn weight(&self) -> u64 {
        self.weight
    }

    /// For each request, which card descriptions of a cluster it accepts. This is computed once, because it is needed
    /// after every event.
    pub(super) fn taking(&self, cluster: &Cluster) -> Taking {
        let takes = |shape: &Shape| cluster.cards().iter().map(|card| shape.gpu.allows(&card.kind)).collect();
        Taking(self.shapes.iter().map(takes).collect())
    }

    /// The free cards of a node, and that number times the weight of the requests that the node cannot take.
    pub(super) fn unusable(&self, node: &Node, to_give: &[CardId], taking: &Taking) -> (u64, u64) {
        let count = |cards: usize| u64::try_from(cards).unwrap_or(u64::MAX);
        let free = node.gpus.available.min(count(to_give.len()));
        if free == 0 {
            return (0, 0);
        }
        let mut usable = 0_u64;
        for (shape, takes) in self.shapes.iter().zip(&taking.0) {
            let right = || to_give.iter().filter(|card| takes.get(card.place()) == Some(&true)).count();
            let fits = shape.gpu.units <= free
                && shape.cpu <= node.cpu.available.get()
                && shape.memory <= node.memory.available.get()
                && shape.gpu.units <= count(right());
            if fits {
                usable = usable.saturating_add(shape.weight);
            }
        }
        (free, free.saturating_mul(self.weight.saturating_sub(usable)))
    }
}

/// By request and card description, whether the request accepts the card.
#[derive(Clone, Debug, Default)]
pub(super) struct Taking(Vec<Vec<bool>>);
