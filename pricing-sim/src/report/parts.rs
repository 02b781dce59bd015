//! What sections are made of: tables, legends, charts with their numbers.

use maud::{Markup, html};

use super::chart::{self, Caption, Size};

/// A column of a table.
#[derive(Clone, Debug)]
pub(super) struct Column {
    name: String,
    number: bool,
}

/// A column of words.
pub(super) fn text(name: impl Into<String>) -> Column {
    Column { name: name.into(), number: false }
}

/// A column of numbers.
pub(super) fn numbers(name: impl Into<String>) -> Column {
    Column { name: name.into(), number: true }
}

/// Tables with more columns than this become one block a row on a phone.
const NARROW_COLUMNS: usize = 3;

/// A table whose first column names the rows.
pub(super) fn table(caption: &str, columns: &[Column], rows: &[Vec<String>]) -> Markup {
    let stacks = columns.len() > NARROW_COLUMNS;
    html! {
        table class=[stacks.then_some("stack")] role="table" {
            caption { (clean(caption)) }
            thead role="rowgroup" {
                tr role="row" {
                    @for column in columns {
                        th scope="col" role="columnheader" class=[column.number.then_some("n")] { (clean(&column.name)) }
                    }
                }
            }
            tbody role="rowgroup" {
                @for row in rows {
                    tr role="row" {
                        @for (place, (cell, column)) in row.iter().zip(columns).enumerate() {
                            @if place == 0 {
                                th scope="row" role="rowheader" class=[column.number.then_some("n")] { (clean(cell)) }
                            } @else {
                                td role="cell" class=[column.number.then_some("n")]
                                    data-label=[stacks.then(|| clean(&column.name))] { span { (clean(cell)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A text with what can turn or hide the text around it made visible.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|char| if chart::hides(char) && char != '\n' { '\u{fffd}' } else { char }).collect()
}

/// What colours stand for.
pub(super) fn legend(names: &[(usize, String)]) -> Markup {
    html! {
        ul class="legend" {
            @for (series, name) in names {
                li { span class={ "swatch " (chart::look(*series)) } {} (clean(name)) }
            }
        }
    }
}

/// A chart for wide pages and for narrow ones, with its numbers.
pub(super) fn figure(caption: Caption<'_>, key: &Markup, draw: &dyn Fn(Size) -> Markup, table: &Markup) -> Markup {
    html! {
        figure {
            figcaption { (clean(caption.title)) }
            (key)
            (draw(Size::Wide))
            (draw(Size::Narrow))
            (numbers_of(caption.title, table))
        }
    }
}

/// One of several charts side by side, with its numbers.
pub(super) fn small(caption: Caption<'_>, draw: &dyn Fn(Size) -> Markup, table: &Markup) -> Markup {
    html! {
        figure {
            figcaption { (clean(caption.title)) }
            (draw(Size::Small))
            (numbers_of(caption.title, table))
        }
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
