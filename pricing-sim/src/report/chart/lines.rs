//! Line charts with error bars.

use maud::{Markup, html};

use super::scale::{Scale, Ticks};
use super::text::{fit, width};
use super::{Caption, Format, Size, Whisker, count, look, place, stroke, svg};

/// Lines on common axes.
#[derive(Clone, Debug)]
pub(crate) struct Lines<'a> {
    /// The lines. Later ones are drawn over earlier ones.
    pub(crate) lines: &'a [Line],
    /// The horizontal axis.
    pub(crate) across: HorizontalAxis<'a>,
    /// How the numbers of the vertical axis are formatted.
    pub(crate) format: Format,
    /// The range that the vertical axis must show.
    pub(crate) at_least: (f64, f64),
}

/// The horizontal axis.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HorizontalAxis<'a> {
    /// Numbers.
    Numbers {
        /// Their unit.
        unit: &'a str,
        /// How they are formatted.
        format: Format,
        /// The range that is shown. Default: that of the points.
        range: Option<(f64, f64)>,
    },
    /// Names. The points are at 0, 1, 2 and so on.
    Names {
        /// The title of the axis.
        unit: &'a str,
        /// The names.
        names: &'a [String],
    },
}

/// A line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    /// The series whose look it has.
    pub(crate) series: usize,
    /// Its points, from left to right.
    pub(crate) points: Vec<Point>,
}

/// A point of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Point {
    /// The horizontal coordinate.
    pub(crate) x: f64,
    /// The vertical coordinate.
    pub(crate) y: f64,
    /// Its error bar.
    pub(crate) whisker: Option<Whisker>,
}

const TOP: f64 = 10.0;
const AXIS: f64 = 40.0;
const END: f64 = 10.0;
/// Lines with at most this many points have markers.
const MARKED: usize = 24;
/// Lines with more points than this are thinned: only the extremes of each stretch are drawn.
const MOST_POINTS: usize = 480;

/// Draws lines.
pub(crate) fn lines(caption: Caption<'_>, size: Size, chart: &Lines<'_>) -> Markup {
    let height = if size == Size::Wide { 290.0 } else { 200.0 };
    let drawn: Vec<Line> = chart.lines.iter().map(thinned).collect();
    let up = up(&drawn, chart.at_least);
    let labels: Vec<String> = up.values.iter().map(|value| (chart.format)(*value, up.decimals)).collect();
    let margin = labels.iter().map(|label| width(label)).fold(0.0, f64::max) + 8.0;
    let bottom = height - AXIS;
    let y = Scale::new(up.range(), (bottom, TOP));
    let (domain, inset) = domain(&drawn, chart.across);
    let x = Scale::new(domain, (margin + inset, size.width() - END - inset));
    let body = html! {
        @for (value, label) in up.values.iter().zip(&labels) {
            (stroke("grid", (margin, y.at(*value)), (size.width() - END, y.at(*value))))
            text class="tick end" x=(place(margin - 6.0)) y=(place(y.at(*value) + 4.0)) { (label) }
        }
        @if up.encloses(0.0) { (stroke("zero", (margin, y.at(0.0)), (size.width() - END, y.at(0.0)))) }
        (across(chart.across, domain, x, bottom, margin, size))
        @for (place, line) in drawn.iter().enumerate() {
            (one(line, x, y, aside(&drawn, place)))
        }
    };
    svg(caption, size, height, &body)
}

/// The vertical axis.
fn up(lines: &[Line], at_least: (f64, f64)) -> Ticks {
    let all = lines.iter().flat_map(|line| &line.points).flat_map(|point| {
        let (low, high) = point.whisker.unzip();
        [Some(point.y), low, high].into_iter().flatten().filter(|value| value.is_finite())
    });
    let (low, high) = all.fold(at_least, |(low, high), value| (low.min(value), high.max(value)));
    Ticks::enclosing(low, high, 5)
}

/// The horizontal range, and the margin at its ends.
fn domain(lines: &[Line], across: HorizontalAxis<'_>) -> ((f64, f64), f64) {
    match across {
        HorizontalAxis::Names { names, .. } => return ((0.0, count(names.len().saturating_sub(1)).max(1.0)), 28.0),
        HorizontalAxis::Numbers { range: Some(range), .. } => return (range, 0.0),
        HorizontalAxis::Numbers { .. } => {}
    }
    let mut all = lines.iter().flat_map(|line| line.points.iter().map(|point| point.x));
    let Some(first) = all.next() else { return ((0.0, 1.0), 0.0) };
    let (low, high) = all.fold((first, first), |(low, high), x| (low.min(x), high.max(x)));
    let whiskers = lines.iter().flat_map(|line| &line.points).any(|point| point.whisker.is_some());
    (if high > low { (low, high) } else { (low, low + 1.0) }, if whiskers { 12.0 } else { 0.0 })
}

