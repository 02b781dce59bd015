//! The runs of a sweep: every cell of the axes with every seed.

use toml::{Table, Value};

use super::RunPlace;
use crate::scenario::{self, Scenario, ScenarioError, Seeds};

/// The most runs of a sweep.
pub const MAX_RUNS: usize = 10_000_000;

/// A cell of the axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The values that the axes have in it, in the axes' order.
    pub values: Vec<(String, Value)>,
    /// The scenario in it.
    pub table: Table,
}

/// What a sweep runs.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The cells. The last axis changes fastest.
    pub cells: Vec<Cell>,
    /// The seeds that each cell is run with.
    pub seeds: Vec<u64>,
}

impl Sweep {
    /// The runs of a scenario.
    ///
    /// # Errors
    /// When an axis names no key, or there are more runs than anybody can wait for.
    pub fn of(table: &Table) -> Result<Self, ScenarioError> {
        let malformed = |problem| ScenarioError::Malformed { name: "scenario".to_owned(), problem };
        let scenario = scenario::of_table(table.clone()).map_err(malformed)?;
        let seeds = seeds(&scenario)?;
        let mut cells = vec![Cell { values: Vec::new(), table: table.clone() }];
        for (key, values) in &scenario.sweep.axes {
            if values.is_empty() {
                return Err(ScenarioError::Meaning(format!("the axis `{key}` has no values")));
            }
            if cells.len().saturating_mul(values.len()).saturating_mul(seeds.len()) > MAX_RUNS {
                return Err(ScenarioError::Meaning(format!("the sweep has more than {MAX_RUNS} runs")));
            }
            let mut next = Vec::with_capacity(cells.len().saturating_mul(values.len()));
            for cell in &cells {
                for value in values {
                    let mut cell = cell.clone();
                    scenario::set(&mut cell.table, key, value.clone()).map_err(malformed)?;
                    cell.values.push((key.clone(), value.clone()));
                    next.push(cell);
                }
            }
            cells = next;
        }
        Ok(Self { cells, seeds })
    }

    /// How many runs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len().saturating_mul(self.seeds.len())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A run: cells in order, and within each the seeds in order.
    #[must_use]
    pub fn run(&self, run: usize) -> Option<RunPlace> {
        let cell = run.checked_div(self.seeds.len())?;
        let seed = self.seeds.get(run.checked_rem(self.seeds.len())?).copied()?;
        (cell < self.cells.len()).then_some(RunPlace { run, cell, seed })
    }
}

fn seeds(scenario: &Scenario) -> Result<Vec<u64>, ScenarioError> {
    let seeds = match &scenario.sweep.seeds {
        None => vec![scenario.seed],
        Some(Seeds::List(list)) => list.clone(),
        Some(Seeds::Count(count)) => (0..u64::from(*count)).map(|more| scenario.seed.wrapping_add(more)).collect(),
    };
    let mut sorted = seeds.clone();
    sorted.sort_unstable();
    sorted.dedup();
    if seeds.is_empty() || sorted.len() < seeds.len() {
        return Err(ScenarioError::Meaning("`sweep.seeds` must name at least one seed, and none twice".to_owned()));
    }
    Ok(seeds)
}
