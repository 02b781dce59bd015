//! The coverage harness: histories from markets with a known truth, tuned, and held against that truth.
//!
//! A trial makes a history of a market, as `bidprice market pull` would have written it, and tunes on it. The truth is the
//! same market over a long fresh period: for each order, up to which price we would have won it. The same cluster replays
//! it at the current and at the proposed rate.

mod market;

use std::collections::BTreeMap;
use std::path::Path;

use pricing_host::PluginHost;
use pricing_sim::files::Files;
use pricing_sim::stream::Arrival;
use pricing_sim::sweep::SimulationEnvironment;
use rust_decimal::Decimal;
use toml::Table;

use crate::candidate::{Candidate, Space, Variation};
use crate::decision::Decision;
use crate::evaluate::{Evaluate as _, Objective, TuneError};
use crate::replay::Replays;
use crate::tune::{Settings, tune};

pub use market::{Market, SETTINGS};

/// The range in which the rate is varied.
const RANGE: &str = "rates.gpu.h100=1300..2200";
/// The days of the period that tells the truth.
pub const TRUTH_DAYS: u64 = 1000;
/// The step of the rates among which the best one is looked for.
const TRUTH_STEP: usize = 25;

/// What came of a trial.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    /// What was decided.
    pub decision: Decision,
    /// The proposed rate.
    pub proposal: Decimal,
    /// The gain in percent, with its interval: mean, low, high.
    pub gain: (f64, f64, f64),
    /// The true gain of the proposal in percent.
    pub truth: f64,
    /// The true loss against the best rate of the range if the decision is followed, in percent.
    pub regret: f64,
    /// The same if the proposal is taken whatever was decided.
    pub regret_of_proposal: f64,
}

impl Trial {
    /// Whether the interval covers the true gain. Gains differ by less than a hundredth of a percent from what they are
    /// printed as.
    #[must_use]
    pub fn covers(&self) -> bool {
        let (_, low, high) = self.gain;
        low - 0.01 <= self.truth && self.truth <= high + 0.01
    }

    /// Whether it proposes a loss.
    #[must_use]
    pub fn loses(&self) -> bool {
        self.decision == Decision::Change && self.truth < 0.0
    }
}

/// A market with its truth.
#[derive(Debug)]
pub struct Harness<'a> {
    market: &'a Market,
    truth: BTreeMap<Decimal, f64>,
    days: u64,
    resamples: u64,
}

/// No plugins and no bid logs are needed.
#[derive(Debug)]
struct Nothing;

impl SimulationEnvironment for Nothing {
    fn plugins(&self) -> Result<PluginHost, String> {
        Err("there are no plugins here".to_owned())
    }

    fn bid_log(&self, _: &Path) -> Result<Vec<Arrival>, String> {
        Err("there are no bid logs here".to_owned())
    }
}

impl<'a> Harness<'a> {
    /// A harness whose truth is that of so many days, and whose trials take so many resamples.
    ///
    /// # Errors
    /// When the truth cannot be replayed.
    pub fn new(market: &'a Market, days: u64, resamples: u64) -> Result<Self, TuneError> {
        let mut harness = Self { market, truth: BTreeMap::new(), days, resamples };
        let mut values: Vec<Decimal> = (1300_u32..=2200).step_by(TRUTH_STEP).map(Decimal::from).collect();
        values.push(market.current.into());
        harness.learn(values)?;
        Ok(harness)
    }

    /// Replays the truth at rates where it is not known yet.
    fn learn(&mut self, mut values: Vec<Decimal>) -> Result<(), TuneError> {
        values.retain(|value| !self.truth.contains_key(value));
        if values.is_empty() {
            return Ok(());
        }
        let folder = self.market.truth(self.days).map_err(broken)?;
        let candidates: Vec<Candidate> = values.iter().map(|value| Candidate(vec![*value])).collect();
        let files = Files::in_folder(folder.path());
        let replays = Replays::new(&scenario(self.market, "cheapest")?, &variations(), &files, &Nothing, None)?;
        let courses = replays.as_they_came(&candidates)?;
        for (value, course) in values.into_iter().zip(&courses) {
            self.truth.insert(value, Objective::Revenue.score(course));
        }
        Ok(())
    }

    fn truth(&mut self, value: Decimal) -> Result<f64, TuneError> {
        self.learn(vec![value])?;
        Ok(self.truth.get(&value).copied().unwrap_or(0.0))
    }