/// The axis at the bottom, with as many labels as fit.
fn across(across: HorizontalAxis<'_>, domain: (f64, f64), x: Scale, bottom: f64, margin: f64, size: Size) -> Markup {
    let steps = if size == Size::Wide { 8 } else { 4 };
    let (unit, labels): (&str, Vec<(f64, String)>) = match across {
        HorizontalAxis::Numbers { unit, format, .. } => {
            let ticks = Ticks::within(domain.0, domain.1, steps);
            let label = |value: &f64| (*value, format(*value, ticks.decimals));
            (unit, ticks.values.iter().map(label).collect())
        }
        HorizontalAxis::Names { unit, names } => {
            let slot = ((size.width() - margin - END) / count(names.len().max(1))).max(48.0) - 10.0;
            (unit, names.iter().enumerate().map(|(place, name)| (count(place), fit(name, slot))).collect())
        }
    };
    let mut free = margin - 8.0;
    let mut room = |value: f64, text: &str| {
        let half = width(text) / 2.0;
        let at = x.at(value).max(margin + half - 8.0).min(size.width() - half);
        let fits = at - half >= free;
        if fits {
            free = at + half + 8.0;
        }
        fits.then_some(at)
    };
    html! {
        @for (value, text) in &labels {
            (stroke("mark", (x.at(*value), bottom), (x.at(*value), bottom + 4.0)))
            @if let Some(at) = room(*value, text) {
                text class="tick middle" x=(place(at)) y=(place(bottom + 17.0)) { (text) }
            }
        }
        text class="tick" x=(place(margin)) y=(place(bottom + 35.0)) { (fit(unit, size.width() - margin)) }
    }
}

/// The horizontal offset of a line, so that its error bars do not hide those of others.
fn aside(lines: &[Line], place: usize) -> f64 {
    let whiskers = lines.iter().flat_map(|line| &line.points).any(|point| point.whisker.is_some());
    let middle = count(lines.len().saturating_sub(1)) / 2.0;
    let step = (12.0 / count(lines.len().max(1))).min(5.0);
    if whiskers { (count(place) - middle) * step } else { 0.0 }
}

fn one(line: &Line, x: Scale, y: Scale, aside: f64) -> Markup {
    let points = line.points.iter().filter(|point| point.x.is_finite() && point.y.is_finite());
    let places: Vec<(f64, f64)> = points.clone().map(|point| (x.at(point.x) + aside, y.at(point.y))).collect();
    let path: Vec<String> = places.iter().map(|(x, y)| format!("{},{}", place(*x), place(*y))).collect();
    let look = look(line.series);
    html! {
        @for point in points {
            @if let Some((low, high)) = point.whisker {
                @let (at, low, high) = (x.at(point.x) + aside, y.at(low), y.at(high));
                (stroke(&format!("reach {look}"), (at, low), (at, high)))
                (stroke(&format!("reach {look}"), (at - 4.0, low), (at + 4.0, low)))
                (stroke(&format!("reach {look}"), (at - 4.0, high), (at + 4.0, high)))
            }
        }
        @if path.len() > 1 { polyline class={ "line " (look) } points=(path.join(" ")) {} }
        @if path.len() <= MARKED {
            @for (x, y) in &places {
                circle class={ "fill " (look) } cx=(place(*x)) cy=(place(*y)) r="3" {}
            }
        }
    }
}

/// Reduces a line with very many points to the lowest and the highest of each stretch, so that no peak is lost.
fn thinned(line: &Line) -> Line {
    let points: Vec<Point> =
        line.points.iter().filter(|point| point.x.is_finite() && point.y.is_finite()).copied().collect();
    if points.len() <= MOST_POINTS {
        return Line { points, ..line.clone() };
    }
    let stretch = points.len().div_ceil(MOST_POINTS / 2);
    let mut kept = Vec::with_capacity(MOST_POINTS);
    for part in points.chunks(stretch) {
        let by_height = |one: &&Point, other: &&Point| one.y.total_cmp(&other.y);
        let (Some(low), Some(high)) = (part.iter().min_by(by_height), part.iter().max_by(by_height)) else { continue };
        kept.extend(if low.x <= high.x { [*low, *high] } else { [*high, *low] });
    }
    Line { points: kept, ..line.clone() }
}
