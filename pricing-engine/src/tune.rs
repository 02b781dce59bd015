//! Proposes rates that would have earned more, and may apply them in small steps.
//!
//! The engine decides when to propose, and what a proposal may change. How a proposal is found is behind a trait
//! ([`Tuner`]), which the daemon brings along: it takes the simulation, which a daemon that only prices does not link.
//!
//! # What may change
//! Only the keys of `tune.vary`, each within its floor and ceiling, by at most `tune.max_step` of the rate that is in the
//! card now, once a day, and only where the decision is `change` and `tune.apply` says so. The card is changed only if its
//! files are what is in use and no refused reload waits, so that an edit of the operator is never overwritten or applied
//! early. The configuration is read again once a proposal is worked out. Nothing is changed by a history whose newest order
//! is too old. The new card goes through the ordinary guard ([`crate::guard`]), which may refuse it.
//!
//! The bid log's line of what is about to change, and then the time of the last change, are written before the card. So a
//! crash in between costs a day, and never makes two steps in one. The day counts on the wall clock and, within a process,
//! also on a clock that nobody sets.

mod state;
mod step;

use std::fmt;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use pricing_core::rates::Pricing;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::config;

pub(crate) use state::{DAY, TuneState};
pub(crate) use step::{Step, steps};

/// Finds rates that would have earned more.
pub trait Tuner: fmt::Debug + Send + Sync {
    /// Checks what a configuration asks for, without replaying anything.
    ///
    /// # Errors
    /// Why rates cannot be proposed: the scenario cannot be read, its first strategy is not the rate card, or a key is not in
    /// the rate card.
    fn check(&self, task: &TuneTask<'_>) -> Result<(), String>;

    /// Finds rates. It takes minutes, and ends soon after `cancelled` is set.
    ///
    /// # Errors
    /// Why there is no proposal.
    fn propose(&self, task: &TuneTask<'_>, cancelled: &AtomicBool) -> Result<Proposal, String>;

    /// Sets values in the text of a rate card, and leaves everything else as it is.
    ///
    /// # Errors
    /// When a key is not in it.
    fn apply(&self, card: &str, values: &[(Vec<String>, Decimal)]) -> Result<String, String>;
}

/// What rates are to be proposed for.
#[derive(Clone, Copy, Debug)]
pub struct TuneTask<'a> {
    /// The section of the configuration.
    pub config: &'a config::Tune,
    /// The rate card's file.
    pub card: &'a Path,
    /// The rates that are in use.
    pub pricing: &'a Pricing,
}

/// What to do about a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TuneDecision {
    /// The rates earn more.
    Change,
    /// They cannot be told from the rates in use.
    Stay,
    /// There is too little data to tell.
    NeedMoreData,
}

impl TuneDecision {
    /// All decisions.
    pub const ALL: [Self; 3] = [Self::Change, Self::Stay, Self::NeedMoreData];

    /// Returns the decision as answers and metrics name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Stay => "stay",
            Self::NeedMoreData => "need-more-data",
        }
    }
}

/// Rates that would have earned more, and how sure that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// What to do.
    pub decision: TuneDecision,
    /// The rates that were varied.
    pub rates: Vec<ProposedRate>,
    /// What they earn beyond the rates in use, in USD over as many days as the history has.
    pub gain_usd: Gain,
    /// The same in percent. None if the rates in use earn nothing.
    pub gain_percent: Option<Gain>,
    /// The days of the history.
    pub days: u64,
    /// Its orders.
    pub orders: u64,
    /// When its newest order was. None if its times are only right relative to each other.
    pub newest_order: Option<SystemTime>,
    /// What to doubt, one sentence each.
    pub warnings: Vec<String>,
}

/// How old the newest order of a history may be for its proposal to be applied.
const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 3600);

impl Proposal {
    /// Returns why the history is too old for its proposal to be applied, as a sentence. None if it is not.
    pub(crate) fn too_old(&self, now: SystemTime) -> Option<String> {
        let Some(newest) = self.newest_order else {
            return Some(
                "It is not known how old the history is: its times are only right relative to each other.".to_owned(),
            );
        };
        let at = humantime::format_rfc3339_seconds(newest);
        match now.duration_since(newest) {
            Ok(age) if age <= MAX_AGE => None,
            Ok(_) => Some(format!(
                "The newest order of the history is more than 7 days old ({at}). Let `bidprice market pull` run regularly."
            )),
            Err(ahead) if ahead.duration() <= DAY => None,
            Err(_) => Some(format!("The newest order of the history is in the future ({at}): a clock is wrong.")),
        }
    }
}

/// A rate that was varied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedRate {
    /// The key, as `tune.vary` has it.
    pub key: String,
    /// Where it is in the rate card's file.
    pub path: Vec<String>,
    /// The rate in use.
    pub current: Decimal,
    /// The proposed one.
    pub proposal: Decimal,
}

/// A mean with its 95 % interval, as decimal text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gain {
    /// The mean.
    pub mean: String,
    /// The lower end.
    pub low: String,
    /// The upper end.
    pub high: String,
}

/// What is known of tuning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Whether rates may be changed.
    pub apply: bool,
    /// Whether a proposal is being worked out.
    pub running: bool,
    /// The last proposal.
    pub proposal: Option<Proposal>,
    /// When it was made.
    pub proposed_at: Option<SystemTime>,
    /// When the rate card was changed last.
    pub changed_at: Option<SystemTime>,
    /// Why there is no newer proposal, or why it was not applied.
    pub problem: Option<String>,
    /// How many proposals there were since the start.
    pub proposed: u64,
    /// How often there was none.
    pub failed: u64,
    /// How often the rate card was changed since the start.
    pub changed: u64,
}
