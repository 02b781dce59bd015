//! The example plugin `owner-specials` for Extism: the same rules, with JSON as input and output.

mod request;

use extism_pdk::{FnResult, Json, plugin_fn};
use request::{Answer, BidRequest, Change};
use rust_decimal::Decimal;

const SMOKE_TEST_WALLET: &str = "akash1sm0ketestqqqqqqqqqqqqqqqqqqqqqqqucehn9";
const SMOKE_TEST_USD: Decimal = Decimal::from_parts(1, 0, 0, false, 2);
const FACTORS: [(&str, Decimal); 2] = [
    ("akash1partnerqqqqqqqqqqqqqqqqqqqqqqqqqacjghm", Decimal::from_parts(8, 0, 0, false, 1)),
    ("akash1latepayerqqqqqqqqqqqqqqqqqqqqqqqt5t3fk", Decimal::from_parts(125, 0, 0, false, 2)),
];
const DENIED: [(&str, &str); 2] = [
    ("akash1crptmnrqqqqqqqqqqqqqqqqqqqqqqqqqtkf3t0", "mined on our nodes"),
    ("akash1spammerqqqqqqqqqqqqqqqqqqqqqqqqqqauy75", "sent spam from our addresses"),
];
const MINIMUM_USD: Decimal = Decimal::from_parts(250, 0, 0, false, 2);
const MINIMUM_CPU_MILLIS: u128 = 100;

/// Prices one order.
#[plugin_fn]
pub fn price(Json(request): Json<BidRequest>) -> FnResult<Json<Answer>> {
    Ok(Json(answer(&request)))
}

fn answer(request: &BidRequest) -> Answer {
    let owner = request.owner.as_deref().unwrap_or_default();
    if let Some((_, reason)) = DENIED.iter().find(|(denied, _)| *denied == owner) {
        return Answer::Decline(format!("{owner} {reason}"));
    }
    if owner == SMOKE_TEST_WALLET {
        return Answer::Change(vec![
            Change::Multiply(Decimal::ZERO.to_string()),
            Change::Add(SMOKE_TEST_USD.to_string()),
        ]);
    }
    let units = request.order.resources.iter();
    let cpu: u128 = units.map(|unit| u128::from(unit.cpu_millis) * u128::from(unit.count)).sum();
    if cpu < MINIMUM_CPU_MILLIS {
        return Answer::Decline(format!("{cpu}m of CPU are below the minimum of {MINIMUM_CPU_MILLIS}m"));
    }
    let factor = FACTORS.iter().find(|(special, _)| *special == owner).map_or(Decimal::ONE, |(_, factor)| *factor);
    Answer::Change(vec![Change::Multiply(factor.to_string()), Change::Floor(MINIMUM_USD.to_string())])
}
