//! PodTopologySpread: nodes with fewer pods of the same service score higher.
//!
//! This is the scheduler's built-in constraint by host name, with a `maxSkew` of 3. The raw score of a node is
//! `round(pods * ln(n + 2) + 2)` in doubles, where `pods` are those of the same service on the node and `n` is the number
//! of nodes that passed the filters. The highest raw score is the worst one, and [`RawScores::normalize`] turns it
//! around. A resource unit is taken for one service: which replica belongs to which service is not known before the
//! manifest is there.

#![expect(
    clippy::float_arithmetic,
    reason = "Kubernetes computes this score in doubles, and it must come out the same"
)]

use rust_decimal::prelude::ToPrimitive;

use super::node_resources::MAX_NODE_SCORE;

/// `maxSkew - 1` of the built-in constraint. It dampens the differences between nodes.
const SKEW: f64 = 2.0;

/// The raw score of a node without pods of the same service: that of [`SKEW`].
const NO_PODS: u64 = 2;

/// The lowest and the highest raw score of the nodes that passed the filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RawScores {
    min: u64,
    max: u64,
}

/// The raw score of a node with `pods` pods of the same service, when `feasible` nodes passed the filters.
///
/// The logarithm is that of `libm`, so that every target gives the same bits.
pub(super) fn raw_score(pods: u32, feasible: usize) -> u64 {
    if pods == 0 {
        // Most nodes. Whatever the logarithm is, it counts nothing.
        return NO_PODS;
    }
    let nodes = feasible.saturating_add(2).to_f64().unwrap_or(f64::MAX);
    (f64::from(pods) * libm::log(nodes) + SKEW).round().to_u64().unwrap_or(u64::MAX)
}

impl RawScores {
    /// The range of some raw scores. None if there are none.
    pub(super) fn of(mut raw: impl Iterator<Item = u64>) -> Option<Self> {
        let first = raw.next()?;
        let wider = |range: Self, raw: u64| Self { min: range.min.min(raw), max: range.max.max(raw) };
        Some(raw.fold(Self { min: first, max: first }, wider))
    }

    /// The score of a node: `floor(100 * (max + min - raw) / max)`.
    pub(super) fn normalize(self, raw: u64) -> u64 {
        let better = self.max.saturating_add(self.min).saturating_sub(raw);
        better.saturating_mul(MAX_NODE_SCORE).checked_div(self.max).unwrap_or(MAX_NODE_SCORE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_scores_grow_with_the_pods_and_with_the_number_of_nodes() {
        // ln 4 = 1.386: 0 + 2, 1.386 + 2 = 3.386, 2.773 + 2 = 4.773.
        assert_eq!([0, 1, 2].map(|pods| raw_score(pods, 2)), [2, 3, 5]);
        // ln 7 = 1.946.
        assert_eq!([0, 1, 2].map(|pods| raw_score(pods, 5)), [2, 4, 6]);
        // ln 102 = 4.625, and 6.625 is rounded up.
        assert_eq!(raw_score(1, 100), 7);
    }

    #[test]
    fn the_worst_node_gets_what_the_best_one_is_of_it() {
        // Raw scores of 2, 4 and 6: 100 * (8 - raw) / 6.
        let range = RawScores::of([4, 2, 6].into_iter()).unwrap();
        assert_eq!([2, 4, 6].map(|raw| range.normalize(raw)), [100, 66, 33]);
        // Without a difference, every node gets all.
        assert_eq!(RawScores::of([2, 2].into_iter()).unwrap().normalize(2), 100);
        assert_eq!(RawScores::of(std::iter::empty()), None);
    }

    #[test]
    fn large_numbers_saturate() {
        assert_eq!(raw_score(u32::MAX, usize::MAX), 190_530_846_154);
    }
}
