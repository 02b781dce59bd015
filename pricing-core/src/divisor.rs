//! Common divisors and multiples, with which exact fractions are brought to one denominator.

/// The greatest common divisor, by Euclid's algorithm. With 0 it is the other number.
pub(crate) fn greatest_common_divisor(one: u128, other: u128) -> u128 {
    let (mut one, mut other) = (one, other);
    while let Some(rest) = one.checked_rem(other) {
        (one, other) = (other, rest);
    }
    one
}

/// The least common multiple. None if it overflows.
pub(crate) fn least_common_multiple(one: u128, other: u128) -> Option<u128> {
    one.checked_div(greatest_common_divisor(one, other))?.checked_mul(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divisors_and_multiples_are_euclids() {
        assert_eq!(greatest_common_divisor(12, 18), 6);
        assert_eq!(greatest_common_divisor(0, 7), 7);
        assert_eq!(least_common_multiple(4, 6), Some(12));
        assert_eq!(least_common_multiple(u128::MAX, u128::MAX - 1), None);
    }
}
