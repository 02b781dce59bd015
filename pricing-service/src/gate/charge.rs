//! Estimates the cost of a request from what is known before it is read.
//!
//! The unit is the step of a [`pricing_core::budget::Budget`], so that an estimate can be corrected by what the request
//! really took. An estimate that is too low affects only that request: its budget ends it.

use super::payer::Payer;

/// The approximate bytes of a resource unit, in any format of an order.
const UNIT_BYTES: u64 = 160;
/// Steps to read a byte.
const READ: u64 = 4;
/// Steps to price a unit: its lines, and its part of the bid.
const UNIT: u64 = 1_000;
/// The approximate number of sets of cards that are listed when all of them are requested.
const SETS: u64 = 16;
/// The number of steps beyond which a request is heavy: a few milliseconds.
const HEAVY: u64 = 500_000;

/// The number of steps up to which a request is brief: a fraction of a millisecond.
const BRIEF: u64 = 50_000;
/// The most nodes with which a request is brief. With more, subtracting what is held takes long, too.
const BRIEF_NODES: u64 = 1_000;

/// The class of a request, by its cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Nearly all orders.
    Light,
    /// Orders that occupy a thread for long. They get only a part of the threads.
    Heavy,
}

/// Who a request is charged to, and how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Charge {
    pub(super) payer: Payer,
    /// Steps to read it.
    reading: u64,
    /// Steps to price it.
    pricing: u64,
    /// Whether the cluster is small enough for a brief request.
    small: bool,
    /// Whether it was admitted before, and has its token of the rate.
    paid: bool,
}

impl Charge {
    /// Estimates the charge for a request of `bytes` on a cluster of `nodes`. `every_set` is whether every set of cards
    /// is requested, and `most` is the budget of steps for pricing.
    pub(crate) fn of(payer: Payer, bytes: usize, nodes: usize, every_set: bool, most: u64) -> Self {
        let whole = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let (bytes, nodes) = (whole(bytes), whole(nodes));
        let units = bytes.div_ceil(UNIT_BYTES);
        let sets = if every_set { SETS } else { 1 };
        let pricing = units.saturating_mul(nodes.saturating_add(UNIT)).saturating_mul(sets);
        let (reading, small) = (bytes.saturating_mul(READ), nodes <= BRIEF_NODES);
        Self { payer, reading, pricing: pricing.min(most), small, paid: false }
    }

    /// Returns the charge for a request that has not been read yet. It is zero, because most requests are cheap.
    pub(super) fn unknown(payer: Payer) -> Self {
        Self { payer, ..Self::default() }
    }

    /// Returns the estimated steps.
    pub(super) fn cost(&self) -> u64 {
        self.reading.saturating_add(self.pricing)
    }

    /// Returns the steps with the measured steps of pricing in place of the estimate.
    pub(super) fn cost_with(&self, pricing: u64) -> u64 {
        self.reading.saturating_add(pricing)
    }

    /// Returns whether the request may be tried on the thread of its call.
    pub(super) fn is_brief(&self) -> bool {
        self.small && self.cost() <= BRIEF
    }

    /// Returns the same charge for a request that was tried, which is admitted a second time.
    pub(crate) fn tried(self) -> Self {
        Self { paid: true, ..self }
    }

    pub(super) fn is_paid(&self) -> bool {
        self.paid
    }

    pub(super) fn lane(&self) -> Lane {
        if self.cost() > HEAVY { Lane::Heavy } else { Lane::Light }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_orders_usually_are_is_light_and_what_keeps_a_thread_is_heavy() {
        let lane = |bytes, nodes, every_set| Charge::of(Payer::Inside, bytes, nodes, every_set, 2_000_000).lane();
        assert_eq!(lane(1_200, 100, false), Lane::Light);
        assert_eq!(lane(1_200, 1_000, true), Lane::Light);
        assert_eq!(lane(8_000, 5_000, false), Lane::Light);
        assert_eq!(lane(8_000, 1_000, true), Lane::Heavy);
        // A hundred groups of 48 units.
        assert_eq!(lane(1_900_000, 100, false), Lane::Heavy);
        assert_eq!(lane(usize::MAX, usize::MAX, true), Lane::Heavy);
    }

    #[test]
    fn only_small_orders_on_small_clusters_are_brief() {
        let is_brief =
            |bytes, nodes, every_set| Charge::of(Payer::Inside, bytes, nodes, every_set, u64::MAX).is_brief();
        assert!(is_brief(1_200, 100, false));
        assert!(is_brief(1_200, 1_000, false));
        assert!(!is_brief(1_200, 100, true));
        assert!(!is_brief(20_000, 100, false));
        assert!(!is_brief(100, 1_001, false));
        assert!(!Charge::unknown(Payer::Inside).is_brief());
    }

    #[test]
    fn no_more_is_charged_for_pricing_than_it_may_take() {
        let charge = Charge::of(Payer::Inside, 10_000, 100, true, 70);
        assert_eq!((charge.cost(), charge.cost_with(5)), (40_070, 40_005));
    }
}
