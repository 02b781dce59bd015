//! An order with everything that its price depends on: from files, from a test case, or from a recording.

use std::path::{Path, PathBuf};

use clap::Args;
use pricing_core::address::Address;
use pricing_core::budget::{Budget, SearchBudget};
use pricing_core::input::InputError;
use pricing_core::inventory::Cluster;
use pricing_core::inventory::utilisation::Utilisation;
use pricing_core::money::UsdPerAkt;
use pricing_core::order::detect::Orders;
use pricing_core::order::{self, Order, OrderFormat};
use pricing_core::quote::{GIVEN_UP, Quote, Supply, Terms};
use pricing_core::rates::{self, Pricing, check, names};
use pricing_core::reserve::{Prefer, Scheduler, TeePlatform};
use pricing_core::text::Untrusted;
use serde::{Deserialize, Serialize};

use crate::args::{CommitArg, PlacementArgs, RatesArgs, StrictArgs, apply_commit, apply_tee_platform};
use crate::error::CliError;
use crate::kubernetes::{Kubernetes, KubernetesText};
use crate::load::{Document, RatesText};
use crate::wording::{count, number, plural};
use crate::{load, output};

/// What an order is priced with.
#[derive(Debug, Args)]
pub(crate) struct SceneArgs {
    /// The inventory to place the order on: a Cluster or provider Status, any dialect, or words such as `2 nodes x 8 h100`.
    /// Without it, capacity is not checked, and a request that leaves the model open may get any card that the rate card
    /// lists
    #[arg(long, value_name = "FILE|WORDS", group = "stock")]
    inventory: Option<PathBuf>,
    #[command(flatten)]
    rates: RatesArgs,
    /// The value of an AKT in USD; needed for bids in uakt
    #[arg(long, value_name = "DECIMAL", env = "BIDPRICE_USD_PER_AKT")]
    usd_per_akt: Option<UsdPerAkt>,
    /// The owner of the order, for allow and deny lists and discounts
    #[arg(long, value_name = "ADDRESS", env = "AKASH_OWNER")]
    owner: Option<String>,
    #[command(flatten)]
    placement: PlacementArgs,
    /// What the provider has on the chain: a TOML file with a `[provider]` table, in place of the rate card's. Orders
    /// are checked against it
    #[arg(long, value_name = "FILE")]
    provider: Option<PathBuf>,
    /// The daemon has already reserved the order: do not check capacity, only look for the cards
    // `stock` is the source of the cards: an inventory or, for commands that can ask one, a service.
    #[arg(long, requires = "stock")]
    already_reserved: bool,
}

impl SceneArgs {
    /// The owner, as named on the command line.
    #[cfg(feature = "service")]
    pub(crate) fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    /// Whether the daemon has reserved the order.
    #[cfg(feature = "service")]
    pub(crate) fn already_reserved(&self) -> bool {
        self.already_reserved
    }

    /// Whether the command line has `--usd-per-akt`, and not only the environment.
    #[cfg(feature = "service")]
    pub(crate) fn names_usd_per_akt(&self) -> bool {
        let variable = std::env::var("BIDPRICE_USD_PER_AKT").ok().and_then(|text| text.parse::<UsdPerAkt>().ok());
        self.usd_per_akt.is_some_and(|given| variable.is_none_or(|variable| variable != given))
    }

