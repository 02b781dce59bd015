//! Every key of a scenario. The comments are its reference: `docs/scenario.md` is generated from them.

use std::collections::BTreeMap;
use std::time::Duration;

use pricing_core::money::UsdPerAkt;
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::number::Number;

/// A scenario: which orders arrive where, who prices them, and against whom.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The name in reports; the file's name by default.
    #[serde(default)]
    pub name: Option<String>,
    /// The seed of the first run.
    #[serde(default = "first_seed")]
    pub seed: u64,
    /// What an AKT is worth, for orders in uakt.
    #[serde(default)]
    pub usd_per_akt: Option<Number>,
    /// The scheduler that places orders.
    #[serde(default)]
    pub scheduler: SchedulerName,
    /// The steps that the search for an order's placement may take, a few nanoseconds each.
    #[serde(default)]
    pub search_steps: Option<u64>,
    /// The orders that arrive. Exactly one source must be named: `jsonl`, `csv`, `parquet`, `bid_log`, `sdl_dir`, `openb`,
    /// `history` or `generate`.
    pub orders: OrdersEntry,
    /// The cluster that the orders arrive at. Exactly one source must be named: `file`, `openb` or `describe`.
    pub inventory: InventoryEntry,
    /// The strategies that price the orders; at least one.
    #[serde(default)]
    pub strategy: Vec<StrategyEntry>,
    /// The competition. Without it a bid is won if the tenant's maximum allows it.
    #[serde(default)]
    pub market: Option<MarketEntry>,
    /// The rates at which idle capacity is valued; those of the first strategy by default.
    #[serde(default)]
    pub idle: Option<RatesEntry>,
    /// How the models of the openb trace are read.
    #[serde(default)]
    pub openb: OpenbEntry,
    /// The runs: every cell of the axes with every seed. One run by default.
    #[serde(default)]
    pub sweep: SweepEntry,
}

impl Scenario {
    /// The value of an AKT. The scenario is checked, so a value that is there is within the bounds.
    pub(crate) fn usd_per_akt(&self) -> Option<UsdPerAkt> {
        self.usd_per_akt.and_then(|usd| UsdPerAkt::new(usd.0).ok())
    }
}

fn first_seed() -> u64 {
    1
}

/// A scheduler's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SchedulerName {
    /// Finds a placement that Kubernetes can make, whenever there is one.
    #[default]
    Sound,
    /// Does what the provider's daemon does today, bug for bug.
    Provider,
}

/// The orders that arrive. Exactly one source must be named: `jsonl`, `csv`, `parquet`, `bid_log`, `sdl_dir`, `openb`,
/// `history` or `generate`.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct OrdersEntry {
    /// A file with one order a line, as JSON.
    pub jsonl: Option<String>,
    /// A file with one order a row.
    pub csv: Option<String>,
    /// A file with one order a row.
    pub parquet: Option<String>,
    /// A service's bid log: its folder or one of its files.
    pub bid_log: Option<String>,
    /// A folder of SDLs (`.yaml` and `.yml`, in subfolders too). Orders are drawn from it, each file as likely as any other.
    /// Without `arrivals` each file arrives once, in the order of names, one minute apart. The groups of an SDL arrive
    /// together and end together; they are called `NAME-N/GROUP`.
    pub sdl_dir: Option<String>,
    /// The pod list of the openb trace.
    pub openb: Option<String>,
    /// A history: a folder that `bidprice market pull` writes. Orders arrive as they came, and their leases last as long as
    /// they did.
    pub history: Option<String>,
    /// Orders that are made up.
    pub generate: Option<GenerateEntry>,
    /// When made-up orders, or those of a folder of SDLs, arrive. The times in a file are not changed.
    pub arrivals: Option<ArrivalsEntry>,
    /// How long leases last where the source does not say. Without this section they last to the end of the window.
    pub lifetime: Option<LifetimeEntry>,
    /// The most that tenants pay where the orders do not say. Without this section such orders have no maximum, and no price
    /// is too high for them.
    pub maximum: Option<MaximumEntry>,
    /// Whether `maximum` also replaces the maxima that orders have.
    pub replace_maximum: bool,
    /// The denom of orders that name none; `uact` by default.
    pub denom: Option<String>,
    /// The owner of orders that name none.
    pub owner: Option<String>,
    /// Divides the times in a file, but not those in the scenario itself.
    pub time_compression: Option<Number>,
    /// How shares of a card are rounded, for `openb` only.
    pub gpu_share: GpuShare,
    /// The length of the blocks of which each seed draws its orders, such as `1d`. The orders of a file or a history are cut
    /// into such blocks, from midnight (UTC) of the first one. Each seed fills the window with blocks that are drawn with
    /// replacement. Without this key all seeds have the same orders.
    #[serde(deserialize_with = "optional_duration")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::schema::duration"))]
    pub resample: Option<Duration>,
    /// Takes only the first orders, this many.
    pub limit: Option<usize>,
    /// The length of the window. It begins with the first arrival, or at 0 for made-up orders and for a folder of SDLs. By
    /// default it ends with the last lease. For a history, and with `resample`, it begins at midnight (UTC) of the first
    /// order. By default it then ends with the day, or the block, in which the orders or the history end.
    #[serde(deserialize_with = "optional_duration")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::schema::duration"))]
    pub duration: Option<Duration>,
}

