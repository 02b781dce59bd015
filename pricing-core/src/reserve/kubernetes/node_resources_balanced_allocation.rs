//! NodeResourcesBalancedAllocation: nodes whose CPU and memory are used in equal parts score higher.
//!
//! The score is `floor((1 - s) * 100)`, where `s` is the standard deviation of the fractions that are requested, and
//! for two resources that is half their difference. This is computed in doubles, with the operations and the rounding
//! of Kubernetes. Pods without requests count as nothing here.
//!
//! Up to Kubernetes 1.35 a node has this score as it is with the pod. From 1.36 on the score is how much better that is
//! than the node without the pod: around 75 if little changes, towards 100 if the pod makes up for a difference.

#![expect(
    clippy::float_arithmetic,
    reason = "Kubernetes computes this score in doubles, and it must come out the same"
)]

use rust_decimal::prelude::ToPrimitive;

use super::node_resources::{MAX_NODE_SCORE, ResourceUse};
use super::version::KubernetesVersion;

/// The score of a node of which a pod takes `cpu` and `memory`, with what the pod takes of each. Source:
/// `balancedResourceScorer` of Kubernetes 1.34 and 1.36.
pub(super) fn score(version: KubernetesVersion, cpu: (ResourceUse, u64), memory: (ResourceUse, u64)) -> u64 {
    let with_pod = balance(cpu.0, memory.0);
    if !version.scores_change_of_balance() {
        return with_pod;
    }
    let without =
        |(amount, pod): (ResourceUse, u64)| ResourceUse { requested: amount.requested.saturating_sub(pod), ..amount };
    let without_pod = balance(without(cpu), without(memory));
    // Both are at least 50, so that the difference is at most that.
    let half = MAX_NODE_SCORE.div_euclid(2);
    let change = half.saturating_add(with_pod).saturating_sub(without_pod);
    half.saturating_add(change.div_euclid(2))
}

/// How equally a node's CPU and memory are used, of 100.
fn balance(cpu: ResourceUse, memory: ResourceUse) -> u64 {
    let deviation = match (requested_fraction(cpu), requested_fraction(memory)) {
        (Some(cpu), Some(memory)) => ((cpu - memory) / 2.0).abs(),
        // A resource that the node does not have is left out, and one alone does not deviate.
        _ => 0.0,
    };
    ((1.0 - deviation) * 100.0).to_u64().unwrap_or(MAX_NODE_SCORE)
}

/// The fraction of a resource that is requested, at most 1. None if the node does not have the resource.
fn requested_fraction(amount: ResourceUse) -> Option<f64> {
    let (requested, allocatable) = amount.requested.to_f64().zip(amount.allocatable.to_f64())?;
    (amount.allocatable > 0).then(|| (requested / allocatable).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(requested: u64, allocatable: u64) -> ResourceUse {
        ResourceUse { allocatable, requested }
    }

    #[test]
    fn the_score_falls_with_half_the_difference_of_the_fractions() {
        // Equal fractions: 1 - 0 = 100 %.
        assert_eq!(balance(of(1, 2), of(50, 100)), 100);
        // 0.75 and 0.25: half the difference is 0.25.
        assert_eq!(balance(of(3, 4), of(1, 4)), 75);
        // 1/3 and 0: half is 0.1666..., and 83.33... is rounded down.
        assert_eq!(balance(of(1, 3), of(0, 4)), 83);
        // All and nothing.
        assert_eq!(balance(of(4, 4), of(0, 4)), 50);
    }

    #[test]
    fn more_than_all_is_all_and_what_a_node_lacks_is_left_out() {
        assert_eq!(balance(of(9, 4), of(4, 4)), 100);
        assert_eq!(balance(of(9, 4), of(0, 4)), 50);
        assert_eq!(balance(of(1, 0), of(1, 4)), 100);
        assert_eq!(balance(of(1, 0), of(1, 0)), 100);
        assert_eq!(balance(of(u64::MAX, u64::MAX), of(0, u64::MAX)), 50);
    }

    #[test]
    fn from_1_36_on_the_change_counts() {
        let scored = |version, cpu, memory| score(version, cpu, memory);
        // With the pod 0.75 and 0.25: 75. Without it 0.25 and 0.25: 100. 50 + (50 + 75 - 100) / 2 is 62.5.
        let (cpu, memory) = ((of(3, 4), 2), (of(1, 4), 0));
        for (version, expected) in
            [(KubernetesVersion::V1_34, 75), (KubernetesVersion::V1_35, 75), (KubernetesVersion::V1_36, 62)]
        {
            assert_eq!(scored(version, cpu, memory), expected);
        }
        // The pod makes up for the whole difference: from 50 to 100.
        assert_eq!(scored(KubernetesVersion::V1_37, (of(4, 4), 4), (of(4, 4), 0)), 100);
        // It makes all of it: from 100 to 50.
        assert_eq!(scored(KubernetesVersion::V1_37, (of(4, 4), 4), (of(0, 4), 0)), 50);
    }

    #[test]
    fn the_doubles_are_those_of_kubernetes() {
        // 1 - 0.68 / 2 is 0.66, but 0.6599999999999999 in doubles, and the score is rounded down.
        assert_eq!(balance(of(0, 2), of(17, 25)), 65);
        // 1 - (0.68 - 0.5) / 2 is 0.91, but 0.9099999999999999 in doubles.
        assert_eq!(balance(of(1, 2), of(17, 25)), 90);
    }
}
