//! What became of an order, and how much of a log could be read, in words.

use pricing_core::quote::DecisionKind;
use pricing_core::text::{Untrusted, printable};
use pricing_engine::comparison::Outcome;

use crate::amounts;
use crate::answered::Decided;
use crate::wording::{count, plural, unit};

/// The characters of an owner's address that are shown at its beginning and at its end.
const OWNER_CHARS: usize = 9;

/// A decision with its price or its reason.
pub(crate) fn outcome(outcome: &Outcome) -> String {
    let price = outcome.price.as_ref().map(|price| amounts::units(&price.amount));
    with_price(outcome, price)
}

/// Two decisions on the same order. Prices that differ do not look the same.
pub(crate) fn pair_words(one: &Outcome, other: &Outcome) -> [String; 2] {
    match (&one.price, &other.price) {
        (Some(price), Some(second)) if price.denom == second.denom => {
            let [price, second] = amounts::compared(&price.amount, &second.amount);
            [with_price(one, Some(price)), with_price(other, Some(second))]
        }
        _ => [outcome(one), outcome(other)],
    }
}

fn with_price(outcome: &Outcome, amount: Option<String>) -> String {
    let words = match (amount.zip(outcome.price.as_ref()), &outcome.code) {
        (Some((amount, price)), _) => format!("{} {amount} {}", outcome.decision.name(), unit(price.denom.exact())),
        (None, Some(code)) => format!("{} {code}", outcome.decision.name()),
        (None, None) => outcome.decision.name().to_owned(),
    };
    printable(&words)
}

/// The decision, where it has a colour. A screening that rules nothing out is not a bid.
pub(crate) fn decided(outcome: &Outcome) -> Option<Decided> {
    match outcome.decision {
        DecisionKind::Bid => Some(Decided::Bid),
        DecisionKind::Decline => Some(Decided::Decline),
        DecisionKind::Fault => Some(Decided::Fault),
        DecisionKind::Pass => None,
    }
}

/// An order's name, with the middle of its owner's address left out.
pub(crate) fn short_name(name: &str) -> String {
    let short = name.split_once('/').and_then(|(owner, rest)| {
        // What is left out is longer than the mark in its place.
        let tail =
            owner.chars().count().checked_sub(OWNER_CHARS).filter(|tail| *tail > OWNER_CHARS.saturating_add(1))?;
        let start: String = owner.chars().take(OWNER_CHARS).collect();
        let end: String = owner.chars().skip(tail).collect();
        Some(format!("{start}…{end}/{rest}"))
    });
    format!("{:.100}", Untrusted::new(short.as_deref().unwrap_or(name)))
}

/// How many lines of a log are damaged.
pub(crate) fn damaged_lines(number: u64) -> String {
    format!("{} {} damaged and left out", count(number, "line"), plural(number, "is", "are"))
}

/// How many lines of a log have no end.
pub(crate) fn cut_lines(number: u64) -> String {
    let (have, them, they) = match number {
        1 => ("has", "it", "it is"),
        _ => ("have", "them", "they are"),
    };
    format!("{} {have} no end, as a crash leaves {them} or while {they} written", count(number, "line"))
}

/// How many numbers of a log are missing.
pub(crate) fn missing_numbers(number: u64) -> String {
    format!("{} {} in no line that can be read", count(number, "number"), plural(number, "is", "are"))
}

#[cfg(test)]
mod tests {
    use pricing_engine::comparison::Money;

    use super::*;

    fn bid(denom: &str, amount: &str) -> Outcome {
        let price = Some(Money { denom: denom.into(), amount: amount.to_owned() });
        Outcome { decision: DecisionKind::Bid, code: None, price, usd_per_month: None }
    }

    #[test]
    fn a_bid_has_its_price_to_the_cent_and_others_their_reason() {
        assert_eq!(outcome(&bid("uakt", "501.222352")), "bid 501.22 uakt");
        assert_eq!(outcome(&bid(pricing_core::money::denoms::USDC, "10")), "bid 10 uusdc");
        let code = Some("unlisted-gpu".to_owned());
        let declined = Outcome { decision: DecisionKind::Decline, code, price: None, usd_per_month: None };
        assert_eq!(outcome(&declined), "decline unlisted-gpu");
        assert_eq!(pair_words(&bid("uakt", "9.996"), &bid("uakt", "9.997")), ["bid 9.996 uakt", "bid 9.997 uakt"]);
        assert_eq!(pair_words(&bid("uakt", "9.996"), &bid("uact", "9.997")), ["bid 10 uakt", "bid 10 uact"]);
    }

    #[test]
    fn the_middle_of_a_long_owner_is_left_out() {
        let name = "akash1tenantqqqqqqqqqqqqqqqqqqqqqqqqqqq7wpl8u/12345678/1/1";
        assert_eq!(short_name(name), "akash1ten…qqq7wpl8u/12345678/1/1");
        assert_eq!(short_name("akash1tenant/1/1/1"), "akash1tenant/1/1/1");
        assert_eq!(short_name("order"), "order");
    }

    #[test]
    fn lines_and_numbers_have_their_plurals() {
        assert_eq!(damaged_lines(1), "1 line is damaged and left out");
        assert_eq!(cut_lines(2), "2 lines have no end, as a crash leaves them or while they are written");
        assert_eq!(missing_numbers(1), "1 number is in no line that can be read");
    }
}
