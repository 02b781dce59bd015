//! An amount of a token, and the token's name on the chain.

use core::fmt;

use rust_decimal::Decimal;

use super::rounding::ratio_half_even;
use super::{ArithmeticOverflow, CHAIN_DECIMALS, NumberError, Usd, canonical, denoms};
use crate::text::Untrusted;

/// The maximum length of the chain's token names, in characters.
const MAX_DENOM_CHARACTERS: usize = 128;

/// The name of a token on the chain, such as `uakt`. Orders name one, which can be any text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Denom(Untrusted);

impl Denom {
    /// Wraps a name. The rate card decides which denoms are supported.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(Untrusted::new(name.into()))
    }

    /// The exact name, which can be any text that an order contains.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.exact()
    }
}

impl Denom {
    /// The name of the coin whose smallest units the denom counts, if it is one of the network's own or USDC.
    #[must_use]
    pub fn coin(&self) -> Option<&'static str> {
        match self.as_str() {
            denoms::AKT => Some("AKT"),
            denoms::ACT => Some("ACT"),
            denoms::USDC | denoms::SANDBOX_USDC => Some("USDC"),
            _ => None,
        }
    }
}

impl fmt::Display for Denom {
    /// Writes the name for people, shortened and made safe to print. As data it is [`Denom::as_str`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.MAX_DENOM_CHARACTERS$}", self.0)
    }
}

/// An amount of one token per block: never negative, with at most 18 decimals.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Price {
    denom: Denom,
    amount: Decimal,
}

impl Price {
    /// Makes a price from an amount in a denom.
    ///
    /// # Errors
    /// When the amount is negative or has more than 18 decimals.
    pub fn new(denom: Denom, amount: Decimal) -> Result<Self, NumberError> {
        let amount = canonical(amount);
        if amount.is_sign_negative() {
            return Err(NumberError::Negative(amount.to_string()));
        }
        if amount.scale() > CHAIN_DECIMALS {
            return Err(NumberError::TooManyDigits(amount.to_string()));
        }
        Ok(Self { denom, amount })
    }

    /// The token.
    #[must_use]
    pub fn denom(&self) -> &Denom {
        &self.denom
    }

    /// The amount per block.
    #[must_use]
    pub fn amount(&self) -> Decimal {
        self.amount
    }

    /// The price of `count` replicas.
    ///
    /// # Errors
    /// When the product does not fit.
    pub fn times(&self, count: u32) -> Result<Self, ArithmeticOverflow> {
        // At the amount's own scale the product is exact. With the chain's 18 decimals it would soon overflow.
        let amount = ratio_half_even(&[self.amount, Decimal::from(count)], &[], self.amount.scale())?;
        Ok(Self { denom: self.denom.clone(), amount })
    }

    /// The sum of two prices in the same denom.
    ///
    /// # Errors
    /// When the sum does not fit. The caller makes sure that the denoms are equal.
    pub fn plus(&self, other: &Self) -> Result<Self, ArithmeticOverflow> {
        let sum = Usd(self.amount).checked_add(Usd(other.amount))?;
        Ok(Self { denom: self.denom.clone(), amount: sum.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::parse_decimal;

    #[test]
    fn many_replicas_at_a_high_price_fit() {
        let price = |text: &str| Price::new(Denom::new("uakt"), parse_decimal(text).unwrap()).unwrap();
        assert_eq!(price("1000000000000").times(1000).unwrap(), price("1000000000000000"));
        assert_eq!(price("0.000000000000000001").times(3).unwrap(), price("0.000000000000000003"));
        assert_eq!(price("79228162514264337593543950335").times(2), Err(ArithmeticOverflow));
    }
}
