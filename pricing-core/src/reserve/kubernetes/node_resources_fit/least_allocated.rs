//! LeastAllocated, the default strategy: nodes with more left score higher.

use super::super::node_resources::{ResourceUse, percent};
use super::weighted_mean;

/// The score of a node, from its amounts with their weights.
pub(super) fn score(amounts: impl Iterator<Item = (ResourceUse, u64)>) -> u64 {
    weighted_mean(amounts.map(|(amount, weight)| (free_percent(amount), weight)))
}

/// `floor((allocatable - requested) * 100 / allocatable)`, or 0 if more is requested.
fn free_percent(amount: ResourceUse) -> u64 {
    percent(amount.allocatable.saturating_sub(amount.requested), amount.allocatable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(amounts: &[(u64, u64, u64)]) -> u64 {
        let amount = |(requested, allocatable, weight): &(u64, u64, u64)| {
            (ResourceUse { allocatable: *allocatable, requested: *requested }, *weight)
        };
        score(amounts.iter().map(amount))
    }

    #[test]
    fn scores_are_means_of_what_is_free_and_both_are_rounded_down() {
        // 2/3 are free: 66. 1/2 is free: 50. The mean of 58 is exact.
        assert_eq!(scored(&[(1, 3, 1), (1, 2, 1)]), 58);
        // (66 + 2 * 50) / 3 = 55.3.
        assert_eq!(scored(&[(1, 3, 1), (1, 2, 2)]), 55);
        // More requested than there is.
        assert_eq!(scored(&[(4, 3, 1), (0, 2, 1)]), 50);
        assert_eq!(scored(&[]), 0);
    }
}
