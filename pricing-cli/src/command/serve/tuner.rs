//! What proposes rates for the service: the same replays as `bidprice tune`, on one thread.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use pricing_core::quote::GpuRule;
use pricing_core::rates::{self, Pricing};
use pricing_engine::config;
use pricing_engine::tune::{Gain, Proposal, ProposedRate, TuneDecision, TuneTask, Tuner};
use pricing_sim::files::Files;
use pricing_sim::scenario::{self, Scenario, StrategyEntry};
use pricing_tune::answer::Ends;
use pricing_tune::cancel::Cancellable;
use pricing_tune::decision::Decision;
use pricing_tune::doubts::doubts;
use pricing_tune::key::Keys;
use pricing_tune::replay::Replays;
use pricing_tune::tune::Tuned;
use pricing_tune::{Answer, Candidate, Objective, Settings, Space, Variation, tune};
use rust_decimal::{Decimal, RoundingStrategy};
use toml::Table;

use crate::command::simulate::SimulationHost;

/// The most bytes of a scenario.
const MAX_SCENARIO_BYTES: u64 = 4 << 20;
/// The most bytes of a history's orders. They are in memory beside the service's own data.
const MAX_HISTORY_BYTES: u64 = 64 << 20;
/// The name of the orders in a history's folder.
const ORDERS: &str = "orders.jsonl";

/// Proposes rates by replaying a history.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReplayTuner;

/// A scenario whose first strategy is the service's rate card.
struct TuneScene {
    table: Table,
    files: Files,
    strategy: StrategyEntry,
    history: String,
}

impl Tuner for ReplayTuner {
    fn check(&self, task: &TuneTask<'_>) -> Result<(), String> {
        let scene = TuneScene::read(task)?;
        scene.costs(task.config)?;
        let variations = variations(task.config);
        let keys = Keys::new(&variations, &scene.strategy, &scene.files).map_err(|error| error.to_string())?;
        within_ranges(&variations, keys.current())
    }

    fn propose(&self, task: &TuneTask<'_>, cancelled: &AtomicBool) -> Result<Proposal, String> {
        let scene = TuneScene::read(task)?;
        scene.check_size()?;
        let wrong = |error: pricing_tune::TuneError| error.to_string();
        let (variations, costs) = (variations(task.config), scene.costs(task.config)?);
        let host = SimulationHost;
        let mut replays =
            Replays::new(&scene.table, &variations, &scene.files, &host, costs.as_ref()).map_err(wrong)?;
        let current = replays.keys.current().clone();
        within_ranges(&variations, &current)?;
        // Read as the service reads it. A candidate's card has its entries in another order, which prices nothing otherwise.
        let card = replays.prepared.strategies.first().map(|strategy| &strategy.pricing);
        if card != Some(task.pricing) {
            return Err(
                "the rate card in the file is not the one in use, or the configuration adds sections to it; put \
                        `[policy]`, `[chain]`, `[commit]` and `[provider]` into the rate card"
                    .to_owned(),
            );
        }
        // The whole range is searched, not only what is within a step: otherwise the best rate is never found where the way to
        // it is longer than a step. The engine bounds what is applied of it.
        let space = Space::new(variations, current, None)?;
        let settings =
            Settings { objective: objective(task.config.objective), resamples: task.config.resamples, threads: 1 };
        let replay = Cancellable { evaluate: &replays, cancelled };
        replay.check().map_err(wrong)?;
        let tuned = tune(&space, &replay, &settings).map_err(wrong)?;
        replay.check().map_err(wrong)?;
        let paths = replays.keys.paths().to_vec();
        let newest_order = newest_order(&replays);
        let warnings = doubts(&mut replays, &space, &tuned, &settings, cancelled).map_err(wrong)?;
        Ok(Proposal { newest_order, ..proposal(&space, &tuned, paths, warnings) })
    }

    fn apply(&self, card: &str, values: &[(Vec<String>, Decimal)]) -> Result<String, String> {
        let (paths, values): (Vec<_>, Vec<_>) = values.iter().cloned().unzip();
        pricing_tune::apply::apply(card, &paths, &Candidate(values))
    }
}

impl TuneScene {
    /// Reads the scenario of a task.
    fn read(task: &TuneTask<'_>) -> Result<Self, String> {
        let path = &task.config.scenario;
        let named = |problem: &dyn std::fmt::Display| format!("`{}`: {problem}", path.display());
        let text = pricing_files::read_text(path, MAX_SCENARIO_BYTES).map_err(|error| named(&error))?;
        let table = scenario::parse(&text).map_err(|error| named(&error))?;
        let Scenario { strategy, orders, .. } = scenario::of_table(table.clone()).map_err(|error| named(&error))?;
        let history = orders.history.ok_or_else(|| named(&"it has no `orders.history`"))?;
        let strategy = strategy.into_iter().next().ok_or_else(|| named(&"it has no strategy"))?;
        let files = Files::in_folder(path.parent().unwrap_or_else(|| Path::new("")));
        is_card(&strategy, &files, task.card).map_err(|problem| named(&problem))?;
        Ok(Self { table, files, strategy, history })
    }

