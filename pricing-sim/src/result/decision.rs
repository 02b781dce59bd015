//! The decision of one strategy on one order.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use pricing_core::gpu::GpuKind;
use pricing_core::money::{Price, Usd};
use pricing_core::quote::{QuotedTarget, ReasonCode};
use pricing_core::text::excerpt;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::time::Millis;

/// What became of an order under a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderOutcome {
    /// The bid was taken, and the lease ran.
    Won,
    /// A competitor's bid was lower.
    Outbid,
    /// The tenant took no bid at all.
    NotTaken,
    /// The bid was won, but the cluster does not have what was reserved. The provider's own algorithm makes such
    /// reservations.
    CannotRun,
    /// The bid was won, but Kubernetes found no node for one of the pods, so that the lease could not start.
    PodPending,
    /// There was no bid, for this reason.
    NoBid(ReasonCode),
}

impl OrderOutcome {
    /// The outcome as results and answers name it: `won`, `outbid`, `not-taken`, `cannot-run`, `pod-pending`
    /// or the reason code of the quote.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Won => "won",
            Self::Outbid => "outbid",
            Self::NotTaken => "not-taken",
            Self::CannotRun => "cannot-run",
            Self::PodPending => "pod-pending",
            Self::NoBid(code) => code.name(),
        }
    }

    /// Returns the outcome with a name. `None` for a name that this version does not know.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let of_bids = [Self::Won, Self::Outbid, Self::NotTaken, Self::CannotRun, Self::PodPending]
            .into_iter()
            .find(|outcome| outcome.name() == name);
        of_bids.or_else(|| ReasonCode::from_name(name).map(Self::NoBid))
    }

    /// Whether there was a bid.
    #[must_use]
    pub fn is_bid(self) -> bool {
        !matches!(self, Self::NoBid(_))
    }
}

/// Outcomes are sorted by name, which is the order of the keys in answers and of the columns in exports.
impl Ord for OrderOutcome {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name().cmp(other.name())
    }
}

impl PartialOrd for OrderOutcome {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for OrderOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for OrderOutcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for OrderOutcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<'de, str>::deserialize(deserializer)?;
        let unknown = || {
            let shown = excerpt(&name);
            D::Error::custom(format_args!("`{shown}` is not an outcome that this version knows"))
        };
        Self::from_name(&name).ok_or_else(unknown)
    }
}

/// The decision of one strategy on one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// What became of the order.
    pub outcome: OrderOutcome,
    /// The bid.
    pub price: Option<Price>,
    /// The price in USD per month, even if it is above the tenant's maximum.
    pub usd_per_month: Option<Usd>,
    /// The price in USD per month by the rates of the cards that the order was handed.
    pub own_usd_per_month: Option<Usd>,
    /// The most that the tenant pays, in USD per month. None without a maximum, or if its denom has no value.
    pub max_usd: Option<Usd>,
    /// The lowest bid of anybody else, in USD per month.
    pub best_other_usd: Option<Usd>,
    /// The cards that its pods were handed, or those of the nodes that it was placed on, as
    /// [`kinds_joined`] writes them. Empty without cards.
    pub gpu: Arc<str>,
    /// The number of those cards, all replicas together.
    pub cards: u64,
    /// The nodes where its pods started, or where they would have been placed, separated by `+`. Empty if nothing was
    /// placed.
    pub node: Arc<str>,
    /// The time of its lease within the window, in milliseconds.
    pub lease_ms: Millis,
    /// What its lease paid, in USD.
    pub revenue: Usd,
}

impl Decided {
    /// How far the price is below what it must not exceed: the tenant's maximum or the lowest bid of anybody else,
    /// whichever is lower. Negative if it is above. None without a price or without a limit.
    #[must_use]
    pub fn margin_usd(&self) -> Option<Usd> {
        let limit = self.max_usd.into_iter().chain(self.best_other_usd).min()?;
        limit.checked_sub(self.usd_per_month?).ok()
    }
}

/// The nodes that an order was placed on, in order of placement, separated by `+`.
#[must_use]
pub fn nodes_of(targets: &[QuotedTarget]) -> String {
    let mut nodes: Vec<&str> = Vec::new();
    for node in targets.iter().flat_map(|target| &target.nodes) {
        if !nodes.contains(&&**node) {
            nodes.push(node);
        }
    }
    nodes.join("+")
}

/// The kinds that an order was placed on, as [`kinds_joined`] writes them. Empty without cards.
#[must_use]
pub fn cards_of(targets: &[QuotedTarget]) -> String {
    kinds_joined(targets.iter().flat_map(|target| &target.cards).flat_map(|cards| &cards.kinds))
}

/// Each of the kinds once, in alphabetical order, separated by `+`: the same kinds have one name, whichever came first.
#[must_use]
pub fn kinds_joined<'k>(kinds: impl IntoIterator<Item = &'k GpuKind>) -> String {
    let names: BTreeSet<String> = kinds.into_iter().map(ToString::to_string).collect();
    names.into_iter().collect::<Vec<_>>().join("+")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_same_kinds_have_one_name_whichever_came_first() {
        let kind = |ram: &str| GpuKind::new("nvidia", "a100", ram, "sxm");
        let (small, large) = (kind("40Gi"), kind("80Gi"));
        let joined = kinds_joined([&large, &small, &large]);
        assert_eq!(joined, "nvidia/a100/40Gi/sxm+nvidia/a100/80Gi/sxm");
        assert_eq!(joined, kinds_joined([&small, &large]));
        assert_eq!((kinds_joined([&large]), kinds_joined([])), (large.to_string(), String::new()));
    }

    #[test]
    fn an_outcome_is_its_name_and_sorted_by_it() {
        let outcomes = [OrderOutcome::Won, OrderOutcome::NoBid(ReasonCode::PriceAboveMax), OrderOutcome::CannotRun];
        let counts: BTreeMap<OrderOutcome, u64> = outcomes.into_iter().map(|outcome| (outcome, 1)).collect();
        let json = serde_json::to_string(&counts).unwrap();
        assert_eq!(json, r#"{"cannot-run":1,"price-above-max":1,"won":1}"#);
        assert_eq!(serde_json::from_str::<BTreeMap<OrderOutcome, u64>>(&json).unwrap(), counts);
        let unknown = serde_json::from_str::<OrderOutcome>("\"from-the-future\"").unwrap_err().to_string();
        assert!(unknown.starts_with("`from-the-future` is not an outcome that this version knows"), "{unknown}");
    }
}
