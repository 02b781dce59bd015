//! What the coins of bids are worth.

use pricing_core::money::{Denom, Usd, UsdPerAkt, parse_decimal, per_month};
use pricing_core::rates::{Chain, CoinValue, Pricing};

use pricing_market::history::HistoryBid;

/// Values bids in USD a month.
#[derive(Debug)]
pub(super) struct Valuer {
    chain: Chain,
    usd_per_akt: Option<UsdPerAkt>,
}

impl Valuer {
    /// A valuer for the network's usual denoms.
    pub(super) fn new(usd_per_akt: Option<UsdPerAkt>) -> Self {
        Self { chain: Pricing::default().chain, usd_per_akt }
    }

    /// The value of a bid in USD a month: as the history has it, or else by its denom. None where the value of the
    /// denom is not known.
    ///
    /// # Errors
    /// When an amount is not a number, or the value cannot be counted.
    pub(super) fn usd(&self, bid: &HistoryBid) -> Result<Option<Usd>, String> {
        if let Some(usd) = &bid.usd_per_month {
            return Usd::parse(usd).map(Some).map_err(|error| format!("`usd_per_month`: {error}"));
        }
        let amount = parse_decimal(&bid.price).map_err(|error| format!("`price`: {error}"))?;
        let Some(token) = self.chain.denoms.get(&Denom::new(bid.denom.as_str())) else { return Ok(None) };
        let coin = match (&token.value, self.usd_per_akt) {
            (CoinValue::Fixed(usd), _) => usd.decimal(),
            (CoinValue::Feed(_), Some(usd)) => usd.get(),
            (CoinValue::Feed(_), None) => return Ok(None),
        };
        let usd = per_month(amount, self.chain.blocks_per_month, coin, token.exponent);
        usd.map(Some).map_err(|_| "`price` is more than can be counted".to_owned())
    }
}
