//! Horizontal bars with error bars. The labels are above the bars, where names of any length fit.

use maud::{Markup, html};

use super::scale::{Scale, Ticks};
use super::text::{FONT_SIZE, width};
use super::{Caption, Format, Size, Whisker, look, place, stroke, svg, words};

/// A bar.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bar {
    /// Its label.
    pub(crate) label: String,
    /// Its value. Without one, no bar is drawn.
    pub(crate) value: Option<f64>,
    /// Its error bar.
    pub(crate) whisker: Option<Whisker>,
    /// The text after the bar: the number.
    pub(crate) note: String,
    /// The series whose look it has.
    pub(crate) series: usize,
}

/// Bars on one axis.
#[derive(Clone, Debug)]
pub(crate) struct Bars<'a> {
    /// The bars, from top to bottom.
    pub(crate) bars: &'a [Bar],
    /// How the numbers of the axis are formatted.
    pub(crate) format: Format,
    /// The range that the axis must show.
    pub(crate) at_least: (f64, f64),
}

const BAR: f64 = 16.0;
const LABEL: f64 = 17.0;
const GAP: f64 = 12.0;
const MARGIN: f64 = 4.0;
const AXIS: f64 = 20.0;

/// Draws bars.
pub(crate) fn bars(caption: Caption<'_>, size: Size, chart: &Bars<'_>) -> Markup {
    let columns = Columns::of(size, chart);
    let all = chart.bars.iter().flat_map(|bar| {
        let (low, high) = bar.whisker.unzip();
        [bar.value, low, high].into_iter().flatten().filter(|value| value.is_finite())
    });
    let (low, high) = all.fold(chart.at_least, |(low, high), value| (low.min(value), high.max(value)));
    let steps = if columns.plot.1 - columns.plot.0 < 300.0 { 3 } else { 6 };
    let ticks = Ticks::enclosing(low, high, steps);
    let scale = Scale::new(ticks.range(), columns.plot);
    let row = columns.row_height();
    let bottom = super::count(chart.bars.len()) * row + MARGIN;
    let body = html! {
        (axis(&ticks, scale, bottom, size, chart))
        @for (place, bar) in chart.bars.iter().enumerate() {
            (one(bar, super::count(place) * row + MARGIN, scale, &columns))
        }
        (stroke("zero", (scale.at(0.0), MARGIN), (scale.at(0.0), bottom)))
    };
    svg(caption, size, bottom + AXIS, &body)
}

/// The horizontal layout.
struct Columns {
    /// Whether labels are to the left of the bars, not above them.
    beside: bool,
    label: f64,
    plot: (f64, f64),
    note: f64,
    end: f64,
}

impl Columns {
    fn of(size: Size, chart: &Bars<'_>) -> Self {
        let end = size.width();
        let widest = |text: fn(&Bar) -> &str| chart.bars.iter().map(|bar| width(text(bar))).fold(0.0, f64::max);
        let label = widest(|bar| &bar.label);
        let beside = label <= end * 0.3;
        let note = widest(|bar| &bar.note).min(end * 0.42);
        let plot = (if beside { label + 10.0 } else { MARGIN + 6.0 }, end - note - 14.0);
        Self { beside, label, plot, note, end }
    }

    fn row_height(&self) -> f64 {
        if self.beside { BAR + GAP * 0.6 } else { LABEL + BAR + GAP }
    }
}

fn one(bar: &Bar, top: f64, scale: Scale, columns: &Columns) -> Markup {
    let bar_top = if columns.beside { top } else { top + LABEL };
    let middle = bar_top + BAR / 2.0;
    let value = bar.value.filter(|value| value.is_finite());
    let (from, to) = (scale.at(0.0), scale.at(value.unwrap_or(0.0)));
    let base = middle + FONT_SIZE * 0.36;
    html! {
        @if columns.beside {
            (words("label end", (columns.label, base), columns.label, &bar.label))
        } @else {
            (words("label", (MARGIN, top + FONT_SIZE), columns.end - 2.0 * MARGIN, &bar.label))
        }
        @if value.is_some() {
            rect class={ "fill " (look(bar.series)) } x=(place(from.min(to))) y=(place(bar_top))
                width=(place((to - from).abs())) height=(place(BAR)) {}
        }
        @if let Some((low, high)) = bar.whisker {
            (whisker(scale.at(low), scale.at(high), middle))
        }
        (words("note", (columns.end - columns.note - MARGIN, base), columns.note + MARGIN, &bar.note))
    }
}

fn whisker(low: f64, high: f64, middle: f64) -> Markup {
    let end = |at: f64| stroke("whisker", (at, middle - 5.0), (at, middle + 5.0));
    html! {
        (stroke("halo", (low, middle), (high, middle)))
        (stroke("whisker", (low, middle), (high, middle)))
        (end(low))
        (end(high))
    }
}

/// The axis at the bottom, with as many numbers as fit.
fn axis(ticks: &Ticks, scale: Scale, bottom: f64, size: Size, chart: &Bars<'_>) -> Markup {
    let mut free = MARGIN;
    let mut label = |value: f64| {
        let text = (chart.format)(value, ticks.decimals);
        let half = width(&text) / 2.0;
        let at = scale.at(value).max(half).min(size.width() - half);
        let fits = at - half >= free;
        if fits {
            free = at + half + 8.0;
        }
        fits.then_some((at, text))
    };
    html! {
        @for value in &ticks.values {
            (stroke("grid", (scale.at(*value), MARGIN), (scale.at(*value), bottom)))
            @if let Some((at, text)) = label(*value) {
                text class="tick middle" x=(place(at)) y=(place(bottom + 14.0)) { (text) }
            }
        }
    }
}
