//! Exports one row per run and strategy.

use std::collections::BTreeSet;
use std::path::Path;

use rust_decimal::Decimal;

use super::{Column, ExportError, Format, Kind, Output, PERCENT, RowsFile, USD, Value};
use crate::result::{OrderOutcome, RunResult, StrategyRun};
use crate::summary::{AxesValues, AxisValue, Figures, Percent, axes_of, totals};
use crate::sweep::Sweep;

/// The columns whose names depend on the runs.
struct Names {
    /// The axes, and whether all values of each are integers.
    axes: Vec<(String, bool)>,
    kinds: BTreeSet<String>,
    reasons: BTreeSet<OrderOutcome>,
}

/// A file of results. It is created before the runs, so that it is known early whether it can be written.
#[derive(Debug)]
pub struct ResultsFile {
    format: Format,
    output: Output,
}

impl ResultsFile {
    /// Creates a file.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(path: &Path) -> Result<Self, ExportError> {
        Ok(Self { format: Format::of(path)?, output: Output::create(path)? })
    }

    /// Writes one row per run and strategy, with all its figures.
    ///
    /// # Errors
    /// When the file cannot be written. In that case no file is left.
    pub fn write(self, sweep: &Sweep, results: &[RunResult]) -> Result<(), ExportError> {
        let names = names(sweep, results);
        let columns = columns(&names);
        let mut file = RowsFile::begin(self.format, self.output, columns.clone())?;
        for result in results {
            let axes = axis_cells(&axes_of(sweep, result.cell), &names);
            for strategy in &result.strategies {
                let figures = totals(&[(result.window, strategy)])?;
                file.write(&row(result, strategy, &figures, &names, &axes, &columns)?)?;
            }
        }
        file.finish()
    }
}

fn names(sweep: &Sweep, results: &[RunResult]) -> Names {
    let cells: Vec<AxesValues> = (0..sweep.cells.len()).map(|cell| axes_of(sweep, cell)).collect();
    let whole = |key: &String| cells.iter().all(|cell| matches!(cell.get(key), Some(AxisValue::Integer(_))));
    let axes = cells.first().into_iter().flatten().map(|(key, _)| (key.clone(), whole(key))).collect();
    let strategies = || results.iter().flat_map(|result| &result.strategies);
    Names {
        axes,
        kinds: strategies().flat_map(|run| &run.gpus).map(|gpu| gpu.kind.clone()).collect(),
        reasons: strategies().flat_map(|run| run.lost.keys().copied()).collect(),
    }
}

/// The columns, in the order in which [`row`] fills them. Axes, reasons and kinds have a column each, so they are
/// collected over all runs first.
fn columns(names: &Names) -> Vec<Column> {
    let mut columns: Vec<Column> = ["run", "cell", "seed"].map(|name| Column::new(name, Kind::Integer)).into();
    for (key, whole) in &names.axes {
        columns.push(Column::new(format!("axis.{key}"), if *whole { Kind::Integer } else { Kind::Text }));
    }
    columns.push(Column::new("strategy", Kind::Text));
    let mut add = |names: &[&str], kind: Kind| {
        columns.extend(names.iter().map(|name| Column::new(*name, kind)));
    };
    add(&["start_ms", "end_ms", "orders", "won"], Kind::Integer);
    add(&["win_rate_percent"], PERCENT);
    for reason in &names.reasons {
        add(&[&format!("lost.{reason}")], Kind::Integer);
    }
    add(&["revenue_usd"], USD);
    add(&["lease_hours", "gpu_utilisation_percent"], PERCENT);
    for kind in &names.kinds {
        add(&[&format!("gpu_utilisation_percent.{kind}")], PERCENT);
    }
    add(&["cpu_utilisation_percent", "memory_utilisation_percent"], PERCENT);
    add(&["idle_gpu_usd", "idle_cpu_usd", "idle_memory_usd"], USD);
    add(&["idle_unpriced_card_hours", "fragmentation_percent"], PERCENT);
    for charge in ["overcharge", "undercharge"] {
        add(&[&format!("{charge}_orders")], Kind::Integer);
        add(&[&format!("{charge}_usd_per_month"), &format!("{charge}_usd")], USD);
    }
    add(&["by_clock"], Kind::Integer);
    columns
}

/// The value of an axis: a number if all values of the axis are integers.
enum AxisCell {
    Integer(i64),
    Text(String),
    Missing,
}

impl AxisCell {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Integer(number) => Value::Integer(*number),
            Self::Text(text) => Value::Text(text),
            Self::Missing => Value::Missing,
        }
    }
}

fn axis_cells(axes: &AxesValues, names: &Names) -> Vec<AxisCell> {
    let cell = |(key, whole): &(String, bool)| match axes.get(key) {
        Some(AxisValue::Integer(number)) if *whole => AxisCell::Integer(*number),
        Some(value) => AxisCell::Text(value.to_string()),
        None => AxisCell::Missing,
    };
    names.axes.iter().map(cell).collect()
}

/// The row of a strategy in a run. The values are in the order of [`columns`].
fn row<'a>(
    result: &RunResult,
    strategy: &'a StrategyRun,
    figures: &Figures,
    names: &Names,
    axes: &'a [AxisCell],
    columns: &[Column],
) -> Result<Vec<Value<'a>>, ExportError> {
    let mut row = Row { values: Vec::with_capacity(columns.len()), columns };
    row.count(result.run)?;
    row.count(result.cell)?;
    row.count(result.seed)?;
    row.values.extend(axes.iter().map(AxisCell::value));
    row.values.push(Value::Text(&strategy.name));
    row.count(result.window.start)?;
    row.count(result.window.end)?;
    row.count(figures.orders)?;
    row.count(figures.won)?;
    row.percent(figures.win_rate_percent);
    for reason in &names.reasons {
        row.count(figures.lost.get(reason).copied().unwrap_or(0))?;
    }
    row.decimal(figures.revenue_usd.decimal());
    row.decimal(figures.lease_hours.decimal());
    row.percent(figures.gpu_utilisation_percent);
    for kind in &names.kinds {
        row.percent(figures.gpu_utilisation.iter().find(|gpu| gpu.kind == *kind).and_then(|gpu| gpu.percent));
    }
    row.percent(figures.cpu_utilisation_percent);
    row.percent(figures.memory_utilisation_percent);
    let idle = &figures.idle_usd;
    for usd in [idle.gpu, idle.cpu, idle.memory] {
        row.decimal(usd.decimal());
    }
    row.decimal(idle.unpriced_card_hours.decimal());
    row.percent(figures.fragmentation_percent);
    for charge in [&figures.overcharge, &figures.undercharge] {
        row.count(charge.orders)?;
        row.decimal(charge.usd_per_month.decimal());
        row.decimal(charge.usd.decimal());
    }
    row.count(figures.by_clock)?;
    Ok(row.values)
}

/// A row that is being filled.
struct Row<'a, 'b> {
    values: Vec<Value<'a>>,
    columns: &'b [Column],
}

impl Row<'_, '_> {
    fn count(&mut self, count: impl TryInto<i64> + Copy + std::fmt::Display) -> Result<(), ExportError> {
        let column = self.columns.get(self.values.len()).map_or("", |column| &column.name);
        self.values.push(Value::count(column, count)?);
        Ok(())
    }

    fn decimal(&mut self, value: Decimal) {
        self.values.push(Value::Decimal(value));
    }

    fn percent(&mut self, percent: Option<Percent>) {
        self.values.push(Value::decimal(percent.map(Percent::decimal)));
    }
}
