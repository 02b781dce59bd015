//! What a scenario can say: every key, as its file has it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::number::Number;

/// A scenario: which orders arrive where, who prices them, and against whom.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is called in reports; the file's name otherwise.
    #[serde(default)]
    pub name: Option<String>,
    /// The seed of the first run.
    #[serde(default = "first_seed")]
    pub seed: u64,
    /// What an AKT is worth, for orders in uakt.
    #[serde(default)]
    pub usd_per_akt: Option<Number>,
    /// Who places.
    #[serde(default)]
    pub scheduler: SchedulerName,
    /// How hard the sound scheduler tries, in steps.
    #[serde(default)]
    pub search_steps: Option<u64>,
    /// Which orders arrive.
    pub orders: OrdersEntry,
    /// The cluster that they arrive at.
    pub inventory: InventoryEntry,
    /// Who prices them.
    #[serde(default)]
    pub strategy: Vec<StrategyEntry>,
    /// Whom they compete with; nobody otherwise.
    #[serde(default)]
    pub market: Option<MarketEntry>,
    /// What idle capacity is valued at; the first strategy's rates otherwise.
    #[serde(default)]
    pub idle: Option<RatesEntry>,
    /// How the words of the openb trace are read.
    #[serde(default)]
    pub openb: OpenbEntry,
    /// Which runs there are; one otherwise.
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

/// Which orders arrive. Exactly one source is named.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OrdersEntry {
    /// A file with an order a line, as JSON.
    pub jsonl: Option<String>,
    /// A file with an order a row.
    pub csv: Option<String>,
    /// A file with an order a row.
    pub parquet: Option<String>,
    /// A service's bid log: its folder or one of its files.
    pub bid_log: Option<String>,
    /// A folder of SDLs (`.yaml`, `.yml`, also in folders of it), of which orders are drawn, each as likely. Without
    /// [`Self::arrivals`] each arrives once, in name order, one minute apart. The groups of an SDL arrive together and end
    /// together; they are called `NAME-N/GROUP`.
    pub sdl_dir: Option<String>,
    /// The pods of the openb trace.
    pub openb: Option<String>,
    /// Made up.
    pub generate: Option<GenerateEntry>,
    /// When the orders of a folder, or made-up ones, arrive. The times of a file stay what they are.
    pub arrivals: Option<ArrivalsEntry>,
    /// How long leases last, where the source does not say. Without it they last to the end.
    pub lifetime: Option<LifetimeEntry>,
    /// The most that tenants pay, where the orders do not say. Without it such orders have no maximum, and no price loses
    /// them.
    pub maximum: Option<MaximumEntry>,
    /// Whether [`Self::maximum`] also replaces what orders say.
    pub replace_maximum: bool,
    /// The denom of orders that name none: `uact` unless it is said.
    pub denom: Option<String>,
    /// The owner of orders that name none.
    pub owner: Option<String>,
    /// Times are divided by this: those of a file, not those that the scenario itself names.
    pub time_compression: Option<Number>,
    /// How shares of a card are rounded; openb only.
    pub gpu_share: GpuShare,
    /// Takes only so many of the orders, the first ones.
    pub limit: Option<usize>,
    /// When the window ends, counted from the first arrival or, with orders that a folder or nobody wrote, from 0; with
    /// the last lease otherwise.
    #[serde(with = "optional_duration")]
    pub duration: Option<Duration>,
}

/// How an order for a share of a card becomes one for whole cards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GpuShare {
    /// Any share takes a whole card: cards are leased whole.
    #[default]
    Up,
    /// Half a card and more takes a card, less takes none.
    Nearest,
    /// Orders for shares are left out.
    Skip,
}

