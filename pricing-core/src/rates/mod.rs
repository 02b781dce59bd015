//! Rates and policy: what a provider charges, and whom.
//!
//! [`Pricing`] is everything that a rate card file can say. It is read from TOML ([`toml`]) or from the bid price
//! script's `PRICE_TARGET_*` environment ([`environment`]); both take text, not files. [`changes`] says what a new card
//! changes of an old one.

pub mod changes;
pub mod check;
pub mod environment;
pub mod gpu;
pub mod origin;
mod owners;
pub mod provider;
#[cfg(feature = "toml")]
pub mod toml;

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::address::AddressPrefix;
use crate::money::{Denom, Usd};
use crate::order::StorageClass;
use crate::reserve::CommitLevels;

pub use gpu::{GpuRate, GpuRates, KeyError};
pub use origin::{Origin, Origins};
pub use owners::{NotServed, Owners};
pub use provider::Provider;

/// What a provider charges, in USD a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateCard {
    /// A CPU thread.
    pub cpu: Usd,
    /// A GiB of memory.
    pub memory: Usd,
    /// An endpoint, of any kind.
    pub endpoint: Usd,
    /// A leased IP.
    pub ip: Usd,
    /// A GiB of storage, by class.
    pub storage: BTreeMap<String, Usd>,
    /// A card.
    pub gpu: GpuRates,
    /// A host channel adapter (HCA) of an order with an interconnect between nodes, beside its card.
    pub interconnect: Usd,
    /// A replica in a trusted execution environment, beside what it asks for.
    pub confidential: Usd,
}

impl RateCard {
    /// What a GiB of a storage class costs, and the entry that says so.
    ///
    /// A class without an entry costs nothing by itself: `ram` costs what memory costs, `default` what the dearest of
    /// `beta1`, `beta2` and `beta3` costs, and any other has no rate.
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
    /// This much a month.
    Price(Usd),
}

/// What to do when it is not certain which card an order will get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AmbiguousGpu {
    /// Price the dearest.
    #[default]
    Highest,
    /// Price the cheapest.
    Lowest,
    /// Price the mean, weighted by the cards of each kind that are free where a replica could start.
    Expected,
    /// No bid.
    Decline,
}

/// Which nodes the cards of an order can come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// Every node where Kubernetes could start a replica: the network's daemon ties no pod to the node that it reserved.
    #[default]
    Kubernetes,
    /// The reserved nodes alone, for daemons that tie their pods.
    Pinned,
}

/// What to do with an order that costs less than the minimum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BelowMinimum {
    /// No bid.
    #[default]
    Decline,
    /// Raise the price to the minimum.
    Raise,
}

/// Choices beside the rates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Cards that the rate card does not list.
    pub unlisted_gpu: UnlistedGpu,
    /// Cards that are not certain.
    pub ambiguous_gpu: AmbiguousGpu,
    /// Where cards can come from.
    pub placement: Placement,
    /// The least that an order must cost a month.
    pub minimum_usd_per_month: Usd,
    /// What happens below it.
    pub below_minimum: BelowMinimum,
    /// Whom to serve.
    pub owners: Owners,
}

/// What a coin is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoinValue {
    /// Always this many USD.
    Fixed(Usd),
    /// What the named feed says; the only feed so far is `akt`.
    Feed(String),
}

/// A token that bids can be made in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What a whole coin is worth.
    pub value: CoinValue,
    /// A coin is `10^exponent` of the denom's units.
    pub exponent: u32,
}

/// The network: its tokens, its blocks and its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Blocks a month.
    pub blocks_per_month: Decimal,
    /// Tokens by denom.
    pub denoms: BTreeMap<Denom, Token>,
    /// What its addresses begin with.
    pub address_prefix: AddressPrefix,
}

/// Everything that a rate card file can say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pricing {
    /// What things cost.
    pub rates: RateCard,
    /// Choices beside the rates.
    pub policy: Policy,
    /// The network.
    pub chain: Chain,
    /// Overcommit.
    pub commit: CommitLevels,
    /// What the provider tells the chain of itself. None: orders are not held against it.
    pub provider: Option<Provider>,
    /// Where each value came from.
    pub origins: Origins,
}

/// The denoms that are worth one US dollar: ACT, and USDC on mainnet and sandbox.
const DOLLAR_DENOMS: [&str; 3] = [
    "uact",
    "ibc/170C677610AC31DF0904FFE09CD3B5C657492170E7E52372E48756B71E56F2F1",
    "ibc/12C6A0C374171B595A0A9E18B83FA09D295FB1F2D8C6DAA3AC28683471752D84",
];

impl Default for Pricing {
    /// The documented default card: the rates of the network's generic bid price script, with no GPU entries.
    fn default() -> Self {
        let cents = |cents: i64| Usd::from_decimal(Decimal::new(cents, 2));
        let storage = [("ephemeral", 2), ("beta1", 1), ("beta2", 3), ("beta3", 4)];
        let token = |value| Token { value, exponent: 6 };
        let dollar = Usd::from_decimal(Decimal::ONE);
        let mut denoms: BTreeMap<Denom, Token> =
            DOLLAR_DENOMS.into_iter().map(|name| (Denom::new(name), token(CoinValue::Fixed(dollar)))).collect();
        denoms.insert(Denom::new("uakt"), token(CoinValue::Feed("akt".to_owned())));
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
            chain: Chain { blocks_per_month: Decimal::from(429_909), denoms, address_prefix: AddressPrefix::default() },
            commit: CommitLevels::default(),
            provider: None,
            origins: Origins::default(),
        }
    }
}
