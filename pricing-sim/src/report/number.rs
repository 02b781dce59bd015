//! Formats numbers for people. The exact ones are in the JSON answer.

use pricing_core::money::Usd;
use rust_decimal::{Decimal, RoundingStrategy};

use crate::summary::{Interval, Percent};
use crate::time::Millis;

/// Shown in place of a missing number.
pub(super) const NONE: &str = "–";

/// A count with thousands separators.
pub(super) fn whole(number: impl ToString) -> String {
    grouped(&number.to_string())
}

/// Money with two decimals, or more if it would otherwise be shown as zero.
pub(super) fn money(usd: Decimal) -> String {
    decimals(usd, 2)
}

/// Money.
pub(super) fn usd(usd: Usd) -> String {
    money(usd.decimal())
}

/// Money with its sign.
pub(super) fn change(usd: Decimal) -> String {
    let text = money(usd);
    if usd > Decimal::ZERO { format!("+{text}") } else { text }
}

/// A percentage with one decimal.
pub(super) fn percent(percent: Option<Percent>) -> String {
    percent.map_or_else(|| NONE.to_owned(), |percent| share(percent.decimal()))
}

/// A percentage with one decimal.
pub(super) fn share(percent: Decimal) -> String {
    format!("{}%", decimals(percent, 1))
}

/// How much more one is than the other, in percent of the other. None if the other is zero.
pub(super) fn more(one: Decimal, other: Decimal) -> Option<Decimal> {
    let hundred = Decimal::ONE_HUNDRED;
    one.checked_sub(other)?.checked_mul(hundred)?.checked_div(other.abs())
}

/// A mean with its interval.
pub(super) fn interval(of: &Interval, number: fn(Decimal) -> String) -> String {
    format!("{} ({} to {})", number(of.mean), number(of.low), number(of.high))
}

/// A number with some decimals, or more if it would otherwise be shown as zero.
pub(super) fn decimals(number: Decimal, decimals: u32) -> String {
    let rounded = |decimals| number.round_dp_with_strategy(decimals, RoundingStrategy::MidpointNearestEven);
    let enough = (decimals..=12).find(|decimals| number.is_zero() || !rounded(*decimals).is_zero());
    let mut shown = rounded(enough.unwrap_or(12));
    shown.rescale(enough.unwrap_or(12));
    grouped(&shown.to_string())
}

/// A number on an axis.
pub(super) fn axis(number: f64, decimals: usize) -> String {
    let size = number.abs();
    let scaled = |by: f64, unit: &str| {
        let text = format!("{:.3}", number / by);
        format!("{}{unit}", grouped(text.trim_end_matches('0').trim_end_matches('.')))
    };
    if size >= 1e15 {
        format!("{number:.0e}")
    } else if size >= 1e9 {
        scaled(1e9, "bn")
    } else if size >= 1e6 {
        scaled(1e6, "M")
    } else {
        grouped(&format!("{number:.decimals$}"))
    }
}

/// A percentage on an axis.
pub(super) fn axis_percent(number: f64, decimals: usize) -> String {
    format!("{}%", grouped(&format!("{number:.decimals$}")))
}

/// The nearest float of a decimal. Parsing its text is correctly rounded everywhere.
pub(super) fn float(number: Decimal) -> f64 {
    number.to_string().parse().unwrap_or(0.0)
}

/// A duration in its two largest units.
pub(super) fn time(time: Millis) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s")];
    let mut rest = time;
    let mut words = Vec::new();
    for (unit, name) in units {
        let (whole_units, left) = (rest / unit, rest % unit);
        if whole_units > 0 {
            words.push(format!("{} {name}", whole(whole_units)));
        } else if !words.is_empty() {
            break;
        }
        rest = left;
        if words.len() == 2 {
            break;
        }
    }
    if words.is_empty() { format!("{rest} ms") } else { words.join(" ") }
}

/// Groups the digits of a number before the point in threes.
#[must_use]
pub fn grouped(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("−", digits));
    let (before, after) = digits.split_once('.').unzip();
    let before = before.unwrap_or(digits);
    let mut all = sign.to_owned();
    for (place, digit) in before.chars().enumerate() {
        let left = before.len().saturating_sub(place);
        if place > 0 && left % 3 == 0 {
            all.push(',');
        }
        all.push(digit);
    }
    if let Some(after) = after {
        all.push('.');
        all.push_str(after);
    }
    if all.chars().any(|char| char.is_ascii_digit() && char != '0') { all } else { all.replace('−', "") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::from_str_exact(text).unwrap()
    }

    #[test]
    fn numbers_have_separators_and_never_look_like_nothing_when_they_are_not() {
        let cases = [
            ("0", "0.00"),
            ("1234567.891", "1,234,567.89"),
            ("-1234.5", "−1,234.50"),
            ("0.00042", "0.0004"),
            ("-0.004", "−0.004"),
            ("999.995", "1,000.00"),
            ("0.0000000000004", "0.000000000000"),
        ];
        for (number, expected) in cases {
            assert_eq!(money(decimal(number)), expected);
        }
        assert_eq!(whole(8152), "8,152");
        assert_eq!(whole(-12), "−12");
        assert_eq!(change(decimal("5")), "+5.00");
    }

    #[test]
    fn axes_say_millions_in_short() {
        let cases =
            [(0.0, 0, "0"), (1_500_000.0, 0, "1.5M"), (25_000.0, 0, "25,000"), (0.2, 1, "0.2"), (-4e9, 0, "−4bn")];
        for (number, decimals, expected) in cases {
            assert_eq!(axis(number, decimals), expected);
        }
        assert_eq!(axis(2e28, 0), "2e28");
    }

    #[test]
    fn times_have_two_units_at_the_most() {
        let cases = [(0, "0 ms"), (999, "999 ms"), (60_000, "1 min"), (93_600_000, "1 d 2 h"), (86_461_000, "1 d")];
        for (millis, expected) in cases {
            assert_eq!(time(millis), expected);
        }
    }
}
