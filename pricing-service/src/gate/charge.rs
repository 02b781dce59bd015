//! What a request will probably cost, by what can be seen of it before it is read.
//!
//! The measure are the steps of a [`pricing_core::budget::Budget`], so that an estimate can be put right by what a
//! request took. An estimate that is too low does no harm beyond that request: its budget ends it.

use super::payer::Payer;

/// Bytes of a resource unit, about, in whatever form the order comes.
const UNIT_BYTES: u64 = 160;
/// Steps for reading a byte.
const READ: u64 = 4;
/// Steps for pricing a unit: its lines, and its part of the bid.
const UNIT: u64 = 1_000;
/// How many sets of cards are listed, about, where all of them are asked for.
const SETS: u64 = 16;
/// From how many steps on a request is a heavy one: some milliseconds.
const HEAVY: u64 = 500_000;

/// Which requests one is taken with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// What nearly all orders are.
    Light,
    /// Those that keep a thread for long. They have a share of the threads, and no more.
    Heavy,
}

/// Who pays for a request, and how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Charge {
    pub(super) payer: Payer,
    /// Steps for reading it.
    reading: u64,
    /// Steps for pricing it.
    pricing: u64,
}

impl Charge {
    /// The charge for a request of so many bytes, on a cluster of so many nodes, with every set of cards or without, of
    /// which pricing may take so many steps at most.
    pub(crate) fn of(payer: Payer, bytes: usize, nodes: usize, every_set: bool, most: u64) -> Self {
        let whole = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let (bytes, nodes) = (whole(bytes), whole(nodes));
        let units = bytes.div_ceil(UNIT_BYTES);
        let sets = if every_set { SETS } else { 1 };
        let pricing = units.saturating_mul(nodes.saturating_add(UNIT)).saturating_mul(sets);
        Self { payer, reading: bytes.saturating_mul(READ), pricing: pricing.min(most) }
    }

    /// What a request is charged that is not read yet: most cost next to nothing.
    pub(super) fn unknown(payer: Payer) -> Self {
        Self { payer, ..Self::default() }
    }

    /// Steps in all.
    pub(super) fn cost(&self) -> u64 {
        self.reading.saturating_add(self.pricing)
    }

    /// Steps in all, where pricing took so many.
    pub(super) fn cost_with(&self, pricing: u64) -> u64 {
        self.reading.saturating_add(pricing)
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
    fn no_more_is_charged_for_pricing_than_it_may_take() {
        let charge = Charge::of(Payer::Inside, 10_000, 100, true, 70);
        assert_eq!((charge.cost(), charge.cost_with(5)), (40_070, 40_005));
    }
}
