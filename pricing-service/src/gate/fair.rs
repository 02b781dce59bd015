//! Decides which order is next, by start-time fair queueing (Goyal, Vin and Cheng 1996) with steps in place of bytes.
//!
//! Each order starts, in virtual time, where the previous order of the same caller ends, but not before the current
//! virtual time. It ends as many steps later as it costs. The order with the earliest start is next. So a caller who
//! asks for much waits for its own orders, and does not make the others wait: between two of its orders, every other
//! caller gets as many steps.
//!
//! The cost of an order is estimated in advance, and corrected once the order was priced. Nothing here reads a clock.

use std::collections::BTreeMap;

use super::payer::Payer;

/// A caller with waiting orders, or with debt: orders that end after the current virtual time.
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    /// The virtual time at which its last order ends.
    end: u64,
    waiting: usize,
}

/// The virtual time, and the account of each caller.
#[derive(Clone, Debug, Default)]
pub(super) struct Fair {
    now: u64,
    accounts: BTreeMap<Payer, Account>,
}

impl Fair {
    /// Returns where the next order of a caller would start.
    pub(super) fn start_of(&self, payer: Payer) -> u64 {
        self.accounts.get(&payer).map_or(self.now, |account| account.end.max(self.now))
    }

    /// Adds a waiting order, and returns where it starts.
    pub(super) fn arrive(&mut self, payer: Payer, cost: u64) -> u64 {
        let start = self.start_of(payer);
        let account = self.accounts.entry(payer).or_default();
        account.end = start.saturating_add(cost);
        account.waiting = account.waiting.saturating_add(1);
        start
    }

    /// Begins an order, which advances the virtual time to its start.
    pub(super) fn begin(&mut self, payer: Payer, start: u64) {
        self.now = self.now.max(start);
        self.no_longer_waits(payer);
    }

    /// Removes an order that will not begin, and refunds its cost.
    pub(super) fn leave(&mut self, payer: Payer, cost: u64) {
        if let Some(account) = self.accounts.get_mut(&payer) {
            account.end = account.end.saturating_sub(cost);
        }
        self.no_longer_waits(payer);
    }

    /// Corrects the cost of an order that was priced.
    pub(super) fn settle(&mut self, payer: Payer, estimated: u64, cost: u64) {
        let now = self.now;
        // A caller without other orders needs an account too, to remember its debt.
        let account = self.accounts.entry(payer).or_insert(Account { end: now, waiting: 0 });
        account.end = account.end.saturating_sub(estimated.saturating_sub(cost));
        account.end = account.end.saturating_add(cost.saturating_sub(estimated));
        self.forget();
    }

    fn no_longer_waits(&mut self, payer: Payer) {
        if let Some(account) = self.accounts.get_mut(&payer) {
            account.waiting = account.waiting.saturating_sub(1);
        }
        self.forget();
    }

    fn forget(&mut self) {
        let now = self.now;
        self.accounts.retain(|_, account| account.waiting > 0 || account.end > now);
    }

    /// Resets the virtual time and all accounts. The caller checks that no order waits or is being priced.
    pub(super) fn rest(&mut self) {
        *self = Self::default();
    }

    /// Returns the caller with the most waiting orders, if it is a different one with at least two more than `payer`.
    /// Its last order makes room for one of `payer`.
    pub(super) fn gives_way_to(&self, payer: Payer) -> Option<Payer> {
        let waiting = |payer: Payer| self.accounts.get(&payer).map_or(0, |account| account.waiting);
        let (most, account) = self.accounts.iter().max_by_key(|(_, account)| account.waiting)?;
        (*most != payer && account.waiting > waiting(payer).saturating_add(1)).then_some(*most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: Payer = Payer::Process(1);
    const FEW: Payer = Payer::Process(2);

    #[test]
    fn who_asks_for_little_goes_before_what_another_has_piled_up() {
        let mut fair = Fair::default();
        let piled: Vec<u64> = (0..10).map(|_| fair.arrive(MANY, 100)).collect();
        assert_eq!(piled, (0..10).map(|place| place * 100).collect::<Vec<_>>());
        fair.begin(MANY, piled[0]);
        fair.begin(MANY, piled[1]);
        // At the same time as the second of them, and before the other eight.
        assert_eq!(fair.arrive(FEW, 10), 100);
        assert_eq!(fair.arrive(FEW, 10), 110);
    }

    #[test]
    fn what_cost_more_than_was_thought_is_paid_for_later() {
        let mut fair = Fair::default();
        let start = fair.arrive(MANY, 10);
        fair.begin(MANY, start);
        fair.settle(MANY, 10, 5_000);
        assert_eq!((fair.start_of(MANY), fair.start_of(FEW)), (5_000, 0));
        let start = fair.arrive(FEW, 300);
        fair.begin(FEW, start);
        fair.settle(FEW, 300, 20);
        assert_eq!(fair.start_of(FEW), 20);
    }

    #[test]
    fn who_went_away_has_cost_nothing() {
        let mut fair = Fair::default();
        fair.arrive(MANY, 100);
        fair.leave(MANY, 100);
        assert_eq!(fair.start_of(MANY), 0);
        assert!(fair.accounts.is_empty());
    }

    #[test]
    fn only_who_has_clearly_more_waiting_gives_way() {
        let mut fair = Fair::default();
        assert_eq!(fair.gives_way_to(FEW), None);
        fair.arrive(MANY, 1);
        assert_eq!(fair.gives_way_to(FEW), None, "one each is fair");
        fair.arrive(MANY, 1);
        assert_eq!((fair.gives_way_to(FEW), fair.gives_way_to(MANY)), (Some(MANY), None));
        fair.arrive(FEW, 1);
        assert_eq!(fair.gives_way_to(FEW), None);
    }
}
