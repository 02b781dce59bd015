//! What came of runs: exact numbers of one run, as they are kept, merged and reported.
//!
//! Everything that is summed here is an integer or an exact decimal, so that it does not matter in which order, on how
//! many threads or in how many processes it was summed.

mod decision;
mod pair;

use std::collections::BTreeMap;

use pricing_core::money::Usd;
use serde::{Deserialize, Serialize};

use crate::time::{Millis, Window};

pub use decision::{CANNOT_RUN, Decided, OUTBID, WON, cards_of, is_bid};
pub use pair::{Flip, LARGEST, PairRun};

/// Where bins of prices begin, USD a month.
pub const PRICE_BINS: [u64; 22] = [
    0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000,
    1_000_000, 2_000_000, 5_000_000,
];

/// What one run came to: one cell of the sweep with one seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunResult {
    /// The run's place among all runs of the sweep.
    pub run: usize,
    /// The cell's place among the cells of the axes.
    pub cell: usize,
    /// The seed.
    pub seed: u64,
    /// What was looked at.
    pub window: Window,
    /// One a strategy, in the scenario's order.
    pub strategies: Vec<StrategyRun>,
    /// Each strategy after the first, held against the first.
    pub pairs: Vec<PairRun>,
}

/// What one strategy came to in one run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrategyRun {
    /// Its name.
    pub name: String,
    /// Orders that arrived.
    pub orders: u64,
    /// Orders that it was won, and ran.
    pub won: u64,
    /// The others by reason: the reason codes of quotes, `outbid` and `cannot-run`.
    pub lost: BTreeMap<String, u64>,
    /// What the leases pay: for each, USD a month times its seconds in the window by [`crate::time::SECONDS_PER_MONTH`],
    /// rounded half-even to 12 decimals.
    #[serde(with = "usd")]
    pub revenue: Usd,
    /// Milliseconds of all leases in the window.
    #[serde(with = "number")]
    pub lease_ms: u128,
    /// Leases that pay more than the rates of their own cards.
    pub overcharge: Charge,
    /// Leases that pay less than the rates of their own cards.
    pub undercharge: Charge,
    /// Cards by kind, sorted.
    pub gpus: Vec<GpuUse>,
    /// Thousandths of a thread.
    pub cpu: Use,
    /// Bytes of memory.
    pub memory: Use,
    /// What stood idle, at the idle rates.
    pub idle: Idle,
    /// How much of the free cards the stream's typical orders could not use.
    pub fragmentation: Fragmentation,
    /// Bids and wins by price, cheapest first.
    pub by_price: Vec<PriceBin>,
    /// The window in equal parts.
    pub over_time: Vec<Bucket>,
    /// Quotes that the wall clock decided: they may be others elsewhere.
    pub by_clock: u64,
}

/// Leases that do not pay what their own cards cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charge {
    /// How many.
    pub orders: u64,
    /// The sum of the differences, USD a month.
    #[serde(with = "usd")]
    pub usd_per_month: Usd,
    /// What the differences came to over the leases' time in the window.
    #[serde(with = "usd")]
    pub usd: Usd,
}

/// Cards of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpuUse {
    /// The kind.
    pub kind: String,
    /// How it was used.
    #[serde(flatten)]
    pub used: Use,
}

/// How much of something there is, and how long it was in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Use {
    /// What there is.
    pub total: u64,
    /// What the inventory shows as in use before the first order, for the whole time.
    pub background: u64,
    /// Units times milliseconds that leases had.
    #[serde(with = "number")]
    pub leased_ms: u128,
}

/// What stood idle, in USD over the window.
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
    /// Cards that no idle rate prices, by milliseconds.
    #[serde(with = "number")]
    pub unpriced_card_ms: u128,
}

/// Free cards, and how much of them the stream's typical orders could not use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fragmentation {
    /// Free cards times milliseconds.
    #[serde(with = "number")]
    pub free_ms: u128,
    /// Free cards times milliseconds times the weight of the typical orders that cannot use them.
    #[serde(with = "number")]
    pub unusable_ms: u128,
    /// The weight of all typical orders.
    pub weight: u64,
}

/// Bids of a range of prices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceBin {
    /// USD a month, from this on: one of [`PRICE_BINS`].
    pub from_usd: u64,
    /// Bids.
    pub bids: u64,
    /// Those that were won.
    pub won: u64,
}

/// A part of the window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// When it begins.
    pub at: Millis,
    /// How long it is.
    pub length: Millis,
    /// Cards times milliseconds that leases had, by kind, in the order of [`StrategyRun::gpus`].
    pub gpus: Vec<u64>,
    /// Thousandths of a thread times seconds.
    #[serde(with = "number")]
    pub cpu_ms: u128,
    /// Bytes of memory times milliseconds.
    #[serde(with = "number")]
    pub memory_ms: u128,
    /// Orders that arrived.
    pub arrived: u64,
    /// Those of them that were won.
    pub won: u64,
    /// What leases pay for the time in this part, in USD.
    #[serde(with = "usd")]
    pub revenue: Usd,
}

/// Money as text.
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

/// Large integers as text: JSON readers keep 53 bits of a number.
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
