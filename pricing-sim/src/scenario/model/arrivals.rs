//! The keys of `[orders.arrivals]` and `[orders.lifetime]`: when leases begin and how long they last.

use std::time::Duration;

use serde::Deserialize;

use crate::number::Number;

/// When orders arrive.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ArrivalsEntry {
    /// Orders per length of time, such as `40/h`, `0.5/min` or `3/30s`.
    pub rate: String,
    /// Whether orders arrive by chance or evenly.
    #[serde(default)]
    pub pattern: ArrivalPattern,
    /// How the rate follows the time of day.
    #[serde(default)]
    pub daily: Option<DailyEntry>,
    /// Times at which the rate rises.
    #[serde(default)]
    pub bursts: Option<BurstsEntry>,
}

/// Whether orders arrive by chance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ArrivalPattern {
    /// A Poisson process.
    #[default]
    Poisson,
    /// Evenly spaced while the rate stays the same; the first order arrives at once.
    Regular,
}

/// How the rate follows the time of day: `rate * (1 + swing * cos(2 pi (time of day - peak) / 24 h))`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DailyEntry {
    /// How far the rate swings, from 0 to 1.
    pub swing: Number,
    /// The hour with the most orders, counted from the beginning of the window; 0 by default.
    #[serde(default)]
    pub peak_hour: Option<Number>,
}

/// Times at which the rate is multiplied, again and again.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BurstsEntry {
    /// The time from the beginning of one burst to that of the next. The first begins after this time.
    #[serde(deserialize_with = "super::duration")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::scenario::schema::duration"))]
    pub every: Duration,
    /// How long a burst lasts; at most `every`.
    #[serde(deserialize_with = "super::duration")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::scenario::schema::duration"))]
    pub length: Duration,
    /// What the rate is multiplied by, from 0 (a pause) to 1000.
    pub factor: Number,
}

/// How long leases last.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LifetimeEntry {
    /// The mean of `exponential`, the median of `log-normal`, or the length of `fixed`.
    #[serde(deserialize_with = "super::duration")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::scenario::schema::duration"))]
    pub typical: Duration,
    /// The distribution of lifetimes.
    #[serde(default)]
    pub shape: LifetimeShape,
    /// The sigma of `log-normal`, from 0 to 5; 1 by default.
    #[serde(default)]
    pub sigma: Option<Number>,
}

/// The distribution of lifetimes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LifetimeShape {
    /// The exponential distribution.
    #[default]
    Exponential,
    /// The log-normal distribution.
    LogNormal,
    /// All leases last equally long.
    Fixed,
}
