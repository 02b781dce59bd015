//! Every key of the configuration. The comments are its reference: `docs/config.md` is generated from them.

use std::net::SocketAddr;
use std::path::PathBuf;

use pricing_core::quantity::Quantity;
use pricing_core::quote::FallbackBy;
use pricing_core::reserve::kubernetes::KubernetesVersion;
use pricing_core::reserve::{Prefer, Scheduler};
use pricing_host::{PluginSettings, SizeClass};
use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Explore, MaxChange, Number, Outcomes, Span, Tune};

/// The configuration of `bidprice serve`. Paths in it are relative to the folder of the file that they stand in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the service listens.
    pub listen: Listen,
    /// Where the inventory comes from; at most one of `file`, `provider` and `operator`. Without any, capacity is not
    /// checked, and a wildcard may get any card of the rate card.
    pub inventory: Inventory,
    /// The rate card: `file`, or the keys of a rate card's own `[rates]`.
    pub rates: RatesFile,
    /// A rate card's `[policy]`, where the rate card file has none.
    pub policy: OfRateCard,
    /// A rate card's `[chain]`, where the rate card file has none.
    pub chain: OfRateCard,
    /// A rate card's `[commit]`, where the rate card file has none.
    pub commit: OfRateCard,
    /// A rate card's `[provider]`, where the rate card file has none: what the provider tells the chain of itself. Orders
    /// are held against it; without it nothing of that is checked.
    pub provider: OfRateCard,
    /// How orders are placed.
    pub reserve: Reserve,
    /// What starts the pods of an order.
    pub kubernetes: Kubernetes,
    /// What an AKT is worth.
    pub feed: Feed,
    /// The plugin that prices.
    pub plugin: Option<Plugin>,
    /// What prices every order a second time, to be compared and never answered.
    pub shadow: Option<Shadow>,
    /// Varies the prices of bids by chance within a narrow band.
    pub explore: Option<Explore>,
    /// Proposes rates that would have earned more.
    pub tune: Option<Tune>,
    /// The log of every decision.
    pub bid_log: Option<BidLog>,
    /// What became of the bids, as nodes of the chain tell it. Changes need a restart: a reload that has any is refused.
    pub outcomes: Option<Outcomes>,
    /// What is taken at once.
    pub limits: Limits,
    /// When the files are looked at again, and what of a new rate card has to be accepted.
    pub reload: Reload,
    /// What is logged of each request.
    pub tracing: Tracing,
}

/// A section that is read with the rate card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OfRateCard {}

impl<'de> Deserialize<'de> for OfRateCard {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self {})
    }
}

/// Where the service listens. Changes need a restart: a reload that has any is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// The Unix socket for gRPC, which only its owner may use. An empty text listens on none.
    pub socket: PathBuf,
    /// The address for gRPC over TCP; beyond loopback only with `tls`. None by default.
    pub tcp: Option<SocketAddr>,
    /// Mutual TLS on `tcp`.
    pub tls: Option<Tls>,
    /// The address of the Prometheus metrics, at `/metrics`. None by default.
    pub metrics: Option<SocketAddr>,
    /// Lets `metrics` be beyond loopback. They tell prices and plugins, not orders.
    pub metrics_public: bool,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            socket: PathBuf::from("/run/bidprice/bidprice.sock"),
            tcp: None,
            tls: None,
            metrics: None,
            metrics_public: false,
        }
    }
}

/// Mutual TLS: who calls must have a certificate too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The service's certificate chain (PEM).
    pub certificate: PathBuf,
    /// Its private key (PEM).
    pub key: PathBuf,
    /// The certificate authorities of the callers (PEM).
    pub client_ca: PathBuf,
}

