//! The building blocks of sections: tables, legends, and charts with their numbers.

use maud::{Markup, html};

use super::chart::{self, Caption, Size};

pub(super) use super::chart::clean;

/// A column of a table.
#[derive(Clone, Debug)]
pub(super) struct Column {
    name: String,
    number: bool,
}

/// A column of text.
pub(super) fn text(name: impl Into<String>) -> Column {
    Column { name: name.into(), number: false }
}

/// A column of numbers.
pub(super) fn numbers(name: impl Into<String>) -> Column {
    Column { name: name.into(), number: true }
}

/// The number of characters that fit on a line on a phone. The rows of wider tables become blocks there.
const NARROW_CHARS: usize = 44;
/// The rows of tables with more columns than this are always blocks.
const WIDE_COLUMNS: usize = 8;
/// Longer words can be broken.
const LONG_WORD: usize = 16;

/// A table with row headers in its first column.
pub(super) fn table(caption: &str, columns: &[Column], rows: &[Vec<String>]) -> Markup {
    let class = class(columns, rows);
    let stacks = class.is_some();
    html! {
        table class=[class] role="table" {
            caption { (clean(caption)) }
            thead role="rowgroup" {
                tr role="row" {
                    @for column in columns {
                        th scope="col" role="columnheader" class=[column.number.then_some("n")] { (breakable(&column.name)) }
                    }
                }
            }
            tbody role="rowgroup" {
                @for row in rows {
                    tr role="row" {
                        @for (place, (cell, column)) in row.iter().zip(columns).enumerate() {
                            @if place == 0 {
                                th scope="row" role="rowheader" class=[column.number.then_some("n")] { (breakable(cell)) }
                            } @else {
                                td role="cell" class=[column.number.then_some("n")]
                                    data-label=[stacks.then(|| clean(&column.name))] { span { (breakable(cell)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The class that turns the rows into blocks, on a phone or everywhere.
fn class(columns: &[Column], rows: &[Vec<String>]) -> Option<&'static str> {
    let widest = |(place, column): (usize, &Column)| {
        let cells = rows.iter().filter_map(|row| row.get(place)).map(|cell| cell.chars().count()).max();
        let head = column.name.split_whitespace().map(|word| word.chars().count()).max();
        cells.max(head).unwrap_or(0).saturating_add(2)
    };
    let chars = columns.iter().enumerate().map(widest).fold(0_usize, usize::saturating_add);
    match (columns.len() > WIDE_COLUMNS, chars > NARROW_CHARS) {
        (true, _) => Some("stack always"),
        (false, true) => Some("stack"),
        (false, false) => None,
    }
}

/// A text whose long words can be broken: after the separators of their parts, or else anywhere.
fn breakable(text: &str) -> Markup {
    let text = clean(text);
    html! {
        @for (place, word) in text.split(' ').enumerate() {
            @if place > 0 { " " }
            @if word.chars().count() <= LONG_WORD { (word) } @else {
                @for piece in pieces(word) { (piece) wbr; }
            }
        }
    }
}

fn pieces(word: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut length = 0_usize;
    for char in word.chars() {
        if let Some(last) = pieces.last_mut() {
            last.push(char);
        }
        length = length.saturating_add(1);
        if length >= LONG_WORD || (length > 3 && "/._-=,:;".contains(char)) {
            pieces.push(String::new());
            length = 0;
        }
    }
    pieces
}

/// A legend of colours.
pub(super) fn legend(names: &[(usize, String)]) -> Markup {
    html! {
        ul class="legend" {
            @for (series, name) in names {
                li { span class={ "swatch " (chart::look(*series)) } {} (clean(name)) }
            }
        }
    }
}

/// A chart for wide and for narrow pages, with its numbers in a table.
pub(super) fn figure(caption: Caption<'_>, key: &Markup, draw: &dyn Fn(Size) -> Markup, table: &Markup) -> Markup {
    html! {
        figure {
            (title(caption))
            (key)
            (draw(Size::Wide))
            (draw(Size::Narrow))
            (numbers_of(caption.title, table))
        }
    }
}

/// One of several charts side by side, with its numbers in a table.
pub(super) fn small(caption: Caption<'_>, draw: &dyn Fn(Size) -> Markup, table: &Markup) -> Markup {
    html! {
        figure {
            (title(caption))
            (draw(Size::Small))
            (numbers_of(caption.title, table))
        }
    }
}

fn title(caption: Caption<'_>) -> Markup {
    html! {
        figcaption { (clean(caption.title)) @if !caption.unit.is_empty() { span class="unit" { (clean(caption.unit)) } } }
    }
}

fn numbers_of(title: &str, table: &Markup) -> Markup {
    html! {
        details {
            summary { "The numbers" span class="hidden" { " of: " (clean(title)) } }
            (table)
        }
    }
}