/// Made-up orders.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GenerateEntry {
    /// How many; otherwise as many as arrive within `orders.duration`. At most 2,000,000.
    pub orders: Option<usize>,
    /// Kinds of card, `vendor/model/ram/interface` cut short from the right, with their weights. Without any, no order
    /// asks for cards.
    pub gpus: BTreeMap<String, Number>,
    /// Share of orders without cards, of all orders.
    pub cpu_only_share: Option<Number>,
    /// Share of GPU orders that take any model of their vendor.
    pub wildcard_share: Option<Number>,
    /// Share of GPU orders that list several models: not the same orders, so that both come to 1 at most.
    pub multi_model_share: Option<Number>,
    /// How many models such an order lists: different ones of the mix; 2 unless it is said.
    pub models_listed: Option<usize>,
    /// Cards a replica, with their weights (`{ 1 = 6, 8 = 1 }`); 1 unless it is said.
    pub cards: BTreeMap<String, Number>,
    /// Replicas, with their weights; 1 unless it is said.
    pub replicas: BTreeMap<String, Number>,
    /// Threads, for each card or, without cards, for each replica: of these any is as likely. 4 unless it is said.
    pub cpu: Vec<Number>,
    /// Memory in GiB, likewise. 16 unless it is said.
    pub memory: Vec<Number>,
    /// Ephemeral storage in GiB, likewise. 20 unless it is said.
    pub storage: Vec<Number>,
    /// The class of a further volume as large, such as `beta3`; none otherwise.
    pub persistent: Option<String>,
    /// Endpoints of an order, at most 100; 1 unless it is said.
    pub endpoints: Option<u32>,
}

/// When orders arrive.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArrivalsEntry {
    /// How many in a time: `40/h`, `0.5/min`, `3/30s`.
    pub rate: String,
    /// By chance or evenly.
    #[serde(default)]
    pub pattern: ArrivalPattern,
    /// How the rate follows the day.
    #[serde(default)]
    pub daily: Option<DailyEntry>,
    /// When it rises for a while.
    #[serde(default)]
    pub bursts: Option<BurstsEntry>,
}

/// Whether orders arrive by chance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArrivalPattern {
    /// A Poisson process.
    #[default]
    Poisson,
    /// Always the same time apart, as far as the rate stays the same; the first at once.
    Regular,
}

/// The rate follows the day: `rate * (1 + swing * cos(2 pi (time of day - peak) / 24 h))`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DailyEntry {
    /// From 0 to 1.
    pub swing: Number,
    /// The hour with the most orders, counted from the beginning of the window: 0 unless it is said.
    #[serde(default)]
    pub peak_hour: Option<Number>,
}

/// The rate is multiplied for a while, again and again.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BurstsEntry {
    /// From the beginning of one to the next. The first begins when this has gone by once.
    #[serde(deserialize_with = "duration")]
    pub every: Duration,
    /// How long: at most as long as from one to the next.
    #[serde(deserialize_with = "duration")]
    pub length: Duration,
    /// By how much: from 0, which is a pause, to 1000.
    pub factor: Number,
}

/// How long leases last.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LifetimeEntry {
    /// The mean, or for `log-normal` the median.
    #[serde(deserialize_with = "duration")]
    pub typical: Duration,
    /// How they spread.
    #[serde(default)]
    pub shape: LifetimeShape,
    /// The spread of `log-normal`, from 0 to 5; 1 unless it is said.
    #[serde(default)]
    pub sigma: Option<Number>,
}

/// How lifetimes spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LifetimeShape {
    /// Exponential.
    #[default]
    Exponential,
    /// Log-normal.
    LogNormal,
    /// All alike.
    Fixed,
}

/// The most that tenants pay: what an order costs by a rate card, times a factor, spread. In the order's own denom, as
/// finely as bids are made. An order that the rate card cannot price is an error.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaximumEntry {
    /// The rate card.
    #[serde(flatten)]
    pub rates: RatesEntry,
    /// Times this; 1 unless it is said.
    #[serde(default)]
    pub factor: Option<Number>,
    /// The sigma of a log-normal factor with median 1, from 0 to 5; 0 unless it is said.
    #[serde(default)]
    pub spread: Option<Number>,
    /// Which card a request that leaves the model open is worth.
    #[serde(default)]
    pub wildcard: Wildcard,
}

/// Which card a request that leaves the model open is worth to somebody of whom no inventory is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wildcard {
    /// The cheapest that the rate card lists.
    #[default]
    Cheapest,
    /// The dearest that the rate card lists.
    Dearest,
}

