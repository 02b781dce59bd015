//! The results of runs: exact numbers of one run, as they are stored, merged and reported.
//!
//! All sums here are integers or exact decimals, so that neither the order, the number of threads nor the number of
//! processes makes a difference.

mod brief;
mod decision;
mod pair;
mod starred;

use std::collections::BTreeMap;

use pricing_core::money::Usd;
use serde::{Deserialize, Serialize};

use crate::time::{Millis, Window};

pub use brief::{Brief, Briefs};
pub use decision::{Decided, OrderOutcome, cards_of, kinds_joined, nodes_of};
pub use pair::{Flip, LARGEST, PairRun};
pub use starred::Starred;

/// The steps of a decade of price bins, in tenths: the preferred numbers of the series R''20 (ISO 3), which are about 12 %
/// apart. In coarser bins, the rates that an operator chooses among would look alike.
const STEPS: [u64; 20] = [10, 11, 12, 14, 16, 18, 20, 22, 25, 28, 32, 36, 40, 45, 50, 56, 63, 71, 80, 90];

/// The lower bounds of the price bins, in USD per month, in ascending order: whole numbers to 9, then steps of about 12 %
/// up to 9 million.
pub fn price_bins() -> impl Iterator<Item = u64> {
    (0..10).chain((0..6).flat_map(|decade| STEPS.into_iter().map(move |step| step.saturating_mul(10_u64.pow(decade)))))
}

/// The result of one run: one cell of the sweep with one seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunResult {
    /// The index of the run in the sweep.
    pub run: usize,
    /// The index of the cell.
    pub cell: usize,
    /// The seed.
    pub seed: u64,
    /// The period that counts: the simulated one without the warm-up.
    pub window: Window,
    /// One result per strategy, in the scenario's order.
    pub strategies: Vec<StrategyRun>,
    /// Each further strategy compared with the first one.
    pub pairs: Vec<PairRun>,
    /// What limited the bids.
    pub limits: Limits,
}

/// What limited the bids of a run: how many orders had a maximum or another bid, and for how many the rate cards of the
/// scenario could not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// All orders of the stream.
    pub orders: u64,
    /// Orders with a maximum.
    pub with_maximum: u64,
    /// Orders on which somebody else bids.
    pub contested: u64,
    /// Orders to which `[orders.maximum]` gives no maximum.
    pub maximum: Starred,
    /// By competitor, orders on which it does not bid.
    pub competitors: BTreeMap<String, Starred>,
}

/// The result of one strategy in one run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrategyRun {
    /// Its name.
    pub name: String,
    /// Orders that arrived.
    pub orders: u64,
    /// Orders that it won, and whose leases ran.
    pub won: u64,
    /// The other orders, by reason: the reason codes of quotes, `outbid`, `not-taken`, `cannot-run` and
    /// `pod-pending`.
    pub lost: BTreeMap<OrderOutcome, u64>,
    /// What the leases pay, in USD: for each, USD per month times its seconds in the window divided by
    /// [`crate::time::SECONDS_PER_MONTH`], rounded half to even to 12 decimals.
    #[serde(with = "usd")]
    pub revenue: Usd,
    /// The time of all leases in the window, in milliseconds.
    #[serde(with = "number")]
    pub lease_ms: u128,
    /// Leases that pay more than their own cards cost.
    pub overcharge: Charge,
    /// Leases that pay less than their own cards cost.
    pub undercharge: Charge,
    /// What leases pay by the cards that they were handed, sorted.
    pub by_card: Vec<CardCharge>,
    /// Cards by kind, sorted.
    pub gpus: Vec<GpuUse>,
    /// CPU, in thousandths of a thread.
    pub cpu: Use,
    /// Memory, in bytes.
    pub memory: Use,
    /// The value of idle capacity, by the idle rates.
    pub idle: Idle,
    /// How many of the free cards the stream's typical orders could not use.
    pub fragmentation: Fragmentation,
    /// Bids and wins by cards and price: by kinds and number of cards, and within them the cheapest first.
    pub by_price: Vec<PriceBin>,
    /// The window, in equal parts.
    pub over_time: Vec<Bucket>,
    /// Quotes that depended on the wall clock, and may differ elsewhere.
    pub by_clock: u64,
}