/// Where the inventory comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Inventory {
    /// A file: a Cluster or a provider's Status, any dialect. Its age is that of its last change.
    pub file: Option<PathBuf>,
    /// A provider's gRPC address, such as `https://localhost:8444` (`akash.provider.v1.ProviderRPC/StreamStatus`).
    pub provider: Option<String>,
    /// The inventory operator's gRPC address, such as `http://operator-inventory:8081`
    /// (`akash.inventory.v1.ClusterRPC/StreamCluster`).
    pub operator: Option<String>,
    /// The SHA-256 fingerprint of the peer's certificate, in hexadecimal, with or without colons. A certificate that
    /// signed itself is taken when its fingerprint is this one; any other is refused.
    pub fingerprint: Option<String>,
    /// The certificate authorities of the peer (PEM), where it is none that this program knows.
    pub ca: Option<PathBuf>,
    /// How long the last good snapshot is used. After that there is no bid.
    pub max_age: Span,
    /// How long a stream may be silent before it is opened anew: at least `1s`, and at most half of `max_age`.
    pub silence: Span,
    /// How long capacity of a bid is held back until it is released or seen in the inventory; `0s` holds nothing.
    pub hold: Span,
}

impl Default for Inventory {
    fn default() -> Self {
        Self {
            file: None,
            provider: None,
            operator: None,
            fingerprint: None,
            ca: None,
            max_age: Span::secs(600),
            silence: Span::secs(120),
            hold: Span::secs(0),
        }
    }
}

/// The rate card. Without `file`, the keys of a rate card's own `[rates]` stand here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RatesFile {
    /// A rate card file (TOML). No other key may stand in this section then.
    pub file: Option<PathBuf>,
}

/// How orders are placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Reserve {
    /// Who places an order.
    pub scheduler: Scheduler,
    /// Which card model a resource unit gets if several models fit. It never changes which orders are placed, and only
    /// the scheduler `sound` has the choice.
    pub prefer: Prefer,
    /// Steps, a few nanoseconds each, that a request may take, all of its groups and their alternatives together: the
    /// search for placements, and pricing what it finds. Once they are used up, every further group is the fault
    /// `search-exhausted`.
    pub search_steps: u64,
}

impl Default for Reserve {
    fn default() -> Self {
        Self { scheduler: Scheduler::Sound, prefer: Prefer::Order, search_steps: 2_000_000 }
    }
}

/// What starts the pods of an order: the cluster's kube-scheduler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Kubernetes {
    /// Whether quotes predict where the pods start, and with which probability they get which card. Without it,
    /// `ambiguous_gpu = "likely"` acts as `expected`.
    pub predict: bool,
    /// The scheduler's release: `1.34`, `1.35`, `1.36` or `1.37`.
    pub version: KubernetesVersion,
    /// The scheduler's configuration: a `KubeSchedulerConfiguration` (YAML). By default it has none of its own. It is
    /// looked at again as the rate card is.
    pub scheduler_config: Option<PathBuf>,
    /// How many pods without requests run on each node. The inventory does not show them, and the scheduler counts each
    /// as 100m of CPU and 200Mi of memory.
    pub pods_without_requests: u32,
}

impl Default for Kubernetes {
    fn default() -> Self {
        Self { predict: true, version: KubernetesVersion::default(), scheduler_config: None, pods_without_requests: 0 }
    }
}

/// What an AKT is worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Feed {
    /// A fixed value, above 0 and at most 1000000. It excludes `source`.
    pub usd_per_akt: Option<Number>,
    /// Where it is fetched. Without these and without `usd_per_akt`, the chain's own price and two public sources are asked.
    pub source: Vec<FeedSource>,
    /// How often.
    pub interval: Span,
    /// How long a source may take.
    pub timeout: Span,
    /// How long a value is used when no newer one can be had. After that there is no bid in uakt.
    pub max_age: Span,
    /// The file that keeps the last good value across restarts; only its owner may use it. None by default.
    pub cache: Option<PathBuf>,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            usd_per_akt: None,
            source: Vec::new(),
            interval: Span::secs(60),
            timeout: Span::secs(10),
            max_age: Span::secs(3600),
            cache: None,
        }
    }
}

