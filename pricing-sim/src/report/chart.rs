//! Charts as inline SVG, from plain data: bars, stacked bars and lines, with error bars.
//!
//! Coordinates are floats, but they are only added, subtracted, multiplied, divided and printed with one decimal, which
//! is the same everywhere. Text widths are overestimated rather than underestimated, so that labels neither overlap nor
//! leave the chart in any font. What does not fit is shortened or left out, and every chart has a table with all of its
//! data next to it.

mod bars;
mod lines;
mod scale;
mod stacked;
mod text;

use maud::{Markup, html};

pub(crate) use bars::{Bar, Bars, bars};
pub(crate) use lines::{HorizontalAxis, Line, Lines, Point, lines};
/// Makes characters visible that would change the direction of the text around them, or hide it.
pub(crate) use pricing_core::text::printable_lines as clean;
pub(crate) use stacked::{StackedRow, stacked};

/// The number of looks for series, before they repeat.
pub(crate) const SERIES_LOOKS: usize = 8;

/// The kind of page that a chart is drawn for. A page shows the one that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// A screen or a sheet of paper.
    Wide,
    /// A phone.
    Narrow,
    /// One of several side by side, or alone on a phone.
    Small,
}

impl Size {
    fn width(self) -> f64 {
        match self {
            Self::Wide => 840.0,
            Self::Narrow | Self::Small => 358.0,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Wide => "wide",
            Self::Narrow => "narrow",
            Self::Small => "small",
        }
    }
}

/// The title and description of a chart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caption<'a> {
    /// An identifier that is unique on the page.
    pub(crate) id: &'a str,
    /// The title.
    pub(crate) title: &'a str,
    /// The unit of its numbers, shown above it if there is room.
    pub(crate) unit: &'a str,
    /// A description for people who cannot see it.
    pub(crate) description: &'a str,
}

/// An error bar: its lower and upper end.
pub(crate) type Whisker = (f64, f64);

/// Formats the numbers of an axis with a number of decimals.
pub(crate) type Format = fn(f64, usize) -> String;

fn svg(caption: Caption<'_>, size: Size, height: f64, body: &Markup) -> Markup {
    let id = |part: &str| format!("{}-{}-{part}", caption.id, size.name());
    let (title, description) = (id("title"), id("text"));
    let (width, height) = (place(size.width()), place(height));
    html! {
        svg class={ "chart " (size.name()) } xmlns="http://www.w3.org/2000/svg" role="img"
            viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height)
            aria-labelledby={ (title) " " (description) } {
            title id=(title) { (clean(caption.title)) }
            desc id=(description) { (clean(caption.description)) @if !caption.unit.is_empty() { " (" (clean(caption.unit)) ")" } }
            (body)
        }
    }
}

/// Formats a coordinate.
fn place(value: f64) -> String {
    let value = if value.is_finite() { value } else { 0.0 };
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Converts a count to a float for coordinates.
pub(crate) fn count(things: usize) -> f64 {
    f64::from(u32::try_from(things).unwrap_or(u32::MAX))
}

/// The class of a series.
pub(crate) fn look(series: usize) -> String {
    format!("s{}", series.checked_rem(SERIES_LOOKS).unwrap_or(0))
}

/// A line between two points.
fn stroke(class: &str, from: (f64, f64), to: (f64, f64)) -> Markup {
    html! { line class=(class) x1=(place(from.0)) y1=(place(from.1)) x2=(place(to.0)) y2=(place(to.1)) {} }
}

/// A text that is shortened to the available width. The full text is its tooltip.
fn words(class: &str, at: (f64, f64), room: f64, words: &str) -> Markup {
    let shown = text::fit(words, room);
    html! {
        text class=(class) x=(place(at.0)) y=(place(at.1)) {
            @if shown != words { title { (clean(words)) } }
            (shown)
        }
    }
}

#[cfg(test)]
mod tests;
