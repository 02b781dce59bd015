//! The parts of the window, for charts over time.

use maud::Markup;
use rust_decimal::Decimal;

use super::chart::{HorizontalAxis, count};
use super::number;
use super::parts::{numbers, table, text};
use super::view::Cell;
use crate::summary::{Part, StrategySummary};
use crate::time::Millis;

/// Units of time: the shortest window to use it for, its milliseconds, and the title of the axis.
const UNITS: [(Millis, u32, &str); 4] = [
    (4 * 86_400_000, 86_400_000, "days since the window began"),
    (4 * 3_600_000, 3_600_000, "hours since the window began"),
    (4 * 60_000, 60_000, "minutes since the window began"),
    (0, 1000, "seconds since the window began"),
];

/// The parts of the window.
#[derive(Clone, Debug)]
pub(super) struct Times {
    /// Start and end, counted from the start of the window. None if they differ between runs.
    parts: Option<Vec<(Millis, Millis)>>,
    number: usize,
}

impl Times {
    /// The parts of a cell's windows.
    pub(super) fn of(cell: &Cell<'_>) -> Self {
        let parts = cell.strategies.first().map(|strategy| strategy.figures.over_time.as_slice()).unwrap_or_default();
        let begin = parts.first().and_then(|part| part.start_s).map_or(0, |start| start.0);
        let place = |part: &Part| Some((part.start_s?.0.saturating_sub(begin), part.end_s?.0.saturating_sub(begin)));
        Self { parts: parts.iter().map(place).collect(), number: parts.len() }
    }

    fn scale(&self) -> Option<(u32, &'static str)> {
        let length = self.parts.as_ref()?.last()?.1;
        UNITS.into_iter().find(|(from, ..)| length >= *from).map(|(_, by, name)| (by, name))
    }

    /// The middle of a part.
    pub(super) fn middle(&self, place: usize) -> f64 {
        let part = self.parts.as_ref().and_then(|parts| parts.get(place));
        match (part, self.scale()) {
            (Some((from, to)), Some((by, _))) => {
                let twice = Decimal::from(*from).saturating_add(Decimal::from(*to));
                number::float(twice) / 2.0 / f64::from(by)
            }
            _ => (count(place) + 0.5) * 100.0 / count(self.number.max(1)),
        }
    }

    /// The horizontal axis: the whole window.
    pub(super) fn across(&self) -> HorizontalAxis<'static> {
        let end = self.parts.as_ref().and_then(|parts| parts.last()).map(|(_, end)| number::float(Decimal::from(*end)));
        let (end, unit) = match (end, self.scale()) {
            (Some(end), Some((by, unit))) => (end / f64::from(by), unit),
            _ => (100.0, "percent of each run's window"),
        };
        HorizontalAxis::Numbers { unit, format: number::axis, range: Some((0.0, end)) }
    }

    /// The length of a part, if it is the same in all runs.
    pub(super) fn length(&self) -> String {
        let first = self.parts.as_ref().and_then(|parts| parts.first());
        first.map_or_else(String::new, |(from, to)| format!(" (each {})", number::time(to.saturating_sub(*from))))
    }

    fn name(&self, place: usize) -> String {
        let part = self.parts.as_ref().and_then(|parts| parts.get(place));
        part.map_or_else(
            || format!("part {} of {}", place.saturating_add(1), self.number),
            |(from, _)| if *from == 0 { "0".to_owned() } else { number::time(*from) },
        )
    }

    /// A table with one row per part and one column per strategy.
    pub(super) fn table(
        &self,
        cell: &Cell<'_>,
        caption: &str,
        of: &dyn Fn(&StrategySummary, usize) -> String,
    ) -> Markup {
        let columns = std::iter::once(text("From"));
        let columns: Vec<_> = columns.chain(cell.strategies.iter().map(|it| numbers(&it.name))).collect();
        let row = |place: usize| {
            std::iter::once(self.name(place)).chain(cell.strategies.iter().map(|it| of(it, place))).collect::<Vec<_>>()
        };
        let rows: Vec<_> = (0..self.number).map(row).collect();
        table(caption, &columns, &rows)
    }
}
