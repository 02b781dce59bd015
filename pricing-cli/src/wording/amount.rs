//! Amounts and coins.

use pricing_core::money::{Denom, Usd};
use rust_decimal::RoundingStrategy;

/// The decimals of an amount of USD that people read.
const CENTS: u32 = 2;
/// The most characters of the name of a coin that is not known.
const COIN_CHARS: usize = 16;

/// An amount of USD to the cent, rounded half-even.
pub(crate) fn cents(usd: Usd) -> String {
    let mut rounded = usd.decimal().round_dp_with_strategy(CENTS, RoundingStrategy::MidpointNearestEven);
    rounded.rescale(CENTS);
    // What rounds to nothing has no sign.
    if rounded.is_zero() { rounded.abs().to_string() } else { rounded.to_string() }
}

/// The name of a denom's coin: `AKT`, `ACT` or `USDC`, else the denom, cut short.
pub(crate) fn coin(denom: &Denom) -> String {
    if let Some(coin) = denom.coin() {
        return coin.to_owned();
    }
    cut(&denom.to_string(), COIN_CHARS)
}

/// A text of at most so many characters; one that is longer ends with `…`.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_rounded_to_the_cent_half_even() {
        let shown = |usd: &str| cents(Usd::parse(usd).unwrap());
        let amounts = ["0", "80", "107.738571428571", "0.005", "0.015", "1934.049"];
        assert_eq!(amounts.map(shown), ["0.00", "80.00", "107.74", "0.00", "0.02", "1934.05"]);
        let less = Usd::parse("0.001").unwrap();
        assert_eq!(cents(Usd::ZERO.checked_sub(less).unwrap()), "0.00");
    }

    #[test]
    fn coins_have_their_names_and_unknown_ones_are_cut_short() {
        let shown = |denom: &str| coin(&Denom::new(denom));
        let usdc = "ibc/170C677610AC31DF0904FFE09CD3B5C657492170E7E52372E48756B71E56F2F1";
        assert_eq!(["uakt", "uact", usdc, "uosmo"].map(shown), ["AKT", "ACT", "USDC", "uosmo"]);
        assert_eq!(shown(&usdc.replace("170C", "070C")), "ibc/070C677610A…");
    }
}
