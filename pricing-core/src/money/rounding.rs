//! Every rounding that a price goes through on its way to an output.
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

use ethnum::U256;
use rust_decimal::Decimal;

use super::{ArithmeticOverflow, LINE_DECIMALS, Usd, canonical};

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
pub(super) fn ratio_half_even(
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
    fn a_block_costs_its_share_of_the_month() {
        let usd = Usd::parse("107.74").unwrap();
        let blocks = Decimal::from(429_909);
        let amount = per_block(usd, blocks, Decimal::new(5, 1), 6, 6).unwrap();
        assert_eq!(amount.to_string(), "501.222352");
        assert_eq!(per_block(usd, Decimal::ZERO, Decimal::ONE, 6, 6), Err(ArithmeticOverflow));
    }
}