/// How an order for a share of a card becomes one for whole cards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum GpuShare {
    /// Any share takes a whole card, since cards are leased whole.
    #[default]
    Up,
    /// Half a card or more takes a card, and less takes none.
    Nearest,
    /// Orders for shares are left out.
    Skip,
}

/// Orders that are made up.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct GenerateEntry {
    /// The number of orders, at most 2,000,000; by default as many as arrive within `orders.duration`.
    pub orders: Option<usize>,
    /// Kinds of card ([GPU keys](rates.md#gpu-keys)) with their weights. Without any, no order asks for cards.
    pub gpus: BTreeMap<String, Number>,
    /// The share of all orders that have no cards, from 0 to 1.
    pub cpu_only_share: Option<Number>,
    /// The share of GPU orders that take any model of their vendor.
    pub wildcard_share: Option<Number>,
    /// The share of GPU orders that list several models. It does not overlap with `wildcard_share`, so the two shares add
    /// up to at most 1.
    pub multi_model_share: Option<Number>,
    /// How many different models such an order lists; 2 by default.
    pub models_listed: Option<usize>,
    /// Cards per replica with their weights, such as `{ 1 = 6, 8 = 1 }`; one card by default.
    pub cards: BTreeMap<String, Number>,
    /// Numbers of replicas with their weights; one replica by default.
    pub replicas: BTreeMap<String, Number>,
    /// Threads for each card or, without cards, for each replica. Each of the numbers is as likely as any other. 4 by
    /// default.
    pub cpu: Vec<Number>,
    /// Memory in GiB, likewise; 16 by default.
    pub memory: Vec<Number>,
    /// Ephemeral storage in GiB, likewise; 20 by default.
    pub storage: Vec<Number>,
    /// The class, such as `beta3`, of one more volume of the same size; none by default.
    pub persistent: Option<String>,
    /// Endpoints of an order, at most 100; 1 by default.
    pub endpoints: Option<u32>,
}

/// When orders arrive.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ArrivalsEntry {
    /// Orders per length of time, such as `40/h`, `0.5/min` or `3/30s`.
    pub rate: String,
    /// Whether orders arrive by chance or evenly.
    #[serde(default)]
    pub pattern: ArrivalPattern,
    /// How the rate follows the time of day.
    #[serde(default)]
    pub daily: Option<DailyEntry>,
    /// Times at which the rate rises.
    #[serde(default)]
    pub bursts: Option<BurstsEntry>,
}

/// Whether orders arrive by chance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ArrivalPattern {
    /// A Poisson process.
    #[default]
    Poisson,
    /// Evenly spaced while the rate stays the same; the first order arrives at once.
    Regular,
}

