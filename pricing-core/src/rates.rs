//! Rates and policy: what a provider charges, and whom it serves.
//!
//! [`Pricing`] is everything that a rate card file can contain. It is read from TOML ([`toml`]) or from the bid price
//! script's `PRICE_TARGET_*` environment ([`environment`]); both take text, not files. [`changes`] compares a new card
//! with an old one.

pub mod changes;
pub mod check;
pub mod environment;
pub mod finding;
pub mod gpu;
pub mod names;
pub mod origin;
mod owners;
pub mod provider;
mod ranking;
pub mod starter;
#[cfg(feature = "toml")]
pub mod toml;

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::address::AddressPrefix;
use crate::keyword::keywords;
use crate::money::{Denom, Usd, UsdPerAkt, denoms};
use crate::order::StorageClass;
use crate::reserve::CommitLevels;

pub use gpu::{GpuRate, GpuRates, KeyError};
pub use origin::{Origin, Origins};
pub use owners::{NotServed, Owners};
pub use provider::Provider;

/// What a provider charges, in USD per month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateCard {
    /// Per CPU thread.
    pub cpu: Usd,
    /// Per GiB of memory.
    pub memory: Usd,
    /// Per endpoint of any kind.
    pub endpoint: Usd,
    /// Per leased IP.
    pub ip: Usd,
    /// Per GiB of storage, by class.
    pub storage: BTreeMap<String, Usd>,
    /// Per card, by kind.
    pub gpu: GpuRates,
    /// Per host channel adapter (HCA) of an order with an interconnect between nodes, in addition to its card.
    pub interconnect: Usd,
    /// Per replica in a trusted execution environment, in addition to what it asks for.
    pub confidential: Usd,
}

impl RateCard {
    /// The rate of a storage class, in USD per GiB and month, and the entry that sets it.
    ///
    /// A few classes do not need an entry of their own: `ram` costs what memory costs, and `default` as much as the
    /// most expensive of `beta1`, `beta2` and `beta3`. Any other class without an entry has no rate.
    #[must_use]
    pub fn storage(&self, class: &StorageClass) -> Option<(Usd, &str)> {
        let entry = |name: &str| self.storage.get_key_value(name).map(|(key, usd)| (*usd, key.as_str()));
        entry(class.name().exact()).or_else(|| match class {
            StorageClass::Ram => Some((self.memory, "memory")),
            StorageClass::Persistent(name) if *name == *"default" => {
                ["beta1", "beta2", "beta3"].into_iter().filter_map(entry).max_by_key(|(usd, _)| *usd)
            }
            StorageClass::Ephemeral | StorageClass::Persistent(_) => None,
        })
    }
}

/// What to do with a card that no entry of the rate card matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnlistedGpu {
    /// No bid.
    #[default]
    Decline,
    /// Charge this many USD per month.
    Price(Usd),
}

keywords! {
    /// What to do if it is uncertain which card an order will get.
    #[derive(Default)]
    AmbiguousGpu {
        /// Price the most expensive one.
        #[default]
        Highest "highest"
        /// Price the cheapest one.
        Lowest "lowest"
        /// Price the mean, weighted by how many cards of each kind are free where a replica could start.
        Expected "expected"
        /// Price the mean, weighted by the probability that Kubernetes hands out each kind. Where that is not known,
        /// this is `expected`.
        Likely "likely"
        /// No bid.
        Decline "decline"
    }
}

impl AmbiguousGpu {
    /// Whether the price may be below that of the most expensive card. Then an additional card can lower it.
    pub(crate) fn may_undercut(self) -> bool {
        match self {
            Self::Lowest | Self::Expected | Self::Likely => true,
            Self::Highest | Self::Decline => false,
        }
    }
}

keywords! {
    /// Which nodes the cards of an order can come from.
    #[derive(Default)]
    Placement {
        /// Every node where Kubernetes could start a replica. The network's daemon does not tie pods to the node that it
        /// reserved.
        #[default]
        Kubernetes "kubernetes"
        /// Only the reserved nodes, for daemons that tie their pods to them.
        Pinned "pinned"
    }
}

keywords! {
    /// What to do with an order whose replica Kubernetes would probably leave without a node.
    #[derive(Default)]
    Pending {
        /// Bid, with a warning.
        #[default]
        Warn "warn"
        /// No bid.
        Decline "decline"
    }
}

