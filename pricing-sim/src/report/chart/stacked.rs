//! Horizontal stacked bars.

use maud::{Markup, html};

use super::scale::{Scale, Ticks};
use super::text::{FONT_SIZE, width};
use super::{Caption, Format, Size, count, look, place, stroke, svg, words};

/// A stacked bar.
#[derive(Clone, Debug, Default)]
pub(crate) struct StackedRow {
    /// Its label.
    pub(crate) label: String,
    /// Its parts: the series whose look they have, their value, and their text, which is shown if it fits.
    pub(crate) parts: Vec<(usize, f64, String)>,
}

const BAR: f64 = 22.0;
const LABEL: f64 = 17.0;
const GAP: f64 = 12.0;
const MARGIN: f64 = 4.0;
const AXIS: f64 = 20.0;

/// Draws stacked bars.
pub(crate) fn stacked(caption: Caption<'_>, size: Size, rows: &[StackedRow], format: Format) -> Markup {
    let sum = |row: &StackedRow| row.parts.iter().map(|part| length(part.1)).fold(0.0, |sum, part| sum + part);
    let most = rows.iter().map(sum).fold(0.0, f64::max);
    let ticks = Ticks::enclosing(0.0, most, if size == Size::Wide { 6 } else { 4 });
    let scale = Scale::new(ticks.range(), (MARGIN + 6.0, size.width() - 30.0));
    let height = LABEL + BAR + GAP;
    let bottom = count(rows.len()) * height + MARGIN;
    let mut free = 0.0;
    let mut label = |value: f64| {
        let text = format(value, ticks.decimals);
        let half = width(&text) / 2.0;
        let at = scale.at(value).max(half).min(size.width() - half);
        let fits = at - half >= free;
        if fits {
            free = at + half + 8.0;
        }
        fits.then_some((at, text))
    };
    let body = html! {
        @for value in &ticks.values {
            (stroke("grid", (scale.at(*value), MARGIN), (scale.at(*value), bottom)))
            @if let Some((at, text)) = label(*value) {
                text class="tick middle" x=(place(at)) y=(place(bottom + 14.0)) { (text) }
            }
        }
        @for (place, row) in rows.iter().enumerate() {
            (one(row, count(place) * height + MARGIN, scale, size))
        }
    };
    svg(caption, size, bottom + AXIS, &body)
}

fn one(row: &StackedRow, top: f64, scale: Scale, size: Size) -> Markup {
    let mut sum = 0.0;
    let parts = row.parts.iter().map(|(series, value, text)| {
        let from = scale.at(sum);
        sum += length(*value);
        (series, from, scale.at(sum), text)
    });
    html! {
        (words("label", (MARGIN, top + FONT_SIZE), size.width() - 2.0 * MARGIN, &row.label))
        @for (series, from, to, text) in parts {
            @if to > from {
                rect class={ "fill part " (look(*series)) } x=(place(from)) y=(place(top + LABEL))
                    width=(place(to - from)) height=(place(BAR)) {}
                @if width(text) + 8.0 <= to - from {
                    text class="on-fill middle" x=(place((from + to) / 2.0)) y=(place(top + LABEL + BAR / 2.0 + FONT_SIZE * 0.36)) {
                        (text)
                    }
                }
            }
        }
    }
}

fn length(value: f64) -> f64 {
    if value.is_finite() { value.max(0.0) } else { 0.0 }
}