/// How the rate follows the time of day: `rate * (1 + swing * cos(2 pi (time of day - peak) / 24 h))`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DailyEntry {
    /// How far the rate swings, from 0 to 1.
    pub swing: Number,
    /// The hour with the most orders, counted from the beginning of the window; 0 by default.
    #[serde(default)]
    pub peak_hour: Option<Number>,
}

/// Times at which the rate is multiplied, again and again.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BurstsEntry {
    /// The time from the beginning of one burst to that of the next. The first begins after this time.
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::schema::duration"))]
    pub every: Duration,
    /// How long a burst lasts; at most `every`.
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::schema::duration"))]
    pub length: Duration,
    /// What the rate is multiplied by, from 0 (a pause) to 1000.
    pub factor: Number,
}

/// How long leases last.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LifetimeEntry {
    /// The mean of `exponential`, the median of `log-normal`, or the length of `fixed`.
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::schema::duration"))]
    pub typical: Duration,
    /// The distribution of lifetimes.
    #[serde(default)]
    pub shape: LifetimeShape,
    /// The sigma of `log-normal`, from 0 to 5; 1 by default.
    #[serde(default)]
    pub sigma: Option<Number>,
}

/// The distribution of lifetimes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LifetimeShape {
    /// The exponential distribution.
    #[default]
    Exponential,
    /// The log-normal distribution.
    LogNormal,
    /// All leases last equally long.
    Fixed,
}

/// The most that tenants pay: what an order costs by a rate card, times `factor`, times a random factor. It is in the order's
/// own denom and rounded as bids are. An order that the rate card cannot price is an error.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MaximumEntry {
    /// The rate card.
    #[serde(flatten)]
    pub rates: RatesEntry,
    /// What the price is multiplied by; 1 by default.
    #[serde(default)]
    pub factor: Option<Number>,
    /// The sigma of a log-normal factor with median 1, from 0 to 5; 0 by default.
    #[serde(default)]
    pub spread: Option<Number>,
    /// The card at which a request that leaves the model open is valued.
    #[serde(default)]
    pub wildcard: Wildcard,
}

/// The card at which somebody without a known inventory values a request that leaves the model open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Wildcard {
    /// The cheapest card that the rate card lists.
    #[default]
    Cheapest,
    /// The dearest card that the rate card lists.
    Dearest,
}

/// The cluster that the orders arrive at. Exactly one source must be named: `file`, `openb` or `describe`.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct InventoryEntry {
    /// An inventory: a Cluster or a provider's Status as JSON, in either dialect.
    pub file: Option<String>,
    /// The node list of the openb trace.
    pub openb: Option<String>,
    /// The cluster [in words](inventory.md#an-inventory-in-words), such as `8 nodes x 8 h100/80Gi/sxm`, with `+` between
    /// kinds of node.
    pub describe: Option<String>,
    /// Whether to begin with nothing allocated, whatever the inventory says.
    pub empty: bool,
}

/// A strategy that prices the orders.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StrategyEntry {
    /// The name in answers.
    pub name: String,
    /// The rate card file; without one the default card.
    #[serde(default)]
    pub rates: Option<String>,
    /// Changes to the rate card, with its own sections and keys.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::schema::table"))]
    pub set: toml::Table,
    /// The card at which a request that leaves the model open is priced.
    #[serde(default)]
    pub gpu: GpuRuleName,
    /// A plugin that prices instead of the rate card.
    #[serde(default)]
    pub plugin: Option<String>,
    /// The fuel that a call of the plugin may burn.
    #[serde(default)]
    pub fuel: Option<u64>,
    /// Whether the plugin is of the engine class, as JavaScript and Python need it.
    #[serde(default)]
    pub engine: bool,
    /// A bid price script that prices instead of the rate card.
    #[serde(default)]
    pub script: Option<String>,
    /// Whether the daemon's scale pricing prices instead of the rate card. It takes `AKASH_BID_PRICE_*_SCALE` from `env` or,
    /// where `env` is empty, from the environment of the simulation.
    #[serde(default)]
    pub scale: bool,
    /// The variables that the script sees in addition to `AKASH_OWNER` and `AKASH_DENOM`, or the scales.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The time that the script may take; 10 s by default.
    #[serde(default, deserialize_with = "optional_duration")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::schema::duration"))]
    pub timeout: Option<Duration>,
    /// What the script is told about an order; `allocated` by default.
    #[serde(default)]
    pub request: Option<ScriptRequestName>,
}

