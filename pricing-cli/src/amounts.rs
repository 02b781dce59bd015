//! How amounts of money are written for people: to the cent. JSON has the exact amounts.
//!
//! Two amounts that differ must not look the same where they are compared, and an amount above nothing must not look
//! like nothing. There they have as many decimals as it takes.

use std::collections::BTreeSet;

use pricing_core::money::{Usd, parse_decimal};
use rust_decimal::{Decimal, RoundingStrategy};

/// The decimals of an amount that people read.
const CENTS: u32 = 2;
/// The most decimals of a price for one unit, such as a GiB, which may well be less than a cent.
const UNIT_DECIMALS: u32 = 4;
/// The most decimals of a quantity.
const QUANTITY_DECIMALS: u32 = 3;

/// An amount of USD to the cent, rounded half-even. What rounds to nothing is `0.00`, as in a sum or a difference.
pub(crate) fn cents(usd: Usd) -> String {
    padded(usd.decimal(), CENTS)
}

/// A price in USD, to the cent.
pub(crate) fn usd(text: &str) -> String {
    shown(text, |amount| padded(amount, decimals(&[amount])))
}

/// An amount of USD in a line of a bill, to the cent; what rounds to nothing is `0.00`.
pub(crate) fn line(text: &str) -> String {
    shown(text, |amount| padded(amount, CENTS))
}

/// An amount of USD as a rate card has it, with cents.
pub(crate) fn as_written(text: &str) -> String {
    shown(text, |amount| padded(amount, amount.normalize().scale().max(CENTS)))
}

/// What one unit of something is worth, in USD: to a hundredth of a cent, since it is multiplied.
pub(crate) fn unit_price(text: &str) -> String {
    shown(text, |amount| {
        let most = decimals(&[amount]).max(UNIT_DECIMALS);
        let places = rounded(amount, most).normalize().scale();
        padded(amount, places.max(CENTS))
    })
}

/// An amount of the smallest units of a coin, such as uakt.
pub(crate) fn units(text: &str) -> String {
    shown(text, |amount| trimmed(amount, decimals(&[amount])))
}

/// How much of something is billed, such as GiB: to a thousandth.
pub(crate) fn quantity(text: &str) -> String {
    shown(text, |amount| trimmed(amount, decimals(&[amount]).max(QUANTITY_DECIMALS)))
}

/// Two amounts of the same coin that are compared with each other.
pub(crate) fn compared(one: &str, other: &str) -> [String; 2] {
    match [one, other].map(parse_decimal) {
        [Ok(one), Ok(other)] => [one, other].map(|amount| trimmed(amount, decimals(&[one, other]))),
        _ => [one, other].map(units),
    }
}

/// A message that compares amounts, with these shortened.
pub(crate) fn within(message: &str) -> String {
    let amounts: Vec<Decimal> =
        words(message).filter_map(|word| parse_decimal(word.trim_end_matches('.')).ok()).collect();
    let places = decimals(&amounts);
    let mut short = String::with_capacity(message.len());
    for word in words(message) {
        let number = word.trim_end_matches('.');
        match parse_decimal(number) {
            Ok(amount) if amount.scale() > places => {
                short.push_str(&trimmed(amount, places));
                short.extend(word.strip_prefix(number));
            }
            _ => short.push_str(word),
        }
    }
    short
}

/// The parts of a message that could be decimals, and what stands between them.
fn words(message: &str) -> impl Iterator<Item = &str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '.' || c == '-';
    let mut rest = message;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = rest.find(|c| is_word(c) != is_word(first)).unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(word)
    })
}

/// A decimal as people read it, or the text as it is where it is not one that is known exactly.
fn shown(text: &str, show: impl Fn(Decimal) -> String) -> String {
    parse_decimal(text).map_or_else(|_| text.to_owned(), show)
}

