//! How counts, coins and prose are written for people. JSON has the exact values.

use pricing_core::money::{Denom, denoms};
pub(crate) use pricing_core::text::{counted as count, plural};

use crate::amounts;
use crate::table::LINE_COLUMNS;

/// The most characters of the name of a denom that is not known.
const DENOM_CHARS: usize = 16;
/// What the lines of a paragraph after its first begin with.
const INDENT: &str = "  ";

/// The name of a denom's coin: `AKT`, `ACT` or `USDC`, else the denom, cut short.
#[cfg(feature = "service")]
pub(crate) fn coin(denom: &Denom) -> String {
    denom.coin().map_or_else(|| cut(&denom.to_string(), DENOM_CHARS), str::to_owned)
}

/// The name of a denom beside an amount of it: `uakt`, `uact` or `uusdc` (millionths), else the denom, cut short.
pub(crate) fn unit(denom: &str) -> String {
    let denom = Denom::new(denom);
    match denom.coin() {
        Some(coin) => format!("u{}", coin.to_lowercase()),
        None => cut(&denom.to_string(), DENOM_CHARS),
    }
}

/// The message of a reason. Where a price was compared with a limit, both amounts are shortened together.
pub(crate) fn reason_message(code: &str, message: &str) -> String {
    let message = with_units(message);
    match code {
        "price-above-max" | "below-minimum" => amounts::within(&message),
        _ => message,
    }
}

/// A message with the names of known denoms in place of their hashes.
fn with_units(message: &str) -> String {
    let hashes = [denoms::USDC, denoms::SANDBOX_USDC];
    hashes.into_iter().fold(message.to_owned(), |message, hash| message.replace(hash, &unit(hash)))
}

/// A text of at most so many characters; one that is longer ends with `…`.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// The number of things in memory, to be counted in words.
pub(crate) fn number(of: usize) -> u64 {
    u64::try_from(of).unwrap_or(u64::MAX)
}

/// A paragraph of at most [`LINE_COLUMNS`] columns. Only a word that is longer makes a longer line.
pub(crate) fn wrap(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if columns(line).saturating_add(columns(word)) < usize::from(LINE_COLUMNS) => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) => lines.push(format!("{INDENT}{word}")),
            None => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

/// How many columns a text takes, whatever colours it.
fn columns(text: &str) -> usize {
    anstream::adapter::strip_str(text).map(|part| part.chars().count()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const USDC: &str = denoms::USDC;

    #[test]
    #[cfg(feature = "service")]
    fn coins_have_their_names_and_unknown_ones_are_cut_short() {
        let shown = |denom: &str| coin(&Denom::new(denom));
        assert_eq!(["uakt", "uact", USDC, "uosmo"].map(shown), ["AKT", "ACT", "USDC", "uosmo"]);
        assert_eq!(shown(&USDC.replace("170C", "070C")), "ibc/070C677610A…");
    }

    #[test]
    fn denoms_have_their_names_beside_amounts_and_in_messages() {
        assert_eq!(["uakt", "uact", USDC, "uosmo"].map(unit), ["uakt", "uact", "uusdc", "uosmo"]);
        assert_eq!(unit(&USDC.replace("170C", "070C")), "ibc/070C677610A…");
        assert_eq!(with_units(&format!("a price in `{USDC}`")), "a price in `uusdc`");
    }

    #[test]
    fn only_the_amounts_of_a_comparison_are_shortened() {
        let message = format!("the price of 4475.399729 {USDC} a block is above the tenant's maximum of 1000");
        let short = "the price of 4475.4 uusdc a block is above the tenant's maximum of 1000";
        assert_eq!(reason_message("price-above-max", &message), short);
        assert_eq!(reason_message("insufficient-capacity", "0.0625 GiB"), "0.0625 GiB");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!([0, 1, 2].map(|number| count(number, "order")), ["0 orders", "1 order", "2 orders"]);
    }

    #[test]
    fn prose_keeps_to_its_columns_and_no_word_is_broken() {
        let words = ["word"; 60].join(" ");
        let wrapped = wrap(&words);
        assert!(wrapped.lines().count() == 3 && wrapped.lines().all(|line| line.len() <= 120), "{wrapped}");
        assert_eq!(wrapped.split_whitespace().collect::<Vec<_>>().join(" "), words);
        let long = "x".repeat(200);
        assert_eq!(wrap(&format!("a {long} b")), format!("a\n  {long}\n  b"));
        assert_eq!(wrap("short"), "short");
    }
}
