//! Every key of a scenario. The comments are its reference: `docs/scenario.md` is generated from them.

mod arrivals;
mod market;
mod orders;
mod strategy;

use std::collections::BTreeMap;
use std::time::Duration;

use pricing_core::money::UsdPerAkt;
use pricing_core::reserve::kubernetes::KubernetesVersion;
use pricing_core::reserve::{Prefer, Scheduler};
use pricing_core::text::excerpt;
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::number::Number;

pub use arrivals::{ArrivalPattern, ArrivalsEntry, BurstsEntry, DailyEntry, LifetimeEntry, LifetimeShape};
pub use market::{ChoiceName, CompetitorEntry, MarketEntry};
pub use orders::{GenerateEntry, GpuShare, MaximumEntry, OrdersEntry, Wildcard};
pub use strategy::{ScriptRequestName, StrategyEntry};

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
    /// The same as `reserve.scheduler`, which is the newer way to write it.
    #[serde(default)]
    pub scheduler: Option<Scheduler>,
    /// How orders are placed.
    #[serde(default)]
    pub reserve: ReserveEntry,
    /// The cluster's kube-scheduler.
    #[serde(default)]
    pub kubernetes: KubernetesEntry,
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
    /// The competition. Without it a bid is won if the tenant's maximum allows it. Nobody bids on an order for a named model
    /// by an entry such as `*` of a rate card; a warning counts such orders.
    #[serde(default)]
    pub market: Option<MarketEntry>,
    /// The rates at which idle capacity is valued; by default those of the first strategy, as they are without any axis of a
    /// sweep.
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

    /// The scheduler. The scenario is checked, so it is named once at most.
    pub(crate) fn scheduler(&self) -> Scheduler {
        self.reserve.scheduler.or(self.scheduler).unwrap_or_default()
    }
}

fn first_seed() -> u64 {
    1
}

/// How orders are placed.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ReserveEntry {
    /// Who places an order; `sound` by default.
    pub scheduler: Option<Scheduler>,
    /// Which card model a resource unit gets if several models fit. It never changes which orders are placed, and only
    /// the scheduler `sound` has the choice.
    pub prefer: Prefer,
    /// Where the pods of an order that was won start.
    pub placement: PodPlacement,
}

/// The cluster's kube-scheduler, which places the pods of orders that were won.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct KubernetesEntry {
    /// Whether strategies predict where pods start. It changes nothing about where they do start. Without it,
    /// `ambiguous_gpu = "likely"` acts as `expected`, and no order is declined as pending.
    pub predict: bool,
    /// Its release: `1.34`, `1.35`, `1.36` or `1.37`.
    #[serde(deserialize_with = "version")]
    pub version: KubernetesVersion,
    /// Its configuration: a KubeSchedulerConfiguration (YAML). Without one, the default profile counts.
    pub scheduler_config: Option<String>,
    /// How many pods without requests run on each node, at most 10000; they lower the scores of small nodes.
    pub pods_without_requests: u32,
}

impl Default for KubernetesEntry {
    fn default() -> Self {
        Self { predict: true, version: KubernetesVersion::default(), scheduler_config: None, pods_without_requests: 0 }
    }
}

/// Where pods start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PodPlacement {
    /// Where kube-scheduler places them, one after another, by what they request. It draws lots among nodes with the same
    /// score. The network's daemon does not tie pods to the node that it reserved.
    #[default]
    Kubernetes,
    /// On the reserved nodes, as with a daemon that ties its pods to them. They take what was reserved.
    Reserved,
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

/// A rate card, and changes to it.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RatesEntry {
    /// The rate card file; without one the default card.
    #[serde(default)]
    pub rates: Option<String>,
    /// Changes to the rate card, with its own sections and keys.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::scenario::schema::table"))]
    pub set: toml::Table,
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
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::scenario::schema::axes"))]
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

fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<KubernetesVersion, D::Error> {
    let text = String::deserialize(deserializer)?;
    let unknown = || format!("`{}` is not a known release ({})", excerpt(&text), KubernetesVersion::hint(&text));
    KubernetesVersion::from_name(&text).ok_or_else(|| D::Error::custom(unknown()))
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|error| D::Error::custom(format_args!("`{text}` is not a duration such as `90m`: {error}")))
}

fn optional_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}
