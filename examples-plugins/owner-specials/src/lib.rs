//! Prices of their own for some owners, a minimum price and a minimum of CPU.

use pricing_guest::{Answer, Decimal, Request, decimal};

pricing_guest::plugin!(price);

/// A wallet that the operator himself deploys with, to see that leases work. It pays almost nothing.
const SMOKE_TEST_WALLET: &str = "akash1sm0ketestqqqqqqqqqqqqqqqqqqqqqqqucehn9";
const SMOKE_TEST_USD: Decimal = decimal!("0.01");

/// Owners with whom a factor was agreed.
const FACTORS: [(&str, Decimal); 2] = [
    ("akash1partnerqqqqqqqqqqqqqqqqqqqqqqqqqacjghm", decimal!("0.8")),
    ("akash1latepayerqqqqqqqqqqqqqqqqqqqqqqqt5t3fk", decimal!("1.25")),
];

/// Owners who get no bid, and why.
const DENIED: [(&str, &str); 2] = [
    ("akash1crptmnrqqqqqqqqqqqqqqqqqqqqqqqqqtkf3t0", "mined on our nodes"),
    ("akash1spammerqqqqqqqqqqqqqqqqqqqqqqqqqqauy75", "sent spam from our addresses"),
];

/// What an order costs at least, in USD a month. Less does not pay for the work that a lease makes.
const MINIMUM_USD: Decimal = decimal!("2.50");
/// Orders of less CPU than this, in thousandths of a thread, are not worth a lease.
const MINIMUM_CPU_MILLIS: u128 = 100;

fn price(request: &Request) -> Result<Answer, String> {
    let owner = request.owner().unwrap_or_default();
    if let Some((_, reason)) = DENIED.iter().find(|(denied, _)| *denied == owner) {
        return Ok(Answer::decline(format!("{owner} {reason}")));
    }
    if owner == SMOKE_TEST_WALLET {
        // Times 0 plus an amount: whatever is deployed, the test costs the same.
        return Ok(Answer::multiply(Decimal::ZERO).add_usd(SMOKE_TEST_USD).into());
    }
    let cpu = request.order.cpu_millis();
    if cpu < MINIMUM_CPU_MILLIS {
        return Ok(Answer::decline(format!("{cpu}m of CPU are below the minimum of {MINIMUM_CPU_MILLIS}m")));
    }
    let factor = FACTORS.iter().find(|(special, _)| *special == owner).map_or(Decimal::ONE, |(_, factor)| *factor);
    // The floor comes last: no discount goes below it.
    Ok(Answer::multiply(factor).floor(MINIMUM_USD).into())
}

#[cfg(test)]
mod tests {
    use pricing_guest::Sample;

    use super::*;

    fn answer(owner: &str, cpu_millis: u64) -> Answer {
        price(&Sample::new().owner(owner).unit(1, cpu_millis, 1 << 30).request()).unwrap()
    }

    #[test]
    fn partners_pay_less_and_late_payers_more() {
        assert_eq!(answer(FACTORS[0].0, 1000), Answer::multiply(decimal!("0.8")).floor(MINIMUM_USD).into());
        assert_eq!(answer(FACTORS[1].0, 1000), Answer::multiply(decimal!("1.25")).floor(MINIMUM_USD).into());
        assert_eq!(
            answer("akash1any0neqqqqqqqqqqqqqqqqqqqqqqqqqqqjz4p39", 1000),
            Answer::multiply(Decimal::ONE).floor(MINIMUM_USD).into()
        );
    }

    #[test]
    fn denied_owners_are_told_why() {
        let Answer::Decline(reason) = answer(DENIED[0].0, 1000) else { panic!("declined") };
        assert!(reason.ends_with("mined on our nodes"), "{reason}");
    }

    #[test]
    fn the_smoke_test_is_cheap_however_little_it_asks() {
        assert_eq!(answer(SMOKE_TEST_WALLET, 1), Answer::multiply(Decimal::ZERO).add_usd(decimal!("0.01")).into());
    }

    #[test]
    fn tiny_orders_are_declined() {
        assert!(matches!(answer("akash1any0neqqqqqqqqqqqqqqqqqqqqqqqqqqqjz4p39", 99), Answer::Decline(_)));
        assert!(matches!(answer("akash1any0neqqqqqqqqqqqqqqqqqqqqqqqqqqqjz4p39", 100), Answer::Change(_)));
    }
}
