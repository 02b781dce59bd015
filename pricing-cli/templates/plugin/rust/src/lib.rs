//! The plugin {{name}}.

use pricing_guest::{Answer, Decimal, Request, decimal};

pricing_guest::plugin!(price);

/// Everyone pays nine tenths of the built-in price,
const FACTOR: Decimal = decimal!("0.9");
/// but at least this many USD a month.
const MINIMUM_USD: Decimal = decimal!("5");
/// Owners who get no bid.
const DENIED: [&str; 1] = ["akash1refusedqqqqqqqqqqqqqqqqqqqqqqqqq2uh00m"];

/// Prices one order. An `Err` is a failure, not an answer: its text is logged, and there is no bid.
fn price(request: &Request) -> Result<Answer, String> {
    if request.owner().is_some_and(|owner| DENIED.contains(&owner)) {
        return Ok(Answer::decline("this owner is denied"));
    }
    Ok(Answer::multiply(FACTOR).floor(MINIMUM_USD).into())
}

#[cfg(test)]
mod tests {
    use pricing_guest::Sample;

    use super::*;

    #[test]
    fn denied_owners_get_no_bid() {
        let denied = Sample::new().owner(DENIED[0]).unit(1, 1000, 1 << 30).request();
        assert!(matches!(price(&denied), Ok(Answer::Decline(_))));
        let other = Sample::new().owner("akash1other").unit(1, 1000, 1 << 30).request();
        assert!(matches!(price(&other), Ok(Answer::Change(_))));
    }
}