/// The cluster. Exactly one source is named.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InventoryEntry {
    /// An inventory: a Cluster or provider Status, any dialect.
    pub file: Option<String>,
    /// The nodes of the openb trace.
    pub openb: Option<String>,
    /// In words: `8 nodes x 8 h100/80Gi/sxm`, with `+` between several.
    pub describe: Option<String>,
    /// Begins with nothing allocated, whatever the inventory says.
    pub empty: bool,
}

/// Who prices.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrategyEntry {
    /// Its name in answers.
    pub name: String,
    /// A rate card; the documented default without one.
    #[serde(default)]
    pub rates: Option<String>,
    /// What is changed in the rate card: tables and keys as there.
    #[serde(default)]
    pub set: toml::Table,
    /// Which card a request that leaves the model open is priced at.
    #[serde(default)]
    pub gpu: GpuRuleName,
    /// A plugin that prices instead.
    #[serde(default)]
    pub plugin: Option<String>,
    /// The most fuel of a call of the plugin.
    #[serde(default)]
    pub fuel: Option<u64>,
    /// The plugin brings a language engine along.
    #[serde(default)]
    pub engine: bool,
    /// A bid price script that prices instead.
    #[serde(default)]
    pub script: Option<String>,
    /// The daemon's scale pricing prices instead, by the `AKASH_BID_PRICE_*_SCALE` of `env`, or, where `env` has nothing, of
    /// the environment that the simulation is started in.
    #[serde(default)]
    pub scale: bool,
    /// Variables that the script sees beside `AKASH_OWNER` and `AKASH_DENOM`, or the scales.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// How long the script may take; 10 s unless it is said.
    #[serde(default, with = "optional_duration")]
    pub timeout: Option<Duration>,
    /// What of an order the script is told; `allocated` unless it is said.
    #[serde(default)]
    pub request: Option<ScriptRequestName>,
}

/// What of an order a script is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScriptRequestName {
    /// [`crate::strategy::ScriptOrder::Allocated`].
    Allocated,
    /// [`crate::strategy::ScriptOrder::Written`].
    Written,
}

/// Which card a request that leaves the model open is priced at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GpuRuleName {
    /// [`pricing_core::quote::GpuRule::RealCard`].
    #[default]
    RealCard,
    /// [`pricing_core::quote::GpuRule::HighestWildcard`].
    HighestWildcard,
}

/// A rate card, and what is changed in it.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct RatesEntry {
    /// The rate card; the documented default without one.
    #[serde(default)]
    pub rates: Option<String>,
    /// What is changed in it.
    #[serde(default)]
    pub set: toml::Table,
}

/// Whom one competes with: one price of the market, or named competitors, or both.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MarketEntry {
    /// Whether there is competition at all: an axis can turn it off.
    pub enabled: bool,
    /// What the market pays, as a rate card.
    pub rates: Option<String>,
    /// What is changed in it.
    pub set: toml::Table,
    /// The sigma of a log-normal factor with median 1, from 0 to 5; 0 unless it is said.
    pub spread: Option<Number>,
    /// Which card the market bids for a request that leaves the model open.
    pub wildcard: Wildcard,
    /// Others who bid.
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

/// Somebody else who bids.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompetitorEntry {
    /// The name.
    pub name: String,
    /// The rate card.
    #[serde(default)]
    pub rates: Option<String>,
    /// What is changed in it.
    #[serde(default)]
    pub set: toml::Table,
    /// The sigma of a log-normal factor with median 1, from 0 to 5; 0 unless it is said.
    #[serde(default)]
    pub spread: Option<Number>,
    /// Which card is bid for a request that leaves the model open.
    #[serde(default)]
    pub wildcard: Wildcard,
}

/// How the words of the openb trace are read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OpenbEntry {
    /// The trace's models as `vendor/model/ram/interface` cut short from the right; adds to the documented ones.
    pub models: BTreeMap<String, String>,
}

/// Which runs there are: every cell of the axes with every seed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SweepEntry {
    /// A number of seeds, from the scenario's on, or a list of them; 1 unless it is said.
    pub seeds: Option<Seeds>,
    /// Keys of the scenario with the values that each has in turn. The last axis changes fastest.
    pub axes: BTreeMap<String, Vec<toml::Value>>,
}

/// The seeds of a sweep.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Seeds {
    /// So many, from the scenario's on.
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
