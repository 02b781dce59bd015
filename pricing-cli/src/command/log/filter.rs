//! Which decisions of a log are looked at.

use std::time::SystemTime;

use clap::builder::NonEmptyStringValueParser;
use pricing_core::quote::{DecisionKind, ReasonCode};
use pricing_core::text::{excerpt, nearest};
use pricing_engine::bid_log::entry::Decision;
use pricing_engine::comparison::Outcome;

use crate::error::CliError;

/// Which decisions.
#[derive(Debug, clap::Args)]
pub(super) struct Filter {
    /// Only these decisions, separated by commas
    #[arg(long, value_enum, value_name = "DECISION", value_delimiter = ',')]
    decision: Vec<DecisionKind>,
    /// Only declines and faults for these reasons, such as `price-above-max`, separated by commas
    #[arg(long, value_name = "CODE", value_delimiter = ',', value_parser = reason)]
    reason: Vec<ReasonCode>,
    /// Only the orders of this owner
    #[arg(long, value_name = "ADDRESS", value_parser = NonEmptyStringValueParser::new())]
    owner: Option<String>,
    /// Only orders that are paid in this denom; a screening has none
    #[arg(long, value_name = "DENOM", value_parser = NonEmptyStringValueParser::new())]
    denom: Option<String>,
    /// Only decisions since then: how long ago, such as `2h`, or a time, such as `2026-11-30T03:00:00Z`
    #[arg(long, value_name = "WHEN", value_parser = time)]
    since: Option<SystemTime>,
    /// Only decisions before then
    #[arg(long, value_name = "WHEN", value_parser = time)]
    until: Option<SystemTime>,
}

/// A reason's code. A misspelt code would find nothing, which would look like a log without such decisions.
fn reason(text: &str) -> Result<ReasonCode, String> {
    let code = ReasonCode::from_name(text);
    code.ok_or_else(|| match nearest(text, ReasonCode::ALL.map(ReasonCode::name)) {
        Some(near) => format!("this reason does not exist; did you mean `{near}`?"),
        None => "this reason does not exist; `bidprice log sum` lists those of the log".to_owned(),
    })
}

/// A time, or how long ago that was.
pub(crate) fn time(text: &str) -> Result<SystemTime, String> {
    if let Ok(time) = humantime::parse_rfc3339_weak(text) {
        return Ok(time);
    }
    let ago = humantime::parse_duration(text).map_err(|_| {
        "expected how long ago, such as `2h`, or a time in UTC, such as `2026-11-30T03:00:00Z`".to_owned()
    })?;
    SystemTime::now().checked_sub(ago).ok_or_else(|| "that is too long ago".to_owned())
}

impl Filter {
    /// Refuses times between which nothing can be.
    pub(super) fn check(&self) -> Result<(), CliError> {
        match (self.since, self.until) {
            (Some(since), Some(until)) if since >= until => {
                Err(CliError::Usage("`--since` is not before `--until`: nothing is between them".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Whether a decision is among those that are looked at.
    ///
    /// # Errors
    /// When its line does not tell, since its time cannot be read.
    pub(super) fn takes(&self, decision: &Decision, outcome: &Outcome) -> Result<bool, String> {
        let is_decision = self.decision.is_empty() || self.decision.contains(&outcome.decision);
        let is_reason =
            self.reason.is_empty() || self.reason.iter().any(|code| outcome.code.as_deref() == Some(code.name()));
        let is_owner = self.owner.as_deref().is_none_or(|owner| self::owner(decision) == Some(owner));
        Ok(is_decision && is_reason && is_owner && self.is_time(&decision.time)? && self.is_denom(decision))
    }

    fn is_time(&self, text: &str) -> Result<bool, String> {
        if self.since.is_none() && self.until.is_none() {
            return Ok(true);
        }
        let time = humantime::parse_rfc3339(text);
        let time = time.map_err(|error| format!("the time `{}` cannot be read: {error}", excerpt(text)))?;
        Ok(self.since.is_none_or(|since| since <= time) && self.until.is_none_or(|until| time < until))
    }

    fn is_denom(&self, decision: &Decision) -> bool {
        let Some(denom) = self.denom.as_deref() else { return true };
        decision.denom().is_some_and(|found| found.exact() == denom)
    }
}

/// Who ordered.
pub(super) fn owner(decision: &Decision) -> Option<&str> {
    decision.owner.as_deref().or(decision.order_id.as_ref().map(|name| name.owner.exact()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_full_or_as_how_long_ago() {
        let at = humantime::parse_rfc3339("2026-11-30T03:00:00Z").unwrap();
        assert_eq!(time("2026-11-30T03:00:00Z"), Ok(at));
        assert_eq!(time("2026-11-30 03:00:00"), Ok(at));
        assert!(time("2h").unwrap() < time("1h 30min").unwrap());
        for wrong in ["", "yesterday", "2", "-2h", "2026-11-30", "03:00"] {
            assert!(time(wrong).unwrap_err().starts_with("expected how long ago"), "{wrong}");
        }
    }

    #[test]
    fn a_misspelt_reason_is_refused() {
        assert_eq!(reason("price-above-max"), Ok(ReasonCode::PriceAboveMax));
        assert!(reason("price-over-max").unwrap_err().contains("`price-above-max`"));
        assert!(reason("PRICE").is_err() && reason("").is_err());
    }
}
