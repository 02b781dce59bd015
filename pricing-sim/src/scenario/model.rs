//! The keys of a scenario file.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::number::Number;

/// A scenario: which orders arrive at which cluster, who prices them, and against whom they compete.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name in reports. Default: the file's name.
    #[serde(default)]
    pub name: Option<String>,
    /// The seed of the first run.
    #[serde(default = "first_seed")]
    pub seed: u64,
    /// The price of an AKT in USD, for orders in uakt.
    #[serde(default)]
    pub usd_per_akt: Option<Number>,
    /// The algorithm that makes reservations.
    #[serde(default)]
    pub scheduler: SchedulerName,
    /// The budget of the sound scheduler, in steps.
    #[serde(default)]
    pub search_steps: Option<u64>,
    /// The orders.
    pub orders: OrdersEntry,
    /// The cluster that they arrive at.
    pub inventory: InventoryEntry,
    /// The strategies that price them.
    #[serde(default)]
    pub strategy: Vec<StrategyEntry>,
    /// The competition. Default: none.
    #[serde(default)]
    pub market: Option<MarketEntry>,
    /// The rates that value idle capacity. Default: those of the first strategy.
    #[serde(default)]
    pub idle: Option<RatesEntry>,
    /// How the words of the openb trace are read.
    #[serde(default)]
    pub openb: OpenbEntry,
    /// The runs. Default: a single one.
    #[serde(default)]
    pub sweep: SweepEntry,
}

fn first_seed() -> u64 {
    1
}

/// A scheduler's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SchedulerName {
    /// [`pricing_core::reserve::Scheduler::Sound`].
    #[default]
    Sound,
    /// [`pricing_core::reserve::Scheduler::Provider`].
    Provider,
}

/// The orders. Exactly one source must be named.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OrdersEntry {
    /// A file of JSON lines, one order each.
    pub jsonl: Option<String>,
    /// A CSV file, with one order per row.
    pub csv: Option<String>,
    /// A Parquet file, with one order per row.
    pub parquet: Option<String>,
    /// A bid log of the service: its folder, or one of its files.
    pub bid_log: Option<String>,
    /// A folder of SDLs (`.yaml`, `.yml`, also in its subfolders), from which orders are drawn uniformly. Without
    /// [`Self::arrivals`], each arrives once, in the order of names, one minute apart. The groups of an SDL arrive
    /// together and end together, and are named `NAME-N/GROUP`.
    pub sdl_dir: Option<String>,
    /// The pods of the openb trace.
    pub openb: Option<String>,
    /// Generated orders.
    pub generate: Option<GenerateEntry>,
    /// When the orders of a folder, or generated orders, arrive. The orders of a file have their own times.
    pub arrivals: Option<ArrivalsEntry>,
    /// How long leases last, if the source does not say. Default: until the end.
    pub lifetime: Option<LifetimeEntry>,
    /// The maximum prices of tenants, if the orders do not set them. Default: no maximum, so that no order is lost for
    /// its price.
    pub maximum: Option<MaximumEntry>,
    /// Whether [`Self::maximum`] also replaces the orders' own maxima.
    pub replace_maximum: bool,
    /// The denom of orders that name none. Default: `uact`.
    pub denom: Option<String>,
    /// The owner of orders that name none.
    pub owner: Option<String>,
    /// The factor by which the times of a file are divided; not the times in the scenario itself.
    pub time_compression: Option<Number>,
    /// How shares of a card are rounded, for openb only.
    pub gpu_share: GpuShare,
    /// The number of orders to take, from the first one on.
    pub limit: Option<usize>,
    /// The length of the window, counted from the first arrival or, for orders from a folder and generated orders, from
    /// 0. Default: until the end of the last lease.
    #[serde(with = "optional_duration")]
    pub duration: Option<Duration>,
}

/// How an order for a share of a card becomes one for whole cards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GpuShare {
    /// Any share takes a whole card, because cards are leased whole.
    #[default]
    Up,
    /// Half a card or more takes a card; less takes none.
    Nearest,
    /// Orders for shares are left out.
    Skip,
}