    /// The files that the arguments name, with what they are.
    #[cfg(feature = "plugins")]
    pub(crate) fn files(&self) -> [(&'static str, Option<&Path>); 3] {
        [
            ("inventory", self.inventory.as_deref()),
            ("rate card", self.rates.rates.as_deref()),
            ("provider", self.provider.as_deref()),
        ]
    }

    /// The texts of everything that the arguments name, and of the order.
    pub(crate) fn inputs(&self, order: &Path, format: Option<OrderFormat>) -> Result<Inputs, CliError> {
        let kubernetes = &self.placement.kubernetes;
        if self.inventory.is_none() {
            kubernetes.scheduler.tell_unused("without `--inventory` it is not predicted where pods start");
        } else if self.already_reserved {
            kubernetes.scheduler.tell_unused("with `--already-reserved` it is not predicted where pods start");
        }
        Ok(Inputs {
            order: Document::order(order)?,
            format,
            rates: RatesText::of(&self.rates)?,
            provider: self.provider.as_deref().map(Document::rates).transpose()?,
            inventory: self.inventory.as_deref().map(Document::inventory_or_words).transpose()?,
            owner: self.owner.clone(),
            usd_per_akt: self.usd_per_akt.map(|usd| usd.to_string()),
            scheduler: self.placement.scheduler,
            prefer: self.placement.prefer,
            already_reserved: self.already_reserved,
            commit: self.placement.commit.iter().map(ToString::to_string).collect(),
            tee_platform: self.placement.tee_platform,
            search_steps: self.placement.search_steps,
            kubernetes: kubernetes.read()?,
        })
    }
}

/// The texts that a scene is read from. A recording is one of these.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Inputs {
    pub(crate) order: Document,
    pub(crate) format: Option<OrderFormat>,
    pub(crate) inventory: Option<Document>,
    pub(crate) rates: RatesText,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) provider: Option<Document>,
    pub(crate) owner: Option<String>,
    pub(crate) usd_per_akt: Option<String>,
    pub(crate) scheduler: Scheduler,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) prefer: Prefer,
    pub(crate) already_reserved: bool,
    pub(crate) commit: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tee_platform: Option<TeePlatform>,
    pub(crate) search_steps: u64,
    #[serde(default, skip_serializing_if = "KubernetesText::is_default")]
    pub(crate) kubernetes: KubernetesText,
}

/// Whether a preference is the one that recordings leave out.
fn is_default(prefer: &Prefer) -> bool {
    *prefer == Prefer::default()
}

/// An order, the cluster and the rates.
#[derive(Debug)]
pub(crate) struct Scene {
    /// One for each group.
    pub(crate) orders: Vec<Order>,
    pub(crate) pricing: Pricing,
    cluster: Option<Cluster>,
    owner: Option<Address>,
    usd_per_akt: Option<UsdPerAkt>,
    scheduler: Scheduler,
    prefer: Prefer,
    budget: SearchBudget,
    already_reserved: bool,
    kubernetes: Kubernetes,
    /// The number of findings about the inventory.
    findings: usize,
    /// What some of the tenants' tools would refuse.
    pub(crate) warnings: Vec<InputError>,
}

impl Scene {
    /// Reads the texts, and warns of findings about the inventory and the rate card.
    pub(crate) fn open(inputs: &Inputs) -> Result<Self, CliError> {
        let scene = Self::read(inputs)?;
        if let Some(document) = &inputs.kubernetes.scheduler_config {
            load::tell(&document.name, &scene.kubernetes.warnings, &StrictArgs { strict: false })?;
        }
        load::tell_findings(scene.findings);
        let (findings, where_from) = match &scene.cluster {
            Some(cluster) => (check::check(&scene.pricing, cluster), "check"),
            None => (names::check(&scene.pricing, None), "show"),
        };
        if let Some((first, others)) = findings.split_first() {
            let others = match others.len() {
                0 => String::new(),
                more => {
                    format!("; there {} {}", plural(number(more), "is", "are"), count(number(more), "more finding"))
                }
            };
            output::complain(&format!("warning: the rate card: {first}{others}, see `bidprice rates {where_from}`"));
        }
        Ok(scene)
    }