/// A source of USD/AKT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedSource {
    /// What messages call it; its host by default.
    pub name: Option<String>,
    /// What is asked.
    #[serde(default)]
    pub kind: FeedKind,
    /// The address of a JSON document; of the kind `oracle`, the address of a node's REST API, such as
    /// `https://api.akashnet.net`.
    pub url: String,
    /// Where the number is in the document: keys and places, divided by `.`, such as `data.0.price`. The kind `json` needs
    /// it, and `oracle` has none.
    pub path: Option<String>,
    /// How old the chain's price may be, for the kind `oracle`; `10m` by default. A plain number does not tell its age.
    pub max_age: Option<Span>,
}

/// What a source of USD/AKT is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FeedKind {
    /// A JSON document with a number in it.
    #[default]
    Json,
    /// The price that the chain itself works out with every block, where it calls it healthy.
    Oracle,
}

impl FeedSource {
    /// A number in a JSON document.
    pub fn json(url: impl Into<String>, path: impl Into<String>) -> Self {
        Self { name: None, kind: FeedKind::Json, url: url.into(), path: Some(path.into()), max_age: None }
    }

    /// The chain's price, as a node tells it.
    pub fn oracle(url: impl Into<String>) -> Self {
        Self { name: None, kind: FeedKind::Oracle, url: url.into(), path: None, max_age: None }
    }
}

/// The plugin that prices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plugin {
    /// The plugin's file. It is watched: a new one takes over after a probe.
    pub file: PathBuf,
    /// How large it may be.
    #[serde(default)]
    pub class: PluginClass,
    /// Wall-clock time that a call may take; `50ms` by default, in the engine class `1s`.
    pub deadline: Option<Span>,
    /// Fuel that a call may burn.
    pub fuel: Option<u64>,
    /// Memory that it may have, such as `16Mi`.
    pub memory_limit: Option<String>,
    /// What prices when it fails. Nothing by default: then there is no bid.
    pub fallback: Option<Fallback>,
    /// The folder in which verdicts and compiled plugins are kept, which only its owner may write. None keeps nothing.
    pub cache: Option<PathBuf>,
}

impl Plugin {
    /// How the plugin host is to run it.
    ///
    /// # Errors
    /// When the memory limit is not a size.
    pub fn settings(&self) -> Result<PluginSettings, String> {
        let class = match self.class {
            PluginClass::Standard => SizeClass::Standard,
            PluginClass::Engine => SizeClass::Engine,
        };
        let mut settings = PluginSettings::new(class);
        settings.fallback = self.fallback.map(|fallback| match fallback {
            Fallback::Builtin => FallbackBy::Builtin,
            Fallback::LastPlugin => FallbackBy::LastPlugin,
        });
        let limits = &mut settings.limits;
        limits.deadline = self.deadline.map_or(limits.deadline, Span::get);
        limits.fuel = self.fuel.unwrap_or(limits.fuel);
        if let Some(text) = &self.memory_limit {
            let parsed = Quantity::parse(text.strip_suffix('B').unwrap_or(text)).ok().and_then(Quantity::whole);
            let bytes = parsed.filter(|bytes| *bytes > 0);
            limits.memory_bytes = bytes.ok_or_else(|| "expected a size such as `16Mi`".to_owned())?;
        }
        Ok(settings)
    }
}

/// How large a plugin may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PluginClass {
    /// Plugins in a compiled language.
    #[default]
    Standard,
    /// Plugins that bring a language engine along.
    Engine,
}

/// Who prices when a plugin fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fallback {
    /// The built-in pricer.
    Builtin,
    /// The file that was in use before.
    LastPlugin,
}

/// What prices every order a second time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Shadow {
    /// A rate card file; the service's own rates by default.
    pub rates: Option<PathBuf>,
    /// A plugin; none by default.
    pub plugin: Option<Plugin>,
}

