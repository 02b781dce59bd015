//! A change of the rate card by `[tune]`.

use serde::Deserialize;

use crate::digest::Digest;

/// A change of the rate card by `[tune]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Tuned {
    /// Its sequence number.
    pub sequence: u64,
    /// When it was written. Nothing depends on it.
    #[serde(default)]
    pub time: String,
    /// `planned` before the card is written, and `done` afterwards. None in logs of earlier versions, which have only the
    /// latter.
    #[serde(default)]
    pub stage: Option<String>,
    /// The rates that were in use when the line was written.
    pub rates: Digest,
    /// What was changed.
    pub changes: Vec<TunedRate>,
    /// What the proposal earns, in percent.
    #[serde(default)]
    pub gain_percent: Option<TunedGain>,
    /// Why the changed card is not in use, if it is not.
    #[serde(default)]
    pub refused: Option<String>,
}

/// A key of the rate card that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TunedRate {
    /// The key.
    pub key: String,
    /// The value before.
    pub before: String,
    /// The value after.
    pub after: String,
}

/// A gain, with its interval.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TunedGain {
    /// The mean.
    pub mean: String,
    /// The lower end.
    pub low: String,
    /// The upper end.
    pub high: String,
}
