//! The keys of `[orders]`: where orders come from, when they arrive, and what tenants pay.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::RatesEntry;
use super::arrivals::{ArrivalsEntry, LifetimeEntry};
use crate::number::Number;

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
    /// is too high for them. The same holds for orders for a model that only an entry such as `*` of the rate card prices; a
    /// warning counts them.
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
    #[serde(deserialize_with = "super::optional_duration")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::scenario::schema::duration"))]
    pub resample: Option<Duration>,
    /// Takes only the first orders, this many.
    pub limit: Option<usize>,
    /// When the window begins, for orders of a file, written as their `at`: seconds (`"0"`), or a date. By default it begins
    /// with the first arrival. Made-up orders and those of a folder of SDLs always begin at 0.
    pub begin: Option<String>,
    /// The length of the window. By default it ends with the last lease. For a history, and with `resample`, it begins at
    /// midnight (UTC) of the first order. By default it then ends with the day, or the block, in which the orders or the
    /// history end.
    #[serde(deserialize_with = "super::optional_duration")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::scenario::schema::duration"))]
    pub duration: Option<Duration>,
    /// The length of the warm-up at the beginning of the window, in which the cluster fills and nothing counts. Of a lease
    /// that begins in it, only the time after it counts. None by default.
    #[serde(deserialize_with = "super::optional_duration")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::scenario::schema::duration"))]
    pub warm_up: Option<Duration>,
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
