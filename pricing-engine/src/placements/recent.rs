//! How the last predictions turned out, and whether that is a reason to warn.

use std::collections::VecDeque;

use super::PlacementResult;

/// How many of the last verifiable predictions count.
pub(super) const COUNTED: usize = 100;
/// With fewer right ones, the scheduler is probably another one than the configuration says.
const ENOUGH: usize = 90;

/// The last verifiable predictions: whether each was right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recent(VecDeque<bool>);

impl Recent {
    /// Adds a result. One that is unknown says nothing.
    pub fn add(&mut self, result: PlacementResult) {
        if result == PlacementResult::Unknown {
            return;
        }
        self.0.push_back(result == PlacementResult::Right);
        if self.0.len() > COUNTED {
            self.0.pop_front();
        }
    }

    /// The number of predictions, at most 100.
    #[must_use]
    pub fn verifiable(&self) -> usize {
        self.0.len()
    }

    /// The number of those that were right.
    #[must_use]
    pub fn right(&self) -> usize {
        self.0.iter().filter(|is_right| **is_right).count()
    }

    /// What is wrong, if fewer than 90 of the last 100 were right. It is said as soon as that is certain: when more than
    /// 10 were not right, whatever the others of 100 will be.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let (all, right) = (self.verifiable(), self.right());
        let is_poor = all.saturating_sub(right) > COUNTED.saturating_sub(ENOUGH);
        is_poor.then(|| {
            format!(
                "pods started on the predicted node in only {right} of the last {all} cases that could be verified: does \
                 your scheduler have its own configuration? (`kubernetes.scheduler_config`)"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recent(results: &[(PlacementResult, usize)]) -> Recent {
        let mut recent = Recent::default();
        results.iter().for_each(|(result, times)| (0..*times).for_each(|_| recent.add(*result)));
        recent
    }

    #[test]
    fn fewer_than_90_right_ones_of_the_last_100_are_a_problem() {
        use PlacementResult::{Right, SameKind, Unknown, Wrong};
        let is_poor = |results: &[(PlacementResult, usize)]| recent(results).problem().is_some();
        assert!(!is_poor(&[]));
        assert!(!is_poor(&[(Right, 90), (Wrong, 10)]));
        assert!(is_poor(&[(Right, 89), (Wrong, 11)]));
        assert!(is_poor(&[(Right, 89), (Wrong, 6), (SameKind, 5)]));
        // Only the last 100 count, and what is unknown does not.
        assert!(!is_poor(&[(Wrong, 50), (Unknown, 10), (Right, 95), (Wrong, 5)]));
        assert!(!is_poor(&[(Unknown, 1000), (Right, 1)]));
        // It is certain before there are 100.
        assert!(is_poor(&[(Wrong, 11)]));
        assert!(!is_poor(&[(Wrong, 10)]));
    }

    #[test]
    fn the_problem_says_how_many_were_right() {
        let recent = recent(&[(PlacementResult::Right, 100), (PlacementResult::Wrong, 30)]);
        let problem = recent.problem().unwrap_or_default();
        assert!(
            problem.starts_with("pods started on the predicted node in only 70 of the last 100 cases"),
            "{problem}"
        );
        assert!(problem.contains("does your scheduler have its own configuration?"), "{problem}");
    }
}