    /// The rate of the grid that earns most in truth, and by how many percent the current rate earns less.
    #[must_use]
    pub fn best(&self) -> (Decimal, f64) {
        let best = self.truth.iter().max_by(|one, other| one.1.total_cmp(other.1));
        let (value, earns) = best.map_or((Decimal::ZERO, 0.0), |(value, earns)| (*value, *earns));
        let current = self.truth.get(&Decimal::from(self.market.current)).copied().unwrap_or(0.0);
        (value, 100.0 * (1.0 - current / earns))
    }

    /// Does a trial.
    ///
    /// # Errors
    /// When it cannot be replayed.
    pub fn trial(&mut self, number: u64, threads: usize) -> Result<Trial, TuneError> {
        let folder = self.market.history(number).map_err(broken)?;
        let files = Files::in_folder(folder.path());
        let table = scenario(self.market, self.market.choice())?;
        let replays = Replays::new(&table, &variations(), &files, &Nothing, None)?;
        let space = Space::new(variations(), replays.keys.current().clone(), None).map_err(TuneError::Meaning)?;
        let settings = Settings { objective: Objective::Revenue, resamples: self.resamples, threads };
        let tuned = tune(&space, &replays, &settings)?;
        debug_assert_eq!(replays.history(), tuned.history, "the history does not change");
        let proposal = tuned.proposal.value(0);
        let (current, proposed) = (self.truth(self.market.current.into())?, self.truth(proposal)?);
        let best = self.truth.values().copied().fold(0.0, f64::max);
        let left_with = if tuned.decided.decision == Decision::Change { proposed } else { current };
        let percent = tuned.percent.unwrap_or_default();
        Ok(Trial {
            decision: tuned.decided.decision,
            proposal,
            gain: (percent.mean, percent.low, percent.high),
            truth: 100.0 * (proposed / current - 1.0),
            regret: 100.0 * (1.0 - left_with / best),
            regret_of_proposal: 100.0 * (1.0 - proposed / best),
        })
    }
}

fn broken(error: impl std::fmt::Display) -> TuneError {
    TuneError::Meaning(error.to_string())
}

fn variations() -> Vec<Variation> {
    RANGE.parse().into_iter().collect()
}

/// The scenario of a folder with a history.
fn scenario(market: &Market, choice: &str) -> Result<Table, TuneError> {
    let text = format!(
        "[orders]\nhistory = \".\"\nresample = \"1d\"\n[inventory]\ndescribe = \"{} nodes x 8 h100\"\n[[strategy]]\nname = \
         \"card\"\nrates = \"rates.toml\"\n[market]\nobserved = true\nchoice = \"{choice}\"\n",
        market.nodes
    );
    text.parse().map_err(broken)
}

/// The figures of a setting's trials.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// The trials.
    pub trials: usize,
    /// Those whose interval covers the truth.
    pub covered: usize,
    /// Those that propose a change.
    pub changed: usize,
    /// Those that propose a loss.
    pub lost: usize,
    /// The mean regret in percent if every proposal is taken.
    pub regret_of_proposals: f64,
    /// The mean regret in percent if every decision is followed.
    pub regret: f64,
    /// The mean width of the intervals in percent.
    pub width: f64,
    /// By how many percent the gain is told too high on average.
    pub bias: f64,
}

impl Figures {
    /// The figures of trials.
    #[must_use]
    pub fn of(trials: &[Trial]) -> Self {
        let number = crate::evaluate::count(trials.len()).max(1.0);
        let mean = |of: &dyn Fn(&Trial) -> f64| trials.iter().map(of).sum::<f64>() / number;
        let count = |of: &dyn Fn(&Trial) -> bool| trials.iter().filter(|trial| of(trial)).count();
        Self {
            trials: trials.len(),
            covered: count(&Trial::covers),
            changed: count(&|trial| trial.decision == Decision::Change),
            lost: count(&Trial::loses),
            regret: mean(&|trial| trial.regret),
            regret_of_proposals: mean(&|trial| trial.regret_of_proposal),
            width: mean(&|trial| trial.gain.2 - trial.gain.1),
            bias: mean(&|trial| trial.gain.0 - trial.truth),
        }
    }

    /// The bars that are missed: coverage of 90 %, a mean regret of the proposals of 2 %, losses in 5 %.
    ///
    /// The regret is that of what was found to be best. Of rates that earn some percent less than the best ones, a month
    /// of data often cannot tell so: then the decision is to stay, rightly, and that costs more.
    #[must_use]
    pub fn missed(&self) -> Vec<&'static str> {
        let mut missed = Vec::new();
        if self.covered.saturating_mul(10) < self.trials.saturating_mul(9) {
            missed.push("coverage");
        }
        if self.regret_of_proposals > 2.0 {
            missed.push("regret");
        }
        if self.lost.saturating_mul(20) > self.trials {
            missed.push("losses");
        }
        missed
    }
}
