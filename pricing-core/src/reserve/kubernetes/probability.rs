//! Exact probabilities.

use core::fmt;

use ethnum::U256;

use crate::divisor::{greatest_common_divisor, least_common_multiple};

/// The number of decimal places of [`Probability`] when it is written.
const PLACES: usize = 6;
/// A probability of 1 in units of the last decimal place.
const UNITS: u32 = 1_000_000;

/// A probability of 1 in units of rounded sums.
const ROUNDED_ONE: u128 = 1 << 64;

/// A probability: an exact fraction from 0 to 1, in lowest terms. It is rounded only when it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Probability {
    numerator: u128,
    denominator: u128,
}

impl Probability {
    /// Impossible.
    pub const ZERO: Self = Self { numerator: 0, denominator: 1 };
    /// Certain.
    pub const ONE: Self = Self { numerator: 1, denominator: 1 };

    /// `part` of `whole`. A part that exceeds the whole is the whole; a part of nothing is impossible.
    #[must_use]
    pub fn new(part: u128, whole: u128) -> Self {
        if part == 0 || whole == 0 {
            return Self::ZERO;
        }
        let part = part.min(whole);
        let divisor = greatest_common_divisor(part, whole);
        let reduced = |number: u128| number.checked_div(divisor).unwrap_or(number);
        Self { numerator: reduced(part), denominator: reduced(whole) }
    }

    /// The numerator, in lowest terms.
    #[must_use]
    pub fn numerator(self) -> u128 {
        self.numerator
    }

    /// The denominator, in lowest terms.
    #[must_use]
    pub fn denominator(self) -> u128 {
        self.denominator
    }

    /// The sum. None if it exceeds 1, or its denominator has more than 128 bits.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let denominator = least_common_multiple(self.denominator, other.denominator)?;
        let scaled = |one: Self| denominator.checked_div(one.denominator)?.checked_mul(one.numerator);
        let numerator = scaled(self)?.checked_add(scaled(other)?)?;
        (numerator <= denominator).then(|| Self::new(numerator, denominator))
    }

    /// The probability of this and of one of `ways` equally likely ways. None if the denominator has more than 128 bits,
    /// or there is no way.
    #[must_use]
    pub fn divided(self, ways: u32) -> Option<Self> {
        let denominator = self.denominator.checked_mul(u128::from(ways))?;
        (ways > 0).then(|| Self::new(self.numerator, denominator))
    }

    /// `part / whole` of the probability. None if the denominator has more than 128 bits, or the whole is 0.
    #[must_use]
    pub fn share(self, part: u128, whole: u128) -> Option<Self> {
        if whole == 0 {
            return None;
        }
        let (common, other) =
            (greatest_common_divisor(self.numerator, whole), greatest_common_divisor(part, self.denominator));
        let numerator = self.numerator.checked_div(common)?.checked_mul(part.checked_div(other)?)?;
        let denominator = self.denominator.checked_div(other)?.checked_mul(whole.checked_div(common)?)?;
        Some(Self::new(numerator, denominator))
    }

    /// The probability in multiples of 2^-64, rounded down.
    #[must_use]
    pub fn rounded(self) -> u128 {
        let scaled = U256::from(self.numerator).saturating_mul(U256::from(ROUNDED_ONE));
        scaled.checked_div(U256::from(self.denominator)).and_then(|units| u128::try_from(units).ok()).unwrap_or(0)
    }

    /// The probability of the opposite.
    #[must_use]
    pub fn complement(self) -> Self {
        Self { numerator: self.denominator.saturating_sub(self.numerator), ..self }
    }

    /// The probability in millionths, rounded half up.
    #[must_use]
    pub fn millionths(self) -> u32 {
        let denominator = U256::from(self.denominator);
        let doubled = U256::from(self.numerator).saturating_mul(U256::from(UNITS).saturating_mul(U256::new(2)));
        let rounded = doubled.saturating_add(denominator).checked_div(denominator.saturating_mul(U256::new(2)));
        rounded.and_then(|rounded| u32::try_from(rounded).ok()).unwrap_or(0)
    }

    /// The probability in percent, for people: rounded half up to one place. What is possible is not `0 %`, and what is
    /// not certain is not `100 %`.
    #[must_use]
    pub fn percent(self) -> String {
        let tenths = self.millionths().saturating_add(500).checked_div(1000).unwrap_or(0);
        if tenths == 0 && self > Self::ZERO {
            return "under 0.1 %".to_owned();
        }
        if tenths == 1000 && self < Self::ONE {
            return "over 99.9 %".to_owned();
        }
        let (whole, rest) = (tenths.checked_div(10).unwrap_or(0), tenths.checked_rem(10).unwrap_or(0));
        if rest == 0 { format!("{whole} %") } else { format!("{whole}.{rest} %") }
    }
}

/// A sum of shares of probabilities. It is exact as long as it fits, and then in multiples of 2^-64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbabilitySum {
    sum: Probability,
    is_exact: bool,
}

