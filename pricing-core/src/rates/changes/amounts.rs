//! How much lower an amount is, and how much lower it may become without somebody accepting it.

use core::fmt;

use rust_decimal::Decimal;

use crate::money::{parse_decimal, share};

/// The decimals of a remaining share.
const DECIMALS: u32 = 18;
const HUNDRED: Decimal = Decimal::ONE_HUNDRED;

/// How much lower an amount may become without being accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxChange {
    /// In percent; 0 disables the check.
    percent: Decimal,
}

/// Why a text is not a [`MaxChange`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a share of an amount; expected a percentage such as `50%`, at most `100%`, or `0`")]
pub struct MaxChangeError(String);

impl MaxChange {
    /// Parses `50%`. `0` and `0%` disable the check of amounts.
    ///
    /// # Errors
    /// When the text is anything else, or more than `100%`.
    pub fn parse(text: &str) -> Result<Self, MaxChangeError> {
        let error = || MaxChangeError(crate::text::excerpt(text));
        let (number, is_percentage) = match text.strip_suffix('%') {
            Some(number) => (number.trim_end(), true),
            None => (text, false),
        };
        let percent = parse_decimal(number).map_err(|_| error())?;
        // A bare `50` is ambiguous.
        let is_clear = is_percentage || percent.is_zero();
        if !is_clear || percent < Decimal::ZERO || percent > HUNDRED || percent.scale() > DECIMALS {
            return Err(error());
        }
        Ok(Self { percent })
    }

    /// Whether amounts are checked at all.
    #[must_use]
    pub fn looks_at_amounts(self) -> bool {
        !self.percent.is_zero()
    }

    /// The stricter of two limits.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        match (self.looks_at_amounts(), other.looks_at_amounts()) {
            (false, _) => other,
            (true, false) => self,
            (true, true) => Self { percent: self.percent.min(other.percent) },
        }
    }

    /// Whether too little is left of an amount.
    pub(super) fn is_exceeded_by(self, left: Left) -> bool {
        self.looks_at_amounts() && left.percent_lower() > self.percent
    }
}

impl Default for MaxChange {
    fn default() -> Self {
        Self { percent: Decimal::from(50) }
    }
}

impl fmt::Display for MaxChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.looks_at_amounts() { write!(f, "{}%", self.percent) } else { f.write_str("0") }
    }
}

/// The remaining share of an amount: 1 if it was not lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Left(Decimal);

impl Left {
    pub(super) const ALL: Self = Self(Decimal::ONE);
    pub(super) const NOTHING: Self = Self(Decimal::ZERO);

    /// The share of one amount that remains in another. Neither may be negative.
    pub(super) fn of(before: Decimal, after: Decimal) -> Self {
        Self::of_ratio(after, Decimal::ONE, before, Decimal::ONE)
    }

    /// The share `(numerator x factor) / (denominator x divisor)`, at most 1. If it cannot be computed it is zero, so
    /// that somebody has to look at it.
    pub(super) fn of_ratio(numerator: Decimal, factor: Decimal, denominator: Decimal, divisor: Decimal) -> Self {
        if denominator.is_zero() || divisor.is_zero() || (numerator, factor) == (denominator, divisor) {
            return Self::ALL;
        }
        match share(numerator, factor, &[denominator, divisor], DECIMALS) {
            Ok(left) => Self(left.min(Decimal::ONE)),
            Err(_) if numerator > denominator && factor >= divisor => Self::ALL,
            Err(_) => Self::NOTHING,
        }
    }

    /// The remaining share of a product, from the shares of two factors.
    pub(super) fn times(self, other: Self) -> Self {
        share(self.0, other.0, &[], DECIMALS).map_or(Self::NOTHING, Self)
    }

    pub(super) fn is_lowered(self) -> bool {
        self.0 < Decimal::ONE
    }

    fn percent_lower(self) -> Decimal {
        // Between 0 and 1 with 18 decimals, so neither operation overflows.
        let lost = Decimal::ONE.checked_sub(self.0).unwrap_or(Decimal::ONE);
        lost.checked_mul(HUNDRED).unwrap_or(HUNDRED)
    }

    /// How much lower, in percent with at most two decimals, rounded away from zero so that it is never understated.
    /// None if it was not lowered.
    pub(super) fn percent_shown(self) -> Option<Decimal> {
        use rust_decimal::RoundingStrategy::AwayFromZero;

        self.is_lowered().then(|| self.percent_lower().round_dp_with_strategy(2, AwayFromZero).normalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        parse_decimal(text).unwrap()
    }

    #[test]
    fn a_share_is_a_percentage_or_nothing() {
        for (text, shown) in
            [("50%", "50%"), ("50 %", "50%"), ("12.5%", "12.5%"), ("100%", "100%"), ("0", "0"), ("0%", "0")]
        {
            assert_eq!(MaxChange::parse(text).unwrap().to_string(), shown);
        }
        for text in ["", "%", "50", "0.5", "101%", "-1%", "1e1%", "half", "50%%", "50 percent"] {
            assert!(MaxChange::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_stricter_of_two_lets_less_through() {
        let stricter = |one, other| {
            let parse = |text| MaxChange::parse(text).unwrap();
            parse(one).stricter(parse(other)).to_string()
        };
        assert_eq!(stricter("50%", "10%"), "10%");
        assert_eq!(stricter("0", "100%"), "100%");
        assert_eq!(stricter("30%", "0"), "30%");
        assert_eq!(stricter("0", "0"), "0");
    }

    #[test]
    fn exactly_as_much_is_not_too_much() {
        let half = MaxChange::default();
        for (before, after, exceeded) in [
            ("2", "1", false),
            ("2", "0.99999999999999999", true),
            ("3", "1.5", false),
            ("3", "1", true),
            ("1", "0", true),
            ("0", "0", false),
            ("0", "5", false),
            ("5", "500", false),
        ] {
            assert_eq!(half.is_exceeded_by(Left::of(number(before), number(after))), exceeded, "{before} {after}");
        }
        let none = MaxChange::parse("0").unwrap();
        assert!(!none.is_exceeded_by(Left::of(number("5"), Decimal::ZERO)));
        let all = MaxChange::parse("100%").unwrap();
        assert!(!all.is_exceeded_by(Left::of(number("5"), Decimal::ZERO)));
    }

    #[test]
    fn what_is_lower_is_shown_rounded_up() {
        let shown = |before, after| Left::of(number(before), number(after)).percent_shown().map(|p| p.to_string());
        assert_eq!(shown("5", "1.6").as_deref(), Some("68"));
        assert_eq!(shown("3", "1").as_deref(), Some("66.67"));
        assert_eq!(shown("1000000", "499999").as_deref(), Some("50.01"));
        assert_eq!(shown("1", "2"), None);
    }

    #[test]
    fn numbers_of_any_size_are_compared() {
        let (small, large) = (number("0.000000000000000001"), number("1000000000000"));
        assert!(MaxChange::default().is_exceeded_by(Left::of(large, small)));
        assert!(!Left::of(small, large).is_lowered());
        assert!(!Left::of(small, number("79228162514264337593543950335")).is_lowered());
    }
}
