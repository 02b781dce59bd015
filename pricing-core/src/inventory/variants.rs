//! What a cluster's cards mean for prices: models in several variants, and nodes with several models.
//!
//! None of this is an error. But a pod asks Kubernetes for a model on any node that has it, and there for a number of
//! cards. Which variant of the model it gets, or even which of the node's models, is decided later. The price of such a
//! card is therefore uncertain.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Action, Finding, Resource};
use super::{Cluster, Node};
use crate::gpu::GpuKind;
use crate::text::excerpt;

/// The most kinds that a finding names.
const NAMED: usize = 8;

/// Findings for the nodes with cards of several models of one vendor, then for the models that the cluster has in
/// several variants.
#[must_use]
pub fn findings(cluster: &Cluster) -> Vec<Finding> {
    let mut findings = nodes_of_several_models(cluster);
    findings.extend(models_of_several_variants(cluster));
    findings
}

fn kinds<'c>(cluster: &'c Cluster, node: &Node) -> BTreeSet<&'c GpuKind> {
    node.cards.iter().filter_map(|id| cluster.card(*id)).map(|card| &card.kind).collect()
}

fn nodes_of_several_models(cluster: &Cluster) -> Vec<Finding> {
    let mut findings = Vec::new();
    for node in cluster.nodes() {
        let mut vendors: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for kind in kinds(cluster, node) {
            vendors.entry(kind.vendor()).or_default().insert(kind.model());
        }
        for models in vendors.into_values().filter(|models| models.len() > 1) {
            let number = models.len();
            let listed = listed(models.into_iter().map(excerpt));
            let problem = format!(
                "the node has cards of {number} models ({listed}); a pod that asks for one of them may be handed any of \
                 them, so what it costs there is not certain"
            );
            let node = Some(node.name.to_string());
            findings.push(Finding { node, resource: Resource::Gpu, problem, action: Action::Kept });
        }
    }
    findings
}

/// Kubernetes labels nodes by model only, so an order that names neither RAM nor interface may get any variant of its
/// model.
fn models_of_several_variants(cluster: &Cluster) -> Vec<Finding> {
    let mut models: BTreeMap<(&str, &str), BTreeMap<&GpuKind, u64>> = BTreeMap::new();
    for node in cluster.nodes() {
        for kind in kinds(cluster, node) {
            let nodes = models.entry((kind.vendor(), kind.model())).or_default().entry(kind).or_default();
            *nodes = nodes.saturating_add(1);
        }
    }
    let several = models.into_iter().filter(|(_, variants)| variants.len() > 1);
    let finding = |((_, model), variants): ((&str, &str), BTreeMap<&GpuKind, u64>)| {
        let on = |(kind, nodes): (&GpuKind, &u64)| {
            let plural = if *nodes == 1 { "node" } else { "nodes" };
            format!("{kind} on {nodes} {plural}")
        };
        let number = variants.len();
        let problem = format!(
            "the cluster has `{}` in {number} variants ({}); Kubernetes tells models apart, but neither RAM nor interface, \
             so an order that names neither may get any of them and `ambiguous_gpu` decides what it pays",
            excerpt(model),
            listed(variants.iter().map(|(kind, nodes)| on((kind, nodes)))),
        );
        Finding { node: None, resource: Resource::Gpu, problem, action: Action::Kept }
    };
    several.map(finding).collect()
}

/// Joins at most [`NAMED`] words, and says how many more there are.
pub(crate) fn listed(words: impl Iterator<Item = String>) -> String {
    let mut words: Vec<String> = words.collect();
    let more = words.len().saturating_sub(NAMED);
    words.truncate(NAMED);
    if more > 0 {
        words.push(format!("{more} more"));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{read, validate};

    #[test]
    fn variants_of_a_model_and_models_of_a_node_are_found() {
        let card = |name: &str, ram: &str, interface: &str| {
            format!(r#"{{"vendor":"nvidia","name":"{name}","interface":"{interface}","memorySize":"{ram}"}}"#)
        };
        let node = |name: &str, cards: &[String]| {
            let number = cards.len();
            format!(
                r#"{{"name":"{name}","resources":{{"cpu":{{"quantity":{{"allocatable":{{"string":"8"}}}}}},
                "memory":{{"quantity":{{"allocatable":{{"string":"8Gi"}}}}}},
                "gpu":{{"quantity":{{"allocatable":{{"string":"{number}"}}}},"info":[{}]}}}}}}"#,
                cards.join(",")
            )
        };
        let nodes = [
            node("n1", &[card("a100", "40Gi", "PCIe"), card("a100", "40Gi", "PCIe")]),
            node("n2", &[card("a100", "80Gi", "SXM4"), card("t4", "16Gi", "PCIe")]),
            node("n3", &[card("t4", "16Gi", "PCIe")]),
        ];
        let text = format!(r#"{{"nodes":[{}]}}"#, nodes.join(","));
        let cluster = validate::validate(read::read(&text).unwrap()).cluster;
        let found: Vec<String> = findings(&cluster).iter().map(ToString::to_string).collect();
        let [node, model] = found.as_slice() else { panic!("{found:?}") };
        assert!(node.starts_with("n2: gpu: the node has cards of 2 models (a100, t4);"), "{node}");
        let variants = "(nvidia/a100/40Gi/pcie on 1 node, nvidia/a100/80Gi/sxm on 1 node)";
        assert!(
            model.starts_with(&format!("cluster: gpu: the cluster has `a100` in 2 variants {variants};")),
            "{model}"
        );
    }
}