/// Generated orders.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GenerateEntry {
    /// The number of orders, at most 2,000,000. Default: as many as arrive within `orders.duration`.
    pub orders: Option<usize>,
    /// Kinds of card, `vendor/model/ram/interface` cut short from the right, with their weights. Without any, no order
    /// asks for cards.
    pub gpus: BTreeMap<String, Number>,
    /// The share of orders without cards, among all orders.
    pub cpu_only_share: Option<Number>,
    /// The share of GPU orders that accept any model of their vendor.
    pub wildcard_share: Option<Number>,
    /// The share of GPU orders that list several models. These are other orders, so the two shares add up to at most 1.
    pub multi_model_share: Option<Number>,
    /// The number of distinct models that such an order lists. Default: 2.
    pub models_listed: Option<usize>,
    /// Cards per replica, with weights (`{ 1 = 6, 8 = 1 }`). Default: 1.
    pub cards: BTreeMap<String, Number>,
    /// Replicas, with weights. Default: 1.
    pub replicas: BTreeMap<String, Number>,
    /// Threads per card or, without cards, per replica, chosen uniformly. Default: 4.
    pub cpu: Vec<Number>,
    /// Memory in GiB, likewise. Default: 16.
    pub memory: Vec<Number>,
    /// Ephemeral storage in GiB, likewise. Default: 20.
    pub storage: Vec<Number>,
    /// The class of another volume of the same size, such as `beta3`. Default: none.
    pub persistent: Option<String>,
    /// Endpoints per order, at most 100. Default: 1.
    pub endpoints: Option<u32>,
}

/// The arrival process.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArrivalsEntry {
    /// The number of orders per time: `40/h`, `0.5/min`, `3/30s`.
    pub rate: String,
    /// Random or regular.
    #[serde(default)]
    pub pattern: ArrivalPattern,
    /// How the rate follows the time of day.
    #[serde(default)]
    pub daily: Option<DailyEntry>,
    /// Bursts of the rate.
    #[serde(default)]
    pub bursts: Option<BurstsEntry>,
}

/// The pattern of arrivals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArrivalPattern {
    /// A Poisson process.
    #[default]
    Poisson,
    /// Evenly spaced as long as the rate is constant; the first order at once.
    Regular,
}

/// How the rate follows the time of day: `rate * (1 + swing * cos(2 pi (time of day - peak) / 24 h))`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DailyEntry {
    /// The relative amplitude, from 0 to 1.
    pub swing: Number,
    /// The hour with the most orders, counted from the start of the window. Default: 0.
    #[serde(default)]
    pub peak_hour: Option<Number>,
}

/// Recurring bursts, during which the rate is multiplied.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BurstsEntry {
    /// The time from the start of one burst to the start of the next. The first one starts after this time.
    #[serde(deserialize_with = "duration")]
    pub every: Duration,
    /// The length of a burst, at most `every`.
    #[serde(deserialize_with = "duration")]
    pub length: Duration,
    /// The factor, from 0, which is a pause, to 1000.
    pub factor: Number,
}

/// The distribution of lifetimes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LifetimeEntry {
    /// The mean, or the median for `log-normal`.
    #[serde(deserialize_with = "duration")]
    pub typical: Duration,
    /// The shape of the distribution.
    #[serde(default)]
    pub shape: LifetimeShape,
    /// The sigma of `log-normal`, from 0 to 5. Default: 1.
    #[serde(default)]
    pub sigma: Option<Number>,
}

/// The shape of the distribution of lifetimes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LifetimeShape {
    /// Exponential.
    #[default]
    Exponential,
    /// Log-normal.
    LogNormal,
    /// All equal.
    Fixed,
}

/// The maximum prices of tenants: the price of an order by a rate card, times a random factor, in the order's own denom
/// with the precision of bids. An order that the rate card cannot price is an error.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaximumEntry {
    /// The rate card.
    #[serde(flatten)]
    pub rates: RatesEntry,
    /// A constant factor. Default: 1.
    #[serde(default)]
    pub factor: Option<Number>,
    /// The sigma of a log-normal factor with median 1, from 0 to 5. Default: 0.
    #[serde(default)]
    pub spread: Option<Number>,
    /// The card that prices a request that leaves the model open.
    #[serde(default)]
    pub wildcard: Wildcard,
}

/// The card that prices a request that leaves the model open, if no inventory is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wildcard {
    /// The cheapest that the rate card lists.
    #[default]
    Cheapest,
    /// The most expensive that the rate card lists.
    Dearest,
}

/// The cluster. Exactly one source must be named.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InventoryEntry {
    /// An inventory file: a Cluster or a provider's Status, in any dialect.
    pub file: Option<String>,
    /// The nodes of the openb trace.
    pub openb: Option<String>,
    /// A description: `8 nodes x 8 h100/80Gi/sxm`, with `+` between several.
    pub describe: Option<String>,
    /// Whether to start with nothing allocated, regardless of the inventory.
    pub empty: bool,
}

