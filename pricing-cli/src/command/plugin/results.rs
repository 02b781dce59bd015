//! What the commands found, for their tables and their JSON.

use std::time::Duration;

use pricing_core::quote::{Quote, Reason};
use pricing_host::inspect::Inspection;
use pricing_host::{Fault, PluginCall, Profile, SizeClass};

use super::diff::Difference;
use super::facts::Fact;
use super::subject::Subject;
use crate::error::Exit;

/// The measurements.
#[derive(Debug)]
pub(crate) struct Bench {
    /// The times of the plugin's calls, sorted.
    pub(crate) times: Vec<Duration>,
    /// The times of the built-in pricing, sorted.
    pub(crate) native: Vec<Duration>,
    /// The fuel of each call.
    pub(crate) fuel: Option<u64>,
    pub(crate) memory_bytes: u64,
    /// Why the calls did not end in a bid.
    pub(crate) no_bid: Option<Reason>,
}

impl Bench {
    pub(crate) fn calls(&self) -> usize {
        self.times.len()
    }

    /// Returns the time within which `per_mille` of a thousand calls ended.
    pub(crate) fn percentile(&self, per_mille: usize) -> Duration {
        percentile(&self.times, per_mille)
    }

    pub(crate) fn native_percentile(&self, per_mille: usize) -> Duration {
        percentile(&self.native, per_mille)
    }
}

fn percentile(sorted: &[Duration], per_mille: usize) -> Duration {
    let rank = sorted.len().saturating_mul(per_mille).div_ceil(1000).max(1);
    sorted.get(rank.saturating_sub(1)).or(sorted.last()).copied().unwrap_or_default()
}

/// The findings of a check.
#[derive(Debug)]
pub(crate) struct CheckReport {
    pub(crate) subject: Subject,
    pub(crate) class: SizeClass,
    pub(crate) inspection: Option<Inspection>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) probe: Option<PluginCall>,
    /// The stage at which the plugin was refused, and why.
    pub(crate) refused: Option<(Stage, Fault)>,
    /// Whether size class `engine` would accept the file.
    pub(crate) fits_engine_class: bool,
}

/// The stages of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The file is inspected.
    Inspect,
    /// The plugin is compiled and linked.
    Load,
    /// The plugin is called.
    Probe,
}

impl Stage {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Inspect => "inspect",
            Self::Load => "load",
            Self::Probe => "probe",
        }
    }
}

/// The findings of an inspection.
#[derive(Debug)]
pub(crate) struct InspectReport {
    pub(crate) subject: Subject,
    pub(crate) class: SizeClass,
    /// If only size class `engine` accepts the file, this is the inspection for that class.
    pub(crate) inspection: Option<Inspection>,
    pub(crate) refused: Option<Fault>,
}

/// The result of a group.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) quote: Quote,
    /// `None` if the plugin was not called because the order is declined without it.
    pub(crate) called: Option<PluginCall>,
    /// The profile, if one was requested, with the fault that ended it.
    pub(crate) profile: Option<(Profile, Option<Fault>)>,
}

impl Call {
    pub(crate) fn fault(&self) -> Option<&Fault> {
        self.called.as_ref().and_then(|called| called.result.as_ref().err())
    }

    pub(crate) fn exit(&self) -> Exit {
        self.quote.reason().map_or(Exit::Success, Exit::of_reason)
    }
}

/// The result of a case.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) name: String,
    pub(crate) verdict: Verdict,
    pub(crate) calls: Vec<Call>,
}

/// Whether the result of a case is as expected.
#[derive(Debug)]
pub(crate) enum Verdict {
    Ok,
    Blessed,
    /// The decisions differ from the expected ones.
    Differs(Vec<Difference>),
    /// The case could not be compared.
    Failed(String),
}

impl Verdict {
    pub(crate) fn failed(&self) -> bool {
        matches!(self, Self::Differs(_) | Self::Failed(_))
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Blessed => "blessed",
            Self::Differs(_) | Self::Failed(_) => "failed",
        }
    }
}