keywords! {
    /// What to do with an order that costs less than the minimum.
    #[derive(Default)]
    BelowMinimum {
        /// No bid.
        #[default]
        Decline "decline"
        /// Raise the price to the minimum.
        Raise "raise"
    }
}

/// Choices other than rates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// What to do with cards that the rate card does not list.
    pub unlisted_gpu: UnlistedGpu,
    /// What to do with uncertain cards.
    pub ambiguous_gpu: AmbiguousGpu,
    /// Which nodes the cards can come from.
    pub placement: Placement,
    /// What to do with orders that would probably hang.
    pub pending: Pending,
    /// The minimum price of an order, in USD per month.
    pub minimum_usd_per_month: Usd,
    /// What to do with orders below it.
    pub below_minimum: BelowMinimum,
    /// Whom to serve.
    pub owners: Owners,
}

impl Policy {
    /// Whether a decision may depend on where Kubernetes starts the pods. Otherwise a prediction only informs.
    #[must_use]
    pub fn needs_prediction(&self) -> bool {
        self.ambiguous_gpu == AmbiguousGpu::Likely || self.pending == Pending::Decline
    }
}

/// The value of a coin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoinValue {
    /// A fixed number of USD.
    Fixed(Usd),
    /// The value from the named feed. The only feed so far is `akt`.
    Feed(String),
}

/// A token that bids can be made in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The value of a whole coin.
    pub value: CoinValue,
    /// A coin is `10^exponent` of the denom's units.
    pub exponent: u32,
}

impl Token {
    /// The value of a whole coin in US dollars. None if it comes from the feed, and that has no value.
    #[must_use]
    pub fn usd_per_coin(&self, usd_per_akt: Option<UsdPerAkt>) -> Option<Decimal> {
        match &self.value {
            CoinValue::Fixed(usd) => Some(usd.decimal()),
            CoinValue::Feed(_) => usd_per_akt.map(UsdPerAkt::get),
        }
    }
}

/// The network: its tokens, its blocks and its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The average number of blocks per month.
    pub blocks_per_month: Decimal,
    /// The tokens, by denom.
    pub denoms: BTreeMap<Denom, Token>,
    /// The prefix of its addresses.
    pub address_prefix: AddressPrefix,
}

/// Everything that a rate card file can contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pricing {
    /// The rates.
    pub rates: RateCard,
    /// Choices other than rates.
    pub policy: Policy,
    /// The network.
    pub chain: Chain,
    /// Overcommit, and what confidential compute adds.
    pub commit: CommitLevels,
    /// How the provider describes itself to the chain. If None, orders are not compared with it.
    pub provider: Option<Provider>,
    /// Where each value came from.
    pub origins: Origins,
}

/// The denoms that are worth one US dollar: ACT, and USDC on mainnet and sandbox.
const DOLLAR_DENOMS: [&str; 3] = [denoms::ACT, denoms::USDC, denoms::SANDBOX_USDC];

impl Default for Pricing {
    /// The documented default card: the rates of the network's generic bid price script, without GPU entries.
    fn default() -> Self {
        let cents = |cents: i64| Usd::from_decimal(Decimal::new(cents, 2));
        let storage = [("ephemeral", 2), ("beta1", 1), ("beta2", 3), ("beta3", 4)];
        let token = |value| Token { value, exponent: 6 };
        let dollar = Usd::from_decimal(Decimal::ONE);
        let mut known: BTreeMap<Denom, Token> =
            DOLLAR_DENOMS.into_iter().map(|name| (Denom::new(name), token(CoinValue::Fixed(dollar)))).collect();
        known.insert(Denom::new(denoms::AKT), token(CoinValue::Feed("akt".to_owned())));
        Self {
            rates: RateCard {
                cpu: cents(160),
                memory: cents(80),
                endpoint: cents(5),
                ip: cents(500),
                storage: storage.into_iter().map(|(class, usd)| (class.to_owned(), cents(usd))).collect(),
                gpu: GpuRates::default(),
                interconnect: Usd::default(),
                confidential: Usd::default(),
            },
            policy: Policy::default(),
            chain: Chain {
                blocks_per_month: Decimal::from(429_909),
                denoms: known,
                address_prefix: AddressPrefix::default(),
            },
            commit: CommitLevels::default(),
            provider: None,
            origins: Origins::default(),
        }
    }
}
