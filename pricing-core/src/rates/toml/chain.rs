//! `[chain]`: the network, and what its tokens are worth.

use super::document::{Entry, Section};
use super::{Problems, each, from_file};
use crate::address::AddressPrefix;
use crate::input::InputError;
use crate::money::Denom;
use crate::rates::{CoinValue, Pricing, Token};

/// The maximum number of decimals of a coin.
const MAX_EXPONENT: u32 = 18;
/// The only feed so far.
const FEED: &str = "akt";

/// Reads `[chain]`.
pub(super) fn chain(section: &Section<'_>, pricing: &mut Pricing, problems: &mut Problems) {
    each(section, problems, |entry, problems| {
        match entry.key() {
            "blocks_per_month" => pricing.chain.blocks_per_month = entry.positive()?,
            "denoms" => {
                denoms(&entry.section()?, pricing, problems);
                return Ok(());
            }
            "address_prefix" => {
                let text = entry.text().ok_or_else(|| entry.error("expected a string, such as `akash`"))?;
                pricing.chain.address_prefix = AddressPrefix::new(text).map_err(|error| entry.error(error))?;
            }
            _ => return Err(entry.unknown(&["blocks_per_month", "denoms", "address_prefix"])),
        }
        from_file(entry, pricing);
        Ok(())
    });
}

fn denoms(section: &Section<'_>, pricing: &mut Pricing, problems: &mut Problems) {
    each(section, problems, |denom, _| {
        let token = token(denom)?;
        pricing.chain.denoms.insert(Denom::new(denom.name("a denom")?), token);
        from_file(denom, pricing);
        Ok(())
    });
}

/// Reads one entry of `[chain.denoms]`. Its value must be either fixed or from a feed, and the exponent has no default,
/// because a wrong one is off by powers of ten.
fn token(denom: &Entry<'_>) -> Result<Token, InputError> {
    let (mut usd, mut feed, mut exponent) = (None, None, None);
    for entry in denom.section()?.entries() {
        match entry.key() {
            "usd" => {
                let value = entry.usd()?;
                if value.is_zero() {
                    return Err(entry.error("a coin that is worth nothing cannot be bid in"));
                }
                usd = Some(CoinValue::Fixed(value));
            }
            "feed" => feed = Some(CoinValue::Feed(entry.one_of(&[(FEED, FEED.to_owned())])?)),
            "exponent" => exponent = Some(entry.whole(MAX_EXPONENT)?),
            _ => return Err(entry.unknown(&["usd", "feed", "exponent"])),
        }
    }
    let value = match (usd, feed) {
        (Some(value), None) | (None, Some(value)) => value,
        (None, None) => return Err(denom.error("a denom needs its worth: either `usd` or `feed`")),
        (Some(_), Some(_)) => return Err(denom.error("`usd` and `feed` exclude each other")),
    };
    let exponent = exponent.ok_or_else(|| {
        let hint = "6 where a coin is a million units, as with `uakt`";
        denom.error("a denom needs its `exponent`").hint(hint)
    })?;
    Ok(Token { value, exponent })
}
