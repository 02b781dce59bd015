//! Checks a component's answer.

use pricing_core::money::{Usd, parse_decimal};
use pricing_core::quote::plugin::{self, Answer, Change};
use pricing_core::quote::{Reason, ReasonCode};
use pricing_core::text::printable;
use rust_decimal::Decimal;

use super::wit;
use crate::fault::Fault;
use crate::log::{REASON_BYTES, cut};

/// Converts an answer, if every number in it is valid.
pub(super) fn from_wit(answer: wit::Answer) -> Result<Answer, Fault> {
    Ok(match answer {
        wit::Answer::Price(text) => Answer::Price(plugin::read_price(&text).map_err(invalid)?),
        wit::Answer::Decline(reason) if reason.trim().is_empty() => {
            Answer::Decline("the plugin gave no reason".to_owned())
        }
        wit::Answer::Decline(reason) => Answer::Decline(printable(cut(&reason, REASON_BYTES))),
        wit::Answer::Change(changes) => Answer::Change(changes.into_iter().map(change).collect::<Result<_, _>>()?),
    })
}

fn invalid(reason: Reason) -> Fault {
    Fault::new(reason.code, reason.message)
}

fn change(change: wit::Change) -> Result<Change, Fault> {
    Ok(match change {
        wit::Change::Multiply(factor) => Change::Multiply(decimal("multiply", &factor)?),
        wit::Change::Add(usd) => Change::Add(dollars("add", &usd)?),
        wit::Change::Floor(usd) => Change::Floor(dollars("floor", &usd)?),
        wit::Change::ReplaceLine(line) => Change::ReplaceLine {
            line: usize::try_from(line.line).unwrap_or(usize::MAX),
            usd_per_month: dollars("replace-line", &line.usd_per_month)?,
        },
    })
}

fn decimal(what: &str, text: &str) -> Result<Decimal, Fault> {
    parse_decimal(text)
        .map_err(|error| Fault::new(ReasonCode::InvalidOutput, format!("the plugin's change `{what}`: {error}")))
}

fn dollars(what: &str, text: &str) -> Result<Usd, Fault> {
    decimal(what, text).map(Usd::from_decimal)
}
