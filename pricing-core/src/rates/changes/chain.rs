//! Compares what a dollar is in each denom: `10^exponent / (blocks per month x value of a coin)`.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::Concern;
use super::amounts::Left;
use super::found::{Factor, Found, NO_BID};
use crate::rates::origin::entry_key;
use crate::rates::{CoinValue, Token};
use crate::text::excerpt;

pub(super) fn compare(found: &mut Found<'_>) {
    let (before, after) = (&found.before.chain, &found.after.chain);
    let blocks = Left::of(after.blocks_per_month, before.blocks_per_month);
    if before.blocks_per_month != after.blocks_per_month {
        let shown = (before.blocks_per_month.to_string(), after.blocks_per_month.to_string());
        found.lowered("chain.blocks_per_month".to_owned(), shown, blocks, Factor::Denom);
    }
    // The owners' lists contain addresses with the prefix, so they changed along with it and are compared on their own.
    if before.address_prefix != after.address_prefix {
        let (before, after) = (before.address_prefix.to_string(), after.address_prefix.to_string());
        found.add("chain.address_prefix".to_owned(), before, after, None);
    }
    for denom in before.denoms.keys().chain(after.denoms.keys()).collect::<BTreeSet<_>>() {
        let key = entry_key("chain.denoms", denom.as_str());
        match (before.denoms.get(denom), after.denoms.get(denom)) {
            (Some(before), Some(after)) => token(found, key, before, after, blocks),
            (Some(before), None) => found.add(key, shown(before), NO_BID.to_owned(), Some(Concern::EntryGone)),
            (None, Some(after)) => found.add(key, NO_BID.to_owned(), shown(after), None),
            (None, None) => {}
        }
    }
}

fn token(found: &mut Found<'_>, key: String, before: &Token, after: &Token, blocks: Left) {
    if before == after {
        return;
    }
    let worth = match (&before.value, &after.value) {
        (CoinValue::Fixed(before), CoinValue::Fixed(after)) => Some((before.decimal(), after.decimal())),
        (CoinValue::Feed(before), CoinValue::Feed(after)) if before == after => Some((Decimal::ONE, Decimal::ONE)),
        (CoinValue::Fixed(_) | CoinValue::Feed(_), _) => None,
    };
    let Some((usd_before, usd_after)) = worth else {
        return found.add(key, shown(before), shown(after), Some(Concern::Incomparable));
    };
    let power = |more: u32, less: u32| {
        let exponent = more.saturating_sub(less);
        // Exponents are at most 18, so the power fits.
        10_i64.checked_pow(exponent).map_or(Decimal::MAX, Decimal::from)
    };
    let (up, down) = (power(after.exponent, before.exponent), power(before.exponent, after.exponent));
    let left = Left::of_ratio(usd_before, up, usd_after, down);
    // A denom's own change and that of the blocks per month multiply.
    found.note(left.times(blocks), Factor::Denom);
    found.lowered(key, (shown(before), shown(after)), left, Factor::None);
}

fn shown(Token { value, exponent }: &Token) -> String {
    match value {
        CoinValue::Fixed(usd) => format!("{usd} USD, exponent {exponent}"),
        CoinValue::Feed(feed) => format!("feed `{}`, exponent {exponent}", excerpt(feed)),
    }
}
