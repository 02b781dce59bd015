//! The report's view of a summary: cell by cell, with every figure for a single run.

use rust_decimal::Decimal;

use super::number;
use crate::summary::{Comparison, Figures, Interval, Pairs, PerRun, StrategySummary, Summary};

/// The results of the strategies in one cell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell<'a> {
    /// The strategies, in the scenario's order.
    pub(super) strategies: &'a [StrategySummary],
    /// The comparisons of each further strategy with the first.
    pub(super) comparisons: &'a [Comparison],
    /// The paired differences between combinations of cell and strategy.
    pub(super) pairs: Pairs<'a>,
    /// The number of its runs.
    pub(super) runs: usize,
}

impl<'a> Cell<'a> {
    /// The cells of a summary, in order.
    pub(super) fn all(summary: &'a Summary) -> Vec<Self> {
        let mut comparisons = summary.comparisons.chunk_by(|one, other| one.axes == other.axes).peekable();
        let cells = summary.strategies.chunk_by(|one, other| one.axes == other.axes);
        let mut cells: Vec<Self> = cells
            .map(|strategies| {
                let axes = strategies.first().map(|strategy| &strategy.axes);
                let same = |these: &&[Comparison]| these.first().map(|comparison| &comparison.axes) == axes;
                let comparisons = comparisons.next_if(same).unwrap_or_default();
                Self { strategies, comparisons, pairs: Pairs::new(&summary.paired), runs: 0 }
            })
            .collect();
        // A cell without intervals has a single run; the others have one run per seed.
        for cell in &mut cells {
            let single = cell.strategies.iter().all(|strategy| strategy.per_run.is_none());
            cell.runs = if single { 1 } else { summary.seeds.len() };
        }
        cells
    }

    /// Whether the figures are means over seeds.
    pub(super) fn means(&self) -> bool {
        self.runs > 1
    }

    /// The revenue of one strategy less that of another in this cell, paired by seed.
    pub(super) fn difference(&self, of: &StrategySummary, against: &StrategySummary) -> Option<Interval> {
        paired(self.pairs, of, against)
    }

    /// A unit, with a note if the figure is a mean.
    pub(super) fn unit(&self, unit: &str) -> String {
        if self.means() {
            format!("{unit}, mean of a run; whiskers: 95% interval over {} seeds", self.runs)
        } else {
            unit.to_owned()
        }
    }

    /// The values of the axes, for people. Empty without axes.
    pub(super) fn name(&self) -> String {
        let values = self.strategies.iter().take(1).flat_map(|strategy| &strategy.axes);
        values.map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", ")
    }

    /// A total divided by the number of runs.
    pub(super) fn of_one_run(&self, total: Decimal) -> Decimal {
        total.checked_div(Decimal::from(self.runs.max(1))).unwrap_or(total)
    }
}

/// The revenue of one combination of cell and strategy less that of another, paired by seed.
pub(super) fn paired(pairs: Pairs<'_>, of: &StrategySummary, against: &StrategySummary) -> Option<Interval> {
    pairs.revenue(of, against)
}

/// A figure of a single run: the mean of several with its interval, or that of the only one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measure {
    /// The figure.
    pub(super) value: Decimal,
    /// The confidence interval.
    pub(super) reach: Option<(Decimal, Decimal)>,
}

impl Measure {
    fn new(single: Option<Decimal>, several: Option<&Interval>) -> Option<Self> {
        match several {
            Some(interval) => Some(Self { value: interval.mean, reach: Some((interval.low, interval.high)) }),
            None => single.map(|value| Self { value, reach: None }),
        }
    }

    /// The figure and its interval, as text.
    pub(super) fn text(&self, number: fn(Decimal) -> String) -> String {
        match self.reach {
            Some((low, high)) => format!("{} ({} to {})", number(self.value), number(low), number(high)),
            None => number(self.value),
        }
    }

    /// For charts: the value and its error bar.
    pub(super) fn floats(&self) -> (f64, Option<(f64, f64)>) {
        (number::float(self.value), self.reach.map(|(low, high)| (number::float(low), number::float(high))))
    }
}

/// Picks a figure of a strategy: from the figures of its only run, or from the means of several.
pub(super) type Pick = fn(&StrategySummary) -> Option<Measure>;

fn measure(
    strategy: &StrategySummary,
    single: fn(&Figures) -> Option<Decimal>,
    several: fn(&PerRun) -> Option<&Interval>,
) -> Option<Measure> {
    match &strategy.per_run {
        // A figure that is missing in some run has no mean.
        Some(per_run) => Measure::new(None, several(per_run)),
        None => Measure::new(single(&strategy.figures), None),
    }
}

/// Revenue.
pub(super) fn revenue(strategy: &StrategySummary) -> Option<Measure> {
    measure(strategy, |figures| Some(figures.revenue_usd.decimal()), |run| run.revenue_usd.as_ref())
}

/// Orders that were won.
pub(super) fn won(strategy: &StrategySummary) -> Option<Measure> {
    measure(strategy, |figures| Some(Decimal::from(figures.won)), |run| run.won.as_ref())
}

/// The win rate, in percent.
pub(super) fn win_rate(strategy: &StrategySummary) -> Option<Measure> {
    measure(strategy, |figures| figures.win_rate_percent.map(|it| it.decimal()), |run| run.win_rate_percent.as_ref())
}

/// The utilisation of cards, in percent.
pub(super) fn gpu(strategy: &StrategySummary) -> Option<Measure> {
    measure(
        strategy,
        |figures| figures.gpu_utilisation_percent.map(|it| it.decimal()),
        |run| run.gpu_utilisation_percent.as_ref(),
    )
}

/// The utilisation of CPU, in percent.
pub(super) fn cpu(strategy: &StrategySummary) -> Option<Measure> {
    measure(
        strategy,
        |figures| figures.cpu_utilisation_percent.map(|it| it.decimal()),
        |run| run.cpu_utilisation_percent.as_ref(),
    )
}

/// The utilisation of memory, in percent.
pub(super) fn memory(strategy: &StrategySummary) -> Option<Measure> {
    measure(
        strategy,
        |figures| figures.memory_utilisation_percent.map(|it| it.decimal()),
        |run| run.memory_utilisation_percent.as_ref(),
    )
}

/// The value of idle capacity.
pub(super) fn idle(strategy: &StrategySummary) -> Option<Measure> {
    measure(strategy, |figures| figures.idle_usd.total().ok().map(|usd| usd.decimal()), |run| run.idle_usd.as_ref())
}

/// Free cards that typical orders could not use, in percent.
pub(super) fn fragmentation(strategy: &StrategySummary) -> Option<Measure> {
    measure(
        strategy,
        |figures| figures.fragmentation_percent.map(|it| it.decimal()),
        |run| run.fragmentation_percent.as_ref(),
    )
}

/// What leases pay above the cost of their own cards.
pub(super) fn overcharge(strategy: &StrategySummary) -> Option<Measure> {
    measure(strategy, |figures| Some(figures.overcharge.usd.decimal()), |run| run.overcharge_usd.as_ref())
}

/// What leases pay below the cost of their own cards.
pub(super) fn undercharge(strategy: &StrategySummary) -> Option<Measure> {
    measure(strategy, |figures| Some(figures.undercharge.usd.decimal()), |run| run.undercharge_usd.as_ref())
}
