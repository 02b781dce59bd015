//! The rates of the drop-in: the script's environment, or a rate card instead.

use rust_decimal::Decimal;

use super::fixed::Fixed;
use super::mappings::{Mappings, Rate};
use super::{Refusal, written};
use crate::input::InputError;
use crate::money::{ArithmeticOverflow, Denom, Usd};
use crate::rates::{Chain, NotServed, Policy, Pricing, RateCard, Token};
use crate::text::Untrusted;

/// The variables that the script reads, in the order of its sum, with its defaults. CPU, memory and storage are per
/// thread and GiB; all are USD per month.
const VARIABLES: [(&str, &str); 8] = [
    ("PRICE_TARGET_CPU", "1.60"),
    ("PRICE_TARGET_MEMORY", "0.80"),
    ("PRICE_TARGET_HD_EPHEMERAL", "0.02"),
    ("PRICE_TARGET_HD_PERS_HDD", "0.01"),
    ("PRICE_TARGET_HD_PERS_SSD", "0.03"),
    ("PRICE_TARGET_HD_PERS_NVME", "0.04"),
    ("PRICE_TARGET_ENDPOINT", "0.05"),
    ("PRICE_TARGET_IP", "5"),
];
/// The variable with the GPU mappings.
pub(super) const GPU_MAPPINGS: &str = "PRICE_TARGET_GPU_MAPPINGS";

/// Rates, prepared once and used for every request.
#[derive(Clone, Debug)]
pub struct CompatRates {
    chain: Chain,
    source: Source,
}

#[derive(Clone, Debug)]
pub(super) enum Source {
    /// The script's environment, with its lookups, quirks included.
    Script(Box<ScriptRates>),
    /// A rate card: the script's arithmetic, with the lookups and the policy of the card.
    Card(Box<(RateCard, Policy)>),
}

#[derive(Clone, Debug)]
pub(super) struct ScriptRates {
    /// In the order of [`VARIABLES`].
    pub(super) rates: [Fixed; 8],
    /// The first variable that cannot be parsed. One is enough to leave the script without a number.
    pub(super) unreadable: Option<&'static str>,
    /// The first variable whose rate is an arithmetic expression, and the rate.
    arithmetic: Option<(&'static str, String)>,
    pub(super) gpu: Mappings,
}

impl CompatRates {
    /// Reads the script's `PRICE_TARGET_*` variables as the script does. A variable that is unset or empty has its
    /// default, and one that cannot be parsed makes every answer
    /// [`Refusal::UnreadableRate`].
    #[must_use]
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let mut unreadable = None;
        let mut arithmetic = None;
        let rates = VARIABLES.map(|(name, default)| {
            let text = variable(name).filter(|text| !text.is_empty());
            let rate = written::rate(text.as_deref().unwrap_or(default));
            if rate.is_none() {
                unreadable = unreadable.or(Some(name));
            }
            arithmetic =
                arithmetic.take().or(text.filter(|text| written::is_arithmetic(text)).map(|text| (name, text)));
            rate.unwrap_or_default()
        });
        let gpu = Mappings::read(&variable(GPU_MAPPINGS).unwrap_or_default());
        let arithmetic = arithmetic.or_else(|| Some((GPU_MAPPINGS, gpu.arithmetic()?.to_owned())));
        let source = Source::Script(Box::new(ScriptRates { rates, unreadable, arithmetic, gpu }));
        Self { chain: Pricing::default().chain, source }
    }

    /// Takes the rates, policy and network of a rate card. The arithmetic stays the script's, but lookups follow the
    /// card: `ram` volumes and unlisted cards cost what the card says.
    ///
    /// # Errors
    /// When a rate is too large for the script's arithmetic.
    pub fn from_pricing(pricing: &Pricing) -> Result<Self, InputError> {
        let card = &pricing.rates;
        let rates = [card.cpu, card.memory, card.endpoint, card.ip].into_iter();
        let all = rates.chain(card.storage.values().copied()).chain(card.gpu.entries().iter().map(|entry| entry.usd()));
        for usd in all {
            fixed(usd).map_err(|_| InputError::new(format_args!("a rate of `{usd}` USD is out of range")))?;
        }
        let source = Source::Card(Box::new((card.clone(), pricing.policy.clone())));
        Ok(Self { chain: pricing.chain.clone(), source })
    }

    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    pub(super) fn policy(&self) -> Option<&Policy> {
        match &self.source {
            Source::Script(_) => None,
            Source::Card(card) => Some(&card.1),
        }
    }

    pub(super) fn blocks_per_month(&self) -> Decimal {
        self.chain.blocks_per_month
    }

    pub(super) fn token(&self, denom: &Denom) -> Option<&Token> {
        self.chain.denoms.get(denom)
    }

    /// Rejects rates that are arithmetic expressions: the script evaluates these and this program does not, so the
    /// price would differ.
    pub(super) fn check_arithmetic(&self) -> Result<(), Refusal> {
        match &self.source {
            Source::Script(script) => match &script.arithmetic {
                Some((variable, rate)) => Err(Refusal::Arithmetic(variable, rate.clone().into())),
                None => Ok(()),
            },
            Source::Card(_) => Ok(()),
        }
    }

    pub(super) fn check_owner(&self, owner: Untrusted<&str>) -> Result<(), Refusal> {
        let Some(policy) = self.policy() else { return Ok(()) };
        // The daemon always names the owner. An empty name means that there is none.
        let named = Some(owner.exact()).filter(|owner| !owner.is_empty());
        policy.owners.admit(named, &self.chain.address_prefix).map_err(|refused| match refused {
            NotServed::Denied => Refusal::OwnerDenied(owner.owned()),
            NotServed::Unreadable(error) => Refusal::OwnerUnreadable(error),
            NotServed::NotAllowed => Refusal::OwnerNotAllowed(owner.owned()),
        })
    }
}

pub(super) fn fixed(usd: Usd) -> Result<Fixed, ArithmeticOverflow> {
    Fixed::from_usd(usd).ok_or(ArithmeticOverflow)
}

/// A rate that must be parseable even for zero cards, because the script includes it in its sum.
pub(super) fn readable(rate: Rate) -> Result<Fixed, Refusal> {
    rate.ok_or(Refusal::UnreadableRate(GPU_MAPPINGS))
}
