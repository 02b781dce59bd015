//! Money: exact decimals, and every rounding that a number goes through on its way to an output.
//!
//! All roundings are half to even ("banker's rounding"). In strict mode no price is rounded anywhere else
//! (`quote::scale` has the daemon's one):
//!
//! | what | decimals | function |
//! |---|---|---|
//! | a line of a quote, in USD a month | 12 | [`line_usd`] |
//! | the bid, in units of the order's denom per block | the order's `price_precision` | [`per_block`] |
//! | a line of cards at the mean of several rates, in USD a month | 12 | [`mean_usd`] |
//! | a discount, in USD a month | 12 | [`scaled_usd`] |
//! | an amount of the chain's `OfferPrices`, and a volume's or endpoint's part of a line on the way | 18, 12 | `share` |

pub mod denoms;
mod usd_per_akt;

use core::fmt;

use ethnum::U256;
use rust_decimal::Decimal;

use crate::text::Untrusted;

pub use usd_per_akt::{UsdPerAkt, UsdPerAktError};

/// Decimals of a line, in USD per month.
pub const LINE_DECIMALS: u32 = 12;
/// The decimals that the chain keeps of an amount.
pub const CHAIN_DECIMALS: u32 = 18;
/// The decimals of a bid if the order names no `price_precision`.
pub const DEFAULT_PRICE_PRECISION: u32 = 6;
/// The most decimals that an input number may have.
const MAX_WRITTEN_DECIMALS: u32 = 18;

/// Why a number could not be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// The text is not a plain decimal number.
    #[error("`{0}` is not a decimal number")]
    Malformed(String),
    /// The number has more digits than can be represented exactly.
    #[error("`{0}` has more digits than can be represented exactly (18 decimals, 28 digits in all)")]
    TooManyDigits(String),
    /// The number is negative where that makes no sense.
    #[error("`{0}` is negative")]
    Negative(String),
    /// The number is too large to be a price.
    #[error("`{0}` is out of range")]
    OutOfRange(String),
}

/// A result does not fit into the exact decimals. Becomes the fault `arithmetic-overflow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a price has more digits than an exact decimal can have")]
pub struct ArithmeticOverflow;

/// Parses a plain decimal (`-?digits[.digits]`) exactly: no exponent, no underscore, no plus sign.
///
/// Trailing zeros after the point do not count, so that the chain's `1000000000000.000000000000000000` fits.
///
/// # Errors
/// When the text has another form, or more digits than [`Decimal`] can hold.
pub fn parse_decimal(text: &str) -> Result<Decimal, NumberError> {
    let malformed = || NumberError::Malformed(crate::text::excerpt(text));
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err(malformed());
    }
    let short = if unsigned.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    let value = Decimal::from_str_exact(short).map_err(|_| NumberError::TooManyDigits(crate::text::excerpt(text)))?;
    if value.scale() > MAX_WRITTEN_DECIMALS {
        return Err(NumberError::TooManyDigits(crate::text::excerpt(text)));
    }
    Ok(canonical(value))
}

/// Drops trailing zeros and the sign of zero, so that equal numbers print the same.
fn canonical(value: Decimal) -> Decimal {
    let value = value.normalize();
    if value.is_zero() { Decimal::ZERO } else { value }
}

/// An exact amount of US dollars: a rate per month, a line, or a total.
///
/// ```
/// use pricing_core::money::Usd;
/// assert_eq!(Usd::parse("1.60").unwrap().to_string(), "1.6");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(Decimal);

impl Usd {
    /// Zero.
    pub const ZERO: Self = Self(Decimal::ZERO);
    /// The largest rate that a rate card may name: 1e12 USD per month.
    const MAX_RATE: Decimal = Decimal::from_parts(3_567_587_328, 232, 0, false, 0);

