//! NodeResourcesBalancedAllocation: nodes whose CPU and memory are used in equal parts score higher.
//!
//! The score is `floor((1 - s) * 100)`, where `s` is the standard deviation of the fractions that are requested, and
//! for two resources that is half their difference. This is computed in doubles, with the operations and the rounding
//! of Kubernetes. Pods without requests count as nothing here.

#![expect(
    clippy::float_arithmetic,
    reason = "Kubernetes computes this score in doubles, and it must come out the same"
)]

use rust_decimal::prelude::ToPrimitive;

use super::node_resources::{MAX_NODE_SCORE, ResourceUse};

/// The score of a node.
pub(super) fn score(cpu: ResourceUse, memory: ResourceUse) -> u64 {
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
        assert_eq!(score(of(1, 2), of(50, 100)), 100);
        // 0.75 and 0.25: half the difference is 0.25.
        assert_eq!(score(of(3, 4), of(1, 4)), 75);
        // 1/3 and 0: half is 0.1666..., and 83.33... is rounded down.
        assert_eq!(score(of(1, 3), of(0, 4)), 83);
        // All and nothing.
        assert_eq!(score(of(4, 4), of(0, 4)), 50);
    }

    #[test]
    fn more_than_all_is_all_and_what_a_node_lacks_is_left_out() {
        assert_eq!(score(of(9, 4), of(4, 4)), 100);
        assert_eq!(score(of(9, 4), of(0, 4)), 50);
        assert_eq!(score(of(1, 0), of(1, 4)), 100);
        assert_eq!(score(of(1, 0), of(1, 0)), 100);
        assert_eq!(score(of(u64::MAX, u64::MAX), of(0, u64::MAX)), 50);
    }

    #[test]
    fn the_doubles_are_those_of_kubernetes() {
        // 1 - 0.68 / 2 is 0.66, but 0.6599999999999999 in doubles, and the score is rounded down.
        assert_eq!(score(of(0, 2), of(17, 25)), 65);
        // 1 - (0.68 - 0.5) / 2 is 0.91, but 0.9099999999999999 in doubles.
        assert_eq!(score(of(1, 2), of(17, 25)), 90);
    }
}