impl ProbabilitySum {
    /// Nothing yet.
    pub const ZERO: Self = Self { sum: Probability::ZERO, is_exact: true };

    /// Adds `part / whole` of a probability. A sum above 1 is 1.
    pub fn add(&mut self, probability: Probability, part: u128, whole: u128) {
        let exact = || self.sum.checked_add(probability.share(part, whole)?);
        if let Some(sum) = self.is_exact.then(exact).flatten() {
            self.sum = sum;
            return;
        }
        self.is_exact = false;
        let share = U256::from(probability.rounded()).saturating_mul(U256::from(part)).checked_div(U256::from(whole));
        let share = share.and_then(|share| u128::try_from(share).ok()).unwrap_or(0);
        self.sum = Probability::new(self.sum.rounded().saturating_add(share), ROUNDED_ONE);
    }

    /// The sum.
    #[must_use]
    pub fn get(self) -> Probability {
        self.sum
    }

    /// Whether nothing was rounded.
    #[must_use]
    pub fn is_exact(self) -> bool {
        self.is_exact
    }
}

impl Ord for Probability {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        if self.denominator == other.denominator {
            return self.numerator.cmp(&other.numerator);
        }
        let product = |one: u128, other: u128| U256::from(one).saturating_mul(U256::from(other));
        product(self.numerator, other.denominator).cmp(&product(other.numerator, self.denominator))
    }
}

impl PartialOrd for Probability {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Probability {
    /// Writes six decimal places, rounded half up.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millionths = self.millionths();
        let (whole, rest) = (millionths.checked_div(UNITS).unwrap_or(0), millionths.checked_rem(UNITS).unwrap_or(0));
        write!(f, "{whole}.{rest:0PLACES$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_written_with_six_places_rounded_half_up() {
        let written = |part, whole| Probability::new(part, whole).to_string();
        assert_eq!([written(1, 1), written(1, 3), written(2, 3)], ["1.000000", "0.333333", "0.666667"]);
        // 0.0000005 is half of the last place.
        assert_eq!([written(1, 2_000_000), written(1, 2_000_001)], ["0.000001", "0.000000"]);
        assert_eq!(written(u128::MAX - 1, u128::MAX), "1.000000");
        assert_eq!([written(0, 5), written(5, 0), written(7, 5)], ["0.000000", "0.000000", "1.000000"]);
    }

    #[test]
    fn percents_are_rounded_and_neither_deny_what_is_possible_nor_promise_what_is_not_certain() {
        let percent = |part, whole| Probability::new(part, whole).percent();
        assert_eq!([percent(0, 1), percent(1, 20), percent(1, 3), percent(1, 1)], ["0 %", "5 %", "33.3 %", "100 %"]);
        assert_eq!(
            [percent(1, 2000), percent(1, 2010), percent(1, u128::MAX)],
            ["0.1 %", "under 0.1 %", "under 0.1 %"]
        );
        assert_eq!([percent(1998, 2000), percent(1999, 2000)], ["99.9 %", "over 99.9 %"]);
        assert_eq!(percent(u128::MAX - 1, u128::MAX), "over 99.9 %");
    }

    #[test]
    fn sums_are_exact() {
        let third = Probability::new(2, 6);
        let half = Probability::new(1, 2);
        let sum = third.checked_add(half).unwrap();
        assert_eq!((sum.numerator(), sum.denominator()), (5, 6));
        assert_eq!(sum.complement(), Probability::new(1, 6));
        assert_eq!([half.divided(3), half.divided(0)], [Some(Probability::new(1, 6)), None]);
        assert_eq!(sum.checked_add(half), None, "more than 1");
        assert_eq!(Probability::new(1, u128::MAX).checked_add(Probability::new(1, u128::MAX - 1)), None);
        assert_eq!(Probability::ZERO.checked_add(Probability::ONE), Some(Probability::ONE));
    }

    #[test]
    fn shares_are_added_exactly_and_then_in_small_units() {
        let mut sum = ProbabilitySum::ZERO;
        sum.add(Probability::new(1, 3), 3, 4);
        sum.add(Probability::new(1, 2), 1, 2);
        assert_eq!((sum.get(), sum.is_exact()), (Probability::new(1, 2), true));
        assert_eq!(Probability::new(u128::MAX - 1, u128::MAX).share(u128::MAX, u128::MAX - 1), Some(Probability::ONE));
        assert_eq!(Probability::ONE.share(1, 0), None);
        sum.add(Probability::new(1, u128::MAX), 1, 1);
        sum.add(Probability::new(1, 4), 1, 1);
        assert_eq!((sum.get(), sum.is_exact()), (Probability::new(3, 4), false));
    }

    #[test]
    fn probabilities_are_compared_without_rounding() {
        let close = [Probability::new(u128::MAX - 2, u128::MAX - 1), Probability::new(u128::MAX - 1, u128::MAX)];
        assert!(close[0] < close[1]);
        assert_eq!(Probability::new(3, 9).cmp(&Probability::new(1, 3)), core::cmp::Ordering::Equal);
    }
}