    /// Parses a rate of a rate card: not negative, at most 1e12 USD, at most 18 decimals.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        let value = parse_decimal(text)?;
        if value.is_sign_negative() {
            return Err(NumberError::Negative(crate::text::excerpt(text)));
        }
        if value > Self::MAX_RATE {
            return Err(NumberError::OutOfRange(crate::text::excerpt(text)));
        }
        Ok(Self(value))
    }

    /// Makes an amount of dollars from a decimal of either sign.
    #[must_use]
    pub fn from_decimal(value: Decimal) -> Self {
        Self(canonical(value))
    }

    /// The amount as a plain decimal.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        self.0
    }

    /// Whether this is exactly zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// The exact sum.
    ///
    /// # Errors
    /// When the sum needs more digits than a [`Decimal`] can hold.
    pub fn checked_add(self, other: Self) -> Result<Self, ArithmeticOverflow> {
        let sum = self.0.checked_add(other.0).ok_or(ArithmeticOverflow)?;
        // `Decimal` silently drops decimals when a sum exceeds 28 digits.
        if sum.scale() < self.0.scale().max(other.0.scale()) {
            return Err(ArithmeticOverflow);
        }
        Ok(Self(canonical(sum)))
    }

    /// The exact difference.
    ///
    /// # Errors
    /// When the difference needs more digits than a [`Decimal`] can hold.
    pub fn checked_sub(self, other: Self) -> Result<Self, ArithmeticOverflow> {
        let mut negated = other.0;
        negated.set_sign_negative(!negated.is_sign_negative());
        self.checked_add(Self(canonical(negated)))
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

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

/// The cost of `quantity / divisor` units at `rate`, in USD per month, rounded half to even to 12 decimals.
///
/// The division is part of the single rounding: one byte-month is exactly `1 / 2^30` GiB-months.
///
/// # Errors
/// When the cost does not fit.
pub fn line_usd(quantity: u128, divisor: u64, rate: Usd) -> Result<Usd, ArithmeticOverflow> {
    let quantity = i128::try_from(quantity).map_err(|_| ArithmeticOverflow)?;
    let quantity = Decimal::try_from_i128_with_scale(quantity, 0).map_err(|_| ArithmeticOverflow)?;
    ratio_half_even(&[quantity, rate.0], &[Decimal::from(divisor)], LINE_DECIMALS).map(Usd)
}

/// The cost of a number of units at the weighted mean of several rates, in USD per month, rounded half to even to 12
/// decimals.
///
/// Mean and product are part of the single rounding: three units at a mean of `2/3` are exactly 2.
///
/// # Errors
/// When the cost does not fit, or all weights are zero.
pub fn mean_usd(quantity: u128, weighed: &[(u128, Usd)]) -> Result<Usd, ArithmeticOverflow> {
    let scale = weighed.iter().map(|(_, rate)| rate.0.scale()).max().unwrap_or(0);
    mean_mantissa(quantity, weighed, scale)
        .and_then(|mantissa| Decimal::try_from_i128_with_scale(mantissa, LINE_DECIMALS).ok())
        .map(Usd::from_decimal)
        .ok_or(ArithmeticOverflow)
}

/// `quantity x sum(weight x rate) / sum(weight)` in units of the twelfth decimal. `scale` is at least every rate's
/// scale, and no rate is negative.
fn mean_mantissa(quantity: u128, weighed: &[(u128, Usd)], scale: u32) -> Option<i128> {
    let power = |exponent: u32| U256::from(10_u8).checked_pow(exponent);
    let (mut sum, mut weight) = (U256::ZERO, U256::ZERO);
    for (one, rate) in weighed {
        let mantissa = U256::from(u128::try_from(rate.0.mantissa()).ok()?);
        let scaled = mantissa.checked_mul(power(scale.checked_sub(rate.0.scale())?)?)?;
        sum = sum.checked_add(scaled.checked_mul(U256::from(*one))?)?;
        weight = weight.checked_add(U256::from(*one))?;
    }
    let over = sum.checked_mul(U256::from(quantity))?.checked_mul(power(LINE_DECIMALS)?)?;
    i128::try_from(half_even(over, weight.checked_mul(power(scale)?)?)?).ok()
}

/// A quotient, rounded half to even. None if the divisor is zero.
fn half_even(over: U256, under: U256) -> Option<U256> {
    let quotient = over.checked_div(under)?;
    let rest = over.checked_sub(quotient.checked_mul(under)?)?;
    // Compares the rest with what is missing to the next integer. Doubling the rest could overflow.
    let missing = under.checked_sub(rest)?;
    let odd = quotient & U256::ONE == U256::ONE;
    if rest > missing || (rest == missing && odd) { quotient.checked_add(U256::ONE) } else { Some(quotient) }
}

/// The cost of one of `quantity / divisor` units that cost `usd` together, rounded half to even to 12 decimals.
///
/// # Errors
/// When the result does not fit, or the quantity is zero.
pub(crate) fn unit_usd(usd: Usd, quantity: u128, divisor: u64) -> Result<Usd, ArithmeticOverflow> {
    let quantity = i128::try_from(quantity).map_err(|_| ArithmeticOverflow)?;
    let quantity = Decimal::try_from_i128_with_scale(quantity, 0).map_err(|_| ArithmeticOverflow)?;
    ratio_half_even(&[usd.0, Decimal::from(divisor)], &[quantity], LINE_DECIMALS).map(Usd)
}

/// Rounds dollars like a line: half to even, to 12 decimals.
///
/// # Errors
/// When it does not fit.
pub(crate) fn line_rounded(usd: Usd) -> Result<Usd, ArithmeticOverflow> {
    rounded(usd.0, LINE_DECIMALS).map(Usd)
}

/// Rounds a number half to even to some decimals.
///
/// # Errors
/// When it does not fit.
pub(crate) fn rounded(value: Decimal, decimals: u32) -> Result<Decimal, ArithmeticOverflow> {
    ratio_half_even(&[value], &[], decimals)
}

/// Converts a price per block to USD per month, rounded half to even to 12 decimals. The inverse of [`per_block`].
///
/// # Errors
/// When it does not fit.
pub fn per_month(
    amount: Decimal,
    blocks_per_month: Decimal,
    usd_per_coin: Decimal,
    exponent: u32,
) -> Result<Usd, ArithmeticOverflow> {
    let unit = power_of_ten(exponent)?;
    ratio_half_even(&[amount, blocks_per_month, usd_per_coin], &[unit], LINE_DECIMALS).map(Usd)
}

/// A total times a factor, rounded half to even to 12 decimals.
///
/// # Errors
/// When the product does not fit.
pub fn scaled_usd(total: Usd, factor: Decimal) -> Result<Usd, ArithmeticOverflow> {
    ratio_half_even(&[total.0, factor], &[], LINE_DECIMALS).map(Usd)
}

/// Converts USD per month to an amount per block, in a token whose unit is `10^-exponent` of a coin worth
/// `usd_per_coin`, rounded half to even to `decimals`. This is the only conversion of a quote.
///
/// # Errors
/// When the amount does not fit, or a divisor is zero.
pub fn per_block(
    usd_per_month: Usd,
    blocks_per_month: Decimal,
    usd_per_coin: Decimal,
    exponent: u32,
    decimals: u32,
) -> Result<Decimal, ArithmeticOverflow> {
    let unit = power_of_ten(exponent)?;
    ratio_half_even(&[usd_per_month.0, unit], &[blocks_per_month, usd_per_coin], decimals)
}

/// An amount times a factor over some divisors, rounded half to even. This is how a price is split up.
///
/// # Errors
/// When the share does not fit, or a divisor is zero.
pub(crate) fn share(
    amount: Decimal,
    factor: Decimal,
    divisors: &[Decimal],
    decimals: u32,
) -> Result<Decimal, ArithmeticOverflow> {
    ratio_half_even(&[amount, factor], divisors, decimals)
}

/// The product of `numerators` over the product of `denominators`, rounded half to even to `decimals`.
///
/// Multiplying everything first and dividing once is what makes it a single rounding. The products are computed with
/// integers, in 128 bits if they fit and otherwise in 256.
fn ratio_half_even(
    numerators: &[Decimal],
    denominators: &[Decimal],
    decimals: u32,
) -> Result<Decimal, ArithmeticOverflow> {
    let mut negative = false;
    let mut shift = i64::from(decimals);
    for value in numerators {
        if value.is_zero() && !denominators.iter().any(Decimal::is_zero) {
            return Ok(Decimal::ZERO);
        }
        negative ^= value.is_sign_negative();
        shift = shift.checked_sub(i64::from(value.scale())).ok_or(ArithmeticOverflow)?;
    }
    for value in denominators {
        negative ^= value.is_sign_negative();
        shift = shift.checked_add(i64::from(value.scale())).ok_or(ArithmeticOverflow)?;
    }
    let mantissa = narrow_ratio(numerators, denominators, shift)
        .or_else(|| wide_ratio(numerators, denominators, shift))
        .ok_or(ArithmeticOverflow)?;
    let mut value = Decimal::try_from_i128_with_scale(mantissa, decimals).map_err(|_| ArithmeticOverflow)?;
    value.set_sign_negative(negative);
    Ok(canonical(value))
}

/// Defines `mantissas of numerators x 10^shift / mantissas of denominators`, rounded half to even, for integers of one
/// width. None if they overflow.
macro_rules! ratio_in {
    ($name:ident, $integer:ty) => {
        fn $name(numerators: &[Decimal], denominators: &[Decimal], shift: i64) -> Option<i128> {
            let product = |values: &[Decimal]| {
                values.iter().try_fold(<$integer>::from(1_u8), |product, value| {
                    product.checked_mul(<$integer>::from(value.mantissa().unsigned_abs()))
                })
            };
            let (mut over, mut under) = (product(numerators)?, product(denominators)?);
            let power = <$integer>::from(10_u8).checked_pow(u32::try_from(shift.unsigned_abs()).ok()?)?;
            if shift >= 0 {
                over = over.checked_mul(power)?;
            } else {
                under = under.checked_mul(power)?;
            }
            let mut quotient = over.checked_div(under)?;
            let rest = over.checked_sub(quotient.checked_mul(under)?)?;
            let (one, odd) = (<$integer>::from(1_u8), quotient & <$integer>::from(1_u8) == <$integer>::from(1_u8));
            // Compares the rest with what is missing to the next integer. Doubling the rest could overflow.
            let missing = under.checked_sub(rest)?;
            if rest > missing || (rest == missing && odd) {
                quotient = quotient.checked_add(one)?;
            }
            i128::try_from(quotient).ok()
        }
    };
}
// Almost every price fits the first, which is several times faster.
ratio_in!(narrow_ratio, u128);
ratio_in!(wide_ratio, U256);

fn power_of_ten(exponent: u32) -> Result<Decimal, ArithmeticOverflow> {
    let power = 10_i128.checked_pow(exponent).ok_or(ArithmeticOverflow)?;
    Decimal::try_from_i128_with_scale(power, 0).map_err(|_| ArithmeticOverflow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_plain_and_exact() {
        for (text, printed) in [("1.60", "1.6"), ("-0.0", "0"), ("007", "7"), ("0.50", "0.5")] {
            assert_eq!(parse_decimal(text).unwrap().to_string(), printed);
        }
        let chain = "123456789012345.000000000000000000";
        assert_eq!(parse_decimal(chain).unwrap().to_string(), "123456789012345");
        for text in ["", ".", "1.", ".5", "+1", "1e3", "1_000", " 1", "NaN", "１", "0x1", "--1", "1.-5"] {
            assert!(matches!(parse_decimal(text), Err(NumberError::Malformed(_))), "{text}");
        }
        for text in ["0.1234567890123456789", "123456789012345678901234567890"] {
            assert!(matches!(parse_decimal(text), Err(NumberError::TooManyDigits(_))), "{text}");
        }
    }

    #[test]
    fn many_replicas_at_a_high_price_fit() {
        let price = |text: &str| Price::new(Denom::new("uakt"), parse_decimal(text).unwrap()).unwrap();
        assert_eq!(price("1000000000000").times(1000).unwrap(), price("1000000000000000"));
        assert_eq!(price("0.000000000000000001").times(3).unwrap(), price("0.000000000000000003"));
        assert_eq!(price("79228162514264337593543950335").times(2), Err(ArithmeticOverflow));
    }

    #[test]
    fn the_largest_rate_is_a_trillion() {
        assert_eq!(Usd::MAX_RATE.to_string(), "1000000000000");
        assert!(Usd::parse("1000000000000").is_ok());
        assert!(Usd::parse("1000000000000.1").is_err());
        assert!(Usd::parse("-1").is_err());
    }

    #[test]
    fn a_line_is_rounded_once_and_half_to_even() {
        let rate = Usd::parse("0.80").unwrap();
        assert_eq!(line_usd(1 << 30, 1 << 30, rate).unwrap().to_string(), "0.8");
        // 0.5 units of the twelfth decimal: down to even, then up to even.
        let tiny = Usd::parse("0.000000000001").unwrap();
        assert_eq!(line_usd(1, 2, tiny).unwrap().to_string(), "0");
        assert_eq!(line_usd(3, 2, tiny).unwrap().to_string(), "0.000000000002");
        let huge = Usd::parse("1000000000000").unwrap();
        assert_eq!(line_usd(u128::MAX, 1, huge), Err(ArithmeticOverflow));
        assert_eq!(line_usd(u128::from(u64::MAX), 1, huge), Err(ArithmeticOverflow));
    }

    #[test]
    fn a_mean_is_exact_until_the_line_is_rounded_once() {
        let usd = |text: &str| Usd::parse(text).unwrap();
        let mean = |quantity, weighed: &[(u128, Usd)]| mean_usd(quantity, weighed).map(|usd| usd.to_string());
        // A third of 600 and two thirds of 1000.5.
        let thirds = [(1, usd("600")), (2, usd("1000.5"))];
        assert_eq!(mean(1, &thirds).unwrap(), "867");
        // 200 / 3 is rounded for one card, and three of them are 200 again.
        let uneven = [(1, usd("100")), (2, usd("50"))];
        assert_eq!(mean(1, &uneven).unwrap(), "66.666666666667");
        assert_eq!(mean(3, &uneven).unwrap(), "200");
        // Half of the twelfth decimal goes to the even neighbour.
        let halves = [(1, Usd::ZERO), (1, usd("0.000000000001"))];
        assert_eq!(mean(1, &halves).unwrap(), "0");
        assert_eq!(mean(3, &halves).unwrap(), "0.000000000002");
        let huge = usd("1000000000000");
        assert_eq!(mean(1, &[(u128::MAX / 2, huge), (u128::MAX / 2, huge)]).unwrap(), "1000000000000");
        assert_eq!(mean(u128::MAX, &[(1, huge)]), Err(ArithmeticOverflow));
        assert_eq!(mean(1, &[]), Err(ArithmeticOverflow));
        assert_eq!(mean(1, &[(0, huge)]), Err(ArithmeticOverflow));
    }

    #[test]
    fn a_sum_that_would_lose_decimals_is_an_overflow() {
        let big = Usd::from_decimal(Decimal::from_str_exact("1000000000000000000000000000").unwrap());
        let small = Usd::parse("0.000000000001").unwrap();
        assert_eq!(big.checked_add(small), Err(ArithmeticOverflow));
    }

    #[test]
    fn a_block_costs_its_share_of_the_month() {
        let usd = Usd::parse("107.74").unwrap();
        let blocks = Decimal::from(429_909);
        let amount = per_block(usd, blocks, Decimal::new(5, 1), 6, 6).unwrap();
        assert_eq!(amount.to_string(), "501.222352");
        assert_eq!(per_block(usd, Decimal::ZERO, Decimal::ONE, 6, 6), Err(ArithmeticOverflow));
    }
}
