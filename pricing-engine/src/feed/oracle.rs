//! The chain's own price of an AKT: the `x/oracle` module, from the REST API of a node.
//!
//! With every block the chain aggregates the prices of its sources, and rates their health (AEP-80). The time-weighted
//! average price (TWAP) over all sources is used, which the chain itself converts with. It is only accepted if the
//! chain calls it healthy, if its denom is AKT's, and if it is recent by this system's clock: a node that has stopped
//! still returns the price of its last block.

use std::time::{Duration, SystemTime};

use pricing_core::text::{Untrusted, excerpt};
use reqwest::Url;
use rust_decimal::Decimal;
use serde::Deserialize;

use super::json::AnswerError;
use super::number;
use crate::clock::FORGIVEN;

/// The chain's name for AKT.
const DENOM: &str = "akt";
/// The path of the price, below the address of a node's REST API.
const PATH: &str = "akash/oracle/v2/aggregated_price/akt";
/// The part of the path by which an address that already has it is recognised.
const MARK: &str = "/aggregated_price/";
/// The most reasons of the chain that a message repeats.
const MAX_REASONS: usize = 3;

/// Why the chain's price is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OracleError {
    /// The answer is not the oracle's.
    #[error("the answer `{start}` is not the oracle's: {message}")]
    Malformed {
        /// Its start.
        start: String,
        /// The parser's message.
        message: String,
    },
    /// It is the price of another token.
    #[error("the price is of `{0}`, not of `{DENOM}`")]
    Denom(Untrusted),
    /// The chain does not call it healthy.
    #[error("the chain says that its price is not healthy{0}")]
    Unhealthy(String),
    /// Its time cannot be read.
    #[error("`{0}` is not a time such as `2026-01-31T12:00:00Z`")]
    Time(Untrusted),
    /// It is too old.
    #[error("the chain's price is {} old, and {} is the limit", humantime::format_duration(*age), humantime::format_duration(*limit))]
    Old {
        /// Its age.
        age: Duration,
        /// The most that is accepted.
        limit: Duration,
    },
    /// Its time is in the future.
    #[error("the chain's price is from {} in the future", humantime::format_duration(*.0))]
    Future(Duration),
    /// The price is not a possible value.
    #[error(transparent)]
    Value(#[from] AnswerError),
}

#[derive(Deserialize)]
struct Answer {
    #[serde(alias = "aggregatedPrice")]
    aggregated_price: AggregatedPrice,
    #[serde(alias = "priceHealth")]
    price_health: PriceHealth,
}

#[derive(Deserialize)]
struct AggregatedPrice {
    denom: String,
    twap: String,
    timestamp: String,
}

#[derive(Deserialize)]
struct PriceHealth {
    /// Required: the REST API always returns it, so an answer without it is malformed.
    #[serde(alias = "isHealthy")]
    is_healthy: bool,
    #[serde(default, alias = "failureReason")]
    failure_reason: Vec<String>,
}

/// Returns the address of the price: `url` itself, or the path below `url` if that is the address of the REST API.
pub(crate) fn address(mut url: Url) -> Url {
    if !url.path().contains(MARK) {
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/{PATH}"));
    }
    url
}

/// Returns the time of the price in an answer, which is that of a block, whether or not the price can be used.
pub(crate) fn time(document: &str) -> Option<SystemTime> {
    let answer: Answer = serde_json::from_str(document).ok()?;
    humantime::parse_rfc3339(&answer.aggregated_price.timestamp).ok()
}

