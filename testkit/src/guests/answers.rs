//! Guests with invalid prices, and with changes that do not give one.

use pricing_core::quote::ReasonCode;

use super::Attack;
use crate::guest::{Guest, answers, data};

/// Texts that are not a price for either kind of plugin.
pub const BAD_PRICES: [&str; 40] = [
    "NaN",
    "nan",
    "-NaN",
    "Infinity",
    "inf",
    "-inf",
    "-5",
    "+5",
    "0",
    "-0",
    "0.0",
    "00",
    "1e400",
    "1e5",
    "1E5",
    "1e-400",
    "0x10",
    "0b1",
    "0o7",
    "1_000",
    "1,5",
    "1,000",
    "1.5.5",
    ".",
    "-",
    "--5",
    ".5",
    "5.",
    "1\u{0}",
    "\u{feff}1.5",
    "\u{ff11}\u{ff0e}\u{ff15}",
    "\u{661}\u{662}",
    "\u{b2}",
    "1.5 uact",
    "1.5uact",
    "$1.5",
    "price: 1.5",
    "1.5\n2.5",
    "1\u{a0}000",
    "10000000000.000000000000000001",
];

/// Texts that a command may print, with line ends and indentation, but that a component may not answer.
pub const PADDED_PRICES: [&str; 5] = [" 1.5", "1.5 ", "1.5\n", "1.5\r\n", "\t1.5"];

/// Long texts that are not a price.
#[must_use]
pub fn long_prices() -> Vec<(&'static str, String)> {
    vec![
        ("4,000 digits", "9".repeat(4_000)),
        ("4,000 decimals", format!("1.{}", "3".repeat(4_000))),
        ("4,000 minus signs", "-".repeat(4_000)),
        ("29 digits", "1".repeat(29)),
        ("19 decimals", format!("1.{}1", "0".repeat(18))),
        ("less than the smallest decimal", format!("0.{}1", "0".repeat(18))),
        ("a unit too much", "10000000001".to_owned()),
        ("2^64", "18446744073709551616".to_owned()),
    ]
}

/// Texts that are just about valid prices, with the bid at 6 decimals.
#[must_use]
pub fn good_prices() -> Vec<(&'static str, String, &'static str)> {
    vec![
        ("the whole of 18 decimals", "1.000000000000000001".to_owned(), "1"),
        ("leading zeros", "007".to_owned(), "7"),
        ("100 trailing zeros", format!("1.50{}", "0".repeat(100)), "1.5"),
        ("half a step to even", "1.0000005".to_owned(), "1"),
        ("over half a step", "1.0000015".to_owned(), "1.000002"),
    ]
}

/// Every text as a component's price.
#[must_use]
pub fn prices() -> Vec<Attack> {
    let invalid = |name: String, text: &str| Attack::new(name, answers(0, text), ReasonCode::InvalidOutput);
    let short = ["", " "].into_iter().chain(BAD_PRICES).chain(PADDED_PRICES);
    let mut attacks: Vec<Attack> = short.map(|text| invalid(format!("the price {text:?}"), text)).collect();
    attacks.extend(long_prices().iter().map(|(name, text)| invalid(format!("a price of {name}"), text)));
    attacks.extend(
        good_prices()
            .iter()
            .map(|(name, text, bid)| Attack::harmless(format!("a price: {name}"), answers(0, text), bid)),
    );
    let code = |name: &str, text, code| Attack::new(name, answers(0, text), code);
    attacks.push(code("a price that rounds to 0", "0.000000000000000001", ReasonCode::BelowMinimum));
    attacks.push(code("the highest price", "10000000000", ReasonCode::PriceAboveMax));
    attacks
}

/// A change in the guest's layout: its case, the line for case 3, and its text.
type Change<'a> = (u32, u32, &'a str);

/// A component that answers changes: case 0 multiplies, 1 adds, 2 is a floor, 3 replaces a line.
#[must_use]
pub fn changing(changes: &[Change<'_>]) -> Vec<u8> {
    const LIST: u32 = 1024;
    let mut text_at = 16 << 10;
    let (mut list, mut texts) = (Vec::new(), Vec::new());
    for (case, line, text) in changes {
        let length = u32::try_from(text.len()).expect("a short text");
        let words = if *case == 3 { [*case, *line, text_at, length] } else { [*case, text_at, length, 0] };
        list.extend(words.map(u32::to_le_bytes).concat());
        texts.extend(text.bytes());
        text_at += length;
    }
    let fields = format!("{}{}", data(LIST, &list), data(16 << 10, &texts));
    let price = format!(
        "(i32.store8 (i32.const 16) (i32.const 2)) (i32.store (i32.const 20) (i32.const {LIST}))
         (i32.store (i32.const 24) (i32.const {})) (i32.const 16)",
        changes.len()
    );
    Guest { price: &price, fields: &fields, ..Guest::default() }.component()
}

/// Changes that do not give a price.
#[must_use]
pub fn changes() -> Vec<Attack> {
    let attack = |name: &str, changes: &[Change<'_>], code| Attack::new(name, changing(changes), code);
    let invalid = |name: &str, changes: &[Change<'_>]| attack(name, changes, ReasonCode::InvalidOutput);
    vec![
        invalid("multiplies by -1", &[(0, 0, "-1")]),
        invalid("multiplies by -1 twice", &[(0, 0, "-1"), (0, 0, "-1")]),
        invalid("adds below zero", &[(1, 0, "-1000000")]),
        invalid("adds below zero and back", &[(1, 0, "-1000000"), (1, 0, "1000001")]),
        invalid("replaces a line that is not there", &[(3, 99, "1")]),
        invalid("replaces line 2^32 - 1", &[(3, u32::MAX, "1")]),
        invalid("makes a line negative", &[(3, 0, "-1")]),
        invalid("multiplies by something that is not a number", &[(0, 0, "NaN")]),
        invalid("multiplies by nothing", &[(0, 0, "")]),
        invalid("multiplies by an exponent", &[(0, 0, "1e2")]),
        invalid("adds something that is not a number", &[(1, 0, "Infinity")]),
        invalid("replaces a line by 4,000 digits", &[(3, 0, &"9".repeat(4_000))]),
        attack("multiplies by 0", &[(0, 0, "0")], ReasonCode::BelowMinimum),
        attack(
            "multiplies beyond all numbers",
            &[(0, 0, "9999999999999999999999999999"); 3],
            ReasonCode::ArithmeticOverflow,
        ),
        attack(
            "adds beyond all numbers",
            &[(1, 0, "79228162514264337593543950335"); 2],
            ReasonCode::ArithmeticOverflow,
        ),
        attack("asks for a million times the price", &[(0, 0, "100000000000000")], ReasonCode::PriceAboveMax),
    ]
}
