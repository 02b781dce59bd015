//! The changes found so far, and the limits that they are checked against.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::amounts::Left;
use super::{Change, Concern, Limit};
use crate::order::StorageClass;
use crate::rates::Pricing;
use crate::rates::origin::{Origin, entry_key};
use crate::reserve::{CommitLevels, TeePlatform};

/// Shown in place of a price that does not exist.
pub(super) const NO_BID: &str = "no bid";

/// Two cards, and the differences found between them.
pub(super) struct Found<'a> {
    pub(super) before: &'a Pricing,
    pub(super) after: &'a Pricing,
    limit: Limit,
    changes: Vec<Change>,
    /// The remaining shares of the rate, the denom and the discount that were lowered most.
    least: Least,
}

/// The factors of a bid. Small reductions of several of them multiply.
#[derive(Clone, Copy, Debug)]
pub(super) enum Factor {
    /// The price of a resource.
    Rate,
    /// The value of a dollar in a denom.
    Denom,
    /// An owner's discount.
    Discount,
    /// Not a factor of the bid.
    None,
}

struct Least {
    rate: Left,
    denom: Left,
    discount: Left,
}

impl<'a> Found<'a> {
    pub(super) fn new(before: &'a Pricing, after: &'a Pricing, limit: Limit) -> Self {
        let least = Least { rate: Left::ALL, denom: Left::ALL, discount: Left::ALL };
        Self { before, after, limit, changes: Vec::new(), least }
    }

    /// The changes, with those that have to be accepted first.
    pub(super) fn into_changes(self) -> Vec<Change> {
        let (mut concerns, others): (Vec<_>, Vec<_>) =
            self.changes.into_iter().partition(|change| change.concern.is_some());
        concerns.extend(others);
        concerns
    }

    /// Whether a key was set and is not set any more.
    pub(super) fn is_gone(&self, key: &str) -> bool {
        *self.before.origins.get(key) != Origin::Default && *self.after.origins.get(key) == Origin::Default
    }

    pub(super) fn add(&mut self, key: String, before: String, after: String, concern: Option<Concern>) {
        self.changes.push(Change { key, before, after, percent_lower: None, concern });
    }

    pub(super) fn push(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Adds a change of an amount that raises a bid when it rises.
    pub(super) fn amount(&mut self, key: String, before: Decimal, after: Decimal, factor: Factor) {
        if before != after {
            let shown = (before.to_string(), after.to_string());
            self.lowered(key, shown, Left::of(before, after), factor);
        }
    }

    /// Adds a change of something that raises a bid when it rises, with its remaining share.
    pub(super) fn lowered(&mut self, key: String, (before, after): (String, String), left: Left, factor: Factor) {
        let concern = self.concern_about(&key, left);
        self.note(left, factor);
        self.changes.push(Change { key, before, after, percent_lower: left.percent_shown(), concern });
    }

    /// The concern about the remaining share of a key's value, if any. If the key itself is gone, any reduction is one:
    /// a truncated file looks like that.
    pub(super) fn concern_about(&self, key: &str, left: Left) -> Option<Concern> {
        let is_looked_at = left.is_lowered() && self.limit.max_change.looks_at_amounts();
        let gone = is_looked_at && !self.limit.may_lose_keys && self.is_gone(key);
        (gone || self.limit.max_change.is_exceeded_by(left)).then_some(Concern::Lowered)
    }

    /// Whether too little is left of an amount.
    pub(super) fn is_exceeded_by(&self, left: Left) -> bool {
        self.limit.max_change.is_exceeded_by(left)
    }

    /// Records how far a factor was lowered.
    pub(super) fn note(&mut self, left: Left, factor: Factor) {
        let least = match factor {
            Factor::Rate => &mut self.least.rate,
            Factor::Denom => &mut self.least.denom,
            Factor::Discount => &mut self.least.discount,
            Factor::None => return,
        };
        *least = left.min(*least);
    }

    /// Compares all rates except those of GPUs.
    pub(super) fn rates(&mut self) {
        let (before, after) = (&self.before.rates, &self.after.rates);
        for (key, before, after) in [
            ("rates.cpu", before.cpu, after.cpu),
            ("rates.memory", before.memory, after.memory),
            ("rates.endpoint", before.endpoint, after.endpoint),
            ("rates.ip", before.ip, after.ip),
            ("rates.interconnect", before.interconnect, after.interconnect),
            ("rates.confidential", before.confidential, after.confidential),
        ] {
            self.amount(key.to_owned(), before.decimal(), after.decimal(), Factor::Rate);
        }
        // A class without an entry is derived from other entries, which are compared on their own.
        for class in before.storage.keys().chain(after.storage.keys()).collect::<BTreeSet<_>>() {
            let key = entry_key("rates.storage", class);
            let class = StorageClass::from_name(class);
            let usd = |found: Option<(crate::money::Usd, &str)>| found.map(|(usd, _)| usd.decimal());
            match (usd(before.storage(&class)), usd(after.storage(&class))) {
                (Some(before), Some(after)) => self.amount(key, before, after, Factor::Rate),
                (Some(before), None) => {
                    self.add(key, before.to_string(), NO_BID.to_owned(), Some(Concern::EntryGone));
                }
                (None, Some(after)) => self.add(key, NO_BID.to_owned(), after.to_string(), None),
                (None, None) => {}
            }
        }
    }

    /// Compares overcommit and the platform for confidential compute: how much is reserved for an order.
    pub(super) fn commit(&mut self) {
        let (before, after) = (self.before.commit, self.after.commit);
        let CommitLevels { cpu, memory, gpu, storage, tee_platform } = before;
        for (name, before, after) in [
            ("cpu", cpu, after.cpu),
            ("memory", memory, after.memory),
            ("gpu", gpu, after.gpu),
            ("storage", storage, after.storage),
        ] {
            // A factor of at most 1 changes nothing.
            let (before, after) = (before.max(Decimal::ONE), after.max(Decimal::ONE));
            if before != after {
                // Amounts are divided by the factor, so the remaining share is the inverse.
                let exceeded = self.limit.max_change.is_exceeded_by(Left::of(after, before));
                let concern = exceeded.then_some(Concern::Overcommitted);
                self.add(format!("commit.{name}"), before.to_string(), after.to_string(), concern);
            }
        }
        if tee_platform != after.tee_platform {
            let shown = |platform: Option<TeePlatform>| platform.map_or("none", TeePlatform::name).to_owned();
            self.add("provider.tee_platform".to_owned(), shown(tee_platform), shown(after.tee_platform), None);
        }
    }

    /// Adds a concern if rate, denom and discount together lower a bid too much, although none of them does alone.
    pub(super) fn together(&mut self) {
        let Least { rate, denom, discount } = self.least;
        let left = rate.times(denom).times(discount);
        let alone = [rate, denom, discount].into_iter().any(|left| self.limit.max_change.is_exceeded_by(left));
        if self.limit.max_change.is_exceeded_by(left) && !alone {
            self.changes.push(Change {
                key: "rates, chain and discounts together".to_owned(),
                before: "a bid".to_owned(),
                after: "a lower bid".to_owned(),
                percent_lower: left.percent_shown(),
                concern: Some(Concern::Lowered),
            });
        }
    }
}
