//! Arguments that several commands share.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Args, Command, ValueEnum};
use pricing_core::budget::{Budget, SearchBudget};
use pricing_core::order::OrderFormat;
use pricing_core::quantity::Quantity;
use pricing_core::rates::{Origin, Pricing};
use pricing_core::reserve::commit::FactorError;
use pricing_core::reserve::kubernetes::{KubernetesVersion, MAX_PODS_WITHOUT_REQUESTS, configuration};
use pricing_core::reserve::{CommitLevels, Overcommitted, Prefer, Scheduler, TeePlatform};
use rust_decimal::Decimal;

use crate::error::CliError;
use crate::kubernetes::KubernetesText;
use crate::load::Document;
use crate::output;

/// What to print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Tables for people
    #[default]
    Table,
    /// JSON for scripts
    Json,
}

/// How to print.
#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// The format of the answer
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: Output,
}

/// The order to look at.
#[derive(Debug, Args)]
pub(crate) struct OrderArgs {
    /// An SDL, a group spec (one, an array, or inside an answer of the chain or a line of the daemon's log) or a bid
    /// script request; `-` is stdin
    #[arg(value_name = "ORDER")]
    pub(crate) order: PathBuf,
    /// The order's format [default: recognised by its content]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<OrderFormat>,
    #[command(flatten)]
    pub(crate) strictness: StrictArgs,
}

/// How much of an SDL must be taken by everybody.
#[derive(Debug, Args)]
pub(crate) struct StrictArgs {
    /// Refuse an SDL that Console or the chain's command line would refuse, instead of warning
    #[arg(long)]
    pub(crate) strict: bool,
}

/// How an order is placed.
#[derive(Debug, Args)]
pub(crate) struct PlacementArgs {
    /// The scheduler that places the order
    #[arg(long, value_enum, default_value_t = Scheduler::default(), value_name = "SCHEDULER")]
    pub(crate) scheduler: Scheduler,
    /// Which card model a resource unit gets if several models fit. It never changes which orders are placed, and only
    /// the scheduler `sound` has the choice
    #[arg(long, value_enum, default_value_t = Prefer::default(), value_name = "WHAT")]
    pub(crate) prefer: Prefer,
    /// Overcommit factors, such as `cpu=2,memory=1.5`, or percentages as in the daemon's flags, such as `cpu=150%`;
    /// they change what is reserved, never what is billed
    #[arg(long, value_name = "RESOURCE=FACTOR,...", value_delimiter = ',')]
    pub(crate) commit: Vec<CommitArg>,
    /// The nodes' platform for confidential computing, as the daemon found it; confidential orders get its sidecar
    /// [default: `[provider] tee_platform` of the rate card]
    #[arg(long, value_enum, value_name = "PLATFORM")]
    pub(crate) tee_platform: Option<TeePlatform>,
    /// The most steps, of a few nanoseconds each, for placing and pricing an order with all of its groups and their
    /// alternatives
    #[arg(long, value_name = "STEPS", default_value_t = SearchBudget::default().steps)]
    pub(crate) search_steps: u64,
    #[command(flatten)]
    pub(crate) kubernetes: KubernetesArgs,
}

/// What starts the pods of an order, and whether that is predicted.
#[derive(Debug, Args)]
pub(crate) struct KubernetesArgs {
    #[command(flatten)]
    pub(crate) scheduler: KubeSchedulerArgs,
    /// Do not predict where kube-scheduler will start the pods
    #[arg(long, conflicts_with_all = ["scheduler_config", "kubernetes_version", "pods_without_requests"])]
    pub(crate) no_predict: bool,
}

/// What starts the pods of an order.
#[derive(Debug, Args)]
pub(crate) struct KubeSchedulerArgs {
    /// The configuration of the cluster's kube-scheduler (a KubeSchedulerConfiguration, YAML) [default: one without a
    /// configuration of its own]
    #[arg(long, value_name = "FILE")]
    pub(crate) scheduler_config: Option<PathBuf>,
    /// The release of the cluster's Kubernetes [default: 1.34]
    #[arg(long, value_parser = ReleaseParser, value_name = "VERSION")]
    pub(crate) kubernetes_version: Option<KubernetesVersion>,
    /// How many pods without requests run on each node. The inventory does not show them, and kube-scheduler counts each
    /// as 100m of CPU and 200Mi of memory [default: 0]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=i64::from(MAX_PODS_WITHOUT_REQUESTS)))]
    pub(crate) pods_without_requests: Option<u32>,
}