/// Returns the price in an answer, if it can be used.
///
/// The chain keeps answering with its last price when its own sources fail. So health and age are checked before the
/// price.
pub(crate) fn value(document: &str, max_age: Duration, now: SystemTime) -> Result<Decimal, OracleError> {
    let answer: Answer = serde_json::from_str(document).map_err(|error| OracleError::Malformed {
        start: excerpt(document.trim_start()),
        message: excerpt(&error.to_string()),
    })?;
    let Answer { aggregated_price: price, price_health: health } = answer;
    if price.denom != DENOM {
        return Err(OracleError::Denom(Untrusted::new(price.denom)));
    }
    if !health.is_healthy {
        let reasons: Vec<String> =
            health.failure_reason.iter().take(MAX_REASONS).map(|reason| excerpt(reason)).collect();
        let told = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join("; ")) };
        return Err(OracleError::Unhealthy(told));
    }
    let time = humantime::parse_rfc3339(&price.timestamp);
    let time = time.map_err(|_| OracleError::Time(Untrusted::new(price.timestamp)))?;
    match now.duration_since(time) {
        Ok(age) if age > max_age => {
            return Err(OracleError::Old { age: Duration::from_secs(age.as_secs()), limit: max_age });
        }
        Err(ahead) if ahead.duration() > FORGIVEN => {
            return Err(OracleError::Future(Duration::from_secs(ahead.duration().as_secs())));
        }
        Ok(_) | Err(_) => {}
    }
    number::parse(&price.twap).map_err(|error| OracleError::Value(AnswerError::Value(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-29T12:00:00Z";

    fn answer(denom: &str, twap: &str, timestamp: &str, health: &str) -> String {
        format!(
            r#"{{"aggregated_price":{{"denom":"{denom}","twap":"{twap}","median_price":"0.6","min_price":"0.5","max_price":"0.7",
            "timestamp":"{timestamp}","num_sources":2,"deviation_bps":"12"}},"price_health":{health}}}"#
        )
    }

    fn told(document: &str) -> String {
        let now = humantime::parse_rfc3339(NOW).unwrap();
        value(document, Duration::from_secs(600), now).map_or_else(|error| error.to_string(), |value| value.to_string())
    }

    const HEALTHY: &str =
        r#"{"denom":"akt","is_healthy":true,"has_min_sources":true,"deviation_ok":true,"failure_reason":[]}"#;

    #[test]
    fn a_healthy_and_recent_price_is_taken() {
        assert_eq!(
            told(&answer("akt", "0.512345678901234567", "2026-11-29T11:59:54.123456789Z", HEALTHY)),
            "0.512345678901234567"
        );
        // The limits themselves, and a clock that is slightly ahead.
        for time in ["2026-11-29T11:50:00Z", "2026-11-29T12:02:00Z"] {
            assert_eq!(told(&answer("akt", "0.500000000000000000", time, HEALTHY)), "0.5", "{time}");
        }
        let camel = r#"{"aggregatedPrice":{"denom":"akt","twap":"0.5","timestamp":"2026-11-29T12:00:00Z"},"priceHealth":{"isHealthy":true}}"#;
        assert_eq!(told(camel), "0.5");
    }

    #[test]
    fn the_time_of_a_price_is_told_whatever_its_health() {
        let unhealthy = r#"{"is_healthy":false}"#;
        let told = |time: &str| super::time(&answer("akt", "0.5", time, unhealthy));
        assert_eq!(told(NOW), Some(humantime::parse_rfc3339(NOW).unwrap()));
        assert_eq!((told("yesterday"), super::time("{}")), (None, None));
    }

    #[test]
    fn a_price_that_is_not_healthy_is_none() {
        let unhealthy = r#"{"is_healthy":false,"failure_reason":["too few sources","price deviation too high"]}"#;
        assert_eq!(
            told(&answer("akt", "0.5", NOW, unhealthy)),
            "the chain says that its price is not healthy: too few sources; price deviation too high"
        );
        assert_eq!(
            told(&answer("akt", "0.5", NOW, r#"{"is_healthy":false}"#)),
            "the chain says that its price is not healthy"
        );
        for health in ["{}", "null", r#"{"is_healthy":"true"}"#] {
            assert!(told(&answer("akt", "0.5", NOW, health)).contains("is not the oracle's"), "{health}");
        }
        let without = r#"{"aggregated_price":{"denom":"akt","twap":"0.5","timestamp":"2026-11-29T12:00:00Z"}}"#;
        assert!(told(without).contains("is not the oracle's"));
    }

    #[test]
    fn an_old_price_and_one_from_the_future_are_none() {
        assert_eq!(
            told(&answer("akt", "0.5", "2026-11-29T11:49:59Z", HEALTHY)),
            "the chain's price is 10m 1s old, and 10m is the limit"
        );
        assert_eq!(
            told(&answer("akt", "0.5", "2026-11-29T12:02:01Z", HEALTHY)),
            "the chain's price is from 2m 1s in the future"
        );
        for time in ["", "yesterday", "2026-11-29", "1764417600"] {
            assert!(told(&answer("akt", "0.5", time, HEALTHY)).contains("is not a time"), "{time}");
        }
    }

    #[test]
    fn what_is_not_a_price_of_an_akt_is_none() {
        assert_eq!(told(&answer("act", "1", NOW, HEALTHY)), "the price is of `act`, not of `akt`");
        for twap in ["", "0", "-0.5", "NaN", "1000001"] {
            assert!(told(&answer("akt", twap, NOW, HEALTHY)).starts_with('`'), "{twap}");
        }
        for document in ["", "{", "[]", r#"{"code":5,"message":"not found","details":[]}"#, "<html>"] {
            assert!(told(document).contains("is not the oracle's"), "{document}");
        }
    }

    #[test]
    fn the_address_is_below_that_of_the_nodes_rest_api() {
        let address = |url: &str| address(url.parse().unwrap()).to_string();
        let price = "https://api.akashnet.net/akash/oracle/v2/aggregated_price/akt";
        assert_eq!(address("https://api.akashnet.net"), price);
        assert_eq!(address("https://api.akashnet.net/"), price);
        assert_eq!(address(price), price);
        assert_eq!(address("http://node/rest/?key=a"), "http://node/rest/akash/oracle/v2/aggregated_price/akt?key=a");
    }
}
