//! Constructors for answers and for changes to the built-in quote.
//!
//! Every decimal is rounded half-even to 18 decimals, the most that the host accepts.

use rust_decimal::Decimal;

use crate::decimal::text;
use crate::{Answer, Change, LinePrice};

impl Answer {
    /// Bids this amount per block, in units of the order's denom.
    #[must_use]
    pub fn price(amount: Decimal) -> Self {
        Self::Price(text(amount))
    }

    /// Declines the order for this reason. The operator sees the reason; the tenant does not.
    #[must_use]
    pub fn decline(reason: impl Into<String>) -> Self {
        Self::Decline(reason.into())
    }

    /// Keeps the built-in quote as it is.
    #[must_use]
    pub fn unchanged() -> Self {
        Self::Change(Vec::new())
    }

    /// Starts a list of changes: multiplies the total of the built-in quote by a factor.
    #[must_use]
    pub fn multiply(factor: Decimal) -> Changes {
        Changes::none().multiply(factor)
    }

    /// Starts a list of changes: adds USD per month to the total of the built-in quote.
    #[must_use]
    pub fn add_usd(usd_per_month: Decimal) -> Changes {
        Changes::none().add_usd(usd_per_month)
    }

    /// Starts a list of changes: raises the total of the built-in quote to at least this many USD per month.
    #[must_use]
    pub fn floor(usd_per_month: Decimal) -> Changes {
        Changes::none().floor(usd_per_month)
    }
}

/// Changes to the built-in quote. Each one applies to the result of those before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes(Vec<Change>);

impl Changes {
    /// Makes an empty list of changes.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Multiplies the total by a factor, which must not be negative.
    #[must_use]
    pub fn multiply(self, factor: Decimal) -> Self {
        self.and(Change::Multiply(text(factor)))
    }

    /// Adds USD per month to the total. The amount may be negative, but the total must not become negative.
    #[must_use]
    pub fn add_usd(self, usd_per_month: Decimal) -> Self {
        self.and(Change::Add(text(usd_per_month)))
    }

    /// Raises the total to at least this many USD per month.
    #[must_use]
    pub fn floor(self, usd_per_month: Decimal) -> Self {
        self.and(Change::Floor(text(usd_per_month)))
    }

    /// Replaces the amount of one line of the built-in quote. Lines are counted from 0.
    #[must_use]
    pub fn replace_line(self, line: u32, usd_per_month: Decimal) -> Self {
        self.and(Change::ReplaceLine(LinePrice { line, usd_per_month: text(usd_per_month) }))
    }

    fn and(mut self, change: Change) -> Self {
        self.0.push(change);
        self
    }
}

impl From<Changes> for Answer {
    fn from(changes: Changes) -> Self {
        Self::Change(changes.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decimal;

    #[test]
    fn changes_keep_their_order() {
        let answer: Answer = Answer::multiply(decimal!("0.90"))
            .add_usd(decimal!("-1"))
            .replace_line(2, decimal!("3.0"))
            .floor(decimal!("5"))
            .into();
        let line = LinePrice { line: 2, usd_per_month: "3".to_owned() };
        assert_eq!(
            answer,
            Answer::Change(vec![
                Change::Multiply("0.9".to_owned()),
                Change::Add("-1".to_owned()),
                Change::ReplaceLine(line),
                Change::Floor("5".to_owned()),
            ])
        );
    }

    #[test]
    fn a_price_has_no_more_decimals_than_the_host_takes() {
        let third = Decimal::ONE.checked_div(Decimal::new(3, 0)).unwrap();
        assert_eq!(Answer::price(third), Answer::Price("0.333333333333333333".to_owned()));
        assert_eq!(Answer::price(decimal!("2.50")), Answer::Price("2.5".to_owned()));
    }
}
