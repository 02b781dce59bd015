//! The WIT package's `bid-request` and `answer` as JSON. The benchmark writes the request, and the guest reads it.

use serde::{Deserialize, Serialize};

/// An exact decimal as text.
pub type Decimal = String;

/// Everything that a price may depend on.
#[derive(Debug, Deserialize, Serialize)]
pub struct BidRequest {
    pub order: Order,
    pub targets: Vec<Target>,
    pub rates: RateCard,
    pub builtin: Builtin,
    pub owner: Option<String>,
    pub utilisation: Option<Utilisation>,
    pub usd_per_coin: Option<Decimal>,
    pub denom_exponent: u32,
    pub blocks_per_month: Decimal,
}

/// What a tenant asks for.
#[derive(Debug, Deserialize, Serialize)]
pub struct Order {
    pub group: String,
    pub resources: Vec<ResourceUnit>,
    pub requirements: Vec<Attribute>,
    pub denom: String,
    pub max_price: Option<Coin>,
    pub price_precision: u32,
}

/// A key and its value.
#[derive(Debug, Deserialize, Serialize)]
pub struct Attribute {
    pub key: String,
    pub value: String,
}

/// An amount of a denom.
#[derive(Debug, Deserialize, Serialize)]
pub struct Coin {
    pub denom: String,
    pub amount: Decimal,
}

/// One kind of pod of an order.
#[derive(Debug, Deserialize, Serialize)]
pub struct ResourceUnit {
    pub id: u32,
    pub count: u32,
    pub cpu_millis: u64,
    pub memory_bytes: u64,
    pub gpu: Option<GpuRequest>,
    pub storage: Vec<Volume>,
    pub endpoints: Endpoints,
}

/// The cards that a resource unit asks for.
#[derive(Debug, Deserialize, Serialize)]
pub struct GpuRequest {
    pub units: u64,
    pub alternatives: Vec<GpuKind>,
}

/// A kind of card. Unknown properties are absent.
#[derive(Debug, Deserialize, Serialize)]
pub struct GpuKind {
    pub vendor: String,
    pub model: String,
    pub ram: Option<String>,
    pub interface: Option<String>,
}

/// A volume of a replica.
#[derive(Debug, Deserialize, Serialize)]
pub struct Volume {
    pub name: String,
    pub size_bytes: u64,
    pub storage_class: String,
}

/// How many endpoints a unit has.
#[derive(Debug, Deserialize, Serialize)]
pub struct Endpoints {
    pub total: u64,
    pub leased_ips: u64,
}

/// Where a resource unit is placed.
#[derive(Debug, Deserialize, Serialize)]
pub struct Target {
    pub resource_id: u32,
    pub placements: Vec<Placement>,
}

/// Replicas that share a node, and the cards that they get there.
#[derive(Debug, Deserialize, Serialize)]
pub struct Placement {
    pub node: Option<String>,
    pub replicas: u32,
    pub cards: Vec<GpuKind>,
    pub known: bool,
}

/// The operator's rates.
#[derive(Debug, Deserialize, Serialize)]
pub struct RateCard {
    pub cpu: Decimal,
    pub memory: Decimal,
    pub endpoint: Decimal,
    pub ip: Decimal,
    pub storage: Vec<Rate>,
    pub gpu: Vec<Rate>,
}

/// A rate and its key.
#[derive(Debug, Deserialize, Serialize)]
pub struct Rate {
    pub key: String,
    pub usd_per_month: Decimal,
}

/// The built-in quote as a starting point.
#[derive(Debug, Deserialize, Serialize)]
pub struct Builtin {
    pub quote: Option<Quote>,
    pub no_bid: Option<Reason>,
}

/// Why the built-in pricer does not bid.
#[derive(Debug, Deserialize, Serialize)]
pub struct Reason {
    pub code: String,
    pub message: String,
}

/// The answer of the built-in pricer.
#[derive(Debug, Deserialize, Serialize)]
pub struct Quote {
    pub lines: Vec<Line>,
    pub usd_per_month: Decimal,
    pub price: Option<Decimal>,
}

/// A line of the built-in quote.
#[derive(Debug, Deserialize, Serialize)]
pub struct Line {
    pub resource_id: u32,
    pub item: Item,
    pub kind: Option<String>,
    pub quantity: Decimal,
    pub usd_per_unit_month: Decimal,
    pub rate: String,
    pub usd_per_month: Decimal,
}

/// What a line charges for.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Item {
    Cpu,
    Memory,
    Storage,
    Gpu,
    Endpoint,
    Ip,
    Discount,
    Minimum,
}

/// The utilisation of the cluster.
#[derive(Debug, Deserialize, Serialize)]
pub struct Utilisation {
    pub nodes: u32,
    pub cpu_millis: Usage,
    pub memory_bytes: Usage,
    pub ephemeral_bytes: Usage,
    pub gpus: Usage,
    pub gpu_kinds: Vec<GpuUsage>,
}

/// A total and the part of it that is in use.
#[derive(Debug, Deserialize, Serialize)]
pub struct Usage {
    pub total: u64,
    pub used: u64,
}

/// How many cards of a kind there are, and how many are in use.
#[derive(Debug, Deserialize, Serialize)]
pub struct GpuUsage {
    pub kind: GpuKind,
    pub total: u64,
    pub used_min: u64,
    pub used_max: u64,
}

/// The plugin's answer.
#[derive(Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    Decline(String),
    Change(Vec<Change>),
}

/// A change to the built-in quote.
#[derive(Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    Multiply(Decimal),
    Add(Decimal),
    Floor(Decimal),
}
