//! How long leases last, by the Kaplan-Meier estimate of survival (Kaplan and Meier, 1958).
//!
//! A lease that is still open at the end of the history is a censored observation: it lasted at least so long. There is
//! a curve for each kind of card with enough ended leases, and one for all orders together, which stands in for the
//! others.
//!
//! Where the longest observation is a censored one, the curve ends above 0. It is then restricted: what lasts longer than
//! every lease that ended is taken to last as long as the longest observation.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{LeaseLength, OrderFacts};
use crate::number::wide;
use crate::time::Millis;

/// The least number of ended leases for which a kind of card has a curve of its own.
const LEAST_ENDED: usize = 20;

/// The curves of a history.
#[derive(Clone, Debug, Default)]
pub struct Lifetimes {
    by_kind: BTreeMap<Arc<str>, Survival>,
    all: Survival,
}

/// A survival curve.
#[derive(Clone, Debug, Default)]
pub struct Survival {
    /// The lengths at which leases ended, with the share that lasted longer.
    steps: Vec<(Millis, f64)>,
    /// The longest observation, ended or not.
    longest: Millis,
}

impl Lifetimes {
    /// The curves of the leases of some orders.
    #[must_use]
    pub fn of<'a>(facts: impl IntoIterator<Item = &'a OrderFacts>) -> Self {
        let mut by_kind: BTreeMap<Arc<str>, Vec<LeaseLength>> = BTreeMap::new();
        let mut all = Vec::new();
        for facts in facts {
            let Some(lease) = facts.lease else { continue };
            by_kind.entry(Arc::clone(&facts.kind)).or_default().push(lease);
            all.push(lease);
        }
        by_kind.retain(|_, leases| leases.iter().filter(|lease| lease.ended).count() >= LEAST_ENDED);
        let by_kind = by_kind.into_iter().map(|(kind, leases)| (kind, Survival::of(leases))).collect();
        Self { by_kind, all: Survival::of(all) }
    }

    /// The curve for a kind of card. None if no lease has ended, so that nothing is known.
    #[must_use]
    pub fn curve(&self, kind: &str) -> Option<&Survival> {
        Some(self.by_kind.get(kind).unwrap_or(&self.all)).filter(|curve| !curve.steps.is_empty())
    }

    /// The length of an order's lease: as it was if it ended, and otherwise drawn by a uniform number from [0, 1). A lease
    /// that is still open lasts at least as long as it did. None if nothing is known.
    #[must_use]
    pub fn draw(&self, facts: &OrderFacts, unit: f64) -> Option<Millis> {
        match facts.lease {
            Some(LeaseLength { length, ended: true }) => Some(length),
            Some(LeaseLength { length, ended: false }) => self.curve(&facts.kind).map(|curve| curve.draw(length, unit)),
            None => self.curve(&facts.kind).map(|curve| curve.draw(0, unit)),
        }
    }
}

impl Survival {
    /// The curve of some leases.
    #[must_use]
    pub fn of(mut leases: Vec<LeaseLength>) -> Self {
        leases.sort_by_key(|lease| lease.length);
        let mut steps = Vec::new();
        let (mut left, mut survival) = (leases.len(), 1.0);
        for same in leases.chunk_by(|one, other| one.length == other.length) {
            // Leases that are censored at this length are still at risk at it.
            let ended = same.iter().filter(|lease| lease.ended).count();
            if let (Some(first), true) = (same.first(), ended > 0) {
                survival *= 1.0 - share(ended, left);
                steps.push((first.length, survival));
            }
            left = left.saturating_sub(same.len());
        }
        Self { steps, longest: leases.last().map_or(0, |lease| lease.length) }
    }

    /// The share of leases that last longer than this.
    #[must_use]
    pub fn after(&self, length: Millis) -> f64 {
        let ended = self.steps.partition_point(|(step, _)| *step <= length);
        ended.checked_sub(1).and_then(|step| self.steps.get(step)).map_or(1.0, |(_, survival)| *survival)
    }

    /// The length of a lease that lasted at least so long, by a uniform number from [0, 1): the inverse of the conditional
    /// distribution.
    #[must_use]
    pub fn draw(&self, at_least: Millis, unit: f64) -> Millis {
        let level = (1.0 - unit) * self.after(at_least);
        let step = self.steps.partition_point(|(_, survival)| *survival >= level);
        self.steps.get(step).map_or(self.longest, |(length, _)| *length).max(at_least)
    }

    /// The mean length of leases, each counted up to `most`, in milliseconds: the area under the curve.
    #[must_use]
    pub fn mean_up_to(&self, most: Millis) -> f64 {
        let most = most.min(self.longest);
        let (mut area, mut from, mut level) = (0.0, 0, 1.0);
        for (step, survival) in self.steps.iter().take_while(|(step, _)| *step < most) {
            area += level * wide(step.saturating_sub(from));
            (from, level) = (*step, *survival);
        }
        area + level * wide(most.saturating_sub(from))
    }
}

/// A count's share of another.
fn share(part: usize, whole: usize) -> f64 {
    let float = |count: usize| wide(u64::try_from(count).unwrap_or(u64::MAX));
    float(part) / float(whole).max(1.0)
}

#[cfg(test)]
mod tests;