/// The fewest decimals, from cents on, with which different amounts differ from each other and from nothing.
fn decimals(amounts: &[Decimal]) -> u32 {
    let distinct = |places: u32| -> usize {
        let all = amounts.iter().chain([&Decimal::ZERO]).map(|amount| rounded(*amount, places));
        all.collect::<BTreeSet<_>>().len()
    };
    let exact = distinct(Decimal::MAX_SCALE);
    (CENTS..Decimal::MAX_SCALE).find(|places| distinct(*places) == exact).unwrap_or(Decimal::MAX_SCALE)
}

fn rounded(amount: Decimal, places: u32) -> Decimal {
    let rounded = amount.round_dp_with_strategy(places, RoundingStrategy::MidpointNearestEven);
    // What rounds to nothing has no sign.
    if rounded.is_zero() { rounded.abs() } else { rounded }
}

/// An amount with so many decimals.
fn padded(amount: Decimal, places: u32) -> String {
    let mut rounded = rounded(amount, places);
    rounded.rescale(places);
    rounded.to_string()
}

/// An amount with at most so many decimals.
fn trimmed(amount: Decimal, places: u32) -> String {
    rounded(amount, places).normalize().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_rounded_to_the_cent_half_even() {
        let shown = |usd: &str| cents(Usd::parse(usd).unwrap());
        let amounts = ["0", "80", "107.738571428571", "0.005", "0.015", "1934.049"];
        assert_eq!(amounts.map(shown), ["0.00", "80.00", "107.74", "0.00", "0.02", "1934.05"]);
        assert_eq!(amounts.map(line), amounts.map(shown));
        let less = Usd::parse("0.001").unwrap();
        assert_eq!(cents(Usd::ZERO.checked_sub(less).unwrap()), "0.00");
        assert_eq!(line("-0.001"), "0.00");
    }

    #[test]
    fn a_price_above_nothing_does_not_look_like_nothing() {
        let prices = ["107.738571428571", "0.0004", "0.000039", "0", "-12.5", "not a price"];
        assert_eq!(prices.map(usd), ["107.74", "0.0004", "0.00004", "0.00", "-12.50", "not a price"]);
        assert_eq!(["501.222352", "1000", "0.004"].map(units), ["501.22", "1000", "0.004"]);
        assert_eq!(["0.476837158203125", "2", "0.0009765625"].map(quantity), ["0.477", "2", "0.001"]);
    }

    #[test]
    fn a_price_for_one_unit_has_the_decimals_that_it_was_written_with_up_to_four() {
        let prices = ["1.6", "1300", "0.0125", "1033.333333333333", "0.00001", "0.50"];
        assert_eq!(prices.map(unit_price), ["1.60", "1300.00", "0.0125", "1033.3333", "0.00001", "0.50"]);
    }

    #[test]
    fn amounts_that_are_compared_do_not_look_the_same_unless_they_are() {
        for (one, other, shown) in [
            ("501.222352", "1000", ["501.22", "1000"]),
            ("9.996", "10", ["9.996", "10"]),
            ("10.0000004", "10.0000003", ["10.0000004", "10.0000003"]),
            ("10.001", "10.001", ["10", "10"]),
            ("much", "10.001", ["much", "10"]),
        ] {
            assert_eq!(compared(one, other), shown);
        }
    }

    #[test]
    fn amounts_in_a_message_are_shortened_and_nothing_else_is() {
        for (message, short) in [
            (
                "the price of 3104145.295865 uakt a block is above the tenant's maximum of 1000",
                "the price of 3104145.3 uakt a block is above the tenant's maximum of 1000",
            ),
            ("the total 10.004 is above the maximum 10.00", "the total 10.004 is above the maximum 10.00"),
            ("1.234567 of version 0.16.2, node1.example.com.", "1.23 of version 0.16.2, node1.example.com."),
            ("at most 1.234567.", "at most 1.23."),
        ] {
            assert_eq!(within(message), short);
        }
    }
}