/// The log of every decision. Changes need a restart: a reload that has any is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BidLog {
    /// The folder; only its owner may read it.
    pub folder: PathBuf,
    /// How large a file grows before the next one is begun.
    #[serde(default = "default_file_bytes")]
    pub file_bytes: u64,
    /// How many files are kept; the oldest goes when there are more.
    #[serde(default = "default_files")]
    pub files: u32,
    /// When what is written is made to survive a power cut. It survives a crash of the service once it is
    /// with the system, which an answer waits for, but at most 200 ms: then the line is in memory only, and is counted as
    /// late.
    #[serde(default)]
    pub fsync: Fsync,
}

fn default_file_bytes() -> u64 {
    64 << 20
}

fn default_files() -> u32 {
    16
}

/// When what is written is made to survive a power cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fsync {
    /// When the system sees fit.
    Never,
    /// Once a second.
    #[default]
    Second,
    /// Before the decision is answered.
    Each,
}

/// What is taken at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// How large a request may be, in bytes. A change needs a restart.
    pub request_bytes: usize,
    /// Orders that are priced at the same time; as many as there are cores by default.
    pub concurrency: Option<usize>,
    /// Orders that may wait for their turn. One more is refused at once, and so is one that would wait too long to be
    /// answered before its deadline.
    pub queue: usize,
    /// Orders a second that are taken in the long run, all callers together; none by default.
    pub rate: Option<u32>,
    /// How long a call may take when its caller names no deadline, and at most.
    pub deadline: Span,
    /// Connections at the same time; a change needs a restart. When all are taken, a new one replaces one that has not
    /// started HTTP/2 within half a second, or else the one that has been idle longest, if that is at least five seconds;
    /// otherwise the new one is closed at once.
    pub connections: usize,
    /// Streams at the same time, over all connections: `QuoteStream`, `Health/Watch`, reflection. When there is one more,
    /// an idle one is ended, of the connection with most of them; if there is none, the new one is refused.
    pub streams: usize,
    /// Bytes of requests that may be in memory, over all connections; what is on its way in counts, too, and 256 bytes
    /// for each field. The first 48 KiB of each request do not count. At least `request_bytes`.
    pub buffered_bytes: usize,
    /// How long calls in flight may take to end when the service is stopped.
    pub drain: Span,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes: 4 << 20,
            concurrency: None,
            queue: 256,
            rate: None,
            deadline: Span::secs(5),
            connections: 256,
            streams: 64,
            buffered_bytes: 8 << 20,
            drain: Span::secs(10),
        }
    }
}

/// When the files are looked at again, and what of a new rate card has to be accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Reload {
    /// How often this file, the rates, the scheduler's configuration and the plugins are looked at for changes; `0s` never looks. SIGHUP and the
    /// `Reload` call work in any case.
    pub watch: Span,
    /// How much lower a new rate card may make an amount (a rate, what a kind of card costs, the minimum, a discount
    /// factor, what a dollar comes to in a denom) before somebody has to accept it: `bidprice reload --accept`. `0` looks
    /// at no amounts; a card that empties an owner list, drops the minimum or a GPU entry, or was cut, has to be accepted
    /// in any case.
    pub max_change: MaxChange,
    /// The file that keeps the rate card that was accepted last, so that a restart compares, too; only its owner may
    /// write it. `reload.state` in the bid log's folder by default; without a bid log a restart compares with nothing. A
    /// change needs a restart.
    pub state: Option<PathBuf>,
}

impl Default for Reload {
    fn default() -> Self {
        Self { watch: Span::secs(2), max_change: MaxChange::default(), state: None }
    }
}

/// What is logged of each request, on stderr.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tracing {
    /// What is logged: `error`, `warn`, `info`, `debug`, or directives by module.
    pub level: String,
    /// How it is written. A change needs a restart.
    pub format: LogFormat,
    /// An OTLP collector (a change needs a restart) that spans are sent to, such as `http://localhost:4318`; only in a build with the feature `otlp`. None by default.
    pub otlp: Option<String>,
}

impl Default for Tracing {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text, otlp: None }
    }
}

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}