    /// Refuses a history that would take too much memory.
    fn check_size(&self) -> Result<(), String> {
        let path = self.files.path(&self.history).join(ORDERS);
        let metadata = std::fs::metadata(&path).map_err(|error| format!("`{}`: {error}", path.display()))?;
        if metadata.len() <= MAX_HISTORY_BYTES {
            return Ok(());
        }
        let (path, most) = (path.display(), MAX_HISTORY_BYTES >> 20);
        Err(format!("`{path}` has more than {most} MiB, too much beside a service; use `bidprice tune` instead"))
    }

    fn costs(&self, config: &config::Tune) -> Result<Option<Pricing>, String> {
        let read = |path: &std::path::PathBuf| {
            let most = u64::try_from(rates::toml::MAX_INPUT_BYTES).unwrap_or(u64::MAX);
            let text =
                pricing_files::read_text(path, most).map_err(|error| format!("`{}`: {error}", path.display()))?;
            rates::toml::read(&text).map_err(|error| format!("`{}`: {error}", path.display()))
        };
        config.costs.as_ref().map(read).transpose()
    }
}

/// Checks that a strategy prices by a rate card alone, and that this is the service's.
fn is_card(strategy: &StrategyEntry, files: &Files, card: &Path) -> Result<(), String> {
    let named = strategy.rates.as_ref().map(|name| files.path(name));
    let same = |path: &Path| std::fs::canonicalize(path).ok().zip(std::fs::canonicalize(card).ok());
    let is_same = named.is_some_and(|path| same(&path).is_some_and(|(one, other)| one == other));
    let others = [
        ("set", !strategy.set.is_empty()),
        ("gpu", strategy.gpu != GpuRule::default()),
        ("plugin", strategy.plugin.is_some()),
        ("script", strategy.script.is_some()),
        ("scale", strategy.scale),
    ];
    let other = others.into_iter().find(|(_, is_set)| *is_set);
    match (is_same, other) {
        (true, None) => Ok(()),
        (false, _) => {
            let card = card.display();
            Err(format!("its first strategy is not the service's rate card: expected `rates` to name `{card}`"))
        }
        (true, Some((key, _))) => {
            Err(format!("its first strategy has `{key}`, so it prices otherwise than the service"))
        }
    }
}

/// Refuses a rate that is outside the range in which it is varied: what is replayed there would be compared with a rate
/// that must not be proposed.
fn within_ranges(variations: &[Variation], current: &Candidate) -> Result<(), String> {
    let mut pairs = variations.iter().zip(&current.0);
    let outside = pairs.find(|(variation, rate)| **rate < variation.low || **rate > variation.high);
    outside.map_or(Ok(()), |(Variation { key, low, high }, rate)| {
        Err(format!("`{key}` is {rate} in the rate card, outside the range {low}..{high} of `tune.vary`"))
    })
}

fn variations(config: &config::Tune) -> Vec<Variation> {
    let variation =
        |(key, range): (&String, &config::TuneRange)| Variation { key: key.clone(), low: range.low, high: range.high };
    config.vary.iter().map(variation).collect()
}

fn objective(objective: config::TuneObjective) -> Objective {
    match objective {
        config::TuneObjective::Revenue => Objective::Revenue,
        config::TuneObjective::Profit => Objective::Profit,
        config::TuneObjective::UtilisationAtLeast(share) => {
            let millionths = share.share().saturating_mul(Decimal::from(1_000_000));
            let whole = millionths.round_dp_with_strategy(0, RoundingStrategy::AwayFromZero);
            // A share is at most 1.
            Objective::UtilisationAtLeast(whole.try_into().unwrap_or(1_000_000))
        }
    }
}

/// When the newest order of the history was. None if its times are only right relative to each other.
fn newest_order(replays: &Replays<'_>) -> Option<SystemTime> {
    let is_absolute = replays.prepared.history().is_some_and(|history| !history.relative_times);
    let newest = replays.basis().iter().map(|arrival| arrival.at).max().filter(|_| is_absolute)?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(newest))
}

fn proposal(space: &Space, tuned: &Tuned, paths: Vec<Vec<String>>, warnings: Vec<String>) -> Proposal {
    let values = space.current.0.iter().zip(&tuned.proposal.0);
    let rates = space.variations.iter().zip(paths).zip(values);
    let rates = rates.map(|((variation, path), (current, proposal))| ProposedRate {
        key: variation.key.clone(),
        path,
        current: *current,
        proposal: *proposal,
    });
    let rates = rates.collect();
    let answer = Answer::new(space, tuned, warnings);
    Proposal {
        decision: match answer.decision {
            Decision::Change => TuneDecision::Change,
            Decision::Stay => TuneDecision::Stay,
            Decision::NeedMoreData => TuneDecision::NeedMoreData,
        },
        rates,
        gain_usd: gain(answer.gain_usd),
        gain_percent: answer.gain_percent.map(gain),
        days: answer.days,
        orders: u64::try_from(answer.orders).unwrap_or(u64::MAX),
        newest_order: None,
        warnings: answer.warnings,
    }
}

fn gain(ends: Ends) -> Gain {
    let Ends { mean, low, high } = ends;
    Gain { mean, low, high }
}

#[cfg(test)]
mod tests;
