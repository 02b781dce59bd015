//! Whether nodes that were predicted with some probability got the pod as often.

use std::collections::BTreeMap;

use pricing_core::money::parse_decimal;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::PlacementResult;
use crate::bid_log::entry::PlacedPod;
use crate::outcomes::count;

/// The number of bins between impossible and certain.
const BETWEEN: u32 = 10;

/// How predictions turned out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calibration {
    results: BTreeMap<PlacementResult, u64>,
    bins: BTreeMap<Bin, Binned>,
    left_out: u64,
}

/// A range of predicted probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bin {
    /// The node was not predicted.
    Impossible,
    /// From this tenth to below the next, without 0.
    Tenth(u32),
    /// The node was the only one.
    Certain,
}

/// What is in a bin: nodes that were predicted for pods whose node is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Binned {
    /// How many nodes were predicted with such a probability, for one pod each.
    pub predicted: u64,
    /// How many of these should have got the pod: the sum of their probabilities.
    pub expected: Decimal,
    /// How many got it.
    pub seen: u64,
}

impl Bin {
    fn of(probability: Decimal) -> Self {
        if probability <= Decimal::ZERO {
            return Self::Impossible;
        }
        if probability >= Decimal::ONE {
            return Self::Certain;
        }
        let tenth = probability.checked_mul(Decimal::from(BETWEEN)).and_then(|tenths| tenths.floor().to_u32());
        Self::Tenth(tenth.unwrap_or_default())
    }

    /// The bounds of the bin in percent.
    #[must_use]
    pub fn percent(self) -> (u32, u32) {
        match self {
            Self::Impossible => (0, 0),
            Self::Tenth(tenth) => (tenth.saturating_mul(10), tenth.saturating_add(1).saturating_mul(10)),
            Self::Certain => (100, 100),
        }
    }
}

impl Calibration {
    /// Adds a line of the bid log.
    pub fn add(&mut self, placed: &PlacedPod) {
        let results = self.results.entry(placed.result).or_default();
        *results = results.saturating_add(u64::from(placed.pods));
        let Some(seen) = &placed.seen else { return };
        if placed.predicted_left_out > 0 {
            // The pod may have started on a node that the line does not list: its bin would have it without its
            // probability.
            count(&mut self.left_out);
            return;
        }
        let probability = |text: &str| parse_decimal(text).unwrap_or_default();
        for node in &placed.predicted {
            let predicted = probability(&node.probability);
            let binned = self.bins.entry(Bin::of(predicted)).or_default();
            count(&mut binned.predicted);
            binned.expected = binned.expected.checked_add(predicted).unwrap_or(binned.expected);
        }
        let binned = self.bins.entry(Bin::of(probability(&seen.probability))).or_default();
        count(&mut binned.seen);
    }

    /// The number of pods whose node is known, and that are in no bin: their lines do not list all predicted nodes.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Whether there is no line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.results.is_empty()
    }

    /// The number of pods with a result.
    #[must_use]
    pub fn with(&self, result: PlacementResult) -> u64 {
        self.results.get(&result).copied().unwrap_or_default()
    }

    /// The number of pods whose node is known.
    #[must_use]
    pub fn verifiable(&self) -> u64 {
        let known = self.results.iter().filter(|(result, _)| **result != PlacementResult::Unknown);
        known.fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// The bins that have something in them, by probability.
    pub fn bins(&self) -> impl Iterator<Item = (Bin, Binned)> {
        self.bins.iter().map(|(bin, binned)| (*bin, *binned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bid_log::entry::{Group, PlacementNode};
    use crate::order_name::OrderName;

    fn node(name: &str, probability: &str) -> PlacementNode {
        PlacementNode { node: name.into(), kinds: Vec::new(), probability: probability.to_owned() }
    }

    fn placed(result: PlacementResult, predicted: &[(&str, &str)], seen: Option<(&str, &str)>) -> PlacedPod {
        PlacedPod {
            sequence: 1,
            time: String::new(),
            order_id: OrderName { owner: "akash1tenant".into(), dseq: 1, gseq: 1, oseq: 1 },
            group: Group { index: 0, name: "g".into() },
            decision: None,
            resource_id: 1,
            replica: 1,
            pods: 1,
            result,
            reason: None,
            approximate: false,
            predicted: predicted.iter().map(|(name, probability)| node(name, probability)).collect(),
            predicted_left_out: 0,
            seen: seen.map(|(name, probability)| node(name, probability)),
        }
    }

    #[test]
    fn nodes_are_counted_by_the_probability_that_they_were_given() {
        use PlacementResult::{Right, Unknown, Wrong};
        let mut calibration = Calibration::default();
        let tie = [("a", "0.500000"), ("b", "0.500000")];
        calibration.add(&placed(Right, &tie, Some(("b", "0.500000"))));
        calibration.add(&placed(Right, &[("a", "1.000000")], Some(("a", "1.000000"))));
        calibration.add(&placed(Wrong, &[("a", "1.000000")], Some(("c", "0.000000"))));
        calibration.add(&placed(Unknown, &tie, None));
        let bins: Vec<((u32, u32), u64, String, u64)> = calibration
            .bins()
            .map(|(bin, binned)| {
                (bin.percent(), binned.predicted, binned.expected.normalize().to_string(), binned.seen)
            })
            .collect();
        let bin = |percent, predicted, expected: &str, seen| (percent, predicted, expected.to_owned(), seen);
        assert_eq!(bins, [bin((0, 0), 0, "0", 1), bin((50, 60), 2, "1", 1), bin((100, 100), 2, "2", 1)]);
        assert_eq!((calibration.verifiable(), calibration.with(Unknown)), (3, 1));
    }

    #[test]
    fn a_pod_whose_line_does_not_list_all_nodes_is_left_out() {
        let mut calibration = Calibration::default();
        // Of 200 nodes that are equally likely, 100 are listed.
        let tie: Vec<(String, &str)> = (0..100).map(|place| (format!("n{place}"), "0.005000")).collect();
        let tie: Vec<(&str, &str)> = tie.iter().map(|(name, probability)| (name.as_str(), *probability)).collect();
        let line = placed(PlacementResult::Right, &tie, Some(("n150", "0.005000")));
        calibration.add(&PlacedPod { predicted_left_out: 100, ..line });
        assert_eq!((calibration.bins().count(), calibration.left_out(), calibration.verifiable()), (0, 1, 1));
    }

    #[test]
    fn a_line_for_several_pods_counts_them_all() {
        let mut calibration = Calibration::default();
        calibration.add(&PlacedPod { pods: 50, ..placed(PlacementResult::Unknown, &[], None) });
        assert_eq!(calibration.with(PlacementResult::Unknown), 50);
    }
}
