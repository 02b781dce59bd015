//! The runs of a sweep: every cell of the axes with every seed.

use std::collections::BTreeSet;

use pricing_core::input::InputError;
use toml::{Table, Value};

use super::RunPlace;
use super::prepare::check;
use crate::scenario::{self, Scenario, ScenarioError, Seeds};

/// The most runs of a sweep. The result of a run takes about 20 kB per strategy until the summary is made.
pub const MAX_RUNS: usize = 100_000;

/// The most cells of a sweep.
pub const MAX_CELLS: usize = 100_000;

/// A cell of the axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The values of the axes in it, in the order of the axes.
    pub values: Vec<(String, Value)>,
    /// The scenario with these values.
    pub table: Table,
}

/// A sweep.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The cells. The last axis changes fastest.
    pub cells: Vec<Cell>,
    /// The seeds with which each cell is run.
    pub seeds: Vec<u64>,
}

impl Cell {
    /// The values of the axes, as messages name the cell. None without axes.
    fn name(&self) -> Option<String> {
        let shown: Vec<String> = self.values.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        (!shown.is_empty()).then(|| shown.join(", "))
    }

    /// Adds this cell's values to an error.
    pub(super) fn named(&self, error: ScenarioError) -> ScenarioError {
        match self.name() {
            Some(cell) => ScenarioError::Cell { cell, error: Box::new(error) },
            None => error,
        }
    }

    fn check(&self) -> Result<(), ScenarioError> {
        let scenario = scenario::of_table(self.table.clone()).map_err(malformed)?;
        check(&scenario)
    }
}

fn malformed(problem: InputError) -> ScenarioError {
    ScenarioError::Malformed { name: "scenario".to_owned(), problem }
}

impl Sweep {
    /// The runs of a scenario. Axes are sorted by key, and the last one changes fastest.
    ///
    /// # Errors
    /// When an axis names an unknown key, a cell is not a valid scenario, or there are too many runs.
    pub fn of(table: &Table) -> Result<Self, ScenarioError> {
        let scenario = scenario::of_table(table.clone()).map_err(malformed)?;
        let seeds = seeds(&scenario)?;
        let wrong = |message: String| Err(ScenarioError::Meaning(message));
        let mut count: usize = 1;
        for (key, values) in &scenario.sweep.axes {
            if values.is_empty() {
                return wrong(format!("the axis `{key}` has no values"));
            }
            let different: BTreeSet<String> = values.iter().map(Value::to_string).collect();
            if different.len() < values.len() {
                return wrong(format!("the axis `{key}` has a value twice"));
            }
            if ["seed", "sweep"].contains(&key.split(['.', '"', '\'']).next().unwrap_or("").trim()) {
                return wrong(format!("`{key}` cannot be an axis; name seeds under `sweep.seeds`"));
            }
            count = count.saturating_mul(values.len());
        }
        if count > MAX_CELLS || count.saturating_mul(seeds.len()) > MAX_RUNS {
            let runs = count.saturating_mul(seeds.len());
            return wrong(format!(
                "the sweep has {count} cells and {runs} runs; at most {MAX_CELLS} and {MAX_RUNS} can be had: \
                 split it into several scenarios"
            ));
        }
        let mut cells = vec![Cell { values: Vec::new(), table: table.clone() }];
        for (key, values) in &scenario.sweep.axes {
            let mut next = Vec::with_capacity(cells.len().saturating_mul(values.len()));
            for cell in &cells {
                for value in values {
                    next.push(changed(cell, key, value)?);
                }
            }
            cells = next;
        }
        if !scenario.sweep.axes.is_empty() {
            fix_idle(&mut cells, &scenario);
        }
        for cell in &cells {
            cell.check().map_err(|error| cell.named(error))?;
        }
        Ok(Self { cells, seeds })
    }

    /// The axes with the values that each takes in turn, in the order of the cells.
    #[must_use]
    pub fn axes(&self) -> Vec<(String, Vec<Value>)> {
        let mut axes: Vec<(String, Vec<Value>)> = Vec::new();
        for (place, (key, value)) in self.cells.iter().flat_map(|cell| cell.values.iter().enumerate()) {
            match axes.get_mut(place) {
                Some((_, values)) if values.contains(value) => {}
                Some((_, values)) => values.push(value.clone()),
                None => axes.push((key.clone(), vec![value.clone()])),
            }
        }
        axes
    }

    /// The number of runs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len().saturating_mul(self.seeds.len())
    }

    /// Whether there are no runs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The run at an index: cells in order, and in each the seeds in order.
    #[must_use]
    pub fn run(&self, run: usize) -> Option<RunPlace> {
        let cell = run.checked_div(self.seeds.len())?;
        let seed = self.seeds.get(run.checked_rem(self.seeds.len())?).copied()?;
        (cell < self.cells.len()).then_some(RunPlace { run, cell, seed })
    }
}

/// Without `[idle]`, idle capacity is valued at the rates of the first strategy as the scenario has them, in every cell
/// alike. Otherwise an axis over these rates would change the value of what stands idle.
fn fix_idle(cells: &mut [Cell], scenario: &Scenario) {
    let Some(first) = scenario.strategy.first() else { return };
    let mut idle = Table::new();
    idle.extend(first.rates.clone().map(|rates| ("rates".to_owned(), Value::String(rates))));
    idle.insert("set".to_owned(), Value::Table(first.set.clone()));
    for cell in cells {
        cell.table.entry("idle").or_insert_with(|| Value::Table(idle.clone()));
    }
}

/// A cell with one more value.
fn changed(cell: &Cell, key: &str, value: &Value) -> Result<Cell, ScenarioError> {
    let mut cell = cell.clone();
    scenario::set(&mut cell.table, key, value.clone()).map_err(malformed)?;
    cell.values.push((key.to_owned(), value.clone()));
    Ok(cell)
}

fn seeds(scenario: &Scenario) -> Result<Vec<u64>, ScenarioError> {
    let seeds = match &scenario.sweep.seeds {
        None => vec![scenario.seed],
        Some(Seeds::List(list)) => list.clone(),
        Some(Seeds::Count(count)) if usize::try_from(*count).unwrap_or(usize::MAX) > MAX_RUNS => {
            return Err(ScenarioError::Meaning(format!(
                "`sweep.seeds` is {count}; at most {MAX_RUNS} runs can be had"
            )));
        }
        Some(Seeds::Count(count)) => (0..u64::from(*count)).map(|more| scenario.seed.wrapping_add(more)).collect(),
    };
    if let Some(seed) = seeds.iter().find(|seed| i64::try_from(**seed).is_err()) {
        return Err(ScenarioError::Meaning(format!("seed {seed} is too large; a seed is at most {}", i64::MAX)));
    }
    let mut sorted = seeds.clone();
    sorted.sort_unstable();
    sorted.dedup();
    if seeds.is_empty() || sorted.len() < seeds.len() {
        return Err(ScenarioError::Meaning("`sweep.seeds` must name at least one seed, and none twice".to_owned()));
    }
    Ok(seeds)
}
