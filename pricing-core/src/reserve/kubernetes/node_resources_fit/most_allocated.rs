//! MostAllocated: nodes with more in use score higher, so that pods are packed.

use super::super::node_resources::{ResourceUse, percent};
use super::weighted_mean;

/// The score of a node, from its amounts with their weights.
pub(super) fn score(amounts: impl Iterator<Item = (ResourceUse, u64)>) -> u64 {
    weighted_mean(amounts.map(|(amount, weight)| (used_percent(amount), weight)))
}

/// `floor(min(requested, allocatable) * 100 / allocatable)`.
fn used_percent(amount: ResourceUse) -> u64 {
    percent(amount.requested.min(amount.allocatable), amount.allocatable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_means_of_what_is_used_and_both_are_rounded_down() {
        let of = |requested, allocatable| ResourceUse { allocatable, requested };
        // 1/3 is used: 33. 2/3 are used: 66. (33 * 1 + 66 * 3) / 4 = 57.75.
        assert_eq!(score([(of(1, 3), 1), (of(2, 3), 3)].into_iter()), 57);
        // More than all is all.
        assert_eq!(score([(of(9, 3), 1)].into_iter()), 100);
        assert_eq!(score([(of(u64::MAX, u64::MAX), 100)].into_iter()), 100);
    }
}
