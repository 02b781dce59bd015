//! The line of a change that `[tune]` made to the rate card.

use std::time::SystemTime;

use serde::Serialize;

use super::record::{Line, body, rates_object};
use crate::decision::Settings;
use crate::digest::Digest;
use crate::tune::{Gain, Step};

/// When a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TuneStage {
    /// Before the card is written.
    Planned,
    /// Once the changed card is in use, or refused.
    Done,
}

/// A change of the rate card.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TuneRecord<'a> {
    /// When the line is written.
    pub(crate) stage: TuneStage,
    /// What was changed.
    pub(crate) steps: &'a [Step],
    /// What the whole proposal earns, in percent. A step towards it may earn another amount.
    pub(crate) gain: Option<&'a Gain>,
    /// Why the changed card is not in use, if it is not.
    pub(crate) refused: Option<&'a String>,
    /// The settings in use.
    pub(crate) settings: &'a Settings,
}

#[derive(Serialize)]
struct TuneLine<'a> {
    time: String,
    version: &'static str,
    stage: TuneStage,
    rates: Digest,
    changes: Vec<ChangeEntry<'a>>,
    gain_percent: Option<GainEntry<'a>>,
    refused: Option<&'a String>,
}

#[derive(Serialize)]
struct ChangeEntry<'a> {
    key: &'a str,
    before: String,
    after: String,
    proposal: String,
}

#[derive(Serialize)]
struct GainEntry<'a> {
    mean: &'a str,
    low: &'a str,
    high: &'a str,
}

fn change(step: &Step) -> ChangeEntry<'_> {
    let Step { key, before, after, proposal, .. } = step;
    ChangeEntry { key, before: before.to_string(), after: after.to_string(), proposal: proposal.to_string() }
}

/// Returns the line. It names the rates that are in use when it is written.
pub(super) fn line(record: &TuneRecord<'_>, now: SystemTime) -> serde_json::Result<Line> {
    let line = TuneLine {
        time: humantime::format_rfc3339_millis(now).to_string(),
        version: env!("CARGO_PKG_VERSION"),
        stage: record.stage,
        rates: record.settings.rates.digest,
        changes: record.steps.iter().map(change).collect(),
        gain_percent: record.gain.map(|Gain { mean, low, high }| GainEntry { mean, low, high }),
        refused: record.refused,
    };
    Ok(Line { kind: "tune", body: body(&line)?, objects: vec![rates_object(record.settings)] })
}
