//! Where a unit goes and which cards it may get, as JSON.

use serde::Serialize;

use crate::gpu::GpuKind;
use crate::quote::cards::{CardGroup, QuotedTarget};
use crate::quote::{Candidate, KindPlace};

#[derive(Debug, Serialize)]
pub(super) struct TargetJson<'a> {
    resource_id: u32,
    count: u32,
    nodes: Vec<&'a str>,
    gpu: Option<GpuTargetJson<'a>>,
}

impl<'a> TargetJson<'a> {
    pub(super) fn new(target: &'a QuotedTarget) -> Self {
        let cards = || target.cards.iter().map(CardsJson::new).collect();
        Self {
            resource_id: target.resource_id,
            count: target.count,
            nodes: target.nodes.iter().map(AsRef::as_ref).collect(),
            gpu: (target.gpu_units > 0).then(|| GpuTargetJson {
                units: target.gpu_units,
                cards: cards(),
                kinds: target.kinds.iter().map(CandidateJson::new).collect(),
                approximate: target.approximate,
                others: target.others.iter().map(KindJson::new).collect(),
                certain: target.is_certain(),
            }),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct GpuTargetJson<'a> {
    units: u64,
    cards: Vec<CardsJson<'a>>,
    kinds: Vec<CandidateJson<'a>>,
    #[serde(skip_serializing_if = "is_exact")]
    approximate: bool,
    others: Vec<KindJson<'a>>,
    certain: bool,
}

/// A kind that the unit's replicas may get.
#[derive(Debug, Serialize)]
pub(super) struct CandidateJson<'a> {
    #[serde(flatten)]
    kind: KindJson<'a>,
    /// Null if it was not predicted.
    probability: Option<String>,
    /// The likeliest node where a replica gets it, or the first one if none is likely. Null without an inventory.
    node: Option<&'a str>,
    /// The number of such nodes.
    nodes: u64,
}

/// Whether probabilities are not approximate. Then nothing is said.
fn is_exact(approximate: &bool) -> bool {
    !approximate
}

impl<'a> CandidateJson<'a> {
    pub(super) fn new(candidate: &'a Candidate) -> Self {
        let probability = candidate.probability.map(|probability| probability.to_string());
        let KindPlace { node, nodes } = &candidate.place;
        Self { kind: KindJson::new(&candidate.kind), probability, node: node.as_deref(), nodes: *nodes }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct CardsJson<'a> {
    node: Option<&'a str>,
    kinds: Vec<KindJson<'a>>,
}

impl<'a> CardsJson<'a> {
    pub(super) fn new(group: &'a CardGroup) -> Self {
        Self { node: group.node.as_deref(), kinds: group.kinds.iter().map(KindJson::new).collect() }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct KindJson<'a> {
    vendor: &'a str,
    model: &'a str,
    ram: Option<&'a str>,
    interface: Option<&'a str>,
}

impl<'a> KindJson<'a> {
    pub(super) fn new(kind: &'a GpuKind) -> Self {
        Self { vendor: kind.vendor(), model: kind.model(), ram: kind.ram(), interface: kind.interface() }
    }
}
