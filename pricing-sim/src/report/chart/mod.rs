//! Charts as inline SVG, of plain data: bars, stacked bars and lines, with whiskers.
//!
//! Places are floating-point, but only added, subtracted, multiplied, divided and printed with one decimal: the same
//! everywhere. Text is measured rather too wide than too narrow, so that labels neither meet nor leave the chart in any
//! font; what does not fit is cut or left out, and every chart has a table with all of it beside it.

mod bars;
mod lines;
mod scale;
mod stacked;
mod text;

use maud::{Markup, html};

pub(crate) use bars::{Bar, Bars, bars};
pub(crate) use lines::{Across, Line, Lines, Point, lines};
/// A text with what can turn or hide the text around it made visible.
pub(crate) use pricing_core::text::printable_lines as clean;
pub(crate) use stacked::{StackedRow, stacked};

/// How many looks there are for series, before they are used again.
pub(crate) const SERIES_LOOKS: usize = 8;

/// For which page a chart is drawn. A page shows the one that fits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// A screen or a sheet of paper.
    Wide,
    /// A phone.
    Narrow,
    /// One of several side by side; also alone on a phone.
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

/// What a chart is called, and what it shows in words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caption<'a> {
    /// A name that no other chart of the page has.
    pub(crate) id: &'a str,
    /// What it is.
    pub(crate) title: &'a str,
    /// What its numbers are; said above it, where there is room for it.
    pub(crate) unit: &'a str,
    /// What it shows, for those who do not see it.
    pub(crate) description: &'a str,
}

/// How far something may reach: from, to.
pub(crate) type Whisker = (f64, f64);

/// How the numbers of an axis are written.
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

/// A place in a chart, as it is printed.
fn place(value: f64) -> String {
    let value = if value.is_finite() { value } else { 0.0 };
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A number of things as a number to compute places with.
pub(crate) fn count(things: usize) -> f64 {
    f64::from(u32::try_from(things).unwrap_or(u32::MAX))
}

/// The class of a series.
pub(crate) fn look(series: usize) -> String {
    format!("s{}", series.checked_rem(SERIES_LOOKS).unwrap_or(0))
}

/// A line from one place to another.
fn stroke(class: &str, from: (f64, f64), to: (f64, f64)) -> Markup {
    html! { line class=(class) x1=(place(from.0)) y1=(place(from.1)) x2=(place(to.0)) y2=(place(to.1)) {} }
}

/// A text that ends up no wider than the room that there is. The whole of it is shown by pointing at it.
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