/// Parses a release of Kubernetes. clap itself would suggest the word that looks most alike, which need not score alike.
#[derive(Clone, Debug)]
struct ReleaseParser;

impl TypedValueParser for ReleaseParser {
    type Value = KubernetesVersion;

    fn parse_ref(&self, cmd: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<Self::Value, clap::Error> {
        let version = |word: String| KubernetesVersion::from_name(&word).ok_or_else(|| KubernetesVersion::hint(&word));
        StringValueParser::new().try_map(version).parse_ref(cmd, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(KubernetesVersion::ALL.iter().filter_map(ValueEnum::to_possible_value)))
    }
}

impl KubernetesArgs {
    /// The first option that was given.
    pub(crate) fn given(&self) -> Option<&'static str> {
        self.scheduler.given().or_else(|| self.no_predict.then_some("--no-predict"))
    }

    /// The texts of these settings.
    pub(crate) fn read(&self) -> Result<KubernetesText, CliError> {
        Ok(KubernetesText { predict: !self.no_predict, ..self.scheduler.read()? })
    }
}

impl KubeSchedulerArgs {
    /// Says on stderr that these options have no effect, if any was given.
    pub(crate) fn tell_unused(&self, why: &str) {
        if let Some(option) = self.given() {
            output::complain(&format!("note: `{option}` has no effect: {why}"));
        }
    }

    /// The first option that was given.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let options = [
            ("--scheduler-config", self.scheduler_config.is_some()),
            ("--kubernetes-version", self.kubernetes_version.is_some()),
            ("--pods-without-requests", self.pods_without_requests.is_some()),
        ];
        options.into_iter().find(|(_, given)| *given).map(|(option, _)| option)
    }

    /// The texts of these settings.
    pub(crate) fn read(&self) -> Result<KubernetesText, CliError> {
        let read = |path| Document::read(path, configuration::MAX_INPUT_BYTES);
        Ok(KubernetesText {
            predict: true,
            scheduler_config: self.scheduler_config.as_deref().map(read).transpose()?,
            version: self.kubernetes_version.unwrap_or_default(),
            pods_without_requests: self.pods_without_requests.unwrap_or(0),
        })
    }
}

impl PlacementArgs {
    /// Returns the budget for an order.
    pub(crate) fn budget(&self) -> Budget<'static> {
        Budget::new(SearchBudget { steps: self.search_steps })
    }

    /// Applies the overcommit factors and the platform to those of a rate card. The last factor for a resource wins.
    pub(crate) fn apply(&self, pricing: &mut Pricing) {
        apply_commit(&self.commit, pricing);
        apply_tee_platform(self.tee_platform, pricing);
    }
}

/// Returns the overcommit factors without those of a rate card. The last factor for a resource wins.
pub(crate) fn commit_levels(commit: &[CommitArg]) -> CommitLevels {
    let mut levels = CommitLevels::default();
    for CommitArg { resource, factor } in commit {
        *level(*resource, &mut levels) = *factor;
    }
    levels
}

/// Applies overcommit factors to those of a rate card. The last factor for a resource wins.
pub(crate) fn apply_commit(commit: &[CommitArg], pricing: &mut Pricing) {
    for CommitArg { resource, factor } in commit {
        *level(*resource, &mut pricing.commit) = *factor;
        pricing.origins.set(format!("commit.{}", resource.name()), Origin::Option("--commit".to_owned()));
    }
}

/// Applies the platform for confidential compute, if one is named.
pub(crate) fn apply_tee_platform(platform: Option<TeePlatform>, pricing: &mut Pricing) {
    if let Some(platform) = platform {
        pricing.commit.tee_platform = Some(platform);
        pricing.origins.set("provider.tee_platform".to_owned(), Origin::Option("--tee-platform".to_owned()));
    }
}

/// Returns the factor of a resource.
pub(crate) fn level(resource: Overcommitted, levels: &mut CommitLevels) -> &mut Decimal {
    match resource {
        Overcommitted::Cpu => &mut levels.cpu,
        Overcommitted::Memory => &mut levels.memory,
        Overcommitted::Gpu => &mut levels.gpu,
        Overcommitted::Storage => &mut levels.storage,
    }
}

/// An overcommit factor of one resource.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CommitArg {
    resource: Overcommitted,
    factor: Decimal,
}

