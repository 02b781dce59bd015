//! The price of a unit's cards: that of one kind, or the mean of several.

use core::fmt;

use crate::divisor::greatest_common_divisor;
use crate::gpu::GpuKind;
use crate::money::{ArithmeticOverflow, Usd, line_usd, mean_usd};

/// A card with its rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PricedCard {
    /// The card that is priced.
    pub(super) kind: GpuKind,
    /// USD a month for one.
    pub(super) usd: Usd,
    /// The entry that matched.
    pub(super) rate: String,
}

/// A card that an order may get, with its rate and its weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WeighedCard {
    pub(super) card: PricedCard,
    pub(super) weight: u128,
}

/// The price of each of a unit's cards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CardPrice {
    /// The price of one card.
    One(PricedCard),
    /// The weighted mean of several cards' prices.
    Mean(Vec<WeighedCard>),
}

impl CardPrice {
    /// The price of `cards` cards per month, rounded once.
    pub(super) fn usd_per_month(&self, cards: u128) -> Result<Usd, ArithmeticOverflow> {
        match self {
            Self::One(card) => line_usd(cards, 1, card.usd),
            Self::Mean(cards_of) => {
                let rates: Vec<(u128, Usd)> = cards_of.iter().map(|one| (one.weight, one.card.usd)).collect();
                mean_usd(cards, &rates)
            }
        }
    }

    /// The price of one card per month. A mean is rounded like a line.
    pub(super) fn usd_per_card(&self) -> Result<Usd, ArithmeticOverflow> {
        match self {
            Self::One(card) => Ok(card.usd),
            Self::Mean(_) => self.usd_per_month(1),
        }
    }

    /// The kinds that are priced.
    pub(super) fn kind(&self) -> String {
        match self {
            Self::One(card) => card.kind.to_string(),
            Self::Mean(cards) => {
                let kinds: Vec<String> = cards.iter().map(|one| one.card.kind.to_string()).collect();
                kinds.join(" or ")
            }
        }
    }

    /// The entry that matched. For a mean, each entry with its weight, such as `4/7 a100.40Gi + 3/7 a100.80Gi`.
    pub(super) fn rate(&self) -> String {
        let cards = match self {
            Self::One(card) => return card.rate.clone(),
            Self::Mean(cards) => cards,
        };
        let mut rates: Vec<(&str, u128)> = Vec::new();
        for one in cards {
            match rates.iter_mut().find(|(rate, _)| *rate == one.card.rate) {
                Some((_, sum)) => *sum = sum.saturating_add(one.weight),
                None => rates.push((&one.card.rate, one.weight)),
            }
        }
        let all = total(cards);
        let rates: Vec<String> = rates.iter().map(|(rate, weight)| format!("{} {rate}", Part(*weight, all))).collect();
        rates.join(" + ")
    }

    /// The terms of the mean. Empty if a single card is priced.
    pub(super) fn weights(&self) -> Vec<Weight> {
        let Self::Mean(cards) = self else { return Vec::new() };
        let all = total(cards);
        let weight = |one: &WeighedCard| Weight {
            kind: one.card.kind.to_string(),
            part: Part(one.weight, all).to_string(),
            rate: one.card.rate.clone(),
            usd_per_unit_month: one.card.usd,
        };
        cards.iter().map(weight).collect()
    }
}

/// One term of the weighted mean of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weight {
    /// The kind.
    pub kind: String,
    /// Its share, as a fraction in lowest terms.
    pub part: String,
    /// The entry of the rate card that matched.
    pub rate: String,
    /// USD a month for one.
    pub usd_per_unit_month: Usd,
}

/// A fraction, which is displayed in lowest terms.
struct Part(u128, u128);

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let divisor = greatest_common_divisor(self.0, self.1);
        let reduced = |number: u128| number.checked_div(divisor).unwrap_or(number);
        write!(f, "{}/{}", reduced(self.0), reduced(self.1))
    }
}

fn total(cards: &[WeighedCard]) -> u128 {
    cards.iter().fold(0, |sum, one| sum.saturating_add(one.weight))
}
