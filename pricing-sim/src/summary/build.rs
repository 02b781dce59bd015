//! Aggregates runs.

use toml::Value;

use super::strategy::strategy;
use super::{
    AxesValues, Axis, AxisValue, SCHEMA, Seconds, StrategySummary, Summary, SummaryError, WindowSeconds, compare,
    paired, warnings,
};
use crate::result::RunResult;
use crate::sweep::Sweep;

impl Summary {
    /// The summary of runs, which are sorted by index.
    ///
    /// # Errors
    /// When the runs are not of this sweep, or a total overflows the exact decimals.
    pub fn of(name: &str, sweep: &Sweep, results: &[RunResult]) -> Result<Self, SummaryError> {
        let mut summary = Self {
            schema: SCHEMA,
            name: name.to_owned(),
            seeds: sweep.seeds.clone(),
            runs: results.len(),
            axes: axes(sweep),
            window: window(results),
            strategies: Vec::new(),
            comparisons: Vec::new(),
            paired: paired::paired(sweep, results)?,
            warnings: warnings::warnings(sweep, results),
        };
        for runs in results.chunk_by(|one, other| one.cell == other.cell) {
            let cell = runs.first().map_or(0, |run| run.cell);
            let axes = axes_of(sweep, cell);
            let places = runs.first().map_or(0, |run| run.strategies.len());
            for place in 0..places {
                let entry = strategy(runs, place, &axes)?;
                summary.strategies.push(StrategySummary { place: summary.strategies.len(), ..entry });
            }
            for place in 1..places {
                summary.comparisons.push(compare::comparison(runs, place, &axes)?);
            }
        }
        Ok(summary)
    }
}

fn axes(sweep: &Sweep) -> Vec<Axis> {
    let axis = |(key, values): (String, Vec<Value>)| Axis { key, values: values.iter().map(axis_value).collect() };
    sweep.axes().into_iter().map(axis).collect()
}

/// The values of the axes in a cell of a sweep.
#[must_use]
pub fn axes_of(sweep: &Sweep, cell: usize) -> AxesValues {
    let values = sweep.cells.get(cell).map(|cell| cell.values.as_slice()).unwrap_or_default();
    values.iter().map(|(key, value)| (key.clone(), axis_value(value))).collect()
}

fn axis_value(value: &Value) -> AxisValue {
    match value {
        Value::Integer(number) => AxisValue::Integer(*number),
        Value::Boolean(yes) => AxisValue::Boolean(*yes),
        Value::String(text) => AxisValue::Text(text.clone()),
        other => AxisValue::Text(other.to_string()),
    }
}

/// The simulated period, if it is the same in all runs.
fn window(results: &[RunResult]) -> Option<WindowSeconds> {
    let window = results.first()?.window;
    let same = results.iter().all(|result| result.window == window);
    same.then_some(WindowSeconds { start_s: Seconds(window.start), end_s: Seconds(window.end) })
}