/// A strategy.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrategyEntry {
    /// Its name in the results.
    pub name: String,
    /// Its rate card. Default: the documented one.
    #[serde(default)]
    pub rates: Option<String>,
    /// Changes to the rate card, with the same tables and keys.
    #[serde(default)]
    pub set: toml::Table,
    /// The card that prices a request that leaves the model open.
    #[serde(default)]
    pub gpu: GpuRuleName,
    /// A plugin that prices instead.
    #[serde(default)]
    pub plugin: Option<String>,
    /// The fuel limit of a call of the plugin.
    #[serde(default)]
    pub fuel: Option<u64>,
    /// Whether the plugin contains a language engine.
    #[serde(default)]
    pub engine: bool,
    /// A bid price script that prices instead.
    #[serde(default)]
    pub script: Option<String>,
    /// Whether the daemon's scale pricing prices instead, by the `AKASH_BID_PRICE_*_SCALE` variables in `env` or, if
    /// `env` has none, in the environment of the simulation.
    #[serde(default)]
    pub scale: bool,
    /// Variables for the script, in addition to `AKASH_OWNER` and `AKASH_DENOM`, or the scales.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The time limit of the script. Default: 10 s.
    #[serde(default, with = "optional_duration")]
    pub timeout: Option<Duration>,
    /// Which form of an order the script gets. Default: `allocated`.
    #[serde(default)]
    pub request: Option<ScriptRequestName>,
}

/// Which form of an order a script gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScriptRequestName {
    /// [`crate::strategy::ScriptOrder::Allocated`].
    Allocated,
    /// [`crate::strategy::ScriptOrder::Written`].
    Written,
}

/// The rule for requests that leave the model open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GpuRuleName {
    /// [`pricing_core::quote::GpuRule::RealCard`].
    #[default]
    RealCard,
    /// [`pricing_core::quote::GpuRule::HighestWildcard`].
    HighestWildcard,
}

/// A rate card with changes.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct RatesEntry {
    /// The rate card. Default: the documented one.
    #[serde(default)]
    pub rates: Option<String>,
    /// Changes to it.
    #[serde(default)]
    pub set: toml::Table,
}

/// The competition: a single market price, or named competitors, or both.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MarketEntry {
    /// Whether there is any competition. An axis can turn it off.
    pub enabled: bool,
    /// The market price, as a rate card.
    pub rates: Option<String>,
    /// Changes to it.
    pub set: toml::Table,
    /// The sigma of a log-normal factor with median 1, from 0 to 5. Default: 0.
    pub spread: Option<Number>,
    /// The card that the market bids for a request that leaves the model open.
    pub wildcard: Wildcard,
    /// Named competitors.
    pub competitor: Vec<CompetitorEntry>,
}

impl Default for MarketEntry {
    fn default() -> Self {
        Self {
            enabled: true,
            rates: None,
            set: toml::Table::new(),
            spread: None,
            wildcard: Wildcard::default(),
            competitor: Vec::new(),
        }
    }
}

/// A competitor.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompetitorEntry {
    /// The name.
    pub name: String,
    /// Its rate card.
    #[serde(default)]
    pub rates: Option<String>,
    /// Changes to it.
    #[serde(default)]
    pub set: toml::Table,
    /// The sigma of a log-normal factor with median 1, from 0 to 5. Default: 0.
    #[serde(default)]
    pub spread: Option<Number>,
    /// The card that it bids for a request that leaves the model open.
    #[serde(default)]
    pub wildcard: Wildcard,
}

/// How the words of the openb trace are read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OpenbEntry {
    /// The trace's models as `vendor/model/ram/interface`, cut short from the right. They are added to the documented
    /// ones.
    pub models: BTreeMap<String, String>,
}

/// The runs: every cell of the axes with every seed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SweepEntry {
    /// The number of seeds, starting with the scenario's, or a list of them. Default: 1.
    pub seeds: Option<Seeds>,
    /// Keys of the scenario, with the values that each takes in turn. The last axis changes fastest.
    pub axes: BTreeMap<String, Vec<toml::Value>>,
}

/// The seeds of a sweep.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Seeds {
    /// This many, starting with the scenario's.
    Count(u32),
    /// These.
    List(Vec<u64>),
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|error| D::Error::custom(format_args!("`{text}` is no duration such as `90m`: {error}")))
}

mod optional_duration {
    use super::{Deserializer, Duration};

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        super::duration(deserializer).map(Some)
    }
}