/// What a script is told about an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ScriptRequestName {
    /// What the daemon tells since 2024: amounts after commit levels, and the model that was allocated.
    Allocated,
    /// Amounts and cards as the tenant wrote them.
    Written,
}

/// The card at which a request that leaves the model open is priced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum GpuRuleName {
    /// The card that is allocated.
    #[default]
    RealCard,
    /// The dearest entry of the rate card, as the generic bid price script does.
    HighestWildcard,
}

/// A rate card, and changes to it.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RatesEntry {
    /// The rate card file; without one the default card.
    #[serde(default)]
    pub rates: Option<String>,
    /// Changes to the rate card, with its own sections and keys.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::schema::table"))]
    pub set: toml::Table,
}

/// The competition: one price of the market, named competitors, or the bids of a history, or several of these.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct MarketEntry {
    /// Whether there is competition at all. An axis of a sweep can turn it off.
    pub enabled: bool,
    /// The rate card by which the market bids.
    pub rates: Option<String>,
    /// Changes to the rate card, with its own sections and keys.
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::schema::table"))]
    pub set: toml::Table,
    /// The sigma of a log-normal factor with median 1, from 0 to 5; 0 by default.
    pub spread: Option<Number>,
    /// The card by which the market bids on a request that leaves the model open.
    pub wildcard: Wildcard,
    /// Competitors with rate cards of their own.
    pub competitor: Vec<CompetitorEntry>,
    /// Whether the bids of others on the orders of `orders.history` compete.
    pub observed: bool,
    /// Which bid a tenant takes, for `observed` only.
    pub choice: ChoiceName,
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
            observed: false,
            choice: ChoiceName::default(),
        }
    }
}

/// Which bid a tenant takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ChoiceName {
    /// The cheapest one; ours at the same price. An order of which no bid became a lease cannot be won.
    #[default]
    Cheapest,
    /// Drawn by a model of the choice, which is fitted to the history: a conditional logit.
    Fitted,
}

/// A competitor.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CompetitorEntry {
    /// The name.
    pub name: String,
    /// The rate card file; without one the default card.
    #[serde(default)]
    pub rates: Option<String>,
    /// Changes to the rate card, with its own sections and keys.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::schema::table"))]
    pub set: toml::Table,
    /// The sigma of a log-normal factor with median 1, from 0 to 5; 0 by default.
    #[serde(default)]
    pub spread: Option<Number>,
    /// The card by which the competitor bids on a request that leaves the model open.
    #[serde(default)]
    pub wildcard: Wildcard,
}

/// How the models of the openb trace are read.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct OpenbEntry {
    /// The trace's models as [GPU keys](rates.md#gpu-keys). They are added to the known ones.
    pub models: BTreeMap<String, String>,
}

/// The runs: every cell of the axes with every seed.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SweepEntry {
    /// The number of seeds, counted from `seed`, or a list of seeds; 1 by default.
    pub seeds: Option<Seeds>,
    /// Keys of the scenario, each with the values that it takes in turn. The last axis changes fastest.
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::schema::axes"))]
    pub axes: BTreeMap<String, Vec<toml::Value>>,
}

/// The seeds of a sweep.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Seeds {
    /// The number of seeds, counted from the scenario's.
    Count(u32),
    /// The seeds.
    List(Vec<u64>),
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|error| D::Error::custom(format_args!("`{text}` is no duration such as `90m`: {error}")))
}

fn optional_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}