impl fmt::Display for CommitArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.resource.name(), self.factor)
    }
}

impl FromStr for CommitArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, factor) = text.split_once('=').ok_or("expected RESOURCE=FACTOR, such as `cpu=2`")?;
        let resource = Overcommitted::ALL
            .into_iter()
            .find(|resource| resource.name() == name)
            .ok_or_else(|| format!("`{name}` cannot be overcommitted; expected cpu, memory, gpu or storage"))?;
        let with_hint = |error: FactorError| match error.hint() {
            Some(hint) => format!("{error} ({hint})"),
            None => error.to_string(),
        };
        Ok(Self { resource, factor: resource.factor(factor).map_err(with_hint)? })
    }
}

/// How a plugin is run.
#[derive(Debug, Args)]
pub(crate) struct PluginArgs {
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) cache: CacheArgs,
}

/// What a plugin may use.
#[derive(Debug, Args)]
pub(crate) struct LimitArgs {
    /// The most wall-clock time for a call [default: 50ms; engine class: 1s]
    #[arg(long, value_name = "DURATION", value_parser = deadline)]
    pub(crate) deadline: Option<Duration>,
    /// The most fuel for a call: WebAssembly operators, with slow ones weighted [default: 10000000; engine class:
    /// 1000000000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) fuel: Option<u64>,
    /// The most memory for a plugin [default: 16MiB; engine class: 256MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) memory_limit: Option<u64>,
    /// The plugin's size class, which sets its limits
    #[arg(long, value_enum, value_name = "CLASS", default_value_t)]
    pub(crate) plugin_class: PluginClass,
}

/// Where compiled plugins are stored.
#[derive(Debug, Args)]
pub(crate) struct CacheArgs {
    /// The folder for compiled plugins [env: BIDPRICE_PLUGIN_CACHE] [default: bidprice/plugins in the user's cache
    /// folder]
    // This is not clap's `env`: `--no-plugin-cache` conflicts with the option, but overrides the variable.
    #[arg(long, value_name = "DIR")]
    pub(crate) plugin_cache: Option<PathBuf>,
    /// Compile the plugin each time
    #[arg(long, conflicts_with = "plugin_cache")]
    pub(crate) no_plugin_cache: bool,
}

/// A size class of plugins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum PluginClass {
    /// Plugins in a compiled language
    #[default]
    Standard,
    /// Plugins that bring a language engine along, such as JavaScript or Python
    Engine,
}

impl PluginArgs {
    /// Returns whether any of these options was given.
    pub(crate) fn any(&self) -> bool {
        self.limits.any() || self.cache.no_plugin_cache
    }
}

impl LimitArgs {
    /// Returns whether any of these options was given.
    pub(crate) fn any(&self) -> bool {
        let Self { deadline, fuel, memory_limit, plugin_class } = self;
        let class = *plugin_class != PluginClass::Standard;
        deadline.is_some() || fuel.is_some() || memory_limit.is_some() || class
    }
}

fn deadline(text: &str) -> Result<Duration, String> {
    let deadline =
        humantime::parse_duration(text).map_err(|error| format!("{error}; expected a duration such as `50ms`"))?;
    let allowed = Duration::from_millis(1)..=Duration::from_secs(600);
    if allowed.contains(&deadline) { Ok(deadline) } else { Err("expected between 1ms and 10min".to_owned()) }
}

fn size(text: &str) -> Result<u64, String> {
    let expected = || "expected a size such as `16MiB`".to_owned();
    let quantity = Quantity::parse(text.strip_suffix('B').unwrap_or(text)).map_err(|_| expected())?;
    quantity.whole().filter(|bytes| *bytes > 0).ok_or_else(expected)
}

/// The rate card.
#[derive(Debug, Args)]
pub(crate) struct RatesArgs {
    /// A rate card and policy (TOML) [default: the `PRICE_TARGET_*` environment, else the documented defaults]
    #[arg(long, value_name = "FILE")]
    pub(crate) rates: Option<PathBuf>,
}

/// Parses a duration such as `2s` or `500ms`.
pub(crate) fn timeout(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| format!("{error}; expected a duration such as `2s`"))?;
    let allowed = Duration::from_millis(1)..=Duration::from_secs(600);
    if allowed.contains(&time) { Ok(time) } else { Err("expected between 1ms and 10min".to_owned()) }
}