    /// Reads the texts. Options are text here, too, because a recording has them as text; they are parsed as on the
    /// command line.
    pub(crate) fn read(inputs: &Inputs) -> Result<Self, CliError> {
        let Orders { orders, warnings } = order::detect::read_with_warnings(&inputs.order.text, inputs.format)
            .map_err(|error| inputs.order.malformed(error))?;
        let mut pricing = inputs.rates.pricing()?;
        if let Some(document) = &inputs.provider {
            rates::toml::read_provider(&document.text, &mut pricing).map_err(|error| document.malformed(error))?;
        }
        let wrong = |what: &str, problem: String| inputs.order.malformed(InputError::new(problem).at(what));
        let commit: Result<Vec<CommitArg>, String> = inputs.commit.iter().map(|text| text.parse()).collect();
        apply_commit(&commit.map_err(|problem| wrong("commit", problem))?, &mut pricing);
        apply_tee_platform(inputs.tee_platform, &mut pricing);
        let usd = inputs.usd_per_akt.as_deref().map(str::parse::<UsdPerAkt>).transpose();
        let usd_per_akt = usd.map_err(|problem| wrong("usd_per_akt", problem.to_string()))?;
        let owner = owner(inputs.owner.as_deref(), &pricing)?;
        let validated = inputs.inventory.as_ref().map(Document::validated).transpose()?;
        let findings = validated.as_ref().map_or(0, |validated| validated.findings.len());
        let cluster = validated.map(|validated| validated.cluster);
        if inputs.already_reserved && cluster.is_none() {
            return Err(wrong("already_reserved", "a reserved order needs an inventory".to_owned()));
        }
        let kubernetes = inputs.kubernetes.parse()?;
        Ok(Self {
            orders,
            pricing,
            cluster,
            owner,
            usd_per_akt,
            scheduler: inputs.scheduler,
            prefer: inputs.prefer,
            budget: SearchBudget { steps: inputs.search_steps },
            already_reserved: inputs.already_reserved,
            kubernetes,
            findings,
            warnings,
        })
    }

    /// What is known of the cluster.
    pub(crate) fn supply(&self) -> Supply<'_> {
        match &self.cluster {
            None => Supply::Unknown,
            Some(cluster) if self.already_reserved => Supply::AlreadyReserved { cluster },
            Some(cluster) => Supply::Reserve { cluster, scheduler: self.scheduler },
        }
    }

    /// The warnings of an answer: those about the texts, and one for each quote without a prediction that was wanted.
    pub(crate) fn warnings_of<'q>(&self, quotes: impl Iterator<Item = &'q Quote>) -> Vec<InputError> {
        let given_up = quotes.filter(|quote| quote.pods.is_given_up()).map(|quote| given_up(&quote.group));
        self.warnings.iter().chain(&self.kubernetes.warnings).cloned().chain(given_up).collect()
    }

    /// The budget for the order, shared by all of its groups.
    pub(crate) fn budget(&self) -> Budget<'static> {
        Budget::new(self.budget)
    }

    /// How full the cluster is. Computed on each call.
    pub(crate) fn utilisation(&self) -> Option<Utilisation> {
        self.cluster.as_ref().map(Utilisation::of)
    }

    /// The owner, and the value of an AKT.
    pub(crate) fn terms(&self) -> Terms<'_> {
        Terms {
            owner: self.owner.as_ref().map(|owner| Untrusted::new(owner.as_str())),
            usd_per_akt: self.usd_per_akt,
            prefer: self.prefer,
            predict: self.kubernetes.predict(),
            ..Terms::default()
        }
    }
}

/// Warns, also on stderr, that it was given up to predict where the pods of a group start.
pub(crate) fn given_up(group: &Untrusted) -> InputError {
    let message = format!("{group}: {GIVEN_UP}");
    output::complain(&format!("warning: {message}"));
    InputError::new(message)
}

/// Parses the owner as an address of the rate card's network. With a typing error, a discount or a denial would not
/// apply.
pub(crate) fn owner(named: Option<&str>, pricing: &Pricing) -> Result<Option<Address>, CliError> {
    let address = |text| Address::parse(text, &pricing.chain.address_prefix);
    let address = named.filter(|text| !text.is_empty()).map(address).transpose();
    address.map_err(|error| CliError::malformed("owner", InputError::new(error)))
}