/// Leases that pay more or less than their own cards cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charge {
    /// The number of leases.
    pub orders: u64,
    /// The sum of the differences, in USD per month.
    #[serde(with = "usd")]
    pub usd_per_month: Usd,
    /// The sum of the differences over the leases' time in the window, in USD.
    #[serde(with = "usd")]
    pub usd: Usd,
}

/// What the leases with the same cards pay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardCharge {
    /// The kinds of the cards that their pods were handed, separated by `+`.
    pub gpu: String,
    /// The number of leases.
    pub leases: u64,
    /// What they pay for their time in the window, in USD.
    #[serde(with = "usd")]
    pub paid: Usd,
    /// What the strategy's rates ask for these cards over that time, in USD.
    #[serde(with = "usd")]
    pub own: Usd,
}

/// Cards of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpuUse {
    /// The kind.
    pub kind: String,
    /// How much it was used.
    #[serde(flatten)]
    pub used: Use,
}

/// How much of a resource there is, and how long it was in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Use {
    /// The total amount.
    pub total: u64,
    /// The amount that the inventory shows as in use before the first order, which stays in use for the whole time.
    pub background: u64,
    /// Units times milliseconds in leases.
    #[serde(with = "number")]
    pub leased_ms: u128,
}

/// The value of idle capacity, in USD over the window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Idle {
    /// Cards.
    #[serde(with = "usd")]
    pub gpu: Usd,
    /// Threads.
    #[serde(with = "usd")]
    pub cpu: Usd,
    /// Memory.
    #[serde(with = "usd")]
    pub memory: Usd,
    /// Cards without an idle rate, times milliseconds.
    #[serde(with = "number")]
    pub unpriced_card_ms: u128,
}

/// Free cards, and how many of them the stream's typical orders could not use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fragmentation {
    /// Free cards times milliseconds.
    #[serde(with = "number")]
    pub free_ms: u128,
    /// Free cards times milliseconds times the weight of the typical orders that could not use them.
    #[serde(with = "number")]
    pub unusable_ms: u128,
    /// The weight of all typical orders.
    pub weight: u64,
}

/// The bids on orders for the same cards in a range of prices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceBin {
    /// The kinds of the cards, separated by `+`. Empty without cards.
    pub gpu: String,
    /// The number of cards of an order.
    pub cards: u64,
    /// The lower bound in USD per month: one of [`price_bins`].
    pub from_usd: u64,
    /// Bids.
    pub bids: u64,
    /// The bids that won.
    pub won: u64,
}

/// A part of the window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// Its start.
    pub at: Millis,
    /// Its length.
    pub length: Millis,
    /// Cards times milliseconds in leases, by kind, in the order of [`StrategyRun::gpus`].
    pub gpus: Vec<u64>,
    /// Thousandths of a thread, times milliseconds.
    #[serde(with = "number")]
    pub cpu_ms: u128,
    /// Bytes of memory times milliseconds.
    #[serde(with = "number")]
    pub memory_ms: u128,
    /// Orders that arrived.
    pub arrived: u64,
    /// The orders that were won.
    pub won: u64,
    /// What leases pay for their time in this part, in USD.
    #[serde(with = "usd")]
    pub revenue: Usd,
}

/// Serialises money as text.
pub(crate) mod usd {
    use pricing_core::money::{Usd, parse_decimal};
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    pub(crate) fn serialize<S: Serializer>(usd: &Usd, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(usd)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Usd, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        parse_decimal(&text).map(Usd::from_decimal).map_err(D::Error::custom)
    }
}

/// Serialises large integers as text, because many JSON readers only keep 53 bits of a number.
mod number {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(number: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}
